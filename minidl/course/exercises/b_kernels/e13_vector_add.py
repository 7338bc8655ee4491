"""y = a + b, each thread one element.

A kernel is what one thread does. The launch is made for you: blocks of 128 threads, as many as cover `size` elements.
So there may be more threads than elements:

    size 5, one block:   thread  0    1    2    3    4    5 … 127
                         does    y[0] y[1] y[2] y[3] y[4] nothing

Par: each element read and written once, by a thread of its own.
"""

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("a part of a block", d(5), d(5))
    yield case("", d(1), d(1))
    yield case("one whole block", d(128), d(128))
    yield case("", d(300), d(300))
    yield par("", d(1024), d(1024))
    yield extreme("zeros and infinities", d(3) * [0, 1, 1], (d(3) * 0 + [-0.0, float("inf"), 1]).astype("float32"))


exercise = Exercise(
    title="A sum of two vectors",
    stars=1,
    minutes=15,
    section="07",
    tasks=(
        Kernel(
            signature="add(a, b, y, size)",
            cases=cases,
            reference=lambda a, b: a + b,
            outputs={"y": lambda a: a.shape},
            given={"size": lambda a: a.size},
            par={"sectors": 384},
        ),
    ),
    says={
        "too_far": (
            "`i <= size` lets i = size through; the last index is size - 1.",
            "`i <= size` 放过了 i = size；最后一个下标是 size - 1。",
        ),
        "threads_only": (
            "cuda.threadIdx.x begins anew in each block: the block's number is missing.",
            "cuda.threadIdx.x 在每个块里重新开始：缺了块的编号。",
        ),
        "cpu_program": (
            "You wrote the CPU's program, and every thread runs all of it; a kernel is what *one* thread does.",
            "你写的是 CPU 的程序，每个线程都把它全部跑一遍；内核是*一个*线程所做的事。",
        ),
        "swapped": (
            "Threads and blocks have changed places: number = block × threads a block + thread.",
            "线程与块换了位置：编号 = 块号 × 每块线程数 + 线程号。",
        ),
        "last_missing": (
            "Is the guard `<` the size, and no smaller?",
            "边界判断是不是 `<` size，没有更小？",
        ),
        "grid_for_block": (
            "The block's number is multiplied by the number of blocks: before block 1 lie as many elements as a block has *threads*, blockDim.",
            "块号乘的是块数：块 1 之前的元素个数等于一个块的*线程*数，blockDim。",
        ),
    },
    hints=(
        ("How many threads are there for 5 elements, and which of them have none?",
         "5 个元素时有多少线程，哪些没有元素？"),
        ("A thread's number in the grid is its element's: cuda.grid(1). A thread without an element does nothing.",
         "线程在网格中的编号就是元素的编号：cuda.grid(1)。没有元素的线程什么也不做。"),
        ("i = the number; if i is an index: one line that reads twice and writes once.",
         "i = 编号；如果 i 是下标：一行，读两次，写一次。"),
    ),
)  # fmt: skip
