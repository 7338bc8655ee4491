"""A grey picture, right and slow: mend what it moves.

x (N, 3) holds N pixels of red, green, blue; y (N,) is 0.299 · red + 0.587 · green + 0.114 · blue. Blocks have 128
threads, one thread a pixel, and as many blocks as cover N. The kernel below is right, and most of what it moves is
thrown away: a warp's load moves every sector of 32 bytes that one of its lanes touches.

First, neighbouring lanes should take neighbouring pixels. Even so their reds are 12 bytes apart. Yet the 128 pixels of
a block lie together, 384 numbers in a row: fetch them in order into shared memory, three to a thread, and take them
from there.

    number j of a block's 384:   pixel j // 3 of the block, colour j % 3

Par: 512 sectors for 1,024 pixels, 3 parts fetched and 1 stored. As it stands it moves 4,096.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

WEIGHTS = (0.299, 0.587, 0.114)


def cases(d):
    for n in (5, 300, 1, 128, 129, 257):
        yield case("", d(n, 3))
    yield par("", d(1024, 3))
    yield extreme("infinities and zeros", np.array([[0, -0.0, 0], [float("inf"), 1, 2], [1, -float("inf"), 0], [1e38] * 3],
                                                   np.float32))  # fmt: skip


exercise = Exercise(
    title="Neighbours in memory for neighbours in a warp",
    stars=2,
    minutes=40,
    needs=("count_sectors", "vector_add"),
    section="08",
    tasks=(
        Kernel(
            signature="grey(x, y)",
            cases=cases,
            reference=lambda x: sum(weight * colour for weight, colour in zip(WEIGHTS, x.T, strict=True)),
            outputs={"y": lambda x: x.shape[0]},
            threads=128,
            par={"sectors": 512, "shared_passes": 1.0},
            naive={"sectors": 4096},
        ),
    ),
    says={
        "three_apart": (
            "The store is coalesced now. The loads are still 3 numbers apart: each moves all sectors of the warp's pixels "
            "and uses a third of them, three times.",
            "现在写是合并的了。读仍相隔 3 个数：每次读都搬动整个 warp 的像素的全部扇区，只用三分之一，一共三次。",
        ),
        "far_apart": (
            "Lanes 0 and 1 of a warp still take pixels that are as far apart as there are blocks: threads and blocks have "
            "changed places in the pixel's number.",
            "warp 的通道 0 和 1 取的像素仍相隔块数那么远：像素编号里线程与块换了位置。",
        ),
        "three_each": (
            "Each thread fetches the three numbers of its own pixel, so the lanes of one load are 3 apart as before. In "
            "one load, lanes 0 and 1 should take numbers j and j + 1.",
            "每个线程取自己像素的三个数，所以一次读里通道之间仍相隔 3 个。一次读里，通道 0 和 1 应取第 j 和 j + 1 个数。",
        ),
        "one_third": (
            "Only 128 of the block's 384 numbers are fetched: a thread has three.",
            "块的 384 个数只取了 128 个：每个线程要取三个。",
        ),
        "last_block": (
            "The last block's pixels are left out where it is not full.",
            "最后一个块没满时，它的像素漏掉了。",
        ),
        "too_far": (
            "Where do the numbers of x end? At 3 N, and the last block has fewer than 384.",
            "x 的数到哪里结束？到 3 N，最后一个块不足 384 个。",
        ),
        "weights": (
            "The weights sum to {wsum}: white would not stay white. They are 0.299, 0.587 and 0.114.",
            "权重之和是 {wsum}：白色就不再是白色。它们是 0.299、0.587 和 0.114。",
        ),
        "bgr": (
            "Red and blue are exchanged: 0.299 belongs to colour 0.",
            "红蓝颠倒了：0.299 对应颜色 0。",
        ),
        "planes": (
            "That reads x as if all reds came first. Here a pixel's three colours lie together: number 3 · pixel + colour.",
            "这样读，好像所有红色排在最前。这里一个像素的三个颜色放在一起：编号 3 · 像素 + 颜色。",
        ),
        "mean": (
            "This is the mean of the three colours. The eye sees green as brighter than blue: 0.299, 0.587, 0.114.",
            "这是三个颜色的平均。人眼觉得绿色比蓝色亮：0.299、0.587、0.114。",
        ),
        "blocks_overlap": (
            "A block has 128 pixels, which are 384 numbers: block 1's begin where those end.",
            "一个块有 128 个像素，也就是 384 个数：块 1 的从那之后开始。",
        ),
        "first_block": (
            "Every block fetches the first block's pixels: its own begin at 384 · the block's number.",
            "每个块取的都是第一个块的像素：它自己的从 384 · 块号开始。",
        ),
        "no_blue": (
            "Blue is left out: a pixel has three colours, 0 to 2.",
            "漏了蓝色：一个像素有三个颜色，0 到 2。",
        ),
        "pixels_overlap": (
            "Pixel t begins at number 3 · t of the block, not at t: your pixels overlap.",
            "第 t 个像素从块的第 3 · t 个数开始，不是第 t 个：你的像素重叠了。",
        ),
        "read_as_planes": (
            "What you fetched lies in order, the three colours of a pixel side by side; you read it as if each colour had 128 places of its own. Where do pixel t's three numbers lie?",
            "你取来的数按次序放着，一个像素的三个颜色挨在一起；读的时候却好像每个颜色各占 128 个位置。第 t 个像素的三个数在哪里？",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Which pixel does lane 0 take, which does lane 1, and how many bytes lie between?",
         "通道 0 取哪个像素，通道 1 取哪个，相隔多少字节？"),
        ("Two steps. The pixel's number is cuda.grid(1). Then fetch by numbers, not by pixels: thread t fetches numbers t, "
         "t + 128 and t + 256 of the block's 384 into shared memory; all wait; then each reads the three of its own pixel.",
         "分两步。像素编号是 cuda.grid(1)。然后按数而不是按像素来取：线程 t 把块的 384 个数中的第 t、t + 128、t + 256 个"
         "取进共享内存；全体等待；再各读自己像素的三个。"),
        ("a shared array of 384; for k in 0, 1, 2: j = a number of the block; if x has it: fetch x[its pixel, its colour]; "
         "wait, also those without a pixel; if there is a pixel: three products from shared memory, one store.",
         "384 个数的共享数组；k 为 0、1、2：j = 块的一个编号；若 x 有它：取 x[它的像素, 它的颜色]；等待，没有像素的也等；"
         "若有像素：用共享内存里的三个数做三个乘积，写一次。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Also tells what a student's weights sum to: what a grey of 1, 1, 1 would be."""
    if seen.got and seen.case is not None and len(seen.case.inputs[0]) > 3:
        weights = np.linalg.lstsq(seen.case.inputs[0].astype(np.float64), seen.got[0], rcond=None)[0]
        if seen.case.kind != "extreme" and abs(weights.sum() - 1) > 1e-4:
            seen.facts["wsum"] = f"{weights.sum():.4g}"
