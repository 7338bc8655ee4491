"""y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, row by row.

Layer normalization (Ba, Kiros and Hinton, 2016). Each row of x (rows, cols) is brought to mean 0 and variance 1; gamma
and beta (cols,) belong to columns. The variance is the mean of (x - mean)², over n and not n - 1.

There is a formula that needs one walk only, E[x²] - E[x]². In float32 it fails where the mean is large: at mean 1000 and
variance 1 it subtracts 1,000,000 from 1,000,001, and float32 has steps of 0.06 there. So: first the mean, then the
squares of what is left; or Welford's update, which keeps both right in one walk.

epsilon comes to the kernel as a number of 64 bits, as every Python float does: `float32(epsilon)` makes it one of 32.

One warp of 32 threads has one row, and the row may be longer than 32 or shorter. The grid is (rows,).
Par: 15 shuffles a row (10 for two sums, 15 for merging Welford), no barrier, no shared memory.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("", d(2, 32), d(32), d(32), 1e-5)
    yield case("", d(3, 5, scale=0.01), d(5), d(5), 1e-3)
    yield case("one column", d(3, 1), d(1), d(1), 1e-5)
    yield case("", d(3, 33, scale=4, shift=-2), d(33), d(33), 1e-5)
    yield par("", d(4, 100, shift=0.5), d(100), d(100), 1e-5)
    yield case("1000 and noise", d(2, 131, shift=1000), d(131), d(131), 1e-5)
    yield extreme("all equal", d(2, 40) * 0 + np.float32(3), d(40), d(40), 1e-5)


def reference(x, gamma, beta, epsilon):
    y = np.zeros_like(x)
    for r, row in enumerate(x):
        differences = row[:, None] - row[None, :]
        variance = (differences**2).mean() / 2  # of all pairs: no mean is needed
        y[r] = differences.mean(axis=1) / np.sqrt(variance + epsilon) * gamma + beta
    return y


exercise = Exercise(
    title="Layer normalization",
    stars=2,
    minutes=40,
    needs=("reduce_shuffle",),
    section="08",
    tasks=(
        Kernel(
            signature="layernorm(x, gamma, beta, y, epsilon)",
            cases=cases,
            reference=reference,
            inputs="x gamma beta epsilon",
            outputs={"y": lambda x: x.shape},
            threads=32,
            grid=lambda x: (x.shape[0],),
            tolerance=2e-4,
            par={"shuffles": 60, "barriers": 0, "shared_accesses": 0},
        ),
    ),
    says={
        "square_of_mean": (
            "Right where the mean is small, wrong in `1000 and noise`: E[x²] - E[x]² takes 1,000,000 from 1,000,001 in "
            "float32, and what is left is rounding, even below 0. Subtract the mean first, then square.",
            "均值小时对，在 `1000 and noise` 中错：E[x²] - E[x]² 在 float32 里用 1,000,001 减 1,000,000，剩下的只是舍入误差，"
            "甚至为负。先减均值，再平方。",
        ),
        "epsilon_outside": (
            "epsilon stands outside the root: sqrt(variance) + epsilon is not sqrt(variance + epsilon).",
            "epsilon 放在了根号外：sqrt(方差) + epsilon 不等于 sqrt(方差 + epsilon)。",
        ),
        "no_epsilon": (
            "epsilon is missing: a row of equal numbers has variance 0.",
            "缺了 epsilon：全相等的一行方差为 0。",
        ),
        "n_minus_1": (
            "The variance is divided by n - 1; layer normalization takes n.",
            "方差除的是 n - 1；层归一化用 n。",
        ),
        "gamma_by_row": (
            "gamma and beta belong to columns: their index is the column.",
            "gamma 和 beta 属于列：下标是列号。",
        ),
        "only_first_32": (
            "Mean and variance are those of the row's first 32: each lane has to walk on.",
            "均值和方差只来自这一行的前 32 个：每条通道要继续走。",
        ),
        "lane_0_only": (
            "After shfl_down only lane 0 has the whole sum: the other lanes go on with a part of it. How do they get it?",
            "shfl_down 之后只有通道 0 有完整的和：其他通道用的是部分和。它们怎样得到它？",
        ),
        "not_divided": (
            "The sum of squares is not divided by the number of columns.",
            "平方和没有除以列数。",
        ),
        "no_root": (
            "It divides by the variance, not by its root.",
            "除的是方差，不是它的平方根。",
        ),
        "no_mean": (
            "x is divided by its spread, and the mean is not taken away.",
            "x 除以了离散程度，却没有减去均值。",
        ),
        "padding_counted": (
            "Lanes beyond the row's end count (0 - mean)² too: a lane without an element adds nothing.",
            "超出行尾的通道也算进了 (0 - mean)²：没有元素的通道什么也不加。",
        ),
        "through_shared": (
            "A warp can add its lanes' sums by shuffles: then nobody has to wait.",
            "一个 warp 可以用 shuffle 把通道的和加起来：就没有人需要等待。",
        ),
        "by_32": (
            "It is divided by 32, the number of lanes. The row has {x1} elements, and a mean is over those.",
            "除的是通道数 32。这一行有 {x1} 个元素，均值是对它们取的。",
        ),
        "last_of_a_lane": (
            "A lane has several elements where the row is longer than 32, here {x1}, and yours keeps the last alone: "
            "add them up.",
            "行长超过 32（这里是 {x1}）时，一条通道有好几个元素，你只留下了最后一个：要加起来。",
        ),
        "gamma_on_beta": (
            "gamma multiplies beta as well: it is a factor of the normalized number alone, and beta comes after.",
            "gamma 把 beta 也乘了：它只乘归一化后的数，beta 在那之后加。",
        ),
    },
    hints=(
        ("Which numbers does every lane need before it can write its first element, and who has them?",
         "每条通道在写出第一个元素之前需要哪些数，它们在谁手里？"),
        ("Three walks along the row: sum, squares of x - mean, writing. After each of the first two the lanes' sums are added "
         "so that *all* lanes have the result: shfl_xor does that.",
         "沿这一行走三遍：求和、(x - mean) 的平方和、写出。前两遍之后把各通道的和加起来，使*所有*通道都有结果：shfl_xor 可以做到。"),
        ("total, five xor shuffles, mean; squares, five xor shuffles, 1 / sqrt(squares / n + epsilon); then each lane writes "
         "its columns.",
         "total，五次 xor shuffle，mean；平方和，五次 xor shuffle，1 / sqrt(平方和 / n + epsilon)；然后每条通道写自己的列。"),
    ),
)  # fmt: skip
