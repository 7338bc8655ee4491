"""out = a · x + y, with any grid for any size.

A grid need not be as large as the array. Blocks have 64 threads, and there are as many as somebody liked: fewer than
the elements, just as many, or more. So a thread begins at its own number and goes on in steps as wide as the whole grid:

    2 blocks of 64 threads, size 300:   thread   0 does out[0],   out[128], out[256]
                                        thread  43 does out[43],  out[171], out[299]
                                        thread  44 does out[44],  out[172]

Par: each element read and written once, neighbours in a warp side by side.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

BLOCKS = {5: 1, 64: 1, 97: 1, 1: 3, 300: 2, 131: 64, 1021: 3, 4096: 4}  # of a size: smaller, equal and larger grids


def cases(d):
    for size in (97, 5, 64, 1, 300, 131, 1021):
        yield case(f"{BLOCKS[size]} block{'s' * (BLOCKS[size] > 1)}", np.float32(1.75), d(size), d(size))
    yield par("4 blocks", np.float32(-0.3), d(4096), d(4096))
    yield extreme("zeros and infinities", np.float32(2), np.array([0, -0.0, float("inf"), 1, 1e38], np.float32),
                  np.array([-0.0, 0, 1, -float("inf"), -1e38], np.float32))  # fmt: skip


exercise = Exercise(
    title="A loop as wide as the grid",
    stars=1,
    minutes=20,
    needs=("vector_add",),
    section="07",
    tasks=(
        Kernel(
            signature="saxpy(a, x, y, out, size)",
            cases=cases,
            resized=False,
            reference=lambda a, x, y: np.float64(a) * x + y,
            outputs={"out": lambda x: x.shape},
            given={"size": lambda x: x.size},
            threads=64,
            grid=lambda size: BLOCKS[int(size)],
            par={"sectors": 1536},
        ),
    ),
    says={
        "no_loop": (
            "The grid is smaller than the array, on purpose: what does a thread do when it has done its element?",
            "网格比数组小，这是故意的：一个线程做完自己的元素后该做什么？",
        ),
        "step_of_block": (
            "Block 1 starts where block 0 steps to: the step is as wide as the whole *grid*, not as a block.",
            "块 1 的起点正是块 0 迈到的地方：步长是整个*网格*的宽度，不是一个块的。",
        ),
        "step_of_blocks": (
            "cuda.gridDim.x counts blocks. A step is as many *threads* as the grid has.",
            "cuda.gridDim.x 数的是块。步长是网格里的*线程*数。",
        ),
        "step_of_one": (
            "From its first element on this thread does every one, and so do the others: in steps of what?",
            "这个线程从它的第一个元素起一个不落地做，别的线程也一样：步长应是多少？",
        ),
        "first_of_block": (
            "All blocks begin at the same elements: cuda.threadIdx.x is a number within the block.",
            "所有块都从相同的元素开始：cuda.threadIdx.x 只是块内的编号。",
        ),
        "past_the_end": (
            "The loop goes one element too far: the last index is size - 1.",
            "循环多走了一个元素：最后一个下标是 size - 1。",
        ),
        "rounded_up": (
            "All threads take equally many turns, rounded up, and in the last one some have no element: ask in each turn.",
            "所有线程圈数相同，且向上取整，最后一圈有些线程没有元素：每一圈都要问一次。",
        ),
        "once_more": (
            "Two turns are right for one grid and one size only. How many turns there are follows from both: let the loop "
            "end where the array does.",
            "两圈只适合某一种网格和大小。圈数由两者决定：让循环在数组结束处结束。",
        ),
        "a_forgotten": (
            "This is x + y: a is never used.",
            "这是 x + y：a 没有用上。",
        ),
        "a_times_both": (
            "This is a · (x + y): y counts once, only x is scaled.",
            "这是 a · (x + y)：y 只算一次，只有 x 要乘。",
        ),
        "a_times_y": (
            "This is x + a · y: a belongs to x.",
            "这是 x + a · y：a 乘的是 x。",
        ),
        "chunks": (
            "Each thread has a piece of its own, so the lanes of a warp are a whole piece apart and each fetches a sector "
            "for one number. Which elements should lane 0 and lane 1 take in the same turn?",
            "每个线程各占一段，于是 warp 的通道之间相隔一整段，各为一个数取一个扇区。同一圈里通道 0 和通道 1 该取哪些元素？",
        ),
        "blocks_alike": (
            "The number of the block occurs nowhere, so every block does the whole array over again.",
            "哪里都没有用到块的编号，于是每个块都把整个数组又做了一遍。",
        ),
        "rounded_down": (
            "Equal pieces, rounded down, do not reach the end: {x0} elements do not divide evenly among the threads.",
            "相等的段向下取整就到不了结尾：{x0} 个元素不能在线程间整除。",
        ),
        "far_apart": (
            "Each element has its thread, but lanes 0 and 1 of a warp are as many elements apart as there are blocks: threads and blocks have changed places in the thread's number.",
            "每个元素都有线程，但 warp 的通道 0 和 1 相隔块数那么多个元素：线程编号里线程与块换了位置。",
        ),
    },
    hints=(
        ("One block of 64 threads, 97 elements: who does element 70?",
         "一个 64 线程的块，97 个元素：元素 70 由谁来做？"),
        ("A thread begins at cuda.grid(1). In one turn the grid does as many elements as it has threads: that is the step.",
         "线程从 cuda.grid(1) 开始。一圈里整个网格做的元素数等于它的线程数：这就是步长。"),
        ("for i from the thread's number to size in steps of all threads (blocks × threads a block): one line. The loop's "
         "end is the guard.",
         "i 从线程编号到 size，步长为全部线程数（块数 × 每块线程数）：一行。循环的终点就是边界判断。"),
    ),
)  # fmt: skip
