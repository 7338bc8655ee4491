"""A launch of which one warp is followed: arguments, block and warp checked, then run, for `steps` to walk through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cuda_kernels.ptx.trace import trace
from minidl.errors import ArgumentError
from minidl.lens.compiling.steps import Known, PtxSteps

if TYPE_CHECKING:
    from minidl.lens.compiling.listing import PtxListing


def follow(
    listing: PtxListing,
    grid: Any,
    block: Any,
    args: tuple[Any, ...],
    at: int | Sequence[int],
    warp: int,
    shared_bytes: int,
    limit: int,
) -> PtxSteps:
    """Run a listing's kernel, and follow one warp; see `PtxListing.step`."""
    launch = listing.subject.launch
    if grid is None and launch is not None:
        grid, block, shared_bytes = launch.grid, launch.block, launch.shared_bytes
    if grid is None or block is None:
        raise ArgumentError('step: give grid, block and arguments, or show a launch: lens.ptx("gemm:r7", a, b).step().')
    args = args or listing.subject.args
    own = tuple(
        np.array(a, copy=True, order="K", subok=False) if isinstance(a, np.ndarray) and a.ndim else a for a in args
    )
    further: list[np.ndarray] = []
    if listing.subject.kernel is None:
        further = [a for a in own if isinstance(a, np.ndarray) and a.ndim]
        passed = tuple(np.uint64(a.ctypes.data) if isinstance(a, np.ndarray) and a.ndim else a for a in own)
    else:
        _check_types(listing, own)
        passed = own
    shape, size = _three(grid), _three(block)
    place = _block(at, shape)
    warps = -(-math.prod(size) // 32)
    if not 0 <= warp < warps:
        raise ArgumentError(f"step: a block of {math.prod(size)} threads has warps 0 to {warps - 1}. Got {warp}.")
    lanes, fault = trace(
        listing.text, shape, size, passed, at=place, warp=warp, limit=limit, dynamic_bytes=shared_bytes,
        further=further, name=listing.title.split()[-1],
    )  # fmt: skip
    return PtxSteps(listing, lanes, str(fault or ""), f"block {place}, warp {warp}", _known(listing, own))


def _check_types(listing: PtxListing, args: tuple[Any, ...]) -> None:
    from cuda_kernels.compile.refusals import types_of
    from minidl.lens.compiling.subjects import type_text

    types = types_of(args)
    if types != tuple(listing.subject.types):
        told = ", ".join(map(type_text, types)) or "no arguments"
        raise ArgumentError(f"step: the listing is compiled for ({listing.signature}). Got ({told}).")


def _three(size: Any) -> tuple[int, int, int]:
    numbers = (size,) if isinstance(size, int | np.integer) else tuple(size)
    if not 1 <= len(numbers) <= 3 or any(int(n) < 1 for n in numbers):
        raise ArgumentError(f"step: grid and block are one to three positive numbers. Got {size!r}.")
    return (*map(int, numbers), 1, 1)[:3]  # type: ignore[return-value]


def _block(at: Any, grid: tuple[int, int, int]) -> tuple[int, int, int]:
    if isinstance(at, int | np.integer):
        x, rest = int(at) % grid[0], int(at) // grid[0]
        place = (x, rest % grid[1], rest // grid[1])
    else:
        place = (*map(int, at), 0, 0)[:3]  # type: ignore[assignment]
    if not all(0 <= k < n for k, n in zip(place, grid, strict=True)):
        raise ArgumentError(f"step: no block {at!r} in a grid of {grid}.")
    return place


def _known(listing: PtxListing, args: tuple[Any, ...]) -> list[Known]:
    function = listing.subject.function
    names = [n for n, _, _ in listing.module.entry.parameters] if function is None else function.__code__.co_varnames
    return [
        Known(name, a.ctypes.data, a.nbytes, a.shape, a.strides, a.itemsize)
        for name, a in zip(names, args, strict=False)
        if isinstance(a, np.ndarray) and a.ndim and a.size
    ]
