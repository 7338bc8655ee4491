"""gemm r11: where C has too few tiles to fill the GPU, several blocks share one tile, each with a part of K.

Threads and warps as in r7. The z axis of the grid numbers the parts: block (x, y, z) adds up its tile of C over the
`share` of K that begins at z * share, and stores the sum in partial[z]. A second kernel, one thread an element, adds
the parts in order (so that every run gives the same bits), and applies bias and activation.
Change from r7: K is split. A (128, 2304) @ (2304, 64) has one tile: r7 gives it to one of 132 multiprocessors, r11 to
36 blocks. With one part it is r7.

Operations 2 M N K + M N parts. Bytes asked for, with M and N rounded up to tiles: as r7, and partial written and read
once: 4 M N parts each way.
Claims: as r7.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import INT32_MAX, blocks_for, empty, launch, multiprocessors

from . import r7_warp_tile_double_buffered as r7
from .host import Problem, Variant, builds, epilogue, host, with_width

TILE, DEPTH, THREADS, BUFFERS = r7.TILE, r7.DEPTH, r7.THREADS, r7.BUFFERS
LEAST_STEPS = 4  # of DEPTH a part: fewer do not pay for the extra trip through memory
ADDING_THREADS = 256


def parts_for(rows: int, cols: int, inner: int, room: int) -> int:
    """Into how many parts K is split, so that about `room` blocks are at work.

    >>> parts_for(4096, 4096, 4096, 264), parts_for(128, 64, 2304, 264), parts_for(128, 64, 27, 264)
    (1, 36, 1)
    """
    tiles = blocks_for(rows, TILE) * blocks_for(cols, TILE)
    parts = min(room // tiles, blocks_for(inner, DEPTH * LEAST_STEPS))
    return max(1, min(parts, INT32_MAX // (rows * cols)))


@cuda.jit(device=True)
def _as_it_is(total, bias, col):
    return total


@functools.cache
def make_kernel(variant: Variant):
    """The kernel that writes partial sums, for operands stored as `variant` says."""
    add_up = r7.sum_of_tiles(variant)
    store = r7.store_tile(variant.wide_c, _as_it_is)

    @cuda.jit(launch_bounds=(THREADS, 2))
    def gemm_split_k(a, b, partial, rows, cols, inner, share):
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        start = cuda.blockIdx.z * share
        a_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        b_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        total = cuda.local.array((8, 8), float32)
        for i in range(8):
            for j in range(8):
                total[i, j] = float32(0)
        add_up(a, b, a_tile, b_tile, first_row, first_col, rows, cols, inner, start, start + share, total)
        mine = partial[cuda.blockIdx.z]
        store(mine, mine, first_row, first_col, rows, cols, total)

    return gemm_split_k


@functools.cache
def make_adder(has_bias: bool, activation: str | None):
    """The kernel that adds the parts up."""
    finish = epilogue(has_bias, activation)

    @cuda.jit
    def gemm_add_parts(partial, bias, c, cols):
        i = cuda.grid(1)
        if i < c.size:
            total = float32(0)
            for part in range(partial.shape[0]):
                total += partial[part, i]
            c[i] = finish(total, bias, int32(i) % cols)

    return gemm_add_parts


def apply(p: Problem, on: str | None) -> None:
    """Both kernels, or r7's where one part is enough."""
    parts = parts_for(p.rows, p.cols, p.inner, 2 * multiprocessors(p.a))
    if parts == 1:
        return r7.apply(p, on)
    p = with_width(p)
    share = blocks_for(blocks_for(p.inner, parts), DEPTH) * DEPTH
    parts = blocks_for(p.inner, share)  # after rounding up, the last ones may be left without work
    partial = empty((parts, p.rows * p.cols), like=p.a)
    v = p.variant
    kernel = make_kernel(Variant(v.transpose_a, v.transpose_b, wide_a=v.wide_a, wide_b=v.wide_b, wide_c=v.wide_c))
    launch(kernel, (blocks_for(p.cols, TILE), blocks_for(p.rows, TILE), parts), THREADS, p.a.reshape(-1),
           p.b.reshape(-1), partial, p.rows, p.cols, p.inner, share, on=on)
    launch(make_adder(v.has_bias, v.activation), blocks_for(p.c.size, ADDING_THREADS), ADDING_THREADS, partial, p.bias,
           p.c.reshape(-1), p.cols, on=on)
    return None


RUNG = Rung(
    op="gemm", name="r11_split_k", change="blocks share the work along K where C has too few tiles", run=host(apply),
    builds=(
        *builds(lambda v: make_kernel(v._replace(has_bias=False, activation=None)),
                (float32[::1], float32[::1], float32[:, ::1], int32, int32, int32, int32),
                Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.8)),
                Claims(registers=128, local_bytes=64)),
        Build(make_adder(True, "sigmoid"), args=(float32[:, ::1], float32[::1], float32[::1], int32),
              claims=Claims(registers=32)),
    ))
