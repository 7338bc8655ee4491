"""Between global memory, shared memory and registers: the device functions that r6 and the rungs above share.

Matrices are flat and row-major. A tile of A or of B lies in shared memory with k slowest, whatever the operand's
layout: element (k, m) of A's tile, or (k, n) of B's, at k * stride + m. So a thread reads four neighbours along m or n
at once.

Indices are cut to int32 where they are used: Numba widens integers to 64 bits, and an address then takes two registers
of the 128 that a thread has. `check_array` has made sure that 32 bits reach every element.

Four neighbours of the operand's memory are one *item* of a tile. A thread first fetches its items into registers, and
puts them into the tile later: in between there is time to compute.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.intrinsics import ld1, ld4, st1, st2, st4


@cuda.jit(device=True)
def _left(row, col, rows, cols):
    """How many elements of this row there are from `col` on; none (or a negative number) outside the matrix."""
    left = int32(0)
    if int32(row) < rows:
        left = int32(cols - col)
    return left


@cuda.jit(device=True)
def _load4_wide(matrix, row, col, rows, cols):
    zero = float32(0)
    values = (zero, zero, zero, zero)
    if int32(row) < rows and int32(col) < cols:
        values = ld4(matrix, int32(row * cols + col))
    return values


@cuda.jit(device=True)
def _load4_narrow(matrix, row, col, rows, cols):
    v0, v1, v2, v3 = float32(0), float32(0), float32(0), float32(0)
    left = _left(row, col, rows, cols)
    start = int32(row * cols + col)
    if left > 0:
        v0 = ld1(matrix, start)
    if left > 1:
        v1 = ld1(matrix, start + 1)
    if left > 2:
        v2 = ld1(matrix, start + 2)
    if left > 3:
        v3 = ld1(matrix, start + 3)
    return v0, v1, v2, v3


def load4(wide: bool):
    """A device function `load4(matrix, row, col, rows, cols)`: matrix[row, col : col + 4], zeros outside the matrix.

    wide : the rows' length is a multiple of 4, so that one 16-byte load does it
    """
    return _load4_wide if wide else _load4_narrow


@functools.cache
def tile(depth: int, extent: int, stride: int, k_contiguous: bool, wide: bool, gap: int = 0):
    """Device functions `fetch` and `put` for tiles of `depth` (along K) by `extent` (along M or N).

    fetch(matrix, item, first, start, size, inner) : item (0 to depth * extent // 4 - 1) of the tile at row or column
        `first` of `size`, and at `start` of `inner` along K: four values
    put(tile, base, item, values) : into the tile that begins at `base` of a shared array

    k_contiguous : neighbours in the operand's memory are neighbours along K (A as it is, B transposed). Two lanes then
        read 32 bytes of a row together, a whole sector, and 16 rows of each are put down at once.
    gap : words left free after every four rows (of k) of the tile: those two lanes put their values down four rows
        apart, and 4 * stride + gap must lead the second one's 16 values into the other 16 banks
    """
    load = load4(wide)
    fours = extent // 4  # items side by side in a row of the operand, if they lie across K
    four_down = 4 * stride + gap

    @cuda.jit(device=True)
    def fetch_along_k(matrix, item, first, start, size, inner):
        k = (item // (2 * extent) * 2 + item % 2) * 4
        return load(matrix, first + item // 2 % extent, start + k, size, inner)

    @cuda.jit(device=True)
    def put_across(tile, base, item, values):
        place = base + (item // (2 * extent) * 2 + item % 2) * four_down + item // 2 % extent
        st1(tile, place, values[0])
        st1(tile, place + stride, values[1])
        st1(tile, place + 2 * stride, values[2])
        st1(tile, place + 3 * stride, values[3])

    @cuda.jit(device=True)
    def fetch_across_k(matrix, item, first, start, size, inner):
        return load(matrix, start + item // fours, first + item % fours * 4, inner, size)

    @cuda.jit(device=True)
    def put_along(tile, base, item, values):
        k = item // fours
        st4(tile, base + k * stride + k // 4 * gap + item % fours * 4, values)

    return (fetch_along_k, put_across) if k_contiguous else (fetch_across_k, put_along)


@functools.cache
def store4(wide: bool, finish):
    """A device function `store4(c, bias, row, col, rows, cols, v0, v1, v2, v3)`: four finished neighbours in C.

    finish : the epilogue, `host.epilogue`
    """

    @cuda.jit(device=True)
    def store4_wide(c, bias, row, col, rows, cols, v0, v1, v2, v3):
        if int32(row) < rows and int32(col) < cols:
            st4(c, int32(row * cols + col), (finish(v0, bias, col), finish(v1, bias, col + 1),
                                             finish(v2, bias, col + 2), finish(v3, bias, col + 3)))

    @cuda.jit(device=True)
    def store4_narrow(c, bias, row, col, rows, cols, v0, v1, v2, v3):
        left = _left(row, col, rows, cols)
        start = int32(row * cols + col)
        if left > 0:
            st1(c, start, finish(v0, bias, col))
        if left > 1:
            st1(c, start + 1, finish(v1, bias, col + 1))
        if left > 2:
            st1(c, start + 2, finish(v2, bias, col + 2))
        if left > 3:
            st1(c, start + 3, finish(v3, bias, col + 3))

    return store4_wide if wide else store4_narrow


# -- the product of tiles, on the ordinary arithmetic units: r6 and r7 -------------------------------------------------

@cuda.jit(device=True)
def outer_product(a_low, a_high, b_low, b_high, total):
    """`total` (8, 8) += eight values of A times eight of B, given as four tuples of four."""
    for i in range(4):
        for j in range(4):
            total[i, j] += a_low[i] * b_low[j]
            total[i, j + 4] += a_low[i] * b_high[j]
            total[i + 4, j] += a_high[i] * b_low[j]
            total[i + 4, j + 4] += a_high[i] * b_high[j]


@functools.cache
def store2(wide: bool, finish):
    """A device function `store2(c, bias, row, col, rows, cols, v0, v1)`: two finished neighbours, as mma gives them."""

    @cuda.jit(device=True)
    def store2_wide(c, bias, row, col, rows, cols, v0, v1):
        if int32(row) < rows and int32(col) < cols:
            st2(c, int32(row * cols + col), (finish(v0, bias, col), finish(v1, bias, col + 1)))

    @cuda.jit(device=True)
    def store2_narrow(c, bias, row, col, rows, cols, v0, v1):
        left = _left(row, col, rows, cols)
        start = int32(row * cols + col)
        if left > 0:
            st1(c, start, finish(v0, bias, col))
        if left > 1:
            st1(c, start + 1, finish(v1, bias, col + 1))

    return store2_wide if wide else store2_narrow
