"""Wrong kernels: a barrier that some threads of a block never reach, and a loop that never ends.

On a GPU the first hang or, worse, go on with whatever memory holds.
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import wrong

THREADS = 64


def block_sums() -> tuple:
    """128 values and one output for each of two blocks."""
    return values(60, 128), np.zeros(2, np.float32)


def ragged() -> tuple:
    """100 values and as many outputs: the last of 2 blocks has 28 threads too many."""
    return values(61, 100), np.zeros(100, np.float32)


@wrong(2, THREADS, block_sums)
@cuda.jit
def barrier_inside_the_tree(x, out):
    """The barrier slipped into the `if`: only the lower half of the threads meets it."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)
    partial[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]
            cuda.syncthreads()  # <- fault: divergent-barrier
        half //= 2
    if thread == 0:
        out[cuda.blockIdx.x] = partial[0]


@wrong(2, THREADS, ragged)
@cuda.jit
def early_return_before_barrier(x, out):
    """Threads behind the end leave, and the rest of their block waits for them."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    if i >= x.size:
        return  # <- fault: divergent-barrier
    staged[thread] = x[i]
    cuda.syncthreads()  # <- fault: divergent-barrier
    out[i] = staged[thread] * float32(2)


@wrong(2, THREADS, lambda: (values(62, 2, 100), np.zeros(2, np.float32)))
@cuda.jit
def barrier_in_a_strided_loop(x, out):
    """100 columns over 64 threads: 36 threads go round twice, the others once."""
    thread = cuda.threadIdx.x
    block = cuda.blockIdx.x
    largest = cuda.shared.array(THREADS, float32)
    largest[thread] = x[block, thread]
    for col in range(thread, x.shape[1], THREADS):
        largest[thread] = max(largest[thread], x[block, col])
        cuda.syncthreads()  # <- fault: divergent-barrier
    if thread == 0:
        out[block] = largest[0]


@wrong(2, THREADS, block_sums)
@cuda.jit
def barrier_for_one_warp(x, out):
    """A producer warp runs through a barrier of its own, which the consumer warp never sees."""
    thread = cuda.threadIdx.x
    staged = cuda.shared.array(32, float32)
    if thread < 32:
        staged[thread] = x[cuda.grid(1)]
        cuda.syncthreads()  # <- fault: divergent-barrier
    cuda.syncthreads()
    if thread == 32:
        total = float32(0)
        for j in range(32):
            total += staged[j]
        out[cuda.blockIdx.x] = total


@wrong(2, THREADS, lambda: (values(63, 128), np.zeros(128, np.float32)))
@cuda.jit
def barrier_under_a_condition_on_data(x, out):
    """Whether a thread waits depends on the value that it read."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    positive = cuda.shared.array(THREADS, float32)
    positive[thread] = float32(0)
    if x[i] > float32(0):
        positive[thread] = x[i]
        cuda.syncthreads()  # <- fault: divergent-barrier
    out[i] = positive[thread]


@wrong(2, THREADS, lambda: (np.arange(128, dtype=np.int32) % 7 + 1, np.zeros(128, np.int32)))
@cuda.jit
def break_before_the_barrier(limits, out):
    """Each thread leaves the loop at its own limit, and misses the barriers that the others still meet."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    steps = cuda.shared.array(THREADS, int32)
    steps[thread] = 0
    for step in range(10):
        if step >= limits[i]:
            break
        steps[thread] += 1
        cuda.syncthreads()  # <- fault: divergent-barrier
    out[i] = steps[thread]


@wrong(2, THREADS, lambda: (values(64, 128), np.zeros(128, np.float32)))
@cuda.jit
def continue_before_the_barrier(x, out):
    """Thread 0 skips the rest of the body, and with it the barrier."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    total = x[i]
    for step in range(1, 4):
        if thread < step:
            continue
        total += float32(step)
        cuda.syncthreads()  # <- fault: divergent-barrier
    out[i] = total


@wrong(2, THREADS, lambda: (values(65, 128), np.zeros(128, np.float32)))
@cuda.jit
def barrier_in_a_loop_until_converged(x, out):
    """Newton's steps until each thread's own value has settled, with a barrier in every step."""
    i = cuda.grid(1)
    target = abs(x[i]) + float32(1)
    guess = target
    while guess * guess > target * float32(1.001):
        guess = (guess + target / guess) * float32(0.5)
        cuda.syncthreads()  # <- fault: divergent-barrier
    out[i] = guess


@wrong(2, THREADS, ragged)
@cuda.jit
def vote_of_some_threads(x, out):
    """`syncthreads_count` is a barrier too; the threads behind the end do not take part."""
    i = cuda.grid(1)
    if i < x.size:
        count = cuda.syncthreads_count(int32(x[i] > float32(0)))  # <- fault: divergent-barrier
        out[i] = x[i] * float32(count)


@cuda.jit(device=True)
def block_total(partial, thread, value):
    """The sum of `value` over the block: every thread of the block must call it."""
    partial[thread] = value
    cuda.syncthreads()  # <- fault: divergent-barrier
    total = float32(0)
    for j in range(THREADS):
        total += partial[j]
    return total


@wrong(2, THREADS, lambda: (values(66, 128), np.zeros(128, np.float32)), helpers=(block_total,))
@cuda.jit
def barrier_hidden_in_a_function(x, out):
    """The barrier is in a device function, the branch around the call in the kernel."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    partial = cuda.shared.array(THREADS, float32)
    partial[thread] = float32(0)
    cuda.syncthreads()
    out[i] = float32(0)
    if thread < 40:
        out[i] = block_total(partial, thread, x[i])


@wrong(2, THREADS, block_sums, step_limit=2000)
@cuda.jit
def tree_that_never_reaches_the_end(x, out):
    """0 // 2 is 0 again: the loop should stop at half > 0."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(128, float32)
    partial[thread] = x[cuda.grid(1)]
    partial[thread + THREADS] = float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half >= 0:  # <- fault: step-limit
        if thread < half:
            partial[thread] += partial[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        out[cuda.blockIdx.x] = partial[0]


@wrong(2, THREADS, lambda: (values(67, 128), np.zeros(128, np.float32)), step_limit=2000)
@cuda.jit
def loop_that_forgets_to_advance(x, out):
    """The index is not moved on where the value is negative."""
    i = cuda.grid(1)
    total = float32(0)
    j = 0
    while j < 8:  # <- fault: step-limit
        value = x[(i + j) % x.size]
        if value >= float32(0):
            total += value
            j += 1
    out[i] = total


@wrong(2, THREADS, lambda: (np.zeros(1, np.int32), np.zeros(128, np.int32)), step_limit=2000)
@cuda.jit
def wait_for_a_flag_nobody_sets(flag, out):
    """Spinning on a flag that no thread of this launch ever raises."""
    i = cuda.grid(1)
    while flag[0] == 0:  # <- fault: step-limit
        cuda.threadfence()
    out[i] = 1


@wrong(1, 32, lambda: (np.array([27, 7, 0, 15] * 8, np.int32), np.zeros(32, np.int32)), step_limit=2000)
@cuda.jit
def collatz_from_zero(start, steps):
    """The Collatz sequence of 0 is 0 for ever."""
    i = cuda.grid(1)
    value = start[i]
    count = 0
    while value != 1:  # <- fault: step-limit
        value = value // 2 if value % 2 == 0 else 3 * value + 1
        count += 1
    steps[i] = count
