"""The backward of layer normalization: dx along rows, dgamma and dbeta along columns.

The forward (exercise 36) kept, of each row, the normalized numbers n = (x - mean) · scale and scale = 1 / sqrt(variance +
epsilon); its result was y = n · gamma + beta. With g = dy · gamma, which is what arrives at n:

    dgamma[c] = Σ over rows dy · n        dbeta[c] = Σ over rows dy
    dx        = scale · (g - mean of g - n · mean of g · n)             means over the row

The two means are there because each x moves its row's mean and variance, and through them all n of the row. So a row of
dx sums to 0: adding a constant to a row of x changes nothing.

`layernorm_dx(dy, gamma, n, scale, dx)`: one warp of 32 threads has one row; grid (rows,).
`layernorm_dgamma(dy, n, dgamma, dbeta)`: one thread has one column; blocks of 64, as many as cover the columns.
dgamma and dbeta are 0 before the launch. Par: dx with 12 shuffles a row, no barrier; dgamma without atomics.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, par


def made(d, rows, cols, scale=1.0, shift=0.0):
    x = d(rows, cols, scale=scale, shift=shift).astype(np.float64)
    spread = np.sqrt(x.var(axis=1) + 1e-3)
    n = (x - x.mean(axis=1, keepdims=True)) / spread[:, None]
    return d(rows, cols), d(cols), n.astype(np.float32), (1 / spread).astype(np.float32)


def dx_cases(d):
    yield case("", *made(d, 2, 32))
    yield case("", *made(d, 3, 5, scale=0.1))
    yield case("one column", *made(d, 3, 1))
    yield case("", *made(d, 3, 33, scale=4, shift=-2))
    yield par("", *made(d, 4, 100))
    yield case("", *made(d, 2, 131, shift=9))


def dgamma_cases(d):
    for rows, cols in ((5, 7), (1, 3), (3, 64), (2, 65)):
        dy, _, n, _ = made(d, rows, cols)
        yield case("", dy, n)
    dy, _, n, _ = made(d, 33, 150)
    yield par("", dy, n)


def dx_reference(dy, gamma, n, scale):
    x = n / scale[:, None]  # has mean 0: dx is the same for x and for x + a constant
    epsilon = 1 / scale**2 - x.var(axis=1)

    def loss(x):
        spread = np.sqrt(x.var(axis=1) + epsilon)
        return (dy * gamma * (x - x.mean(axis=1, keepdims=True)) / spread[:, None]).sum(axis=1)

    dx, step = np.zeros_like(x), 1e-4 / scale
    for col in range(x.shape[1]):
        up, down = x.copy(), x.copy()
        up[:, col] += step
        down[:, col] -= step
        dx[:, col] = (loss(up) - loss(down)) / (2 * step)
    return dx


def dgamma_reference(dy, n):
    dgamma, dbeta = np.zeros(dy.shape[1]), np.zeros(dy.shape[1])
    for row_dy, row_n in zip(dy, n, strict=True):
        dgamma, dbeta = dgamma + row_dy * row_n, dbeta + row_dy
    return dgamma, dbeta


exercise = Exercise(
    title="The backward of layer normalization",
    stars=3,
    minutes=60,
    needs=("layernorm",),
    section="08",
    tasks=(
        Kernel(
            signature="layernorm_dx(dy, gamma, n, scale, dx)",
            cases=dx_cases,
            reference=dx_reference,
            outputs={"dx": lambda dy: dy.shape},
            threads=32,
            grid=lambda dy: (dy.shape[0],),
            par={"shuffles": 48, "barriers": 0, "shared_accesses": 0},
        ),
        Kernel(
            signature="layernorm_dgamma(dy, n, dgamma, dbeta)",
            cases=dgamma_cases,
            reference=dgamma_reference,
            outputs={"dgamma": lambda dy: (dy.shape[1],), "dbeta": lambda dy: (dy.shape[1],)},
            start={"dgamma": 0, "dbeta": 0},
            threads=64,
            par={"atomics": 0},
        ),
    ),
    says={
        "constants": (
            "Rows of dx must sum to 0, and yours do not: each x moves its row's mean and variance, which are no constants.",
            "dx 的每行之和应为 0，你的不是：每个 x 都会移动这一行的均值和方差，它们不是常数。",
        ),
        "no_variance": (
            "Mean of g is taken away, but x moves the row's *variance* too: the term n · mean(g · n) is missing.",
            "减去了 g 的均值，但 x 也移动这一行的*方差*：缺了 n · mean(g · n) 这一项。",
        ),
        "no_mean": (
            "The variance's part is there, the mean's is not: rows of dx must sum to 0.",
            "有方差的部分，没有均值的部分：dx 的每行之和应为 0。",
        ),
        "no_gamma": (
            "dx is right where gamma is 1: dy passes through gamma first.",
            "gamma 为 1 的地方 dx 是对的：dy 先要经过 gamma。",
        ),
        "gamma_once": (
            "gamma is in g, but not in the two means: they are means of g as well.",
            "g 里有 gamma，两个均值里却没有：它们也是 g 的均值。",
        ),
        "no_scale": (
            "scale is missing: n = (x - mean) · scale, so a step of x is a step of `scale` in n.",
            "缺了 scale：n = (x - mean) · scale，所以 x 走一步，n 走 `scale` 步。",
        ),
        "not_divided": (
            "A sum is not divided by the number of columns: both are means.",
            "有的和没有除以列数：两个都是均值。",
        ),
        "lane_0_only": (
            "After shfl_down only lane 0 has the whole sum, and all lanes need it.",
            "shfl_down 之后只有通道 0 有完整的和，而所有通道都需要它。",
        ),
        "exchanged": (
            "dgamma and dbeta are exchanged: beta was added, so what arrives at it is dy alone.",
            "dgamma 与 dbeta 互换了：beta 是加上去的，所以到它那里的只有 dy。",
        ),
        "dgamma_without_n": (
            "gamma was multiplied by n: dgamma is the sum of dy · n.",
            "gamma 乘的是 n：dgamma 是 dy · n 的和。",
        ),
        "last_row": (
            "Only the last row counts: gamma serves all rows, so what arrives is added over them.",
            "只算了最后一行：gamma 为所有行服务，所以各行传来的要相加。",
        ),
        "mean_of_rows": (
            "It is divided by the number of rows: a gradient is a sum over all uses; a mean is the loss's affair.",
            "多除了行数：梯度是所有使用之处的和；取平均是损失函数的事。",
        ),
        "rows_at_once": (
            "Threads of several rows meet in one column: let one thread walk down its column.",
            "多行的线程在同一列相遇：让一个线程沿自己的列往下走。",
        ),
        "atomics": (
            "An atomic addition for each element, all rows to one address; a thread that walks down its column stores once.",
            "每个元素一次原子加，许多次落在同一个地址；沿列往下走的线程只写一次。",
        ),
        "gamma_outside": (
            "gamma is multiplied on at the end, and the means are of dy alone. What arrives at n is g = dy · gamma: "
            "the means are of that.",
            "gamma 在最后才乘上，而均值只是 dy 的。到达 n 的是 g = dy · gamma：均值要对它取。",
        ),
        "second_mean_for_all": (
            "The second mean is taken from all elements alike: each gives n times it, its own n.",
            "第二个均值从每个元素里减得一样多：每个元素减去的应是它自己的 n 乘以它。",
        ),
    },
    hints=(
        ("If a constant is added to a row of x, what does y do, and what does that say of the row of dx?",
         "给 x 的一行加上常数，y 会怎样？这说明 dx 的那一行有什么性质？"),
        ("dx: two sums of a row, over g and over g · n, then one formula. dgamma, dbeta: one thread a column, two sums over the "
         "rows.",
         "dx：一行的两个和，g 的与 g · n 的，然后一个公式。dgamma、dbeta：一列一个线程，对行求两个和。"),
        ("Walk: a += g, b += g · n; five shuffles each, to all lanes; divide by cols; walk: write. In the other: guard the column, "
         "loop over rows, write twice.",
         "走：a += g，b += g · n；各五次 shuffle 到所有通道；除以列数；走：写出。另一个：列的边界判断，对行循环，写两个。"),
    ),
)  # fmt: skip
