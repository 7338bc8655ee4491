"""Max pooling and its backward, without atomics.

y[n, p, q, c] is the largest x[n, i, j, c] of a window of size x size pixels that begins at row p · stride - pad and column
q · stride - pad. What lies outside counts as -∞: leave it out.

    x  1 5 2 0     size 2, stride 2, pad 0      dy  10 20      dx   0 10  0  0      the window below on the right is all 0:
       3 4 1 6     y  5 6                           30 40           0  0  0 20      the first pixel in reading order has won,
       7 2 0 0        7 0                                          30  0 40  0      and has all of dy's 40
       1 0 0 0                                                      0  0  0  0

Backward all of a window's dy goes to its winner; of several largest to the first in reading order. Where windows overlap,
a pixel may win in several, and two threads that hand out would meet in it. So the pixel has the thread: it asks each window
that it lies in whether it has won there, and writes its sum once.

`max_pool(x, y, size, stride, pad)` has a thread for each element of y, `max_pool_backward(dy, x, y, dx, size, stride, pad)`
one for each element of dx; blocks of 128 threads. x, dx (N, H, W, C), y, dy (N, P, Q, C): how many windows there are is the
shape of y. Channels run fastest in memory. pad is smaller than size.
Par: 600 sectors forward and 2,500 backward for 9 x 10 pixels, 6 channels, windows 3 wide, 2 apart.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def windows(x, size, stride, pad):
    """Yield of each window its place in y, and the rows and columns of x in it."""
    p, q = ((n + 2 * pad - size) // stride + 1 for n in x.shape[1:3])
    for i, j in np.ndindex(p, q):
        rows, cols = (
            range(max(0, k * stride - pad), min(n, k * stride - pad + size))
            for k, n in ((i, x.shape[1]), (j, x.shape[2]))
        )
        yield (i, j), rows, cols


def pooled(x, size, stride, pad):
    n, h, w, c = x.shape
    y = np.zeros((n, (h + 2 * pad - size) // stride + 1, (w + 2 * pad - size) // stride + 1, c), x.dtype)
    for (p, q), rows, cols in windows(x, size, stride, pad):
        y[:, p, q] = x[:, rows.start : rows.stop, cols.start : cols.stop].max(axis=(1, 2))
    return y


def window_by_window(dy, x, y, size, stride, pad):
    dx = np.zeros(x.shape)
    for (p, q), rows, cols in windows(x, size, stride, pad):
        for n, c in np.ndindex(x.shape[0], x.shape[3]):
            i, j = max(((i, j) for i in rows for j in cols), key=lambda ij: x[n, ij[0], ij[1], c])  # the first of equal ones
            dx[n, i, j, c] += dy[n, p, q, c]
    return dx


def images(d):
    yield case, "", d(1, 4, 4, 1), 2, 2, 0
    yield case, "", d(2, 4, 6, 3), 2, 2, 0
    yield case, "windows overlap", d(2, 7, 5, 2), 3, 2, 0
    yield case, "windows overlap", d(1, 5, 6, 2), 3, 1, 1
    yield case, "windows lie apart", d(2, 8, 7, 2), 2, 3, 0
    yield case, "the last row is in no window", d(2, 5, 7, 1), 2, 2, 0
    yield case, "all negative", -np.abs(d(2, 6, 5, 2)) - 1, 3, 2, 1
    yield par, "", d(1, 9, 10, 6), 3, 2, 1
    yield extreme, "after a relu", np.maximum(d(2, 6, 5, 2, shift=-0.7), 0), 2, 2, 0
    yield extreme, "ties, windows overlap", np.round(d(1, 6, 7, 2)), 3, 2, 1
    yield extreme, "-200 everywhere", np.full((1, 5, 4, 2), -200, np.float32), 3, 2, 1


def forward_cases(d):
    for kind, label, x, size, stride, pad in images(d):
        yield kind(label, x, size, stride, pad)
    x = d(1, 4, 6, 2)
    x[0, :2, :2], x[0, 3, 5] = -INF, INF
    yield extreme("a window of -∞, and ∞", x, 2, 2, 0)


def backward_cases(d):
    for kind, label, x, size, stride, pad in images(d):
        y = pooled(x, size, stride, pad)
        yield kind(label, d(*y.shape), x, y, size, stride, pad)


exercise = Exercise(
    title="Max pooling's pair of kernels",
    stars=3,
    minutes=60,
    needs=("pool_backward", "conv_dx"),
    section="12",
    tasks=(
        Kernel(
            signature="max_pool(x, y, size, stride, pad)",
            cases=forward_cases,
            reference=pooled,
            outputs={"y": lambda x, size, stride, pad: pooled(x, size, stride, pad).shape},
            threads=128,
            outside={"x": "−∞"},
            par={"sectors": 600},
        ),
        Kernel(
            signature="max_pool_backward(dy, x, y, dx, size, stride, pad)",
            cases=backward_cases,
            reference=window_by_window,
            resized=False,
            outputs={"dx": lambda x: x.shape},
            threads=128,
            outside={"x": "−∞", "y": "0", "dy": "0"},
            par={"sectors": 2500},
        ),
    ),
    says={
        "both_less": (
            "Earlier in reading order is a row further up, or the same row and further left. You ask for both at once, and equal pixels beside "
            "each other all get the gradient.",
            "在阅读顺序中靠前，是指更靠上的行，或同一行而更靠左。你要求两者同时成立，于是相邻的相等像素都得到梯度。",
        ),
        "from_zero": (
            "The search begins at 0, which wins where all pixels are negative: begin at -∞, or at a pixel.",
            "查找从 0 开始，全是负像素时 0 就赢了：从 -∞ 或某个像素开始。",
        ),
        "outside_zero": (
            "What lies outside counts as 0 here, and wins where all pixels are negative. It counts as -∞: leave it out.",
            "外面的被当作 0，全是负像素时它就赢了。应按 -∞ 计：跳过。",
        ),
        "pad_forgotten": (
            "y is right without padding. With pad {pad}, window 0 begins {pad} before the first row and column.",
            "没有填充时 y 是对的。pad 为 {pad} 时，第 0 个窗口从第一行、第一列之前 {pad} 处开始。",
        ),
        "stride_of_size": (
            "Windows begin at p · {stride}, the stride; yours at p · {size}, their size.",
            "窗口从 p · {stride}（步幅）开始；你的从 p · {size}（窗口大小）开始。",
        ),
        "average": (
            "This is the average of each window; wanted is its largest.",
            "这是每个窗口的平均值；要的是最大值。",
        ),
        "first_row": (
            "Only the first row of each window is searched: where does the second loop run over columns, and the first over rows?",
            "只查了每个窗口的第一行：哪个循环走行，哪个循环走列？",
        ),
        "all_channels": (
            "Every channel of y is that of channel 0: each channel has a largest of its own.",
            "y 的每个通道都是通道 0 的：每个通道有自己的最大值。",
        ),
        "handed_out": (
            "That hands out, from the window to its winner, and a pixel may win in several windows. Let the *pixel* have the thread, and "
            "ask each window that it lies in.",
            "这是从窗口往胜者分发，而一个像素可能在几个窗口胜出。让*像素*拥有线程，去问它所在的每个窗口。",
        ),
        "overwritten": (
            "A pixel that wins in two overlapping windows has one's dy: the other overwrites it.",
            "在两个重叠的窗口都胜出的像素只剩一个的 dy：另一个被覆盖了。",
        ),
        "average_backward": (
            "dy is shared among the window's pixels, as average pooling does. Only the winner moved y.",
            "dy 被窗口的像素平分了，那是平均池化。只有胜者影响 y。",
        ),
        "everybody": (
            "Every pixel of the window gets all of dy. Who of them is the one that y has been taken from?",
            "窗口里每个像素都得到了全部 dy。y 是从哪一个像素取来的？",
        ),
        "every_tie": (
            "Where several pixels of a window are the largest, each of them gets dy: more comes back than went in. Only the first in "
            "reading order has won.",
            "窗口里有几个并列最大时，每个都得到了 dy：回来的比进去的还多。只有按阅读次序的第一个胜出。",
        ),
        "last_tie": (
            "Of several largest pixels the last one gets dy: it is the first in reading order that has won.",
            "几个并列最大的像素里，最后一个得到了 dy：胜出的应是按阅读次序的第一个。",
        ),
        "columns_first": (
            "Of several largest pixels yours is the first column by column; reading order goes along a row, then to the next.",
            "几个并列最大的像素里你取的是按列走的第一个；阅读次序是先走完一行，再到下一行。",
        ),
        "pad_forgotten_backward": (
            "dx is right without padding. Window p begins at row p · stride - pad: pixel i lies at place i + pad of the padded image.",
            "没有填充时 dx 是对的。第 p 个窗口从第 p · stride - pad 行开始：像素 i 在填充后的图像里位于 i + pad。",
        ),
        "one_window": (
            "Right where windows do not overlap. You ask one window alone; with stride {stride} and size {size} the pixel lies in more.",
            "窗口不重叠时是对的。你只问了一个窗口；步幅 {stride}、大小 {size} 时，像素在更多窗口里。",
        ),
        "losers_unwritten": (
            "A pixel that has not won has a gradient too, 0, and somebody has to write it: dx holds garbage before the launch, to "
            "which nothing can be added either.",
            "没有胜出的像素也有梯度 0，也要有人写：启动前 dx 里是垃圾，往上加也不行。",
        ),
        "zeroed_beside": (
            "One thread sets the element to 0, another adds to it, and the second may come first: a launch has no order among its blocks.",
            "一个线程把元素置 0，另一个往上加，而后者可能先到：一次启动里各块没有先后。",
        ),
        "windows_there": (
            "p and q are numbers of windows: which ones there are is the shape of y.",
            "p 和 q 是窗口的编号：有哪些由 y 的形状决定。",
        ),
        "c_slowest": (
            "Channels run fastest in memory: neighbours in a warp should be neighbours in c.",
            "内存里通道变得最快：warp 里相邻的线程应是相邻的通道。",
        ),
    },
    hints=(
        ("A window of four zeros gives 40 back. Which pixel gets it, and how does the thread of another of the four see that it is not "
         "the one?",
         "一个四个零的窗口要退回 40。给哪个像素？另外三个像素的线程怎么看出不是自己？"),
        ("Forward: begin at -∞, or at the first pixel that exists. Backward: the windows of a pixel are the p of exercise 43. It has won "
         "where x equals y and no pixel before it, in reading order, does.",
         "前向：从 -∞ 或第一个存在的像素开始。反向：像素所在的窗口就是练习 43 的 p。x 等于 y，且按阅读次序前面没有像素也等于 y，它就胜了。"),
        ("Backward: total = 0; for each window that I lie in: walk through it up to me, and look for an equal one; if there is none and "
         "I equal y: add dy. Write, also 0.",
         "反向：total = 0；对我所在的每个窗口：从头走到我，看有没有相等的；没有且我等于 y：加 dy。写出，0 也写。"),
    ),
)  # fmt: skip
