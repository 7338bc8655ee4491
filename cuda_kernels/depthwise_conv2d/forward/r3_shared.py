"""depthwise_conv2d r3: the pixels of a tile of windows pass through shared memory, each loaded once.

One block of 256 threads owns TILE x TILE windows of CHANNELS channels: first its threads bring all pixels that these
windows see, padding as zeros, four channels a load; then each thread computes four channels of two windows from there.
The grid covers the tiles of all images along x, the channels along y.
Change from r2: there, each window's R S pixels are loaded again, R S times each pixel in all, and the L1 cache must
catch it. Here a pixel is loaded once a tile, and the loop over the taps asks for no edge: the zeros lie in the tile.
That needs what r2 needs, and a tile that fits in 48 KB; else r2 runs.

Operations as r1's. Bytes asked for, with A = (TILE - 1) si + (R - 1) di + 1 and B likewise: 4 N C A B loaded for every
TILE^2 windows (3 x 3 taps, stride 1: 1.6 pixels a window where r2 loads 9), 4 N P Q C stored; the weights come on top.
Claims: LDS.128, STS.128, 16-byte loads and stores, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, splitter

from ..host import EXAMPLE, Shapes, forward, is_wide
from . import r2_wide
from .r2_wide import add_products4

TILE = 8  # windows a side
CHANNELS = 32  # 128 bytes of a pixel
FOURS = CHANNELS // 4
THREADS = 256
SLOTS = THREADS // FOURS  # pixels, or windows, at a time
MOST = 48 * 1024 // 4  # values that fit in shared memory


def pixels_of(shapes: Shapes) -> tuple[int, int]:
    """Rows and columns of the pixels that a tile of windows sees.

    >>> pixels_of(EXAMPLE)
    (10, 10)
    """
    taps, strides, _, dilation = shapes.window
    rows, cols = ((TILE - 1) * stride + (count - 1) * step + 1
                  for count, stride, step in zip(taps, strides, dilation, strict=True))
    return rows, cols


@functools.cache
def make_kernel(shapes: Shapes, has_bias: bool):
    """The kernel for these shapes, whose m is 1."""
    height, width, channels, _, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = window
    rows, cols = pixels_of(shapes)
    pixels, values = rows * cols, rows * cols * CHANNELS
    split_down, split_across = splitter(blocks_for(p, TILE)), splitter(blocks_for(q, TILE))
    split_cols = splitter(cols)

    @cuda.jit
    def depthwise_conv2d_shared(x, w, b, y):
        four, slot = cuda.threadIdx.x % FOURS, cuda.threadIdx.x // FOURS
        line, tile_j = split_across(cuda.blockIdx.x)
        n, tile_i = split_down(line)
        c = cuda.blockIdx.y * CHANNELS + 4 * four
        first_row, first_col = tile_i * TILE * si - top, tile_j * TILE * sj - left
        tile = cuda.shared.array(values, float32, alignment=16)
        for cell in range(slot, pixels, SLOTS):
            down, across = split_cols(cell)
            row, col = first_row + down, first_col + across
            zero = float32(0)
            pixel = (zero, zero, zero, zero)
            if row >= 0 and row < height and col >= 0 and col < width and c < channels:
                pixel = ld4(x, ((n * height + row) * width + col) * channels + c)
            st4(tile, cell * CHANNELS + 4 * four, pixel)
        cuda.syncthreads()
        for window in range(slot, TILE * TILE, SLOTS):
            i, j = window // TILE, window % TILE
            if tile_i * TILE + i < p and tile_j * TILE + j < q and c < channels:
                total = (float32(0), float32(0), float32(0), float32(0))
                if has_bias:
                    total = (b[c], b[c + 1], b[c + 2], b[c + 3])
                for r in range(taps_r):
                    for s in range(taps_s):
                        cell = (i * si + r * di) * cols + j * sj + s * dj
                        total = add_products4(total, ld4(tile, cell * CHANNELS + 4 * four),
                                              ld4(w, (r * taps_s + s) * channels + c))
                st4(y, ((n * p + tile_i * TILE + i) * q + tile_j * TILE + j) * channels + c, total)

    return depthwise_conv2d_shared


def fits(shapes: Shapes) -> bool:
    """Do the pixels of a tile fit in shared memory?"""
    rows, cols = pixels_of(shapes)
    return rows * cols * CHANNELS <= MOST


def apply(p: Problem, on: str | None) -> None:
    """One block a tile of windows."""
    if not is_wide(p) or not fits(p.shapes):
        return r2_wide.apply(p, on)
    tiles = p.n * blocks_for(p.shapes.p, TILE) * blocks_for(p.shapes.q, TILE)
    launch(make_kernel(p.shapes, p.has_bias), (tiles, blocks_for(p.shapes.c, CHANNELS)), THREADS, p.a.reshape(-1),
           p.b.reshape(-1), p.bias, p.out.reshape(-1), on=on)
    return None


RUNG = Rung(
    op="depthwise_conv2d", name="r3_shared", run=forward(apply),
    change="the pixels of a tile of windows pass through shared memory",
    optional="not measured yet whether it beats r2, whose overlaps the L1 cache may catch",
    builds=(Build(make_kernel(EXAMPLE, True), args=(FLAT,) * 4,
                  claims=Claims(registers=96, contains=("LDG.E.128", "STS.128", "LDS.128", "STG.E.128", "FFMA"))),))
