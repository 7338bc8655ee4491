"""Transposed convolution, fast: the gradients of the fast `conv2d`, the other way round."""

from __future__ import annotations

from minidl.backends.cpu import workspace
from minidl.backends.cpu.conv2d import input_gradient, weight_gradient, windows_product
from minidl.backends.cpu.images import add_bias, bias_gradient, pad_image
from minidl.ops.conv2d_transpose import Conv2DTransposeCache, check_conv2d_transpose


def conv2d_transpose_forward(x, w, b=None, *, strides, padding, output_padding, dilation):
    """Return the dx of a `conv2d` with this kernel whose dy is x, plus b."""
    height, width = check_conv2d_transpose(x, w, b, strides, padding, output_padding, dilation)
    y = input_gradient(x, (x.shape[0], height, width, w.shape[2]), w, strides, padding, dilation, groups=1)
    if b is not None:
        add_bias(y, b)
    return y, Conv2DTransposeCache(x, w, b is not None, strides, padding, output_padding, dilation)


def conv2d_transpose_backward(dy, cache, *, needs):
    """Return dx = conv2d(dy, w); dw, the weight gradient of that convolution, with x for its dy; db."""
    x, w, has_bias, strides, padding, _, dilation = cache
    dx = dw = db = None
    padded = pad_image(dy, padding)
    if needs[0]:
        out = workspace.empty(x.shape, x.dtype)
        dx = windows_product(padded, w, None, out, strides, dilation, groups=1)
    if needs[1]:
        dw = weight_gradient(padded, x, w.shape, strides, dilation, groups=1)
    if needs[2] and has_bias:
        db = bias_gradient(dy)
    return dx, dw, db
