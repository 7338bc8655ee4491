"""y[i] = x[0] + … + x[i]: a running sum of at most 256 numbers, by one block.

Added in a line, that is 255 additions one after another. In parallel (Hillis and Steele, 1986) it is eight steps, with
distance d = 1, 2, 4, … 128: every element adds the one d before it, if there is one.

    x                    1   2   3   4   5
    d = 1                1   3   5   7   9        each has the sum of 2
    d = 2                1   3   6  10  14        … of 4
    d = 4                1   3   6  10  15        … of 8: done

All of a step read before any of it write: reading and writing the same place needs something between them.
One block of 256 threads; x has 1 to 256 elements, and threads without one stay for the barriers.
Par: 17 barriers (two a step and one to begin) and 201 accesses of warps to shared memory, for 256 elements.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("", d(5))
    yield case("", d(1))
    yield case("", d(33))
    yield par("a whole block", d(256))
    yield case("", d(131))
    yield case("", d(255))
    yield extreme("zeros, an infinity, NaN", infinite(d))


def infinite(d):
    x = np.zeros(40, np.float32)
    x[7], x[19], x[34] = 3.0, float("inf"), float("nan")
    return x


def reference(x):
    return np.array([sum(x[: i + 1].tolist()) for i in range(x.size)])


exercise = Exercise(
    title="A running sum in one block",
    stars=2,
    minutes=30,
    needs=("reduce_tree",),
    section="08",
    tasks=(
        Kernel(
            signature="scan(x, y, size)",
            cases=cases,
            resized=False,
            reference=reference,
            outputs={"y": lambda x: x.shape},
            given={"size": lambda x: x.size},
            threads=256,
            grid=lambda: (1,),
            par={"barriers": 17, "shared_accesses": 201},
            third={"barriers": 8, "shared_accesses": 129},
        ),
    ),
    third=(
        "two arrays, of which each step reads one and writes the other, need one barrier a step.",
        "两个数组，每步读一个、写另一个，每步只要一个屏障。",
    ),
    says={
        "in_place": (
            "s[t] += s[t - d] reads and writes in one go: thread t - d may have written *this* step's sum already.",
            "s[t] += s[t - d] 一口气读了又写：线程 t - d 可能已经写入了*这一步*的和。",
        ),
        "exclusive": (
            "Shifted by one: y[0] must be x[0], each element counts in its own sum.",
            "错了一格：y[0] 应为 x[0]，每个元素都算在自己的和里。",
        ),
        "d_first": (
            "The steps are 2, 4, 8 …: neighbours are never added. Use d, then double it.",
            "步长成了 2、4、8……：相邻的从未相加。先用 d，再加倍。",
        ),
        "t_above_d": (
            "y[d] misses one term for each d: thread t = d has somebody d before it, number 0.",
            "每个 d 处的 y[d] 都少一项：线程 t = d 前面 d 处是有人的，即 0 号。",
        ),
        "stops_early": (
            "Right up to y[127]: the sums of {x0} elements need one more step.",
            "到 y[127] 为止都对：{x0} 个元素的和还需要一步。",
        ),
        "only_neighbours": (
            "d grows by 1 instead of doubling: what is at t - d holds d sums already, so elements count more than once.",
            "d 每次加 1 而不是加倍：t - d 处已经是部分和，元素会被重复计数。",
        ),
        "backwards": (
            "This sums from i to the *end*: look d before you, not d behind.",
            "这是从 i 加到*末尾*：要看前面 d 处，不是后面。",
        ),
        "wraps": (
            "Threads below d take a value from the end of the block ([-1] in Python): they have nobody d before them.",
            "小于 d 的线程取了块末尾的值（Python 的 [-1]）：它们前面 d 处没有人。",
        ),
        "one_adds": (
            "One thread adds in a line while the others look on: let every element take a step at once.",
            "一个线程一个接一个地加，其余旁观：让每个元素同时走一步。",
        ),
        "three_barriers": (
            "Three barriers a step: one after reading, one after writing are enough.",
            "每步三个屏障：读之后一个、写之后一个就够。",
        ),
    },
    hints=(
        ("In step d, thread t reads place t - d, which thread t - d is about to write: what do they have to wait for?",
         "在步骤 d，线程 t 读位置 t - d，而线程 t - d 正要写它：它们要等什么？"),
        ("Read into a register; wait; write; wait. Or two arrays: read one, write the other, change places.",
         "读到寄存器；等待；写；等待。或者用两个数组：读一个，写另一个，再交换。"),
        ("s[t] = x[t] or 0; wait; d = 1; while d < 256: other = s[t - d] if there is one, else 0; wait; add it; wait; "
         "double d. Then write where there is an element.",
         "s[t] = x[t] 或 0；等待；d = 1；当 d < 256：若有则 other = s[t - d]，否则 0；等待；加上；等待；d 加倍。最后有元素的写出。"),
    ),
)  # fmt: skip
