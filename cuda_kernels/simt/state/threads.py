"""The threads of one batch of blocks: how many there are, where each is, and its indices as a kernel reads them."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .masks import WARP, Mask
from .objects import Dim3

Value = Any
Extent = tuple[int, int, int]


class Threads:
    """`blocks` blocks from `first_block` on. Each has `per_block` threads, and `width` lanes: whole warps of them.

    A lane's number in the batch is block * width + thread. `shape`, (blocks, width), is that of a value in full.
    """

    def __init__(self, grid: Extent, block: Extent, first_block: int, blocks: int) -> None:
        self.grid_size = grid
        self.block_size = block
        self.first_block = first_block
        self.blocks = blocks
        self.per_block = math.prod(block)
        self.width = width = -(-self.per_block // WARP) * WARP
        self.shape = (blocks, width)
        self.lanes = blocks * width
        self.lane_numbers = np.arange(self.lanes).reshape(self.shape)
        self.lane_in_block = np.tile(np.arange(width, dtype=np.int32), blocks)
        self.rows = np.arange(blocks)[:, None]
        self._indices()

    def _indices(self) -> None:
        """threadIdx, blockIdx, blockDim, gridDim and laneid, as int32 values."""
        (bx, by, bz), (gx, gy, gz) = self.block_size, self.grid_size
        t = np.arange(self.width, dtype=np.int32)[None, :]
        b = np.arange(self.first_block, self.first_block + self.blocks, dtype=np.int64)[:, None]
        zero = np.int32(0)

        def axis(numbers: np.ndarray, step: int, size: int) -> Value:
            return (numbers // step % size).astype(np.int32) if size > 1 else zero

        self.threadIdx = Dim3(axis(t, 1, bx), axis(t, bx, by), axis(t, bx * by, bz))
        self.blockIdx = Dim3(axis(b, 1, gx), axis(b, gx, gy), axis(b, gx * gy, gz))
        if self.blocks == 1:
            self.blockIdx = Dim3(*(np.int32(np.ravel(i)[0]) for i in self.blockIdx))
        self.blockDim = Dim3(np.int32(bx), np.int32(by), np.int32(bz))
        self.gridDim = Dim3(np.int32(gx), np.int32(gy), np.int32(gz))
        self.laneid = t % WARP

    def grid(self, line: int, ndim: int) -> Value:
        """cuda.grid(ndim): blockIdx * blockDim + threadIdx, int64."""
        found = tuple(
            np.multiply(self.blockIdx[k], self.blockDim[k], dtype=np.int64) + self.threadIdx[k] for k in range(ndim))
        return found[0] if ndim == 1 else found

    def gridsize(self, line: int, ndim: int) -> Value:
        """cuda.gridsize(ndim): gridDim * blockDim, int64."""
        found = tuple(np.int64(self.gridDim[k]) * np.int64(self.blockDim[k]) for k in range(ndim))
        return found[0] if ndim == 1 else found

    def all_blocks(self) -> bool:
        """True where the batch is the whole grid."""
        return self.blocks == math.prod(self.grid_size)

    def index_of(self, lane: int) -> Extent:
        """(x, y, z) of the thread at a lane of the batch."""
        return split(lane % self.width, self.block_size)

    def block_of(self, lane: int) -> Extent:
        """(x, y, z) of the block of a lane of the batch."""
        return self.block_index(self.first_block + lane // self.width)

    def block_index(self, number: int) -> Extent:
        """(x, y, z) of a block by its number in the grid."""
        return split(number, self.grid_size)

    def numbers_of(self, mask: Mask) -> np.ndarray:
        """Grid-wide numbers of a mask's threads: block * width + thread."""
        return mask.flat() + self.first_block * self.width

    def row_lanes(self, mask: Mask) -> np.ndarray:
        """The active threads of a block, where all blocks agree."""
        if mask.bits is None:
            return self.lane_in_block[: self.width]
        return np.flatnonzero(np.broadcast_to(mask.bits[0], self.shape[1:])).astype(np.int32)

    def by_warp(self, x: Value) -> np.ndarray:
        """`x` as (warps of the batch, 32)."""
        return np.broadcast_to(x, self.shape).reshape(-1, WARP)

    def held(self, x: Value, lane: int) -> Value:
        """What the thread at a lane of the batch holds of a value."""
        return np.broadcast_to(x, self.shape).reshape(-1)[lane]


def split(number: int, extent: Extent) -> Extent:
    """(x, y, z) of a number."""
    number = int(number)  # a NumPy integer would show as np.int64(3)
    return number % extent[0], number // extent[0] % extent[1], number // (extent[0] * extent[1])


def linear(where: Any, extent: Extent) -> int:
    """A block's or thread's number, which may be given as (x, y, z)."""
    if isinstance(where, tuple | list):
        x, y, z = (*where, 0, 0)[:3]
        return int(x + extent[0] * (y + extent[1] * z))
    return int(where)
