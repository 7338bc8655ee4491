"""The kernel of the fast rungs: implicit gemm with wide loads, compact warp tiles and two buffers.

It is gemm's r7 with other addresses. What differs between a convolution and its gradients is where an element of A, B
and the result lies in memory; three device functions say so, for shapes that are constants:

    place_a(group, row, k), place_b(group, k, col) : the flat index, or -1 where the element is a zero of the padding
    place_c(group, part, row, col)

One thread owns 4 x 4 squares of the result, a warp 32 rows by 32 or 64 columns, a block 128 rows by 32, 64 or 128
columns. What is multiplied beyond the last row or column is lost, so a small result has smaller tiles: of few columns
a warp takes 64 rows by 16, or 128 by 8, and of few rows a block takes 32. Four neighbours in memory are one *item*
of a tile; with wide=True they are one 16-byte load, which needs group's channels to be a multiple of four.
"""
import functools
from typing import Any, NamedTuple

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st1, st4
from cuda_kernels.launch import blocks_for, launch

COLS_APART = 32  # between a thread's squares
WIDTHS = (8, 16, 32, 64, 128)  # columns that a tile may have
ARGUMENTS = (float32[::1],) * 4 + (int32,) * 5  # of the kernel, for the compile gate


class Tile(NamedTuple):
    """What a block owns of the result."""

    rows: int
    cols: int

    @property
    def depth(self) -> int:
        """How much of the sum is in shared memory at a time: at least one item of A a thread."""
        return 16 if self == (128, 32) else 8

    @property
    def threads(self) -> int:
        """Of a block; each has 8 rows by 4 columns, or by 8 where there are more than 32."""
        return self.rows * self.cols // (32 if self.cols <= 32 else 64)

    @property
    def lanes_across(self) -> int:
        """Lanes of a warp side by side; the others lie below."""
        return min(self.cols // 4, 8)

    @property
    def rows_apart(self) -> int:
        """Rows between a thread's squares: those of the lanes between."""
        return 128 // self.lanes_across

    @property
    def stride_a(self) -> int:
        """Of a row of A's tile in shared memory: a multiple of 4, and not of 32."""
        return self.rows + 4

    @property
    def stride_b(self) -> int:
        """The same of B's tile."""
        return self.cols + 4

    def resident_blocks(self, wide_a: bool) -> int:
        """Blocks that shall fit on a multiprocessor: 16 warps with 128 registers a thread; for some tiles 12.

        With few columns there are more items a thread, with narrow A four addresses an item in place of one. That wants
        up to 168 registers; with 128 it would be spilled in the loop.
        """
        return (512 if wide_a and self.cols > 16 or self.cols == 128 else 384) // self.threads


class Product(NamedTuple):
    """What a kernel is made of.

    along_k_a, along_k_b : four neighbours in memory are neighbours along the sum, not along rows or columns
    wide_a, wide_b, wide_c : four neighbours are read, or written, at once
    """

    place_a: Any
    place_b: Any
    place_c: Any
    along_k_a: bool
    along_k_b: bool
    wide_a: bool
    wide_b: bool
    wide_c: bool
    has_bias: bool
    tile: Tile


def tile_for(cols: int, channels: int, rows: int = 128) -> Tile:
    """A block's tile for a result of these sizes, where the channels of A's image are `channels`.

    A whose channels are no multiple of four is read element by element; its tiles have at most 64 columns.

    >>> tile_for(6, 32), tile_for(64, 32), tile_for(100, 3), tile_for(32, 3, rows=27)
    (Tile(rows=128, cols=8), Tile(rows=128, cols=64), Tile(rows=128, cols=64), Tile(rows=32, cols=32))
    """
    widths = [n for n in WIDTHS if n <= (64 if channels % 4 else 128)]
    if rows <= 32:  # a warp of fewer than 32 columns has more rows
        return Tile(32, next((n for n in widths[2:] if cols <= n), widths[-1]))
    return Tile(128, next((n for n in widths if cols <= n), widths[-1]))


@functools.cache
def _reader(place, wide: bool, along_k: bool, is_a: bool):
    """A device function `read(matrix, group, m, k, size, end)`: four neighbours from (m, k), zeros outside."""
    step_m, step_k = (0, 1) if along_k else (1, 0)

    @cuda.jit(device=True)
    def index_of(group, m, k):
        return place(group, m, k) if is_a else place(group, k, m)

    @cuda.jit(device=True)
    def one(matrix, group, m, k, size, end):
        value = float32(0)
        if m < size and k < end:
            index = index_of(group, m, k)
            if index >= 0:
                value = matrix[index]
        return value

    @cuda.jit(device=True)
    def read_narrow(matrix, group, m, k, size, end):
        return (one(matrix, group, m, k, size, end),
                one(matrix, group, int32(m + step_m), int32(k + step_k), size, end),
                one(matrix, group, int32(m + 2 * step_m), int32(k + 2 * step_k), size, end),
                one(matrix, group, int32(m + 3 * step_m), int32(k + 3 * step_k), size, end))

    @cuda.jit(device=True)
    def read_wide(matrix, group, m, k, size, end):
        zero = float32(0)
        values = (zero, zero, zero, zero)
        if m < size and k < end:
            index = index_of(group, m, k)
            if index >= 0:
                values = ld4(matrix, index)
        return values

    return read_wide if wide else read_narrow


@functools.cache
def _tile(extent: int, stride: int, depth: int, along_k: bool):
    """Device functions for the items of a tile: `m_of(item)`, `k_of(item)`, and `put(tile, base, item, values)`."""
    fours = depth // 4 if along_k else extent // 4  # items side by side

    @cuda.jit(device=True)
    def side_by_side(item):
        return int32(item % fours * 4)

    @cuda.jit(device=True)
    def line(item):
        return int32(item // fours)

    @cuda.jit(device=True)
    def put_across(tile, base, item, v0, v1, v2, v3):
        place = base + item % fours * 4 * stride + item // fours
        st1(tile, place, v0)
        st1(tile, place + stride, v1)
        st1(tile, place + 2 * stride, v2)
        st1(tile, place + 3 * stride, v3)

    @cuda.jit(device=True)
    def put_along(tile, base, item, v0, v1, v2, v3):
        st4(tile, base + item // fours * stride + item % fours * 4, (v0, v1, v2, v3))

    return (line, side_by_side, put_across) if along_k else (side_by_side, line, put_along)


def _narrow(rows_between: int):
    """One k for 8 rows and 4 columns."""

    @cuda.jit(device=True)
    def step(a_tile, b_tile, a_place, b_place, total):
        low, high, right = ld4(a_tile, a_place), ld4(a_tile, a_place + rows_between), ld4(b_tile, b_place)
        for m in range(4):
            for n in range(4):
                total[m, n] += low[m] * right[n]
                total[m + 4, n] += high[m] * right[n]

    return step


def _wide(rows_between: int):
    """One k for 8 rows and 8 columns."""

    @cuda.jit(device=True)
    def step(a_tile, b_tile, a_place, b_place, total):
        low, high = ld4(a_tile, a_place), ld4(a_tile, a_place + rows_between)
        left, right = ld4(b_tile, b_place), ld4(b_tile, b_place + COLS_APART)
        for m in range(4):
            for n in range(4):
                total[m, n] += low[m] * left[n]
                total[m, n + 4] += low[m] * right[n]
                total[m + 4, n] += high[m] * left[n]
                total[m + 4, n + 4] += high[m] * right[n]

    return step


def _twice(step, a_apart: int, b_apart: int):
    """`step` for two neighbouring stretches of k."""

    @cuda.jit(device=True)
    def both(a_tile, b_tile, a_place, b_place, total):
        step(a_tile, b_tile, a_place, b_place, total)
        step(a_tile, b_tile, a_place + a_apart, b_place + b_apart, total)

    return both


@functools.cache
def _multiply(tile: Tile):
    """All steps along the tiles' depth, written out: a loop over them would not be unrolled."""
    multiply = (_narrow if tile.cols <= 32 else _wide)(tile.rows_apart)
    steps = 1
    while steps < tile.depth:
        multiply = _twice(multiply, steps * tile.stride_a, steps * tile.stride_b)
        steps *= 2
    return multiply


@functools.cache
def _storer(place, wide: bool, has_bias: bool):
    """A device function `store(c, bias, group, part, row, col, rows, cols, v0, v1, v2, v3)`: four neighbours."""

    @cuda.jit(device=True)
    def finish(value, bias, channel):
        if has_bias:
            value += bias[channel]
        return value

    @cuda.jit(device=True)
    def store_wide(c, bias, group, part, row, col, rows, cols, v0, v1, v2, v3):
        if row < rows and col < cols:
            k = group * cols + col
            st4(c, place(group, part, row, col), (finish(v0, bias, k), finish(v1, bias, k + 1),
                                                  finish(v2, bias, k + 2), finish(v3, bias, k + 3)))

    @cuda.jit(device=True)
    def store_narrow(c, bias, group, part, row, col, rows, cols, v0, v1, v2, v3):
        k = group * cols + col
        if row < rows and col < cols:
            c[place(group, part, row, col)] = finish(v0, bias, k)
        if row < rows and col + 1 < cols:
            c[place(group, part, row, int32(col + 1))] = finish(v1, bias, k + 1)
        if row < rows and col + 2 < cols:
            c[place(group, part, row, int32(col + 2))] = finish(v2, bias, k + 2)
        if row < rows and col + 3 < cols:
            c[place(group, part, row, int32(col + 3))] = finish(v3, bias, k + 3)

    return store_wide if wide else store_narrow


def make_kernel(product: Product, name: str):
    """The kernel of a product; the caller keeps it, as it costs a second or two to compile."""
    tile, along_k_a, along_k_b = product.tile, product.along_k_a, product.along_k_b
    tile_rows, tile_cols, threads, depth = tile.rows, tile.cols, tile.threads, tile.depth
    warps_across, each_cols = max(1, tile_cols // 64), 4 if tile_cols <= 32 else 8
    warp_cols, lanes_across, rows_apart = tile_cols // warps_across, tile.lanes_across, tile.rows_apart
    resident = tile.resident_blocks(product.wide_a)
    a_buffer, b_buffer = depth * tile.stride_a, depth * tile.stride_b
    a_buffers, b_buffers = 2 * a_buffer, 2 * b_buffer
    a_items, b_items = tile_rows * depth // 4 // threads, blocks_for(tile_cols * depth // 4, threads)
    b_end = tile_cols * depth // 4  # items of B's tile: of a narrow one fewer than threads
    every_thread = b_end % threads == 0
    a_m, a_k, put_a = _tile(tile_rows, tile.stride_a, depth, along_k_a)
    b_n, b_k, put_b = _tile(tile_cols, tile.stride_b, depth, along_k_b)
    read_a = _reader(product.place_a, product.wide_a, along_k_a, True)
    read_b = _reader(product.place_b, product.wide_b, along_k_b, False)
    multiply = _multiply(tile)
    store = _storer(product.place_c, product.wide_c, product.has_bias)

    @cuda.jit(device=True)
    def fetch(a, b, group, first_row, first_col, start, rows, cols, end, a_next, b_next):
        """This thread's items of the tiles at `start`, into registers."""
        for n in range(a_items):
            item = cuda.threadIdx.x + n * threads
            v = read_a(a, group, int32(first_row + a_m(item)), int32(start + a_k(item)), rows, end)
            a_next[n, 0], a_next[n, 1], a_next[n, 2], a_next[n, 3] = v[0], v[1], v[2], v[3]
        for n in range(b_items):
            item = cuda.threadIdx.x + n * threads
            if every_thread or item < b_end:
                v = read_b(b, group, int32(first_col + b_n(item)), int32(start + b_k(item)), cols, end)
                b_next[n, 0], b_next[n, 1], b_next[n, 2], b_next[n, 3] = v[0], v[1], v[2], v[3]

    @cuda.jit(device=True)
    def put(a_tile, b_tile, a_base, b_base, a_next, b_next):
        """The fetched items into a pair of buffers."""
        for n in range(a_items):
            item = cuda.threadIdx.x + n * threads
            put_a(a_tile, a_base, item, a_next[n, 0], a_next[n, 1], a_next[n, 2], a_next[n, 3])
        for n in range(b_items):
            item = cuda.threadIdx.x + n * threads
            if every_thread or item < b_end:
                put_b(b_tile, b_base, item, b_next[n, 0], b_next[n, 1], b_next[n, 2], b_next[n, 3])

    @cuda.jit(launch_bounds=(threads, resident))
    def implicit_pipeline(a, b, bias, c, rows, cols, inner, share, parts):
        warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        first_row, first_col = cuda.blockIdx.x * tile_rows, cuda.blockIdx.y * tile_cols
        group, part = int32(cuda.blockIdx.z // parts), int32(cuda.blockIdx.z % parts)
        begin, end = int32(part * share), int32(min((part + 1) * share, inner))
        tile_row = warp // warps_across * 2 * rows_apart + lane // lanes_across * 4
        tile_col = warp % warps_across * warp_cols + lane % lanes_across * 4
        a_tile = cuda.shared.array(a_buffers, float32, alignment=16)
        b_tile = cuda.shared.array(b_buffers, float32, alignment=16)
        total = cuda.local.array((8, each_cols), float32)
        a_next = cuda.local.array((a_items, 4), float32)
        b_next = cuda.local.array((b_items, 4), float32)
        for m in range(8):
            for n in range(each_cols):
                total[m, n] = float32(0)
        fetch(a, b, group, first_row, first_col, begin, rows, cols, end, a_next, b_next)
        put(a_tile, b_tile, 0, 0, a_next, b_next)
        cuda.syncthreads()
        a_now, b_now = 0, 0
        for start in range(begin + depth, end + depth, depth):
            # Past the end the loads bring zeros, which nobody multiplies: one loop body serves all steps.
            fetch(a, b, group, first_row, first_col, start, rows, cols, end, a_next, b_next)
            multiply(a_tile, b_tile, a_now + tile_row, b_now + tile_col, total)
            a_now, b_now = a_buffer - a_now, b_buffer - b_now
            put(a_tile, b_tile, a_now, b_now, a_next, b_next)
            cuda.syncthreads()  # the other buffers are complete, and these have been read
        for m in range(8):
            row = int32(first_row + tile_row + m % 4 + m // 4 * rows_apart)
            col = int32(first_col + tile_col)
            store(c, bias, group, part, row, col, rows, cols, total[m, 0], total[m, 1], total[m, 2], total[m, 3])
            if each_cols == 8:
                store(c, bias, group, part, row, int32(col + COLS_APART), rows, cols, total[m, each_cols - 4],
                      total[m, each_cols - 3], total[m, each_cols - 2], total[m, each_cols - 1])

    implicit_pipeline.py_func.__name__ = name
    return implicit_pipeline


def launch_product(kernel, tile: Tile, a, b, bias, c, rows: int, cols: int, inner: int, *, groups: int = 1,
                   parts: int = 1, outputs: tuple[str, ...] | None = None, on: str | None = None) -> None:
    """Launch a kernel of `make_kernel` for `groups` products of these sizes; the arrays may have any shape.

    outputs : as in `launch`: () where this launch is one of several that fill c
    """
    share = blocks_for(blocks_for(inner, parts), tile.depth) * tile.depth
    grid = (blocks_for(rows, tile.rows), blocks_for(cols, tile.cols), groups * parts)
    launch(kernel, grid, tile.threads, a.reshape(-1), b.reshape(-1), bias, c.reshape(-1), rows, cols, inner, share,
           parts, outputs=outputs, on=on)
