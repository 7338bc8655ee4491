"""The bank of 26, race_hunt."""

from minidl.course import Bank

bank = Bank()
STARTER = """
from numba import cuda, float32

TILE = 16


@cuda.jit
def dense_relu(x, w, b, y):
    sx = cuda.shared.array((TILE, TILE), float32)
    sw = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array(TILE, float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    col, row = cuda.grid(2)

    # a bias a column, stored once for the 16 rows of the block
    if ty == 0:
        sb[tx] = b[col] if col < b.shape[0] else float32(0)
        cuda.syncthreads()

    total = float32(0)
    for start in range(0, x.shape[1], TILE):
        # a tile of x
        k = start + tx
        if row < x.shape[0] and k < x.shape[1]:
            sx[ty, tx] = x[row, k]
        else:
            sx[ty, tx] = float32(0)
        cuda.syncthreads()

        # a tile of w
        k = start + ty
        if k < w.shape[0] and col < w.shape[1]:
            sw[ty, tx] = w[k, col]
        else:
            sw[ty, tx] = float32(0)
        cuda.syncthreads()

        # their product
        for j in range(TILE):
            total += sx[ty, j] * sw[j, tx]

    # the bias, and relu
    if row < y.shape[0] and col < y.shape[1]:
        y[row, col] = max(total + sb[tx], float32(0))
"""
IN_BRANCH = "else float32(0)\n        cuda.syncthreads()\n"
BETWEEN = "            sx[ty, tx] = float32(0)\n        cuda.syncthreads()\n"
BEFORE = "            sw[ty, tx] = float32(0)\n        cuda.syncthreads()\n"
PRODUCT = "            total += sx[ty, j] * sw[j, tx]\n"
WAIT = "        cuda.syncthreads()\n"


def mended(*changes):
    """The starter with changes (old, new)."""
    text = STARTER
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


NO_BRANCH = (IN_BRANCH, "else float32(0)\n")
MOVED_OUT = (IN_BRANCH, "else float32(0)\n    cuda.syncthreads()\n")
ONE_LESS = (BETWEEN, BETWEEN.replace(WAIT, ""))
ONE_MORE = (PRODUCT, PRODUCT + WAIT)

bank.solution(mended(NO_BRANCH, ONE_LESS, ONE_MORE), "the bias waits with the first tile")
bank.solution(mended(MOVED_OUT, ONE_LESS, ONE_MORE), "moved out of the branch")
bank.solution(mended(NO_BRANCH, ONE_LESS, ("        # a tile of x\n", "        cuda.syncthreads()  # the turn before\n")),
              "a barrier at the head of the turn")
bank.solution(mended(("    if ty == 0:\n        sb[tx] = b[col] if col < b.shape[0] else float32(0)\n        cuda.syncthreads()\n", ""),
             ("total + sb[tx]", "total + b[col]"), ("    sb = cuda.shared.array(TILE, float32)\n", ""), ONE_LESS, ONE_MORE), "the bias from global memory")
bank.starter_is(STARTER)

bank.mistake("comment_alone", "machine", "F9 + bias_alone", source="# I find nothing.\n" + STARTER)
bank.mistake("branch_left", "machine", "F9 + bias_alone", source=mended(ONE_LESS, ONE_MORE))
bank.mistake("race_left", "machine", "F5", source=mended(NO_BRANCH, ONE_LESS))
bank.mistake("moved_race_left", "machine", "F5", source=mended(MOVED_OUT))
bank.mistake("barrier_in_both", "machine", "F9 + in_both",
             source=mended((IN_BRANCH, IN_BRANCH + "    else:\n        cuda.syncthreads()\n"), ONE_LESS, ONE_MORE))
bank.mistake("end_in_guard", "machine", "F9 + end_in_guard", source=mended(
    NO_BRANCH, ONE_LESS, (PRODUCT, PRODUCT + "        if row < y.shape[0]:\n            cuda.syncthreads()\n")))
bank.mistake("wrong_one_removed", "machine", "F4 + wrong_one_removed",
             source=mended(NO_BRANCH, (BEFORE, BEFORE.replace(WAIT, "")), ONE_MORE))
bank.mistake("no_barrier_between", "machine", "F4", source=mended(
    NO_BRANCH, ONE_LESS, (BEFORE, BEFORE.replace(WAIT, "")), ONE_MORE))
bank.mistake("warp_only", "machine", "F5 + warp_only",
             source=mended(NO_BRANCH, ONE_LESS, (PRODUCT, PRODUCT + "        cuda.syncwarp()\n")))
bank.mistake("doubled_before", "machine", "F5 + next_filling",
             source=mended(NO_BRANCH, ONE_LESS, (BEFORE, BEFORE + WAIT)))
bank.mistake("after_the_loop", "machine", "F5 + after_the_loop",
             source=mended(NO_BRANCH, ONE_LESS, (PRODUCT, PRODUCT + "    cuda.syncthreads()\n")))
bank.mistake("threads_leave", "machine", "F8", source=mended(
    NO_BRANCH, ONE_LESS, ONE_MORE, ("    total = float32(0)\n", "    if row >= y.shape[0]:\n        return\n    total = float32(0)\n")))
bank.mistake("three_a_turn", "par", "F21f + three_a_turn", source=mended(NO_BRANCH, ONE_MORE))
bank.mistake("all_kept", "par", "F21f + three_a_turn", source=mended(MOVED_OUT, ONE_MORE))
bank.mistake("at_each_product", "par", "F21f + at_each_product", source=mended(NO_BRANCH, ONE_LESS, (PRODUCT, PRODUCT + "    " + WAIT)))
bank.mistake("no_tiles", "file", "too-much-changed", source="""
from numba import cuda, float32


@cuda.jit
def dense_relu(x, w, b, y):
    col, row = cuda.grid(2)
    if row < y.shape[0] and col < y.shape[1]:
        total = b[col]
        for k in range(x.shape[1]):
            total += x[row, k] * w[k, col]
        y[row, col] = max(total, float32(0))
""")
bank.mistake("bias_by_all", "machine", "F6s", source=mended(("    if ty == 0:\n        sb[tx] = b[col] if col < b.shape[0] else float32(0)\n        cuda.syncthreads()\n",
             "    sb[tx] = b[col] if col < b.shape[0] else float32(0)\n    cuda.syncthreads()\n"), ONE_LESS, ONE_MORE))
bank.mistake("at_each_product_too", "par", "F21f + at_each_product", source=mended(MOVED_OUT, ONE_LESS, (PRODUCT, PRODUCT + "    " + WAIT)))
bank.mistake("again_outside", "machine", "F5 + after_the_loop", source="""
from numba import cuda, float32

TILE = 16


@cuda.jit
def dense_relu(x, w, b, y):
    sx = cuda.shared.array((TILE, TILE), float32)
    sw = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array(TILE, float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    col, row = cuda.grid(2)

    # a bias a column, stored once for the 16 rows of the block
    if ty == 0:
        sb[tx] = b[col] if col < b.shape[0] else float32(0)
    cuda.syncthreads()

    total = float32(0)
    for start in range(0, x.shape[1], TILE):
        # a tile of x
        k = start + tx
        if row < x.shape[0] and k < x.shape[1]:
            sx[ty, tx] = x[row, k]
        else:
            sx[ty, tx] = float32(0)

        # a tile of w
        k = start + ty
        if k < w.shape[0] and col < w.shape[1]:
            sw[ty, tx] = w[k, col]
        else:
            sw[ty, tx] = float32(0)
        cuda.syncthreads()

        # their product
        for j in range(TILE):
            total += sx[ty, j] * sw[j, tx]
    cuda.syncthreads()

    # the bias, and relu
    if row < y.shape[0] and col < y.shape[1]:
        y[row, col] = max(total + sb[tx], float32(0))
""")
bank.mistake("again_too_many_left", "par", "F21f + three_a_turn", source="""
from numba import cuda, float32

TILE = 16


@cuda.jit
def dense_relu(x, w, b, y):
    sx = cuda.shared.array((TILE, TILE), float32)
    sw = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array(TILE, float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    col, row = cuda.grid(2)

    # a bias a column, stored once for the 16 rows of the block
    if ty == 0:
        sb[tx] = b[col] if col < b.shape[0] else float32(0)
    cuda.syncthreads()

    total = float32(0)
    for start in range(0, x.shape[1], TILE):
        # a tile of x
        k = start + tx
        if row < x.shape[0] and k < x.shape[1]:
            sx[ty, tx] = x[row, k]
        else:
            sx[ty, tx] = float32(0)

        cuda.syncthreads()

        # a tile of w
        k = start + ty
        if k < w.shape[0] and col < w.shape[1]:
            sw[ty, tx] = w[k, col]
        else:
            sw[ty, tx] = float32(0)
        cuda.syncthreads()

        # their product
        for j in range(TILE):
            total += sx[ty, j] * sw[j, tx]
        cuda.syncthreads()

    # the bias, and relu
    if row < y.shape[0] and col < y.shape[1]:
        y[row, col] = max(total + sb[tx], float32(0))
""")
