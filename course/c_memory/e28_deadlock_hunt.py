"""The bank of 28, deadlock_hunt."""

from minidl.course import Bank

bank = Bank()
HEAD = """
from numba import cuda, float32

THREADS = 64

"""
REVERSE = """
@cuda.jit
def reverse(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    many = min(THREADS, size - cuda.blockIdx.x * THREADS)  # elements of this block
    if i >= size:
        return
    s[t] = x[i]
    cuda.syncthreads()
    y[i] = s[many - 1 - t]

"""
SUMS = """
@cuda.jit
def block_sums(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < size else float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
            cuda.syncthreads()
        half //= 2
    if t == 0:
        y[cuda.blockIdx.x] = s[0]

"""
MIXED = """
@cuda.jit
def mixed(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if cuda.blockIdx.x % 2 == 0:
        s[t] = x[i] if i < size else float32(0)
        cuda.syncthreads()
        if i < size:
            y[i] = s[t] - (s[t - 1] if t > 0 else float32(0))
    elif i < size:
        y[i] = x[i]
"""
LEAVES = "    if i >= size:\n        return\n    s[t] = x[i]\n    cuda.syncthreads()\n    y[i] = s[many - 1 - t]\n"
STAYS = "    if i < size:\n        s[t] = x[i]\n    cuda.syncthreads()\n    if i < size:\n        y[i] = s[many - 1 - t]\n"
STEP = "            s[t] += s[t + half]\n            cuda.syncthreads()\n"
WAITS = "            s[t] += s[t + half]\n        cuda.syncthreads()\n"


def of(reverse=STAYS, step=WAITS, mixed=MIXED):
    """A file of the three kernels."""
    assert LEAVES in REVERSE and STEP in SUMS
    return HEAD + REVERSE.replace(LEAVES, reverse) + SUMS.replace(STEP, step) + mixed


bank.solution(of(), "guards around the work")
bank.solution(of("    s[t] = x[min(i, size - 1)]\n    cuda.syncthreads()\n    if i >= size:\n        return\n    y[i] = s[many - 1 - t]\n").replace(
    "    cuda.syncthreads()\n    half = THREADS // 2\n    while half > 0:\n", "    half = THREADS // 2\n    while half > 0:\n        cuda.syncthreads()\n").replace(
    "            s[t] += s[t + half]\n        cuda.syncthreads()\n", "            s[t] += s[t + half]\n"), "leaving after the barrier, waiting before each step")
bank.starter_is(HEAD + REVERSE + SUMS + MIXED)

bank.mistake("comment_alone", "machine", "F8", source=HEAD + "# where?\n" + REVERSE + SUMS + MIXED)
bank.mistake("first_left", "machine", "F8", source=of(LEAVES))
bank.mistake("second_left", "machine", "F9 + half_stays", source=of(step=STEP))
bank.mistake("guard_gone", "machine", "F1 + guard_gone", source=of("    s[t] = x[i]\n    cuda.syncthreads()\n    y[i] = s[many - 1 - t]\n"))
bank.mistake("guard_around_all", "machine", "F9 + guard_around_all", source=of(
    "    if i < size:\n        s[t] = x[i]\n        cuda.syncthreads()\n        y[i] = s[many - 1 - t]\n"))
bank.mistake("waits_and_leaves", "machine", "F9 + two_for_one", source=of(LEAVES.replace("        return\n", "        cuda.syncthreads()\n        return\n")))
bank.mistake("in_both", "machine", "F9 + two_for_one", source=of(step=STEP + "        else:\n            cuda.syncthreads()\n"))
bank.mistake("first_without", "machine", "F4", source=of(LEAVES.replace("    cuda.syncthreads()\n", "")))
bank.mistake("second_without", "machine", "F4", source=of(step="            s[t] += s[t + half]\n"))
bank.mistake("after_the_loop", "machine", "F4 + after_the_loop", source=of(step="            s[t] += s[t + half]\n").replace(
    "        half //= 2\n", "        half //= 2\n    cuda.syncthreads()\n"))
bank.mistake("idle_write", "machine", "F5 + idle_write", source=of().replace(
    "        if t < half:\n            s[t] += s[t + half]\n", "        s[t] += s[t + half] if t < half else float32(0)\n"))
bank.mistake("leaves_later", "machine", "F8 + leaves_later", source=of(step=WAITS).replace(
    "        if t < half:\n            s[t] +=", "        if t >= half:\n            return\n        if t < half:\n            s[t] +="))
bank.mistake("third_without", "machine", "F4 + third_was_right", source=of(mixed=MIXED.replace("        cuda.syncthreads()\n", "")))
bank.mistake("third_moved", "par", "F21f + third_was_right", source=of(mixed=MIXED.replace("        cuda.syncthreads()\n        if i < size:\n            y", "    cuda.syncthreads()\n    if cuda.blockIdx.x % 2 == 0:\n        if i < size:\n            y")))
bank.mistake("two_a_step", "par", "F21f + two_a_step", source=of(step=WAITS + "        cuda.syncthreads()\n"))
bank.mistake("turned_by_64", "machine", "F10 + turned_by_64", source=of(STAYS.replace("many - 1 - t", "THREADS - 1 - t")))
bank.mistake("all_new", "file", "too-much-changed", source=HEAD + """
@cuda.jit
def reverse(x, y, size):
    start = cuda.blockIdx.x * THREADS
    i = cuda.grid(1)
    if i < size:
        y[i] = x[start + min(THREADS, size - start) - 1 - cuda.threadIdx.x]


@cuda.jit
def block_sums(x, y, size):
    i = cuda.grid(1)
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for k in range(i, min(size, i + THREADS)):
            total += x[k]
        y[cuda.blockIdx.x] = total


""" + MIXED.lstrip("\n"))
bank.mistake("all_write", "machine", "F1n + guard_gone", source=of(STAYS.replace("    if i < size:\n        y[i] =", "    y[i] =")))
bank.mistake("again_no_barrier", "machine", "F4", source="""
from numba import cuda, float32

THREADS = 64


@cuda.jit
def reverse(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    many = min(THREADS, size - cuda.blockIdx.x * THREADS)  # elements of this block
    if i < size:
        s[t] = x[i]
    cuda.syncthreads()
    if i < size:
        y[i] = s[many - 1 - t]


@cuda.jit
def block_sums(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < size else float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        y[cuda.blockIdx.x] = s[0]


@cuda.jit
def mixed(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if cuda.blockIdx.x % 2 == 0:
        s[t] = x[i] if i < size else float32(0)
        cuda.syncthreads()
        if i < size:
            y[i] = s[t] - (s[t - 1] if t > 0 else float32(0))
    elif i < size:
        y[i] = x[i]
""")
bank.mistake("again_mixed", "par", "F21f + third_was_right", source="""
from numba import cuda, float32

THREADS = 64


@cuda.jit
def reverse(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    many = min(THREADS, size - cuda.blockIdx.x * THREADS)  # elements of this block
    if i < size:
        s[t] = x[i]
    cuda.syncthreads()
    if i < size:
        y[i] = s[many - 1 - t]


@cuda.jit
def block_sums(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < size else float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        y[cuda.blockIdx.x] = s[0]


@cuda.jit
def mixed(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if cuda.blockIdx.x % 2 == 0:
        s[t] = x[i] if i < size else float32(0)
        cuda.syncthreads()
        if i < size:
            y[i] = s[t] - (s[t - 1] if t > 0 else float32(0))
    else:
        cuda.syncthreads()
        if i < size:
            y[i] = x[i]
""")
