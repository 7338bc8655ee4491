"""Known mistakes of kernels with windows: convolutions, their gradients, and pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

Found = Iterator[tuple[str, Any]]
UNIT = (1, 1)


class Steps(NamedTuple):
    """How windows lie on an image: row = p stride + r dilation - pad, and likewise for columns; `taps` r and s."""

    taps: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]
    dilation: tuple[int, int]
    outputs: tuple[int, int]

    def places(self, axis: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return for each output and tap the index along an axis of the image, and whether it lies inside."""
        p, r = np.arange(self.outputs[axis])[:, None], np.arange(self.taps[axis])
        at = p * self.strides[axis] + r * self.dilation[axis] - self.pads[axis]
        inside = (at >= 0) & (at < length)
        return np.where(inside, at, 0), inside

    def windows(self, x: np.ndarray, outside: float = 0.0) -> np.ndarray:
        """Return x (N, H, W, C) as windows (N, P, Q, R, S, C)."""
        (rows, above), (cols, beside) = self.places(0, x.shape[1]), self.places(1, x.shape[2])
        found = x[:, rows[:, None, :, None], cols[None, :, None, :]]
        inside = above[:, None, :, None] & beside[None, :, None, :]
        return np.where(inside[None, ..., None], found, outside)

    def scattered(self, d: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return the image (N, H, W, C) to whose pixels windows (N, P, Q, R, S, C) are added."""
        dx = np.zeros(shape)
        (rows, above), (cols, beside) = self.places(0, shape[1]), self.places(1, shape[2])
        inside = above[:, None, :, None] & beside[None, :, None, :]
        index: Any = (slice(None), rows[:, None, :, None], cols[None, :, None, :])
        np.add.at(dx, index, np.where(inside[None, ..., None], d, 0))
        return dx


def _variants(steps: Steps) -> Iterator[tuple[str, Steps]]:
    """The same windows, laid by somebody who makes one mistake."""
    h, w = steps.strides
    top, left = steps.pads
    for setting, one in (("strides", UNIT), ("pads", (0, 0)), ("dilation", UNIT)):
        value = getattr(steps, setting)
        name = {"strides": "the stride", "pads": "the padding", "dilation": "the dilation"}[setting]
        if value != one:
            yield f"{name} is not used: row = p stride_h + r dilation_h - pad_top", steps._replace(**{setting: one})
        if value[0] != value[1]:
            swapped = value[::-1]
            yield f"{name} of the rows and that of the columns are swapped", steps._replace(**{setting: swapped})
            for k, axis in enumerate(("rows", "columns")):
                both = (value[k], value[k])
                yield f"{name} of the {axis} is used for both axes", steps._replace(**{setting: both})
                alone = (value[0], one[1]) if k == 0 else (one[0], value[1])
                yield f"{name} is used along the {axis} alone", steps._replace(**{setting: alone})
    if (top, left) != (0, 0):
        yield ("the padding is added where it is to be subtracted: row = p stride_h + r dilation_h - pad_top",
               steps._replace(pads=(-top, -left)))  # fmt: skip
    if (h, w) != UNIT and (top, left) != (0, 0):
        yield ("the padding is multiplied by the stride: row = p stride_h - pad_top, not (p - pad_top) stride_h",
               steps._replace(pads=(top * h, left * w)))  # fmt: skip


def of_windows(kernel: str, arrays: list[Any], static: dict[str, Any], expected: np.ndarray) -> Found:
    """Yield the sentences of mistakes and their results, for the kernels with windows; nothing for others."""
    if kernel.startswith(("conv2d", "depthwise_conv2d")) and static.get("groups", 1) == 1:
        if kernel == "conv2d_backward_bias":
            dy = arrays[0]
            yield "only the first image is added up: b is there in every image", dy[0].sum((0, 1))
            yield "this is a mean: b is there at every pixel, so all of dy is added", dy.mean((0, 1, 2))
        elif kernel in _CONV:
            yield from _convolutions(kernel, arrays, static, expected)
    elif kernel.removesuffix("_backward") in ("max_pool2d", "average_pool2d"):
        yield from _pools(kernel, arrays, static, expected)


def _pairs(static: dict[str, Any]) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    padding = static.get("padding", ((0, 0), (0, 0)))
    strides, dilation = (tuple(static.get(key, UNIT)) for key in ("strides", "dilation"))
    return strides, (padding[0][0], padding[1][0]), dilation


# -- convolutions ------------------------------------------------------------------------------------------------------

Convolve = Callable[[Steps, np.ndarray, np.ndarray, tuple[int, ...]], np.ndarray]


def _forward(steps: Steps, x: np.ndarray, w: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.einsum("npqrsc,rsck->npqk", steps.windows(x), w)


def _backward_data(steps: Steps, dy: np.ndarray, w: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return steps.scattered(np.einsum("npqk,rsck->npqrsc", dy, w), shape)


def _backward_weights(steps: Steps, x: np.ndarray, dy: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.einsum("npqrsc,npqk->rsck", steps.windows(x), dy)


def _depthwise(steps: Steps, x: np.ndarray, w: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.einsum("npqrsc,rscm->npqcm", steps.windows(x), w).reshape(shape)


def _depthwise_data(steps: Steps, dy: np.ndarray, w: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    dy = dy.reshape(*dy.shape[:3], *w.shape[2:])
    return steps.scattered(np.einsum("npqcm,rscm->npqrsc", dy, w), shape)


def _depthwise_weights(steps: Steps, x: np.ndarray, dy: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.einsum("npqrsc,npqcm->rscm", steps.windows(x), dy.reshape(*dy.shape[:3], *shape[2:]))


_CONV: dict[str, Convolve] = {
    "conv2d": _forward, "conv2d_backward_data": _backward_data, "conv2d_backward_weights": _backward_weights,
    "depthwise_conv2d": _depthwise, "depthwise_conv2d_backward_data": _depthwise_data,
    "depthwise_conv2d_backward_weights": _depthwise_weights,
}  # fmt: skip
_AXES = {"conv2d": ("x", "w"), "conv2d_backward_data": ("dy", "w"), "conv2d_backward_weights": ("x", "dy")}


def _convolutions(kernel: str, arrays: list[Any], static: dict[str, Any], expected: np.ndarray) -> Found:
    compute, (a, b, *rest) = _CONV[kernel], arrays
    strides, pads, dilation = _pairs(static)
    weights, data = kernel.endswith("weights"), kernel.endswith("data")
    taps = expected.shape[:2] if weights else b.shape[:2]
    outputs = (b if weights else a if data else expected).shape[1:3]
    steps = Steps(taps, strides, pads, dilation, outputs)
    bias = 0.0 if weights or data or not rest or rest[0] is None else rest[0]

    def result(steps: Steps = steps, a: np.ndarray = a, b: np.ndarray = b) -> np.ndarray:
        return compute(steps, a, b, expected.shape) + bias

    for sentence, other in _variants(steps):
        yield sentence, lambda other=other: result(other)
    if not weights:
        for what, flipped in (("rows", b[::-1]), ("columns", b[:, ::-1]), ("rows and columns", b[::-1, ::-1])):
            if data:
                said = (f"this is dx with w's {what} in the opposite order: where y[p] takes x[p stride + r - pad] "
                        "w[r], dx[row] takes dy[(row + pad - r) / stride] w[r]: minus r")  # fmt: skip
            else:
                said = (f"this is the result with w flipped, its {what} in the opposite order: y[p, q] is the sum of "
                        "x[p + r, q + s] w[r, s]")  # fmt: skip
            yield said, lambda flipped=flipped: result(b=flipped)
        if taps[0] == taps[1] > 1:
            yield "w's rows and columns are swapped: w[s, r] for w[r, s]", lambda: result(b=np.swapaxes(b, 0, 1))
    if taps != (1, 1):
        centre = np.zeros(taps)
        centre[0, 0] = 1
        if not weights:
            yield (
                "only the first tap of the window, r = s = 0, is there: are the loops over r and s missing?",
                (lambda: result(b=b * centre[:, :, None, None])),
            )
    if weights:
        first = np.arange(len(a))[:, None, None, None] == 0
        yield "only the first image is added up: w is used in every image of the batch", lambda: result(a=a * first)
        yield (
            "only the last image is added up: is dw assigned for each image, not added?",
            (lambda: result(a=a[::-1] * first, b=b[::-1])),
        )
        yield ("this is a mean over the images: dw is the sum over all of them (a mean is taken by the loss)",
               lambda: result() / len(a))  # fmt: skip
        yield ("this is dw in the opposite order along its rows and columns: dw[r, s] is the sum of "
               "x[p + r, q + s] dy[p, q]", lambda: result()[::-1, ::-1])  # fmt: skip
        yield (
            "only the first output pixel of each image is added up: are the loops over p and q missing?",
            (lambda: result(steps._replace(outputs=(1, 1)), b=b[:, :1, :1])),
        )
    channel = np.arange(a.shape[3]) == 0
    if a.shape[3] > 1 and not weights:
        many = "output channel, k = 0, of dy" if data else "channel, c = 0,"
        yield (
            f"only the first {many} is added up: is the loop over the channels missing?",
            (lambda: result(a=a * channel)),
        )
        yield (
            f"only the last {'k' if data else 'c'} of the channels is there: is the total assigned, not added?",
            (lambda: result(a=a * channel[::-1])),
        )
    if not np.isscalar(bias):
        yield "the bias b is left out", lambda: result() - bias
        inside = taps[0] * taps[1]
        for times, where in ((inside, "taps"), (inside * a.shape[3], "terms"), (a.shape[3], "channels")):
            yield (
                f"the bias is added {times} times, inside of the loop over the {where}",
                (lambda times=times: result() + (times - 1) * bias),
            )
    if data and strides != UNIT:
        yield from _without_remainder(steps, a, b, expected)
    if kernel == "depthwise_conv2d" and b.shape[3] > 1:
        turned = np.swapaxes(result().reshape(*expected.shape[:3], *b.shape[2:]), 3, 4).reshape(expected.shape)
        yield "output channel c M + m is written at m C + c: the multiplier m runs fastest", turned


def _without_remainder(steps: Steps, dy: np.ndarray, w: np.ndarray, expected: np.ndarray) -> Found:
    """For each pixel p = (row + pad - r) // stride, also where that division leaves a remainder."""
    if w.ndim != 4 or dy.shape[3] != w.shape[3]:
        return
    dx: np.ndarray = np.zeros(expected.shape)
    for r in range(steps.taps[0]):
        for s in range(steps.taps[1]):
            p: np.ndarray = (np.arange(dx.shape[1]) + steps.pads[0] - r * steps.dilation[0]) // steps.strides[0]
            q: np.ndarray = (np.arange(dx.shape[2]) + steps.pads[1] - s * steps.dilation[1]) // steps.strides[1]
            inside = ((p >= 0) & (p < dy.shape[1]))[:, None] & ((q >= 0) & (q < dy.shape[2]))
            part = dy[:, np.clip(p, 0, dy.shape[1] - 1)[:, None], np.clip(q, 0, dy.shape[2] - 1)] @ w[r, s].T
            dx += np.where(inside[None, :, :, None], part, 0)
    yield ("pixels between the strides get a gradient too: (row + pad - r dilation) must be a multiple of the stride",
           dx)  # fmt: skip


# -- pooling -----------------------------------------------------------------------------------------------------------


def _pools(kernel: str, arrays: list[Any], static: dict[str, Any], expected: np.ndarray) -> Found:
    taps: Any = tuple(static.get("pool_size", (2, 2)))
    strides = tuple(static.get("strides", (2, 2)))
    pads = _pairs(static)[1]
    outputs = (arrays[0] if kernel.endswith("_backward") else expected).shape[1:3]
    steps = Steps(taps, strides, pads, UNIT, outputs)
    make = {
        "max_pool2d": _max, "average_pool2d": _average, "max_pool2d_backward": _max_backward,
        "average_pool2d_backward": _average_backward,
    }[kernel]  # fmt: skip
    found = list(make(steps, arrays, expected))
    yield from found
    if taps[0] != taps[1]:
        for sentence, other in (
            ("the window's height and width are swapped", steps._replace(taps=steps.taps[::-1])),
            ("the window's height is used for both axes", steps._replace(taps=(taps[0], taps[0]))),
            ("the window's width is used for both axes", steps._replace(taps=(taps[1], taps[1]))),
        ):
            yield sentence, next(iter(make(other, arrays, expected)))[1]
    for sentence, other in _variants(steps):
        yield sentence, next(iter(make(other, arrays, expected)))[1]


def _max(steps: Steps, arrays: list[Any], expected: np.ndarray) -> Found:
    windows = steps.windows(arrays[0], -np.inf)
    yield "", windows.max((3, 4))
    yield "this is the smallest value of each window", steps.windows(arrays[0], np.inf).min((3, 4))
    yield ("what lies outside of the image counts as 0, or the largest starts from 0: leave it out, start from -inf",
           steps.windows(arrays[0]).max((3, 4)))  # fmt: skip
    yield ("the largest starts from 0, which wins over negative values: start from -inf",
           np.maximum(windows.max((3, 4)), 0))  # fmt: skip
    yield "this is the window's first value: are the loops over it missing?", steps.windows(arrays[0])[:, :, :, 0, 0]


def _counts(steps: Steps, shape: tuple[int, ...]) -> np.ndarray:
    return steps.windows(np.ones((1, *shape[1:3], 1))).sum((3, 4))


def _average(steps: Steps, arrays: list[Any], expected: np.ndarray) -> Found:
    total, counts = steps.windows(arrays[0]).sum((3, 4)), _counts(steps, arrays[0].shape)
    size = steps.taps[0] * steps.taps[1]
    yield "", total / counts
    yield "the sum is not divided by the number of cells in the window", total
    yield ("each sum is divided by the whole window's size: divide by the cells that lie inside of the image",
           total / size)  # fmt: skip
    yield "this is the window's first value: are the loops over it missing?", steps.windows(arrays[0])[:, :, :, 0, 0]


def _max_backward(steps: Steps, arrays: list[Any], expected: np.ndarray) -> Found:
    dy, x, y = arrays[:3]
    windows = steps.windows(x, np.nan)
    shape = (*windows.shape[:3], -1, windows.shape[5])
    flat = np.where(np.isnan(windows), -np.inf, windows).reshape(shape)
    first = np.arange(flat.shape[3])[:, None] == flat.argmax(3)[:, :, :, None]
    last = np.arange(flat.shape[3])[:, None] == (flat.shape[3] - 1 - flat[:, :, :, ::-1].argmax(3))[:, :, :, None]
    most = (flat == flat.max(3, keepdims=True)).reshape(windows.shape)
    up = dy[:, :, :, None, None]
    yield "", steps.scattered(first.reshape(windows.shape) * up, x.shape)
    yield ("where several cells of a window are equally large, each gets all of dy: it belongs to the first of them",
           steps.scattered(most * up, x.shape))  # fmt: skip
    yield ("where several cells of a window are equally large, the last one gets dy: it belongs to the first of them",
           steps.scattered(last.reshape(windows.shape) * up, x.shape))  # fmt: skip
    everyone = np.broadcast_to(up, windows.shape)
    yield "every cell of the window gets dy: only the largest one moves y", steps.scattered(everyone, x.shape)
    yield ("dy is shared by the window's cells, which is the gradient of an average: only the largest one moves y",
           steps.scattered(everyone / _counts(steps, x.shape)[:, :, :, None, None], x.shape))  # fmt: skip
    yield from _last_window(steps, first.reshape(windows.shape) * up, x.shape, "is the largest of two windows")


def _average_backward(steps: Steps, arrays: list[Any], expected: np.ndarray) -> Found:
    dy = arrays[0]
    shape = expected.shape
    everyone = np.broadcast_to(dy[:, :, :, None, None], (*dy.shape[:3], *steps.taps, dy.shape[3]))
    right = everyone / _counts(steps, shape)[:, :, :, None, None]
    yield "", steps.scattered(right, shape)
    yield "dy is not divided by the number of cells in its window", steps.scattered(everyone, shape)
    yield ("dy is divided by the whole window's size: divide by the cells that lie inside of the image",
           steps.scattered(everyone / (steps.taps[0] * steps.taps[1]), shape))  # fmt: skip
    yield from _last_window(steps, right, shape, "lies in two windows")


def _last_window(steps: Steps, d: np.ndarray, shape: tuple[int, ...], where: str) -> Found:
    """Where windows overlap, a pixel that hears from one of them alone."""
    for order, said in ((1, "last"), (-1, "first")):
        dx = np.zeros(shape)
        for p in range(steps.outputs[0])[::order]:
            for q in range(steps.outputs[1])[::order]:
                one = steps._replace(outputs=(1, 1), pads=(steps.pads[0] - p * steps.strides[0],
                                                           steps.pads[1] - q * steps.strides[1]))  # fmt: skip
                part = one.scattered(d[:, p : p + 1, q : q + 1], shape)
                dx = np.where(part != 0, part, dx)
        yield f"a pixel that {where} gets dy of the {said} one alone: add, do not assign", dx
