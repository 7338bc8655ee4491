"""y[r] = the sum of row r, by one warp, without shared memory.

The 32 lanes of a warp run together and can read each other's registers:

    cuda.shfl_down_sync(0xFFFFFFFF, value, 4)     in lane l: the value of lane l + 4; near the end, one's own

Five of them add 32 numbers: with 16, 8, 4, 2, 1. After the first, lane l has l and l + 16; after the second, four; after
the fifth, *lane 0* has all. No barrier, nothing stored. But all lanes that the mask names have to be there.

A block is one warp, 32 threads, and has row blockIdx.x; rows are as long as they like, the grid is (rows,).
Par: 5 shuffles a row, no barrier, no shared memory.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("", d(2, 32))
    yield case("two columns", d(3, 2))
    yield case("a part of a warp", d(3, 19))
    yield case("", d(2, 33))
    yield par("", d(4, 100))
    yield case("", d(1, 509))
    yield extreme("zeros, an infinity, NaN", infinite(d))


def infinite(d):
    x = d(4, 70) * 0
    x[1, 69], x[2, 3], x[3, 40] = float("inf"), float("nan"), 5.0
    return x


def reference(x):
    return np.array([sum(row) for row in x.tolist()])


exercise = Exercise(
    title="Row sums by shuffles",
    stars=2,
    minutes=25,
    needs=("reduce_tree",),
    section="08",
    tasks=(
        Kernel(
            signature="row_sums(x, y)",
            cases=cases,
            reference=reference,
            outputs={"y": lambda x: (x.shape[0],)},
            threads=32,
            grid=lambda x: (x.shape[0],),
            par={"shuffles": 20, "barriers": 0, "shared_accesses": 0, "atomics": 0},
            third={"sectors": 56},
        ),
    ),
    third=(
        "as many as rung r4 of the ladder: a row that begins in the middle of a sector is read from the sector's beginning on.",
        "与阶梯的 r4 一样多：从扇区中间开始的行，从该扇区的开头读起。",
    ),
    says={
        "lane_31": (
            "shfl_down brings values *down*: lane 0 has the sum. Lane 31 asks for lanes that are not there, gets its own "
            "number back each time, and doubles it.",
            "shfl_down 把值往*下*传：总和在通道 0。通道 31 要的通道并不存在，每次拿回的都是自己的值，于是一次次翻倍。",
        ),
        "up_by_habit": (
            "shfl_up brings values up, to lane 31; lane 0 has only its own, added to itself. Who writes?",
            "shfl_up 把值往上传到通道 31；通道 0 只有自己的值加了自己几次。由谁写？",
        ),
        "from_8": (
            "Lanes 16 to 31 never arrive in lane 0: which distance joins the two halves of a warp?",
            "通道 16 到 31 从未传到通道 0：哪一个距离把 warp 的两半连起来？",
        ),
        "stops_at_2": (
            "Lane 1 and all odd lanes are left out: the last distance is 1.",
            "通道 1 和所有奇数通道都漏掉了：最后一个距离是 1。",
        ),
        "replaces": (
            "The value that arrives takes the place of the lane's own: the sum of both is wanted.",
            "传来的值取代了通道自己的值：要的是两者之和。",
        ),
        "from_first": (
            "Each shuffle sends the lane's first value, not what it has collected: later levels add no new lanes' sums.",
            "每次 shuffle 发出的都是通道最初的值，不是它累加到的：后面各层没有带来新的和。",
        ),
        "first_32": (
            "This is the sum of the first 32 of {x1}: each lane has to walk on, 32 further.",
            "这只是 {x1} 个中前 32 个的和：每条通道要继续走，往后 32 个。",
        ),
        "half_the_warp": (
            "The mask names 16 lanes: it has one bit for each lane.",
            "掩码只点了 16 条通道：每条通道一位。",
        ),
        "everyone_writes": (
            "Only one lane has the whole sum: which one, and only it writes.",
            "只有一条通道拥有全部的和：是哪一条，就只由它写。",
        ),
        "through_shared": (
            "That is the tree of exercise 29: lanes of one warp can read each other's registers.",
            "这是练习 29 的树：同一个 warp 的通道可以互读寄存器。",
        ),
        "shuffle_each_turn": (
            "It adds across the lanes at every turn of the walk: let each lane collect first, and shuffle once at the end.",
            "走的每一圈都在通道间相加：先让每条通道自己累加，最后只 shuffle 一遍。",
        ),
        "added_in_y": (
            "32 lanes queue for one address: the sum can be made between registers, with one store.",
            "32 条通道排队等一个地址：和可以在寄存器之间完成，只写一次。",
        ),
    },
    hints=(
        ("After lane l has added what lane l + 16 had: how many lanes still hold something that is needed?",
         "通道 l 加上通道 l + 16 的值以后：还有多少条通道手里的东西是需要的？"),
        ("First each lane walks its row in steps of 32. Then five shuffles that *all* lanes execute, with half the distance "
         "each time; the `if` comes after them.",
         "先让每条通道以 32 为步长走过这一行。然后是*所有*通道都执行的五次 shuffle，距离每次减半；`if` 在它们之后。"),
        ("total over the walk; distance = 16; while distance > 0: total += what comes down from there; halve. Lane 0 writes.",
         "走一遍得到 total；distance = 16；当 distance > 0：total += 从那里传下来的值；减半。通道 0 写出。"),
    ),
)  # fmt: skip
