"""The kernel of the fast rungs: implicit gemm with wide loads, compact warp tiles and two buffers.

It is gemm's r7 with other addresses. What differs between a convolution and its gradients is where an element of A, B
and the result lies in memory; three device functions say so, for shapes that are constants:

    place_a(group, row, k), place_b(group, k, col) : the flat index, or -1 where the element is a zero of the padding
    place_c(group, part, row, col)

One thread owns 4 x 4 squares of the result, 16 rows and 32 columns apart, a warp 32 rows by 32 or 64 columns, a block
128 rows by 32, 64 or 128 columns: a convolution often has few output channels. Four neighbours in memory are one *item*
of a tile; with wide=True they are one 16-byte load, which needs group's channels to be a multiple of four.
"""
import functools
from typing import Any, NamedTuple

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st1, st4
from cuda_kernels.launch import blocks_for, launch

TILE_ROWS = 128
DEPTHS = {32: 16, 64: 8, 128: 8}  # columns of the tile -> length of the sum at a time: at least one item a thread
STRIDE_A = TILE_ROWS + 4  # of a row of A's tile in shared memory: a multiple of 4, and not of 32
ROWS_APART, COLS_APART = 16, 32  # between a thread's squares
ARGUMENTS = (float32[::1],) * 4 + (int32,) * 5  # of the kernel, for the compile gate


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
    tile_cols: int


def tile_cols_for(cols: int, channels: int) -> int:
    """Columns of a block's tile for a result of `cols` columns, where the channels of A's image are `channels`.

    A whose channels are no multiple of four is read element by element; its tiles have at most 64 columns.

    >>> tile_cols_for(10, 32), tile_cols_for(64, 32), tile_cols_for(100, 32), tile_cols_for(100, 3)
    (32, 64, 128, 64)
    """
    return 32 if cols <= 32 else 64 if cols <= 64 or channels % 4 else 128


def resident_blocks(tile_cols: int, wide_a: bool) -> int:
    """Blocks that shall fit on a multiprocessor: 16 warps with 128 registers a thread; 12 with 168 where A is narrow.

    Four addresses an item in place of one want more than 128, and what does not fit would be spilled in the loop.
    """
    return 512 // threads_of(tile_cols) if wide_a or tile_cols == 128 else 3


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


@cuda.jit(device=True)
def _step_narrow(a_tile, b_tile, a_place, b_place, total):
    """One k for 8 rows and 4 columns."""
    low, high, right = ld4(a_tile, a_place), ld4(a_tile, a_place + ROWS_APART), ld4(b_tile, b_place)
    for m in range(4):
        for n in range(4):
            total[m, n] += low[m] * right[n]
            total[m + 4, n] += high[m] * right[n]


@cuda.jit(device=True)
def _step_wide(a_tile, b_tile, a_place, b_place, total):
    """One k for 8 rows and 8 columns."""
    low, high = ld4(a_tile, a_place), ld4(a_tile, a_place + ROWS_APART)
    left, right = ld4(b_tile, b_place), ld4(b_tile, b_place + COLS_APART)
    for m in range(4):
        for n in range(4):
            total[m, n] += low[m] * left[n]
            total[m, n + 4] += low[m] * right[n]
            total[m + 4, n] += high[m] * left[n]
            total[m + 4, n + 4] += high[m] * right[n]


def _twice(step, a_apart: int, b_apart: int):
    """`step` for two neighbouring stretches of k."""

    @cuda.jit(device=True)
    def both(a_tile, b_tile, a_place, b_place, total):
        step(a_tile, b_tile, a_place, b_place, total)
        step(a_tile, b_tile, a_place + a_apart, b_place + b_apart, total)

    return both


@functools.cache
def _multiply(tile_cols: int, stride_b: int):
    """All steps along the tiles' depth, written out: a loop over them would not be unrolled."""
    multiply = _step_narrow if tile_cols == 32 else _step_wide
    steps = 1
    while steps < DEPTHS[tile_cols]:
        multiply = _twice(multiply, steps * STRIDE_A, steps * stride_b)
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
    tile_cols, along_k_a, along_k_b = product.tile_cols, product.along_k_a, product.along_k_b
    warps_across, each_cols = max(1, tile_cols // 64), 4 if tile_cols == 32 else 8
    warp_cols = tile_cols // warps_across
    threads, resident = threads_of(tile_cols), resident_blocks(tile_cols, product.wide_a)
    depth, stride_b = DEPTHS[tile_cols], tile_cols + 4
    a_buffer, b_buffer = depth * STRIDE_A, depth * stride_b
    a_buffers, b_buffers = 2 * a_buffer, 2 * b_buffer
    a_items, b_items = TILE_ROWS * depth // 4 // threads, tile_cols * depth // 4 // threads
    a_m, a_k, put_a = _tile(TILE_ROWS, STRIDE_A, depth, along_k_a)
    b_n, b_k, put_b = _tile(tile_cols, stride_b, depth, along_k_b)
    read_a = _reader(product.place_a, product.wide_a, along_k_a, True)
    read_b = _reader(product.place_b, product.wide_b, along_k_b, False)
    multiply = _multiply(tile_cols, stride_b)
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
            put_b(b_tile, b_base, item, b_next[n, 0], b_next[n, 1], b_next[n, 2], b_next[n, 3])

    @cuda.jit(launch_bounds=(threads, resident))
    def implicit_pipeline(a, b, bias, c, rows, cols, inner, share, parts):
        warp, lane = cuda.threadIdx.x // 32, cuda.threadIdx.x % 32
        first_row, first_col = cuda.blockIdx.x * TILE_ROWS, cuda.blockIdx.y * tile_cols
        group, part = int32(cuda.blockIdx.z // parts), int32(cuda.blockIdx.z % parts)
        begin, end = int32(part * share), int32(min((part + 1) * share, inner))
        tile_row = warp // warps_across * 32 + lane // 8 * 4
        tile_col = warp % warps_across * warp_cols + lane % 8 * 4
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
            row = int32(first_row + tile_row + m % 4 + m // 4 * ROWS_APART)
            col = int32(first_col + tile_col)
            store(c, bias, group, part, row, col, rows, cols, total[m, 0], total[m, 1], total[m, 2], total[m, 3])
            if each_cols == 8:
                store(c, bias, group, part, row, int32(col + COLS_APART), rows, cols, total[m, each_cols - 4],
                      total[m, each_cols - 3], total[m, each_cols - 2], total[m, each_cols - 1])

    implicit_pipeline.py_func.__name__ = name
    return implicit_pipeline


def threads_of(tile_cols: int) -> int:
    """Threads of a block: eight warps for 128 columns, four for less."""
    return 256 if tile_cols == 128 else 128


def launch_product(kernel, tile_cols: int, a, b, bias, c, rows: int, cols: int, inner: int, *, groups: int = 1,
                   parts: int = 1, outputs: tuple[str, ...] | None = None, on: str | None = None) -> None:
    """Launch a kernel of `make_kernel` for `groups` products of these sizes; the arrays may have any shape.

    outputs : as in `launch`: () where this launch is one of several that fill c
    """
    share = blocks_for(blocks_for(inner, parts), DEPTHS[tile_cols]) * DEPTHS[tile_cols]
    grid = (blocks_for(rows, TILE_ROWS), blocks_for(cols, tile_cols), groups * parts)
    launch(kernel, grid, threads_of(tile_cols), a.reshape(-1), b.reshape(-1), bias, c.reshape(-1), rows, cols, inner,
           share, parts, outputs=outputs, on=on)
