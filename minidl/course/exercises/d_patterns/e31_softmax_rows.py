"""y = exp(x) / the sum of exp(x) of the row, for every row, without overflow.

exp(89) is infinite in float32, and exp(-104) is 0. Both are avoided by one subtraction that changes nothing:

    exp(x[c] - m) / Σ exp(x[k] - m)        is the same for every m; with m = the row's largest, no exponent is above 0,
                                           and the sum is at least 1

A row may be all -200 (its softmax is 1/n everywhere), may hold -inf (that element gets 0), may have one column.
No row is -inf alone. One warp of 32 threads has one row, shorter or longer than 32; the grid is (rows,).
Largest and sum are needed by *all* lanes: `cuda.shfl_xor_sync(0xFFFFFFFF, value, distance)` leaves the result in each.
Par: 11 shuffles a row, no barrier, no shared memory, and 406 sectors for (4, 100).
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def cases(d):
    yield case("", d(2, 32))
    yield case("", d(3, 5, scale=2))
    yield case("one column", d(3, 1))
    yield case("", d(3, 33))
    yield par("", d(4, 100))
    yield case("", d(2, 131, scale=3, shift=1))
    yield extreme("200 among others", high(d, 200.0))
    yield extreme("-200 everywhere", np.full((2, 40), -200, np.float32))
    yield extreme("-inf entries", high(d, -INF))
    yield extreme("ties", np.repeat(np.array([[3, -7], [0, 0]], np.float32), 20, axis=1))


def high(d, value):
    x = d(3, 37)
    x[0, 0], x[1, 36], x[2, 20], x[2, 4] = value, value, value, value
    return x


def reference(x):
    y = np.zeros_like(x)
    for r, row in enumerate(x):
        for c, value in enumerate(row):
            if value > -INF:
                y[r, c] = 1 / np.exp(np.maximum(row - value, -700)).sum()  # 1 / Σ exp(x[k] - x[c]): no largest is needed
    return y


exercise = Exercise(
    title="Softmax of rows",
    stars=2,
    minutes=35,
    needs=("reduce_shuffle",),
    section="08",
    recognise=lambda seen: recognise(seen),
    tasks=(
        Kernel(
            signature="softmax(x, y)",
            cases=cases,
            reference=reference,
            outputs={"y": lambda x: x.shape},
            threads=32,
            grid=lambda x: (x.shape[0],),
            tolerance=2e-5,
            par={"shuffles": 44, "barriers": 0, "shared_accesses": 0, "sectors": 406},
        ),
    ),
    says={
        "no_max": (
            "exp overflows, or all of a row become 0: which number may be taken from every x of a row without changing the "
            "result?",
            "exp 溢出，或整行都变成 0：从一行的每个 x 中减去哪个数，结果不变？",
        ),
        "max_from_0": (
            "The largest begins at 0, so a row of -200 has largest 0, all its exps are 0, and 0 / 0 is NaN. Begin with the "
            "smallest there is, -inf.",
            "最大值从 0 开始，于是全为 -200 的行最大值成了 0，exp 全是 0，0 / 0 得 NaN。从最小的 -inf 开始。",
        ),
        "numerator_without_max": (
            "The sum is of exp(x - m), the numerator exp(x): rows sum to exp(m), not to 1.",
            "分母是 exp(x - m) 的和，分子却是 exp(x)：每行之和是 exp(m)，不是 1。",
        ),
        "sum_without_max": (
            "The numerator is exp(x - m), the sum of exp(x): both want the same m.",
            "分子是 exp(x - m)，和却是 exp(x) 的：两处要用同一个 m。",
        ),
        "no_division": (
            "Nothing is divided by the row's sum: the largest element becomes 1, and rows have to sum to 1.",
            "没有除以这一行的和：最大的元素成了 1，而每行之和应为 1。",
        ),
        "first_term_skipped": (
            "Rows sum to more than 1: each lane's first element is not in the sum.",
            "每行之和大于 1：每条通道的第一个元素没有算进和里。",
        ),
        "own_max": (
            "Each lane subtracts the largest of *its* elements, and another lane's sum is of other exponents: the largest "
            "has to be the row's.",
            "每条通道减的是*自己*元素的最大值，与别的通道的和就对不上：最大值应是整行的。",
        ),
        "own_sum": (
            "Each lane divides by the sum of its own elements: the sum has to be the row's.",
            "每条通道除以自己元素的和：应除以整行的和。",
        ),
        "lane_0_only": (
            "After shfl_down only lane 0 has the row's value; the others go on with a part of it.",
            "shfl_down 之后只有通道 0 有整行的值；其他通道用的是一部分。",
        ),
        "only_first_32": (
            "Right up to 32 columns: in {x1} columns, largest and sum take in the first 32 only.",
            "32 列以内都对：{x1} 列时最大值和总和只看了前 32 列。",
        ),
        "log_softmax": (
            "This is the logarithm of the result: x - m - log(sum).",
            "这是结果的对数：x - m - log(和)。",
        ),
        "min_taken": (
            "It subtracts the row's *smallest*: then exponents are above 0, and overflow sooner.",
            "减去的是这一行的*最小值*：指数都大于 0，更容易溢出。",
        ),
        "through_shared": (
            "A warp finds largest and sum by shuffles: then nobody has to wait.",
            "一个 warp 用 shuffle 就能求最大值和总和：没有人需要等待。",
        ),
        "one_lane": (
            "Every lane walks the whole row: 32 times the same work. Walk in steps of 32, and join by shuffles.",
            "每条通道都走完整行：同样的工作做了 32 遍。以 32 为步长走，再用 shuffle 合并。",
        ),
    },
    hints=(
        ("What is the largest exponent that ever goes into exp, and what is the smallest that the sum can be?",
         "进入 exp 的最大指数是多少，和最小可能是多少？"),
        ("Three walks in steps of 32: the largest, the sum of exp(x - largest), writing. After the first and the second, five "
         "shuffles bring all lanes the row's value.",
         "以 32 为步长走三遍：最大值，exp(x - 最大值) 的和，写出。第一遍和第二遍之后用五次 shuffle 使所有通道得到整行的值。"),
        ("m = -inf; walk: max; five shuffles: max. s = 0; walk: += exp; five shuffles: +=. Walk: exp / s.",
         "m = -inf；走：取 max；五次 shuffle：取 max。s = 0；走：+= exp；五次 shuffle：+=。走：exp / s。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Below 0 a largest that begins at 0 is as good as none; 200 has passed before."""
    if seen.stage == "values" and seen.case is not None and seen.case.label == "-200 everywhere":
        return "max_from_0" if np.isnan(np.asarray(seen.got)).any() else None
    return None
