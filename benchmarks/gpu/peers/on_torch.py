"""PyTorch (cuBLAS, cuDNN, its own kernels), the peer that rungs are timed beside. The packages never import it.

A peer is PyTorch's eager function for an op. Its backward is what `torch.autograd.grad` runs on a graph that was
recorded before: the kernels of `loss.backward()`, and nothing of the forward. Everything runs on the default stream,
as ours does. Inputs are brought into PyTorch's shapes beforehand, images into the quicker of its memory formats.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..shapes import Job
from . import torch_functions

NAME = "PyTorch"
IMAGES = ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d", "upsample2d")  # (N, H, W, C) here, NCHW there


@functools.cache
def _found() -> tuple[Any, str]:
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a broken installation must not stop the bench
        return None, f"PyTorch cannot be imported ({type(error).__name__}: {error})"[:300]
    if not torch.cuda.is_available():
        return None, f"PyTorch {torch.__version__} finds no GPU"
    set_up(torch)
    return torch, ""


def set_up(torch: Any) -> None:
    """Compute float32 without TF32, and let cuDNN look for its quickest algorithm."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


def torch() -> Any:
    """Return the module, or None where it cannot use the GPU."""
    return _found()[0]


def why_none() -> str:
    """Return why there is no PyTorch to compare with, "" where there is one."""
    return _found()[1]


@contextmanager
def tf32(torch: Any, on: bool) -> Iterator[None]:
    """Let products of float32 run in TF32 inside the block, or not."""
    torch.backends.cuda.matmul.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def product(torch: Any, size: int, kind: str, device: str = "cuda") -> tuple[Callable[[], Any], float]:
    """Return a square product in "tf32" or "bf16", the ceiling of tensor cores, and its operations."""
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))

    def run() -> Any:
        with tf32(torch, kind == "tf32"):
            return a @ b

    return run, 2.0 * size**3


def runner(job: Job, inputs: tuple[Any, ...], dy: Any, kind: str, device: str = "cuda") -> Callable[[], Any] | None:
    """Return what PyTorch does for a job; None where it has no such function alone.

    kind : "fp32", "TF32" or "bf16" (products only; bf16 operands are rounded beforehand, ours while they are read)
    """
    module = torch() if device == "cuda" else _imported()
    if job.op in torch_functions.UPDATES:
        return quickest(module, torch_functions.updates(module, job, inputs, device), device)
    if job.op not in torch_functions.FORWARD and job.op not in torch_functions.RECURRENT:
        return None
    formats: tuple[Any, ...] = (None,)
    if job.op in IMAGES:
        formats = (module.contiguous_format, module.channels_last)
    made = (one_format(module, job, inputs, dy, kind, device, layout) for layout in formats)
    return quickest(module, made, device)


def _imported() -> Any:
    import torch

    return torch


def one_format(
    torch: Any, job: Job, inputs: tuple[Any, ...], dy: Any, kind: str, device: str, layout: Any
) -> Callable[[], Any]:
    """Return the forward or the backward of a job, with images in one memory format."""

    def to_images(a: Any) -> Any:
        return a.permute(0, 3, 1, 2).contiguous(memory_format=layout)

    given: list[Any] = [None if a is None else torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in inputs]
    if job.op in IMAGES:
        given[0] = to_images(given[0])
    if job.op == "sparse_categorical_crossentropy":
        given[0] = given[0].long()  # it takes no int32
    if job.op == "conv2d":  # (R, S, C, K) to (K, C, R, S)
        given[1] = given[1].permute(3, 2, 0, 1).contiguous(memory_format=layout)
    elif job.op == "depthwise_conv2d":  # (R, S, C, M) to (C M, 1, R, S)
        given[1] = given[1].flatten(2).permute(2, 0, 1)[:, None].contiguous(memory_format=layout)
    if kind == "bf16":
        given = [a.bfloat16() for a in given]
    if job.op in torch_functions.RECURRENT:
        forward, leaves = torch_functions.recurrent(torch, job, given)
    else:
        function = torch_functions.FORWARD[job.op]
        leaves = [a for a in given if a is not None and a.is_floating_point()]
        forward = functools.partial(function, torch, job.static, *given)
    wanted = leaves if not job.needs else [a for a, need in zip(leaves, job.needs, strict=False) if need]
    if job.direction == "forward":
        return forward if kind != "TF32" else functools.partial(_in_tf32, torch, forward)
    for leaf in wanted:
        leaf.requires_grad_(True)
    y = forward()
    first = dy[0] if isinstance(dy, tuple) else dy
    gradient = torch.from_numpy(np.ascontiguousarray(first)).to(device)
    gradient = to_images(gradient) if job.op in IMAGES else gradient
    return lambda: torch.autograd.grad(y, wanted, gradient, retain_graph=True)


def _in_tf32(torch: Any, forward: Callable[[], Any]) -> Any:
    with tf32(torch, True):
        return forward()


def quickest(torch: Any, candidates: Any, device: str) -> Callable[[], Any]:
    """Return the quickest of PyTorch's own ways to do the same: a fair peer."""
    best, best_time = None, float("inf")
    for run in candidates:
        if device != "cuda":
            return run
        for _ in range(3):  # cuDNN's search is in the first
            run()
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        for _ in range(5):
            run()
        after.record()
        torch.cuda.synchronize()
        if before.elapsed_time(after) < best_time:
            best, best_time = run, before.elapsed_time(after)
    if best is None:
        raise ValueError("none of PyTorch's ways could be made")
    return best
