"""The bank of 19, coalesce."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    t = cuda.threadIdx.x
    first = cuda.blockIdx.x * 384
    block = cuda.shared.array(384, float32)
    for k in range(0, 384, 128):
        j = first + k + t
        if j < x.size:
            block[k + t] = x[j // 3, j % 3]
    cuda.syncthreads()
    i = cuda.grid(1)
    if i < y.size:
        y[i] = RED * block[3 * t] + GREEN * block[3 * t + 1] + BLUE * block[3 * t + 2]
""", "three fetches in order")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def grey(x, y):
    pixels = cuda.shared.array((128, 3), float32)
    start = cuda.blockIdx.x * cuda.blockDim.x
    many = min(128, x.shape[0] - start)
    j = cuda.threadIdx.x
    while j < 3 * many:
        pixels[j // 3, j % 3] = x[start + j // 3, j % 3]
        j += cuda.blockDim.x
    cuda.syncthreads()
    me = cuda.threadIdx.x
    if me >= many:
        return
    total = pixels[me, 0] * float32(0.299)
    total += pixels[me, 1] * float32(0.587)
    total += pixels[me, 2] * float32(0.114)
    y[start + me] = total
""", "a tile of pixels")
bank.starter_is("""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    i = cuda.threadIdx.x * cuda.gridDim.x + cuda.blockIdx.x
    if i < y.size:
        y[i] = RED * x[i, 0] + GREEN * x[i, 1] + BLUE * x[i, 2]
""")

FETCH = "        j = first + k + t\n        if j < x.size:\n            block[k + t] = x[j // 3, j % 3]\n"
PLAIN = """
from numba import cuda, float32


@cuda.jit
def grey(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = float32(0.299) * x[i, 0] + float32(0.587) * x[i, 1] + float32(0.114) * x[i, 2]
"""
bank.mistake("three_apart", "par", "F21 + three_apart", source=PLAIN)
bank.mistake("still_swapped", "par", "F21 + far_apart", source=PLAIN.replace("i = cuda.grid(1)", "i = cuda.threadIdx.x * cuda.gridDim.x + cuda.blockIdx.x"))
bank.mistake("three_each", "par", "F21 + three_each", "j = first + k + t => j = first + 3 * t + k // 128", "block[k + t] => block[3 * t + k // 128]")
bank.mistake("no_barrier", "machine", "F4", "    cuda.syncthreads()\n =>")
bank.mistake("barrier_in_if", "machine", "F9", "    cuda.syncthreads()\n =>", "    if i < y.size:\n =>     if i < y.size:\n        cuda.syncthreads()\n")
bank.mistake("early_return", "machine", "F8", "    block = cuda.shared => "
             "    if cuda.grid(1) >= y.size:\n        return\n    block = cuda.shared")
bank.mistake("fetch_unguarded", "machine", "F1 + too_far", "        if j < x.size: =>         if True:")
bank.mistake("guard_of_pixels", "machine", "F10 + one_third", "        if j < x.size: =>         if j < y.size:")
bank.mistake("one_third", "machine", "F10 + one_third", "range(0, 384, 128) => range(0, 128, 128)")
bank.mistake("last_block", "machine", "F11 + last_block", "if i < y.size: => if i < y.size // 128 * 128:")
bank.mistake("no_guard", "machine", "F10", "if i < y.size: => if True:")
bank.mistake("double", "machine", "F13", "float32(0.299), float32(0.587), float32(0.114) => 0.299, 0.587, 0.114")
bank.mistake("weights", "values", "weights", "float32(0.299), float32(0.587), float32(0.114) => float32(0.299), float32(0.587), float32(0.11)")
bank.mistake("mean", "values", "mean", "float32(0.299), float32(0.587), float32(0.114) => float32(1 / 3), float32(1 / 3), float32(1 / 3)")
bank.mistake("bgr", "values", "bgr", "RED * block[3 * t] + => BLUE * block[3 * t] +", "BLUE * block[3 * t + 2] => RED * block[3 * t + 2]")
bank.mistake("planes", "values", "planes", source=PLAIN.replace("x[i, 0]", "x[i // 3, i % 3]").replace("x[i, 1]", "x[(i + y.size) // 3, (i + y.size) % 3]").replace(
    "x[i, 2]", "x[(i + 2 * y.size) // 3, (i + 2 * y.size) % 3]"))
bank.mistake("first_block", "values", "first_block", "first = cuda.blockIdx.x * 384 => first = 0")
bank.mistake("blocks_overlap", "values", "blocks_overlap", "first = cuda.blockIdx.x * 384 => first = cuda.blockIdx.x * 128")
bank.mistake("no_blue", "values", "no_blue", " + BLUE * block[3 * t + 2] =>")
bank.mistake("pixels_overlap", "values", "pixels_overlap", "block[3 * t] => block[t]", "block[3 * t + 1] => block[t + 1]", "block[3 * t + 2] => block[t + 2]")
bank.mistake("no_barrier_again", "machine", "F4", source="""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    s = cuda.shared.array(384, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    first = cuda.blockIdx.x * 128
    for k in range(3):
        j = t + 128 * k
        pixel = first + j // 3
        if pixel < y.size:
            s[j] = x[pixel, j % 3]
    if i < y.size:
        y[i] = RED * s[3 * t] + GREEN * s[3 * t + 1] + BLUE * s[3 * t + 2]
""")
bank.mistake("planar_read", "machine", "F10 + read_as_planes", source="""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    buf = cuda.shared.array(384, float32)
    t = cuda.threadIdx.x
    start = cuda.blockIdx.x * 128
    for j in range(t, 384, 128):
        if start + j // 3 < y.size:
            buf[j] = x[start + j // 3, j % 3]
    cuda.syncthreads()
    i = start + t
    if i < y.size:
        y[i] = RED * buf[t] + GREEN * buf[t + 128] + BLUE * buf[t + 256]
""")
bank.mistake("as_seen_1", "par", "F21 + three_each", source="""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    s = cuda.shared.array(384, float32)
    t = cuda.threadIdx.x
    base = cuda.blockIdx.x * 128
    for k in range(3):
        j = 3 * t + k
        if base + j // 3 < y.size:
            s[j] = x[base + j // 3, j % 3]
    cuda.syncthreads()
    i = base + t
    if i < y.size:
        y[i] = RED * s[3 * t] + GREEN * s[3 * t + 1] + BLUE * s[3 * t + 2]
""")
bank.mistake("as_seen_2", "machine", "F10 + read_as_planes", source="""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    s = cuda.shared.array(384, float32)
    t = cuda.threadIdx.x
    base = cuda.blockIdx.x * 128
    for k in range(3):
        j = k * 128 + t
        if base + j // 3 < y.size:
            s[j] = x[base + j // 3, j % 3]
    cuda.syncthreads()
    i = base + t
    if i < y.size:
        y[i] = RED * s[t] + GREEN * s[t + 128] + BLUE * s[t + 256]
""")
bank.mistake("again_no_barrier", "machine", "F4", source="""
from numba import cuda, float32

RED, GREEN, BLUE = float32(0.299), float32(0.587), float32(0.114)


@cuda.jit
def grey(x, y):
    s = cuda.shared.array(384, float32)
    t = cuda.threadIdx.x
    first = cuda.blockIdx.x * 128
    for k in range(3):
        j = k * 128 + t
        if first + j // 3 < y.size:
            s[j] = x[first + j // 3, j % 3]
    i = first + t
    if i < y.size:
        y[i] = RED * s[3 * t] + GREEN * s[3 * t + 1] + BLUE * s[3 * t + 2]
""")
