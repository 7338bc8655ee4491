"""PyTorch (cuBLAS, cuDNN, its own kernels), the peer that rungs are timed beside. The packages never import it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


@functools.cache
def torch_or_none() -> Any:
    """Return torch, set up for float32 without TF32 and with cuDNN's search, or None where it cannot use the GPU."""
    return None if _found()[1] else _found()[0]


def why_none() -> str:
    """Return why there is no PyTorch to compare with."""
    return _found()[1]


@functools.cache
def _found() -> tuple[Any, str]:
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken installation must not stop the bench
        return None, f"PyTorch cannot be imported ({type(error).__name__}: {error})"[:300]
    if not torch.cuda.is_available():
        return None, f"PyTorch {torch.__version__} finds no GPU"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    return torch, ""


def product(size: int, kind: str) -> tuple[Callable[[], Any], float]:
    """Return a square matrix product in "tf32" or "bf16", and its operations."""
    torch = torch_or_none()
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))

    def run() -> Any:
        torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
        try:
            return a @ b
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False

    return run, 2.0 * size**3


def tensors(*arrays: np.ndarray | None) -> list[Any]:
    """Return copies on the GPU."""
    torch = torch_or_none()
    return [None if a is None else torch.from_numpy(np.ascontiguousarray(a)).cuda() for a in arrays]


def peer(op: str, inputs: tuple[Any, ...], static: dict[str, Any]) -> Callable[[], Any] | None:
    """Return PyTorch's function for a kernel's op and NumPy inputs; None where there is no torch or no such function.

    Images and filters are converted to PyTorch's shapes, channels last in memory where it is quicker for PyTorch.
    """
    torch = torch_or_none()
    maker = PEERS.get(op)
    return None if torch is None or maker is None else maker(torch, inputs, static)


def _images(torch: Any, *arrays: np.ndarray) -> list[Any]:
    moved = [torch.from_numpy(np.ascontiguousarray(a)).cuda().permute(0, 3, 1, 2) for a in arrays]
    return [a.contiguous(memory_format=torch.channels_last) for a in moved]


def _filters(torch: Any, w: np.ndarray) -> Any:
    moved = torch.from_numpy(np.ascontiguousarray(w)).cuda().permute(3, 2, 0, 1)
    return moved.contiguous(memory_format=torch.channels_last)


def _quickest(torch: Any, make: Callable[[Any], Callable[[], Any]]) -> Callable[[], Any]:
    """Return the quicker of PyTorch's two memory formats: a fair peer."""
    best, best_time = None, float("inf")
    for memory_format in (torch.contiguous_format, torch.channels_last):
        run = make(memory_format)
        for _ in range(3):
            run()
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        for _ in range(5):
            run()
        after.record()
        torch.cuda.synchronize()
        if before.elapsed_time(after) < best_time:
            best, best_time = run, before.elapsed_time(after)
    return best


def _conv(
    torch: Any, inputs: tuple[Any, ...], static: dict[str, Any], which: tuple[bool, bool, bool] | None = None
) -> Any:
    """x, w (and dy): the forward, or the gradients that `which` names."""
    x, w, *dy = inputs
    pad = [static.get("padding", ((0, 0), (0, 0)))[k][0] for k in range(2)]
    strides, groups = list(static.get("strides", (1, 1))), static.get("torch_groups", 1)

    def make(memory_format: Any) -> Callable[[], Any]:
        images = [a.contiguous(memory_format=memory_format) for a in _images(torch, x, *dy)]
        filters = _filters(torch, w).contiguous(memory_format=memory_format)
        if which is None:
            return lambda: torch.nn.functional.conv2d(images[0], filters, None, strides, pad, 1, groups)
        return lambda: torch.ops.aten.convolution_backward(
            images[1], images[0], filters, None, strides, pad, [1, 1], False, [0, 0], groups, list(which)
        )

    return _quickest(torch, make)


def _pool(torch: Any, inputs: tuple[Any, ...], static: dict[str, Any]) -> Any:
    return _quickest(torch, lambda memory_format: functools.partial(
        torch.nn.functional.max_pool2d, _images(torch, inputs[0])[0].contiguous(memory_format=memory_format),
        static["pool_size"], static["strides"],
    ))  # fmt: skip


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a peer of a function of torch and the inputs as tensors."""

    def make(torch: Any, inputs: tuple[Any, ...], static: dict[str, Any]) -> Callable[[], Any]:
        given = tensors(*inputs)
        return lambda: function(torch, static, *given)

    return make


PEERS: dict[str, Callable[..., Any]] = {
    "gemm": _plain(lambda torch, s, a, b: a @ b),
    "conv2d": _conv,
    "conv2d_backward_data": lambda torch, i, s: _conv(torch, i, s, (True, False, False)),
    "conv2d_backward_weights": lambda torch, i, s: _conv(torch, i, s, (False, True, False)),
    "depthwise_conv2d": lambda torch, i, s: _conv(
        torch, (i[0], i[1].transpose(0, 1, 3, 2)), {**s, "torch_groups": i[0].shape[3]}
    ),
    "max_pool2d": _pool,
    "relu": _plain(lambda torch, s, x: torch.relu(x)),
    "gelu": _plain(lambda torch, s, x: torch.nn.functional.gelu(x)),
    "add": _plain(lambda torch, s, a, b: a + b),
    "reduce_sum": _plain(lambda torch, s, x: x.sum() if s.get("axes") is None else x.sum(s["axes"])),
    "reduce_max": _plain(lambda torch, s, x: x.amax() if s.get("axes") is None else x.amax(s["axes"])),
    "softmax": _plain(lambda torch, s, x: torch.softmax(x, -1)),
    "log_softmax": _plain(lambda torch, s, x: torch.log_softmax(x, -1)),
    "sparse_softmax_crossentropy": _plain(
        lambda torch, s, labels, x: torch.nn.functional.cross_entropy(x, labels.long(), reduction="none")
    ),
    "layer_norm": _plain(lambda torch, s, x, g, b: torch.nn.functional.layer_norm(x, x.shape[-1:], g, b, 1e-3)),
    "batch_norm": _plain(
        lambda torch, s, x, g, b: torch.nn.functional.batch_norm(x, None, None, g, b, training=True, eps=1e-3)
    ),
    "dropout": _plain(lambda torch, s, x: torch.nn.functional.dropout(x, s["rate"], training=True)),
    "embedding": _plain(lambda torch, s, ids, table: torch.nn.functional.embedding(ids, table)),
    "transpose": _plain(lambda torch, s, x: x.t().contiguous()),
}
