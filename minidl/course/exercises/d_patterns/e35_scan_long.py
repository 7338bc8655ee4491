"""y[i] = x[0] + … + x[i] for any length: blocks cannot wait for each other, launches can.

Exercise 34 sums within a block. For more, three steps, each a launch, because a launch begins when the one before is over:

    scan_blocks(x, y, sums)    each block of 64 sums its own part into y, and writes its total to sums[block]
    the same on `sums`         a running sum of the blocks' totals; if they are more than 64, again in three steps
    add_before(y, before)      before[b] = total of blocks 0 … b: every element of block b gets that of the blocks *before*

You write the two kernels; the plan, which calls them so, is made for you. The last block may be a part of one: its total
is of the elements that are there. Blocks have 64 threads; `sums` has one place for each block.
Par: 13 barriers a block or fewer (two a step for six steps, one to begin).
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, par


def cases(d):
    yield case("two blocks and a part", d(150))
    yield case("", d(1))
    yield case("one whole block", d(64))
    yield par("", d(640))
    yield case("64 blocks and one element", d(4097))
    yield case("", d(331, shift=1))


def reference(x):
    total, y = 0.0, np.zeros(x.size)
    for i, value in enumerate(x.tolist()):
        total += value
        y[i] = total
    return y, np.array([x[i : i + 64].sum() for i in range(0, x.size, 64)])


def plan(module, launch, x):
    blocks = -(-x.size // 64)
    y, sums = np.full(x.size, np.nan, np.float32), np.full(blocks, np.nan, np.float32)
    launch(module.scan_blocks, blocks, 64, x, y, sums)
    if blocks > 1:
        launch(module.add_before, blocks, 64, y, plan(module, launch, sums)[0])
    return y, sums


exercise = Exercise(
    title="A running sum of any length",
    stars=3,
    minutes=60,
    needs=("scan_block",),
    section="08",
    tasks=(
        Kernel(
            signature="scan_blocks(x, y, sums)",
            cases=cases,
            reference=reference,
            inputs="x",
            results="y sums",
            outputs={"y": lambda x: x.shape},
            drive=plan,
            par={"barriers": 143},
        ),
    ),
    says={
        "own_total": (
            "Blocks are too large by their own sum: before[b] has block b in it already. Which one is wanted?",
            "块里多了自己的和：before[b] 已经包含块 b。要的是哪一个？",
        ),
        "block_0_too": (
            "Block 0 has something added to it: there is no block before it.",
            "块 0 被加上了东西：它前面没有块。",
        ),
        "last_block": (
            "The last block has {x0 % 64} elements, so nobody writes its total: thread 63 is there, with no element of its own.",
            "最后一块有 {x0 % 64} 个元素，于是没有人写它的总和：线程 63 在场，只是没有自己的元素。",
        ),
        "nothing_added": (
            "Right in block 0; the others begin at 0 anew: what do the blocks before them hold?",
            "块 0 是对的；其余的又从 0 开始：它们前面的块共有多少？",
        ),
        "end_of_y": (
            "The block's total is taken from its first element: it stands at its end.",
            "块的总和取自它的第一个元素：它应在块的末尾。",
        ),
        "d_first": (
            "The steps are 2, 4, 8 …: neighbours are never added.",
            "步长成了 2、4、8……：相邻的从未相加。",
        ),
        "stops_early": (
            "Each block needs six steps for 64 elements, and the last, d = 32, is missing.",
            "64 个元素每块要六步，缺了最后一步 d = 32。",
        ),
        "three_barriers": (
            "Three barriers a step: one after reading, one after writing are enough.",
            "每步三个屏障：读之后一个、写之后一个就够。",
        ),
        "nothing_before": (
            "Block 0 has no block before it: nothing is added there.",
            "块 0 前面没有块：那里什么也不加。",
        ),
        "total_of_one": (
            "sums holds each block's last element, and not the sum of its 64: where does that stand when the scan is "
            "through?",
            "sums 里是每块的最后一个元素，而不是 64 个之和：scan 完成后，总和在哪里？",
        ),
        "one_block_before": (
            "Block b gets the total of block b - 1 alone: blocks 0 to b - 1 all come before it, and `before` holds "
            "their sum.",
            "块 b 只加了块 b - 1 的总和：块 0 到 b - 1 都在它前面，`before` 里就是它们的和。",
        ),
        "one_speaks": (
            "A block has one total: only the thread that has the sum of all 64 writes it.",
            "一块只有一个总和：只由拥有全部 64 个之和的线程来写。",
        ),
    },
    hints=(
        ("Block 2 has summed its own. Which single number is missing in all its elements, and who knows it?",
         "块 2 已算好自己的累计和。它的所有元素都缺同一个数：是哪一个，谁知道？"),
        ("scan_blocks is exercise 34 with cuda.grid(1) for x and y, and 0 where there is no element; thread 63 then holds the "
         "block's total, even in the last block. add_before adds before[block - 1].",
         "scan_blocks 就是练习 34，x 和 y 用 cuda.grid(1)，没有元素处放 0；这样线程 63 拥有块的总和，最后一块也一样。add_before 加 before[块 - 1]。"),
        ("scan; if there is an element: write y; thread 63: write sums[block]. The other: if there is an element and the block is "
         "not 0: y += one number.",
         "scan；有元素则写 y；线程 63 写 sums[块]。另一个：有元素且不是块 0：y += 一个数。"),
    ),
)  # fmt: skip
