"""counts[b] = how many of the values are b, counted in shared memory.

Many threads meet at one address here: `counts[v] += 1` reads, adds and writes, and of two threads that do so at once one
is lost. `cuda.atomic.add(array, index, 1)` cannot be interrupted, but all threads of the grid would queue for `bins`
addresses of global memory. So each block counts its own part in shared memory, and then adds its counts to the result:

    zero the block's counts | wait | count one's value | wait | add the block's counts to `counts`

Values below 0 or from `bins` on are left out. `counts` (bins,), int32, is 0 before the launch; bins is at most 128, and
a block has 64 threads. Each thread has one value. The bar | is a barrier; not every thread has a bin, and some have two.
Par: one atomic addition a value, and one for each bin in which a block has counted something.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("", d.integers(0, 5, 40), 5)
    yield case("bins that no thread's number reaches", d.integers(0, 100, 200), 100)
    yield case("", d.integers(0, 3, 1), 3)
    yield case("values outside", d.integers(-40, 140, 331), 100)
    yield par("one hot bin", hot(1000), 100)
    yield case("", d.integers(0, 128, 1009), 128)
    yield case("as many bins as there is room for", d.integers(110, 140, 300), 128)
    yield extreme("all outside", np.array([-1, 9, -2147483648, 2147483647, 10] * 20, np.int32), 9)
    yield extreme("one bin", np.zeros(129, np.int32), 1)


def hot(size):
    i = np.arange(size)
    return np.where(i % 10 > 0, 7, i // 10).astype(np.int32)


def reference(values, bins):
    inside = values[(values >= 0) & (values < bins)]
    return np.bincount(inside, minlength=bins).astype(np.int32)


exercise = Exercise(
    title="A histogram",
    stars=2,
    minutes=35,
    needs=("reduce_tree",),
    section="08",
    tasks=(
        Kernel(
            signature="histogram(values, bins, counts)",
            cases=cases,
            reference=reference,
            outputs={"counts": lambda bins: np.zeros(bins, np.int32)},
            start={"counts": 0},
            threads=64,
            grid=lambda values: (-(-values.size // 64),),
            par={"atomics": 1115},
            third={"atomics": 250},
        ),
    ),
    third=(
        "lanes of a warp with the same value find each other (cuda.match_any_sync), and one of them adds for all.",
        "warp 中值相同的通道互相找到（cuda.match_any_sync），由其中一个替大家相加。",
    ),
    says={
        "lost": (
            "Two threads read the same count, both add 1, both write it back: one is lost.",
            "两个线程读到同一个计数，各加 1，各写回去：丢了一个。",
        ),
        "lost_merge": (
            "Blocks meet in `counts` too: what adds a block's counts must not be interrupted either.",
            "块与块也会在 `counts` 里相遇：把块的计数加进去时同样不能被打断。",
        ),
        "loop_zero": (
            "There are {bins} bins and 64 threads: who clears the bins from 64 on?",
            "有 {bins} 个箱、64 个线程：64 号以后的箱由谁清零？",
        ),
        "loop_merge": (
            "There are {bins} bins and 64 threads: bins from 64 on are counted, and never added to the result.",
            "有 {bins} 个箱、64 个线程：64 号以后的箱数过了，却从未加到结果里。",
        ),
        "below_zero": (
            "A value below 0 is no bin: leave it out. (Python takes [-1] for the last; a GPU writes somewhere else.)",
            "小于 0 的值不属于任何箱：跳过。（Python 把 [-1] 当作最后一个；GPU 会写到别处。）",
        ),
        "above": (
            "A value of `bins` or more is no bin: leave it out.",
            "大于等于 `bins` 的值不属于任何箱：跳过。",
        ),
        "clamped": (
            "Values outside are counted in the first or the last bin: leave them out.",
            "范围外的值被算进了第一个或最后一个箱：应当跳过。",
        ),
        "zero_left_out": (
            "Bin 0 stays empty: 0 is a value like any other.",
            "0 号箱一直是空的：0 和其他值一样。",
        ),
        "last_block_only": (
            "Only one block's counts arrive: the blocks write over each other where they should add.",
            "只有一个块的计数留下：块与块互相覆盖，而应当相加。",
        ),
        "all_merge": (
            "Every thread adds all bins of its block: each bin counts 64 times.",
            "每个线程都把块的所有箱加了一遍：每个箱算了 64 次。",
        ),
        "weights": (
            "It adds the value, not 1: a histogram counts.",
            "加的是值本身，不是 1：直方图是计数。",
        ),
        "merges_nothing": (
            "Most bins of a block are empty, and adding 0 costs as much as adding 5: add only what was counted.",
            "一个块的大多数箱是空的，加 0 与加 5 代价相同：只加数到的。",
        ),
        "cleared_late": (
            "One thread still clears the bin in which another counts already: the clearing must be over before it begins.",
            "一个线程还在清零，另一个已经在同一个箱里计数：清零必须先结束。",
        ),
    },
    hints=(
        ("What is in shared memory when the block begins, and who may touch counts[b] at the same time as you?",
         "块开始时共享内存里是什么？谁会与你同时碰 counts[b]？"),
        ("Clear in steps of the block, wait, count with an atomic addition on the shared array, wait, merge in steps of the "
         "block with an atomic addition on `counts`.",
         "以块为步长清零，等待，用对共享数组的原子加法计数，等待，再以块为步长用对 `counts` 的原子加法合并。"),
        ("for b from t in steps of 64: zero; wait; if there is a value and it is a bin: one atomic; wait; for b from t in "
         "steps of 64: one atomic.",
         "b 从 t 起步长 64：清零；等待；若有值且在箱内：一次原子加；等待；b 从 t 起步长 64：一次原子加。"),
    ),
)  # fmt: skip
