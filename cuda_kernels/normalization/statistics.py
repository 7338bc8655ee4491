"""The sums that normalization needs, one a group: of x, of (x - mean)^2, of dy and of dy x_hat.

A *group* is what shares a mean: a channel (batch norm) or a sample (layer norm). Element r of group k lies at
kept(k) + reduced(r), as in `cuda_kernels.reduce`. The ways to sum, which the host functions call `how`:

    serial      one thread owns a group and walks it
    block       one block owns a group; its warps reduce by shuffles
    columns     where groups are the columns of a matrix: whole rows are read, by `columns.py`; others by blocks
    registers   where groups are rows, there is one kernel for sums and results, in `rows.py`; columns as above
"""
from __future__ import annotations

import functools
from typing import Any

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import warp_sum
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.reduce.problem import Layout, layout

from . import columns

THREADS = 128
WARPS = THREADS // 32


@cuda.jit(device=True)
def block_sum(value, totals):
    """The sum over all threads of the block, in every thread; totals is a shared array of WARPS values."""
    warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
    value = warp_sum(value)
    cuda.syncthreads()  # totals may still be read from the sum before
    if lane == 0:
        totals[warp] = value
    cuda.syncthreads()
    total = float32(0)
    for k in range(WARPS):
        total += totals[k]
    return total


@functools.cache
def make_moments(block: bool, kept: Any, reduced: Any) -> Any:
    """Mean and variance of each group, in two walks: the mean first, then the squared deviations from it."""
    if block:
        @cuda.jit
        def moments_block(x, mean, variance, share, count):
            group, first = cuda.blockIdx.x, kept(cuda.blockIdx.x)
            totals = cuda.shared.array(WARPS, float32)
            total = float32(0)
            for r in range(cuda.threadIdx.x, count, THREADS):
                total += x[first + reduced(r)]
            average = block_sum(total, totals) * share
            spread = float32(0)
            for r in range(cuda.threadIdx.x, count, THREADS):
                deviation = x[first + reduced(r)] - average
                spread += deviation * deviation
            spread = block_sum(spread, totals) * share
            if cuda.threadIdx.x == 0:
                mean[group] = average
                variance[group] = spread

        return moments_block

    @cuda.jit
    def moments_serial(x, mean, variance, share, count):
        group = cuda.grid(1)
        if group < mean.size:
            first, total = kept(group), float32(0)
            for r in range(count):
                total += x[first + reduced(r)]
            average, spread = total * share, float32(0)
            for r in range(count):
                deviation = x[first + reduced(r)] - average
                spread += deviation * deviation
            mean[group] = average
            variance[group] = spread * share

    return moments_serial


@functools.cache
def make_dots(block: bool, kept: Any, reduced: Any, weight: Any) -> Any:
    """Of each group the sum of g and of g x_hat, with g = dy * gamma[weight(r)]; weight None: g = dy."""
    weighted = weight is not None
    place = weight if weighted else reduced

    @cuda.jit(device=True)
    def scaled(dy, gamma, r):
        return dy * gamma[place(r)] if weighted else dy

    if block:
        @cuda.jit
        def dots_block(dy, x_hat, gamma, sums, dots, count):
            group, first = cuda.blockIdx.x, kept(cuda.blockIdx.x)
            totals = cuda.shared.array(WARPS, float32)
            total, dot = float32(0), float32(0)
            for r in range(cuda.threadIdx.x, count, THREADS):
                i = first + reduced(r)
                g = scaled(dy[i], gamma, r)
                total += g
                dot += g * x_hat[i]
            total = block_sum(total, totals)
            dot = block_sum(dot, totals)
            if cuda.threadIdx.x == 0:
                sums[group] = total
                dots[group] = dot

        return dots_block

    @cuda.jit
    def dots_serial(dy, x_hat, gamma, sums, dots, count):
        group = cuda.grid(1)
        if group < sums.size:
            first, total, dot = kept(group), float32(0), float32(0)
            for r in range(count):
                i = first + reduced(r)
                g = scaled(dy[i], gamma, r)
                total += g
                dot += g * x_hat[i]
            sums[group] = total
            dots[group] = dot

    return dots_serial


def shape_of(block: bool, groups: int) -> tuple[int, int]:
    """Grid and block: a block a group, or a thread a group."""
    return (groups if block else blocks_for(groups, THREADS)), THREADS


def moments(how: str, groups: Layout, x: Any, mean: Any, variance: Any, on: str | None) -> None:
    """Launch over flat arrays. Groups that are no columns are summed by blocks."""
    if how == "columns" and groups.kind == "columns":
        columns.moments(x, mean, variance, groups.count, groups.results, on)
        return
    block = how != "serial"
    launch(make_moments(block, *groups.places()), *shape_of(block, groups.results), x, mean, variance,
           1.0 / groups.count, groups.count, on=on)


def dots(how: str, groups: Layout, dy: Any, x_hat: Any, gamma: Any, sums: Any, products: Any, on: str | None,
         weight: Any = None) -> None:
    """Launch over flat arrays; gamma is read where `weight` gives its place."""
    if how in ("columns", "registers") and groups.kind == "columns" and weight is None:
        columns.dots(dy, x_hat, sums, products, groups.count, groups.results, on)
        return
    block = how != "serial"
    launch(make_dots(block, *groups.places(), weight), *shape_of(block, groups.results), dy, x_hat, gamma, sums,
           products, groups.count, on=on)


CLAIMS = Claims(registers=48, lacks=("LDL", "STL"))
_PLACES = layout("normalization", (2, 3, 4), (0, 1)).places()


def builds(block: bool) -> tuple[Build, Build]:
    """What the compile gate compiles of the sums."""
    flat = float32[::1]
    return (Build(make_moments(block, *_PLACES), (flat, flat, flat, float32, int32), CLAIMS),
            Build(make_dots(block, *_PLACES, None), (flat,) * 5 + (int32,), CLAIMS))
