"""A stencil of three neighbours with a halo; of the block's threads there are variants."""

import re

import numpy as np

from minidl.course import Exercise, Kernel, case, constant, extreme, par

CHOICES = 128, 64, 256
BLOCK = constant("BLOCK", CHOICES)
SECTORS = {64: 416, 128: 400, 256: 392}[BLOCK]
TEXT = f"""y[i] = w[0] · x[i - 1] + w[1] · x[i] + w[2] · x[i + 1], each x fetched once; outside of x are zeros.

Three neighbouring threads want the same x. So a block of {BLOCK} threads fetches its piece of x into shared memory, and one
more on either side, the halo: {BLOCK + 2} places.

    x        …  {BLOCK - 1:>3} | {BLOCK:>3}  {BLOCK + 1:>3}  …  {2 * BLOCK - 1:>3} | {2 * BLOCK:>3} …        block 1
    tile          0 |   1    2  …  {BLOCK:>3} | {BLOCK + 1:>3}          tile[t + 1] = x[{BLOCK} + t]

Thread t stores tile[t + 1], and somebody stores tile[0] and tile[{BLOCK + 1}]. Where x ends, a place holds 0.
Par: {SECTORS} sectors for 1,024 elements, w included, where a thread that reads all three itself makes 670.
"""


def cases(d):
    yield case("a part of a block", d(5), d(3))
    yield case("", d(300), d(3))
    yield case("one element", d(1), d(3))
    yield case("one block exactly", d(BLOCK), d(3))
    yield case("one more than a block", d(BLOCK + 1), d(3))
    yield case("", d(2 * BLOCK + 1), d(3))
    yield par("", d(1024), d(3))
    yield extreme("infinities and zeros", np.array([0, 1, float("inf"), -2, 0, 0, -0.0, 3], np.float32),
                  np.array([1, -2, 0.5], np.float32))  # fmt: skip


def neighbours(x, w):
    """Of each element the products with its neighbours, those outside left out."""
    y = np.zeros(x.size)
    for k in range(3):
        for i in range(x.size):
            if 0 <= i + k - 1 < x.size:
                y[i] += w[k] * x[i + k - 1]
    return y


exercise = Exercise(
    title="A stencil with a halo",
    text=TEXT,
    constants={"BLOCK": CHOICES},
    stars=2,
    minutes=40,
    needs=("count_sectors", "vector_add"),
    section="08",
    tasks=(
        Kernel(
            signature="stencil(x, w, y)",
            cases=cases,
            reference=neighbours,
            outputs={"y": lambda x: x.shape},
            threads=BLOCK,
            par={"sectors": SECTORS, "shared_passes": 1.0},
            naive={"sectors": 670},
        ),
    ),
    says={
        "no_halo": (
            "Thread 0 wants its left neighbour, and the tile begins with thread 0's own element: room is missing on either "
            "side.",
            "线程 0 要它左边的邻居，而 tile 正是从线程 0 自己的元素开始的：两边都缺位置。",
        ),
        "block_edges": (
            "Wrong at the first and last element of each block alone: they have neighbours, in another block's piece.",
            "只在每个块的第一个和最后一个元素出错：它们有邻居，在别的块的那一段里。",
        ),
        "no_right_halo": (
            f"Nobody stores the last place, tile[{BLOCK + 1}], the right neighbour of thread {BLOCK - 1}.",
            f"没有人存最后一个位置 tile[{BLOCK + 1}]，即线程 {BLOCK - 1} 右边的邻居。",
        ),
        "no_left_halo": (
            "Nobody stores tile[0], the left neighbour of thread 0.",
            "没有人存 tile[0]，即线程 0 左边的邻居。",
        ),
        "empty_places": (
            "A place past the end of x is read too: it is the right neighbour of the last element.",
            "x 结尾之后的位置也会被读：它是最后一个元素右边的邻居。",
        ),
        "halo_at_block_end": (
            "The right halo is x[…] of the next block, and the last block has none: does it exist?",
            "右边的 halo 是下一个块的 x，而最后一个块没有下一个：它存在吗？",
        ),
        "halo_before": (
            "The left halo of block 0 is x[-1]: there is no such element, so its place holds 0.",
            "块 0 左边的 halo 是 x[-1]：没有这个元素，那里放 0。",
        ),
        "weights_turned": (
            "w is reversed: w[0] belongs to the left neighbour, x[i - 1].",
            "w 反了：w[0] 对应左边的邻居 x[i - 1]。",
        ),
        "off_by_one": (
            "Thread t's own element is tile[t + 1]; you take tile[t] for it, so all is shifted by one.",
            "线程 t 自己的元素是 tile[t + 1]；你当成了 tile[t]，于是整体错了一位。",
        ),
        "clamped": (
            "At the ends of x you take the end itself once more; what lies outside counts 0.",
            "在 x 的两端你把端点又用了一次；外面的应按 0 计。",
        ),
        "wraps": (
            "At the ends of x you go on at the other end; what lies outside counts 0.",
            "在 x 的两端你绕到了另一头；外面的应按 0 计。",
        ),
        "three_reads": (
            "Each x is fetched by three threads. The block could fetch it once and share it.",
            "每个 x 被三个线程各取一次。块可以只取一次，大家共用。",
        ),
        "ends_unwritten": (
            "The first and the last element have one neighbour only, and a y all the same.",
            "第一个和最后一个元素只有一个邻居，但同样要有 y。",
        ),
        "halo_one_late": (
            f"tile[{BLOCK + 1}] is the right neighbour of thread {BLOCK - 1}'s element: yours is one further.",
            f"tile[{BLOCK + 1}] 是线程 {BLOCK - 1} 的元素右边的邻居：你取的又远了一个。",
        ),
        "halo_without_zero": (
            "Where x has no neighbour to fetch, the halo's place still has to hold something.",
            "x 没有邻居可取的地方，halo 的位置也要放个值。",
        ),
        "one_fills": (
            f"One thread fetches the whole tile while {BLOCK - 1} wait; its loads are one number each.",
            f"一个线程取完整个 tile，其余 {BLOCK - 1} 个在等；它每次读只取一个数。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Which x does thread 0 of block 1 need, and who of its block fetches them?",
         "块 1 的线程 0 需要哪些 x，块里由谁来取？"),
        (f"All {BLOCK + 2} places have to hold something before anybody reads: x where it exists, 0 where it does not, also for "
         f"threads without an element. Thread 0 can store the left halo and thread {BLOCK - 1} the right one.",
         f"任何人读之前，{BLOCK + 2} 个位置都要有值：有 x 的放 x，没有的放 0，没有元素的线程也要存。线程 0 可存左边的 halo，线程 {BLOCK - 1} 存右边的。"),
        (f"tile of {BLOCK + 2}; own place: x or 0; if I am the first: left place; if I am the last: right place; wait, all of us; if "
         "I have an element: three products, one store.",
         f"{BLOCK + 2} 个位置；自己的：x 或 0；若我是第一个：左边；若我是最后一个：右边；全体等待；若我有元素：三个乘积，写一次。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Tells how long the tile is that a negative index misses: Numba counts from the end, and the fault gives no shape."""
    if not seen.facts.get("shape", True):
        length = re.search(r"shared\.array\(\(?(\w+)", seen.source)
        named = re.search(rf"^{length[1]} *= *(\d+)", seen.source, re.M) if length else None
        n = named[1] if named else length[1] if length else "its end"
        seen.facts |= {"shape": f"[{n}]", "n_k": n}
