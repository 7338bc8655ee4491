"""y[r] = the sum of row r, added in a tree; of the block's threads there are variants."""

import numpy as np

from minidl.course import Exercise, Kernel, case, constant, extreme, par

CHOICES = 128, 64
THREADS = constant("THREADS", CHOICES)
H = THREADS // 2
LEVELS = THREADS.bit_length() - 1
# Of four rows: barriers, and accesses of warps to shared memory, which are counted.
PAR = {"barriers": 4 * (LEVELS + 1), "shared_accesses": {128: 116, 64: 84}[THREADS]}
THIRD = {"barriers": 4 * LEVELS, "shared_accesses": {128: 80, 64: 56}[THREADS]}
ACCESSES = PAR["shared_accesses"] // 4
TEXT = f"""y[r] = the sum of row r, by a block of {THREADS} threads.

A row has as many elements as it likes, the block {THREADS} threads. Each thread first walks the row in steps of {THREADS}
and keeps a sum of its own; the {THREADS} partial sums go to shared memory and are added in a tree, half as many at each
level:

    half {H:>2}:  s[0] += s[{H}]   s[1] += s[{H + 1}]   …   s[{H - 1}] += s[{THREADS - 1}]
    half {H // 2:>2}:  s[0] += s[{H // 2}]   …   s[{H // 2 - 1}] += s[{H - 1}]
    …
    half  1:  s[0] += s[1]               {LEVELS} levels for {THREADS} numbers, not {THREADS - 1} additions in a line

A level may begin when the one before is finished, and no sooner. Block r has row r; the grid is (rows,).
Par: {LEVELS + 1} barriers a row, and threads at work in as few warps as there can be ({ACCESSES} accesses of warps to shared
memory a row).
"""


def cases(d):
    yield case("", d(2, THREADS))
    yield case("one column", d(3, 1))
    yield case("shorter than the block", d(3, 37))
    yield case("", d(2, THREADS + 3))
    yield par("", d(4, 300))
    yield case("", d(1, 1009))
    yield extreme("zeros, an infinity, NaN", infinite(d))


def infinite(d):
    x = d(4, 140) * 0
    x[1, 139], x[2, 3], x[3, 70] = float("inf"), float("nan"), 5.0
    return x


def reference(x):
    return np.array([sum(row) for row in x.tolist()])


exercise = Exercise(
    title="Row sums by a tree",
    text=TEXT,
    constants={"THREADS": CHOICES},
    stars=2,
    minutes=30,
    section="08",
    tasks=(
        Kernel(
            signature="row_sums(x, y)",
            cases=cases,
            reference=reference,
            outputs={"y": lambda x: (x.shape[0],)},
            grid=lambda x: (x.shape[0],),
            threads=THREADS,
            par=PAR,
            third=THIRD,
        ),
    ),
    third=(
        "a thread keeps its own sum in a register, and reads of shared memory only what another has.",
        "线程把自己的和留在寄存器里，只从共享内存读别人的。",
    ),
    says={
        "one_speaks": (
            "Only one thread may speak for the block: which of them has the sum at the end?",
            "只能由一个线程代表整个块写出：最后哪一个线程手里有总和？",
        ),
        "all_add": (
            "The sum is in s[0] after the tree; no thread has to add anything to y any more.",
            "树做完以后总和就在 s[0]；没有线程再需要往 y 上加什么。",
        ),
        "first_128": (
            f"This is the sum of the first {THREADS} of {{x1}}: a thread has to walk on to its next element, {THREADS} further.",
            f"这只是 {{x1}} 个中前 {THREADS} 个的和：线程要继续走到它的下一个元素，往后 {THREADS} 个。",
        ),
        "half_from_32": (
            f"Partial sums {H} to {THREADS - 1} never join: the first level adds the upper *half of the block* to the lower.",
            f"第 {H} 到 {THREADS - 1} 个部分和从未加入：第一层要把*块的上半*加到下半。",
        ),
        "stops_early": (
            "s[1] is left out, and with it all that was added to it: which half is the last?",
            "s[1] 漏掉了，加到它里面的也一起漏掉：最后一层的 half 是多少？",
        ),
        "walk_by_one": (
            "Thread t adds all from its t on: neighbours count the same elements. How far is it to the next that is "
            "*yours*?",
            "线程 t 把从 t 起的全部都加了：相邻线程重复计数。下一个属于*你*的元素有多远？",
        ),
        "first_is_lost": (
            "Each thread's first element is missing: where does its walk begin?",
            "每个线程的第一个元素都缺了：它从哪里开始走？",
        ),
        "scattered": (
            "With `t % (2 * step)` a few threads of *every* warp work, and a warp costs the same for one lane as for 32: "
            "let the first threads work.",
            "用 `t % (2 * step)` 时*每个* warp 里都只有几个线程在工作，而一个 warp 无论 1 条还是 32 条通道代价相同："
            "让最前面的线程工作。",
        ),
        "one_adds": (
            f"Thread 0 adds {THREADS} numbers in a line while {THREADS - 1} threads look on: the tree needs {LEVELS} levels.",
            f"线程 0 一个接一个地加 {THREADS} 个数，{THREADS - 1} 个线程在旁观：树只要 {LEVELS} 层。",
        ),
        "two_barriers": (
            "Two barriers a level, and one is enough: what is written at a level is read only at the next.",
            "每层两个屏障，一个就够：一层写的东西下一层才读。",
        ),
        "down_the_column": (
            "That walks down a column: row r is x[r, 0], x[r, 1], …, as many as x.shape[1].",
            "这是沿一列往下走：第 r 行是 x[r, 0]、x[r, 1]……，共 x.shape[1] 个。",
        ),
    },
    hints=(
        ("At which moment has thread 0 all that it needs for its next addition, and from whom?",
         "线程 0 在什么时刻才拥有下一次加法所需的一切，来自谁？"),
        (f"First one number a thread, by a walk in steps of the block; then levels of half {H}, {H // 2}, … 1. The `if` is round the "
         "addition; the barrier is for all.",
         f"先让每个线程以块的大小为步长走出一个数；然后 half 为 {H}、{H // 2}、…、1 的各层。`if` 只包住加法；屏障是所有线程的。"),
        ("total over the walk; s[t] = total; wait; while half > 0: if t < half: one addition; wait; halve. Thread 0 writes.",
         "走一遍得到 total；s[t] = total；等待；当 half > 0：若 t < half 做一次加法；等待；减半。线程 0 写出。"),
    ),
)  # fmt: skip
