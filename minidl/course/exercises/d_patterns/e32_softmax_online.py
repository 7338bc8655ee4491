"""The largest of each row and the sum of exp(x - largest), in one walk.

Exercise 31 walks a row twice before it can write. Largest and sum can be had together (Milakov and Gimelshein, 2018):
keep the largest so far, m, and the sum l of exp(x - m) of what was seen. When a larger x comes, all that was summed is
too large by the same factor, and one product mends it:

    x = 1, m = 1, l = 1        then x = 3:    l = 1 · exp(1 - 3) + 1,    m = 3

Two lanes have a pair (m, l) each; joined, the pair has the larger m, and *both* sums are brought to it first.

largest[r], total[r] are wanted for row r of x (rows, cols). One warp has one row; the grid is (rows,). A lane may have no
element, and a row may begin with many -inf, but has at least one number: beware of -inf - -inf, which is NaN.
Par: each element read once, 87 sectors loaded for (6, 100); 10 shuffles a row; no barrier.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def cases(d):
    yield case("the largest comes last", np.sort(d(2, 70), axis=1))
    yield case("one column", d(3, 1))
    yield case("", d(3, 7, scale=2))
    yield case("the largest comes first", np.sort(d(2, 70), axis=1)[:, ::-1].copy())
    yield case("", d(3, 33))
    yield par("", d(6, 100))
    yield case("", d(1, 515, scale=3, shift=-5))
    yield extreme("200 and -200", np.where(d(2, 75) > 1, 200, -200).astype(np.float32))
    yield extreme("-200 everywhere", np.full((2, 40), -200, np.float32))
    yield extreme("-inf first", np.where(np.arange(90) < 80, -INF, d(2, 90)).astype(np.float32))


def reference(x):
    order = np.sort(x, axis=1)  # the largest is the last
    return order[:, -1], np.array([sum(np.exp(row - row[-1]).tolist()) for row in order])


exercise = Exercise(
    title="Largest and sum in one walk",
    stars=3,
    minutes=60,
    needs=("softmax_rows",),
    section="08",
    tasks=(
        Kernel(
            signature="largest_and_total(x, largest, total)",
            cases=cases,
            resized=False,
            reference=reference,
            outputs={"largest": lambda x: (x.shape[0],), "total": lambda x: (x.shape[0],)},
            threads=32,
            grid=lambda x: (x.shape[0],),
            par={"load_sectors": 87, "shuffles": 60, "barriers": 0},
        ),
    ),
    says={
        "no_rescale": (
            "Wrong exactly where a lane's largest is not its first: when m grows, what l has so far belongs to the old m.",
            "凡是通道的最大值不是第一个时就错：m 变大后，l 里已有的仍按旧的 m。",
        ),
        "wrong_way": (
            "The old sum has to shrink when m grows: exp(old - new), not exp(new - old).",
            "m 变大时旧的和应缩小：是 exp(旧 - 新)，不是 exp(新 - 旧)。",
        ),
        "rescales_new": (
            "The factor exp(old - new) is for the *old* sum; the new term is exp(x - new).",
            "因子 exp(旧 - 新) 是给*旧*的和的；新的一项是 exp(x - 新)。",
        ),
        "merge_without": (
            "Right for one lane; two lanes' sums are of different m, and both have to be brought to the larger.",
            "单条通道是对的；两条通道的和对应不同的 m，两者都要换到较大的那个。",
        ),
        "merge_half": (
            "In joining, one of the two sums is brought to the larger m and the other is not: either may have the smaller.",
            "合并时只有一个和换到了较大的 m，另一个没有：任何一个都可能是较小的。",
        ),
        "inf_minus_inf": (
            "-inf - -inf is NaN: what factor does a sum get that has nothing in it yet?",
            "-inf - -inf 是 NaN：一个还什么都没有的和，应乘什么因子？",
        ),
        "from_0": (
            "m begins at 0: a row below 0 has no element as large.",
            "m 从 0 开始：全小于 0 的行里没有这么大的元素。",
        ),
        "no_exp_of_new": (
            "The element that becomes the largest counts too: exp(0) = 1.",
            "成为最大值的那个元素自己也要算：exp(0) = 1。",
        ),
        "twice": (
            "Two walks: x is fetched twice. Which factor turns a sum for the old m into one for the new?",
            "走了两遍：x 取了两次。乘上哪个因子，就能把按旧 m 的和变成按新 m 的？",
        ),
        "shuffled_late": (
            "l is shuffled after it was changed: by then the other lane has brought its sum to its own new largest, "
            "and not to the m that you got from it. Fetch both before either changes.",
            "l 是改变之后才 shuffle 的：那时另一条通道已把和换到了它自己新的最大值，而不是你拿到的那个 m。两者都要在"
            "改变之前取。",
        ),
        "new_largest_alone": (
            "Only elements that became the largest are counted: every other one adds exp(x - m) to l as well.",
            "只算了成为最大值的元素：其余每一个也要把 exp(x - m) 加到 l 上。",
        ),
    },
    hints=(
        ("l = exp(a - m) + exp(b - m). What must l be multiplied by when m becomes M?",
         "l = exp(a - m) + exp(b - m)。当 m 变成 M 时，l 要乘以什么？"),
        ("For each element: M = the larger; l = l · exp(m - M) + exp(x - M); m = M. Joining two pairs is the same, with a sum "
         "in place of 1. -inf: begin with the lowest finite number.",
         "对每个元素：M = 较大者；l = l · exp(m - M) + exp(x - M)；m = M。合并两对也一样，只是用和代替 1。-inf：从最小的有限数开始。"),
        ("m lowest, l = 0; walk in steps of 32: three lines; for five distances: shuffle m and l *before* either changes, then "
         "bring both to the larger. Lane 0 writes.",
         "m 取最低，l = 0；以 32 为步长走：三行；五个距离：在改变之前先 shuffle m 和 l，再把两者都换到较大者。通道 0 写出。"),
    ),
)  # fmt: skip
