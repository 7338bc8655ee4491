"""A product on the tensor cores, a warp a tile of 16 x 8.

A tensor core multiplies small matrices at once: all 32 lanes of a warp bring their part of A (16 x 8), B (8 x 8) and C (16 x 8)
and get their part of A @ B + C back. `cuda_kernels.intrinsics` has the instruction as a function,

    c = mma_tf32(a, b, c)         a: 4 numbers of this lane, b: 2, c: 4, each a tuple of float32

and with group = lane // 4, pair = lane % 4 this lane's numbers are those of

    a    A[group, pair]     A[group + 8, pair]     A[group, pair + 4]     A[group + 8, pair + 4]
    b    B[pair, group]     B[pair + 4, group]
    c    C[group, 2·pair]   C[group, 2·pair + 1]   C[group + 8, 2·pair]   C[group + 8, 2·pair + 1]

It reads 10 bits of a number's mantissa (TF32) and cuts off the other 13: `to_tf32(x)` rounds them, half as far off. C stays
float32. All 32 lanes have to come to the instruction, each time.

`tensor_core(a, b, c)` for a (M, K), b (K, N), c (M, N); M is a multiple of 16 and N of 8, K of nothing: steps of 8 along K, and 0
where there is no K left. One warp a block; the block's y counts tiles of 16 rows, its x tiles of 8 columns.
What is right is the product of a and b rounded to TF32. (NVIDIA, PTX ISA, "Matrix fragments for mma.m16n8k8", .tf32)
"""

import numpy as np

from minidl.course import Exercise, Kernel, case


def run(module, launch, a, b):
    c = np.full((a.shape[0], b.shape[1]), np.nan, np.float32)
    report = launch(module.tensor_core, (c.shape[1] // 8, c.shape[0] // 16), 32, a, b, c)
    return c, report.figures.tensor_products > 0


def cases(d):
    for m, k, n in ((16, 8, 8), (16, 3, 8), (32, 16, 8), (16, 13, 24), (48, 9, 16), (32, 30, 8)):
        yield case("", d(m, k), d(k, n))
    few = d(16, 7)
    few[3], few[:, 2] = 0, -0.0
    yield case("a row and a column of zeros", few, d(7, 16, scale=200))


def in_tf32(x):
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.trunc(mantissa * 2**11 + np.copysign(0.5, mantissa)), exponent - 11)


exercise = Exercise(
    title="A product on the tensor cores",
    stars=3,
    minutes=60,
    needs=("gemm_tiled", "reduce_shuffle"),
    section="12",
    allow=("cuda_kernels.intrinsics",),
    tasks=(
        Kernel(
            signature="tensor_core(a, b, c)",
            inputs="a b",
            results="c on_tensor_cores",
            cases=cases,
            reference=lambda a, b: (in_tf32(a) @ in_tf32(b), True),
            outputs={"c": lambda a, b: (a.shape[0], b.shape[1])},
            threads=32,
            drive=run,
            resized=False,
            tolerance=2e-5,
        ),
    ),
    says={
        "not_on_them": (
            "The product is there, but no tensor core has made it: the multiplications have to be those of mma_tf32.",
            "乘积算出来了，但不是张量核心算的：乘法要用 mma_tf32。",
        ),
        "all_lanes": (
            "That holds for mma_tf32 too: it takes numbers from all 32 lanes. A lane without a number of its own brings 0.",
            "mma_tf32 也是如此：它从全部 32 条通道取数。没有数的通道带 0 来。",
        ),
        "not_rounded": (
            "A little off everywhere, and too small in size: the instruction cuts the lower 13 bits off. Round once, on the way in: to_tf32.",
            "处处差一点，而且绝对值偏小：这条指令会截去低 13 位。送进去之前舍入一次：to_tf32。",
        ),
        "half_rounded": (
            "One of the two operands is cut off, not rounded: to_tf32 is for the numbers of a and those of b.",
            "两个操作数中有一个是截断的，没有舍入：to_tf32 对 a 和 b 的数都要用。",
        ),
        "total_rounded": (
            "c is rounded too: it is float32, and only a and b lose bits.",
            "c 也被舍入了：它是 float32，只有 a 和 b 要舍去低位。",
        ),
        "rows_exchanged": (
            "Rows 0 to 7 and 8 to 15 of each tile are exchanged on one side: c's first two numbers are those of row `group`.",
            "每块的第 0 到 7 行与第 8 到 15 行在一边互换了：c 的前两个数属于第 group 行。",
        ),
        "columns_exchanged": (
            "Neighbouring columns of c are exchanged: this lane has columns 2·pair and 2·pair + 1, in this order.",
            "c 的相邻两列互换了：这条通道的是第 2·pair 列和第 2·pair + 1 列，按这个次序。",
        ),
        "pairs_apart": (
            "A lane's two columns of c lie side by side, 2·pair and 2·pair + 1; you write them as they lie in a, pair and pair + 4.",
            "一条通道的两列 c 是相邻的 2·pair 和 2·pair + 1；你按 a 的排法写成了 pair 和 pair + 4。",
        ),
        "a_order": (
            "The second and third number of a are exchanged: first 8 rows further down, then 4 columns further on.",
            "a 的第二个和第三个数互换了：先是往下 8 行，再是往右 4 列。",
        ),
        "same_k": (
            "The third and fourth number of a are of the same column as the first two: they lie 4 columns further on.",
            "a 的第三、第四个数与前两个在同一列：它们应在右边 4 列。",
        ),
        "group_of_8": (
            "group and pair are taken from the lane the other way: four neighbouring lanes make a group.",
            "group 和 pair 从通道号取反了：相邻的四条通道为一组。",
        ),
        "b_turned": (
            "That is B transposed: a lane's numbers of b are in column `group`, in rows pair and pair + 4.",
            "这是转置的 B：一条通道的 b 在第 group 列，行号是 pair 和 pair + 4。",
        ),
        "b_order": (
            "The two numbers of b are exchanged: the first is of row pair, the second of row pair + 4.",
            "b 的两个数互换了：第一个是第 pair 行的，第二个是第 pair + 4 行的。",
        ),
        "tail_lost": (
            "The last {a1 % 8} of K = {a1} terms are missing: 8 at a time leaves a rest.",
            "K = {a1} 项中少了最后 {a1 % 8} 项：每次 8 个会剩下一些。",
        ),
        "last_step": (
            "Only the last 8 terms count: the instruction adds to the c that it is given, so give it the one before.",
            "只算了最后 8 项：这条指令是加到给它的 c 上的，所以要把上一次的给它。",
        ),
        "first_tile": (
            "Every tile of c is computed from the first of a or b, or written to one place: where do the block's numbers come in?",
            "c 的每一块都用了 a 或 b 的第一块，或写到了同一处：块号用在哪里？",
        ),
        "beyond_k": (
            "K is {a1}, and steps of 8 go past it: a place that is not there has to count as 0.",
            "K 是 {a1}，按 8 走会越过它：不存在的地方应按 0 计。",
        ),
        "grid_turned": (
            "The block's x counts tiles of 8 columns and its y tiles of 16 rows.",
            "块号的 x 数的是 8 列一块的，y 数的是 16 行一块的。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Lane 5 has group 1 and pair 1. Which four numbers of a 16 x 8 tile of A are its own, and which of C does it get back?",
         "通道 5 的 group 是 1，pair 是 1。16 x 8 的 A 块里哪四个数归它，它又得回 C 的哪几个？"),
        ("c begins as four zeros. For each 8 along K fetch six numbers, or 0 where K has ended, round each, and hand all to the instruction "
         "together with c. Every lane, every time: choose the numbers with `if`, not the call.",
         "c 从四个零开始。沿 K 每 8 个：取六个数，K 已结束处取 0，各自舍入，连同 c 一起交给指令。每条通道每次都要到：用 `if` 选数，不要用它选调用。"),
        ("group, pair; row of the block, column of the block; total = four zeros; for start in steps of 8: a's four, b's two, one call; then "
         "four stores.",
         "group、pair；块的起始行、起始列；total = 四个零；start 以 8 为步长：a 的四个，b 的两个，一次调用；然后写四个。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.got is not None and len(seen.got) == 2 and not seen.got[1]:
        c, right = seen.got[0], seen.expected[0]
        if np.abs(c - right).max() <= 5e-3 * np.abs(right).max():
            return "not_on_them"
    if seen.code in ("F1", "F1n", "F2") and seen.facts.get("shape") and "a1" in seen.facts:
        wide = {"a": 1, "b": 0}.get(seen.facts["a"])
        index = [int(i) for i in seen.facts["i"].split(",")]
        if wide is not None and index[wide] >= seen.facts["a1"] and seen.facts["a1"] % 8:
            return "beyond_k"
