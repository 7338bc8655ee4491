"""A convolution, one thread an element of y.

Each filter, 3 x 3 pixels say, is laid over the image at every position, and multiplied with what lies under it:

    y[n, p, q, k] = Σ over r, s, c of x[n, i, j, c] · w[r, s, c, k]      i = p · stride_h + r - pad_top
                                                                         j = q · stride_w + s - pad_left
    row i of x    -1 | 0  1  2  3  4 | 5        3 rows of w, stride_h 2, pad_top 1
    window 0      [________]                    its first row lies outside, where everything counts as 0
    window 1            [________]
    window 2                  [________]

x (N, H, W, C), w (R, S, C, K), y (N, P, Q, K): how many windows there are is y's shape. Nothing is flipped: w[0, 0] lies on
the pixel at the window's top left. The outside is no part of x: leave it out, and do not read it.

`conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left)`, blocks of 128 threads, as many as cover all elements of y, which
lie in memory with k running fastest, then q, p, n.
Par: 1,500 sectors for an image of 9 x 8 with 3 channels and 8 filters of 3 x 3.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def settings(d, n, h, w, c, r, s, k, stride_h=1, stride_w=1, pad_top=0, pad_left=0):
    return d(n, h, w, c), d(r, s, c, k), stride_h, stride_w, pad_top, pad_left


def cases(d):
    yield case("", *settings(d, 1, 4, 5, 2, 2, 3, 3))
    yield case("", *settings(d, 2, 5, 3, 3, 1, 1, 2))
    yield case("", *settings(d, 3, 6, 5, 2, 3, 2, 4))
    yield case("", *settings(d, 2, 5, 6, 1, 3, 5, 2, pad_top=1, pad_left=2))
    yield case("", *settings(d, 1, 7, 9, 2, 2, 3, 2, stride_h=2, stride_w=3))
    yield case("", *settings(d, 2, 8, 5, 3, 3, 2, 2, stride_h=3, stride_w=2, pad_top=2, pad_left=1))
    yield case("", *settings(d, 2, 5, 5, 2, 3, 3, 3, pad_top=1, pad_left=1))
    yield par("", *settings(d, 1, 9, 8, 3, 3, 3, 8, pad_top=1, pad_left=1))
    x = d(1, 4, 5, 1)
    x[0, 0, 0, 0], x[0, 3, 4, 0] = INF, -INF
    yield extreme("infinite corners", x, np.abs(d(3, 3, 1, 2)) + 1, 1, 1, 1, 1)


def rows(h, r, stride, pad):
    return (h + 2 * pad - r) // stride + 1


def shape(x, w, stride_h, stride_w, pad_top, pad_left):
    p, q = (
        rows(n, r, stride, pad)
        for n, r, stride, pad in zip(x.shape[1:3], w.shape, (stride_h, stride_w), (pad_top, pad_left), strict=False)
    )
    return x.shape[0], p, q, w.shape[3]


def handed_out(x, w, stride_h, stride_w, pad_top, pad_left):
    """Pixel by pixel: each adds to the windows that it lies in."""
    y = np.zeros(shape(x, w, stride_h, stride_w, pad_top, pad_left))
    for i, j, r, s in np.ndindex(*x.shape[1:3], *w.shape[:2]):
        (p, left), (q, over) = divmod(i + pad_top - r, stride_h), divmod(j + pad_left - s, stride_w)
        if not left and not over and 0 <= p < y.shape[1] and 0 <= q < y.shape[2]:
            y[:, p, q] += np.einsum("nc,ck->nk", x[:, i, j], w[r, s])
    return y


exercise = Exercise(
    title="A convolution kernel",
    stars=2,
    minutes=40,
    needs=("conv_forward", "gemm"),
    section="12",
    tasks=(
        Kernel(
            signature="conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left)",
            cases=cases,
            reference=handed_out,
            outputs={"y": shape},
            threads=128,
            outside={"x": "0"},
            par={"sectors": 1500},
        ),
    ),
    says={
        "p_for_q": (
            "The thread's number is taken apart by the output's lengths: behind K stands Q, then P. You divide by the one where the other "
            "belongs.",
            "线程编号要按输出的长度拆开：K 之后是 Q，再是 P。你把两者用反了。",
        ),
        "taps_exchanged": (
            "w is (R, S, C, K), here {w0} x {w1} taps: r comes first, the tap's row.",
            "w 的形状是 (R, S, C, K)，这里是 {w0} x {w1}：行号 r 在前。",
        ),
        "channels_first": (
            "Channels lie last: x is (N, H, W, C), here {x1} rows, {x2} columns, {x3} channels.",
            "通道在最后：x 是 (N, H, W, C)，这里有 {x1} 行、{x2} 列、{x3} 个通道。",
        ),
        "filters_first": (
            "w is (R, S, C, K): the filter's number is its last index, not its first.",
            "w 是 (R, S, C, K)：滤波器的编号是最后一个下标，不是第一个。",
        ),
        "sizes_of_x": (
            "The thread's number counts elements of y, so it is taken apart with y's sizes; yours are those of x.",
            "线程编号数的是 y 的元素，所以要用 y 的大小来拆；你用的是 x 的。",
        ),
        "flipped": (
            "This is the result with w turned upside down and left to right, the convolution of mathematics. Here w[0, 0] lies on "
            "the pixel at the window's top left.",
            "这是 w 上下左右都翻转后的结果，即数学上的卷积。这里 w[0, 0] 盖住窗口左上角的像素。",
        ),
        "pad_added": (
            "Right without padding. With it window 0 begins *before* the first pixel, at row -{pad_top}: yours begins as far "
            "behind it.",
            "没有填充时是对的。有填充时，第 0 个窗口从第一个像素*之前*开始，即第 -{pad_top} 行；你的却从它之后同样远处开始。",
        ),
        "pad_forgotten": (
            "Right without padding. With pad_top = {pad_top} and pad_left = {pad_left}, which row and column does window 0 begin "
            "at?",
            "没有填充时是对的。pad_top = {pad_top}、pad_left = {pad_left} 时，第 0 个窗口从哪一行、哪一列开始？",
        ),
        "one_pad": (
            "Right where pad_left equals pad_top; here they are {pad_left} and {pad_top}.",
            "pad_left 与 pad_top 相等时是对的；这里是 {pad_left} 和 {pad_top}。",
        ),
        "stride_forgotten": (
            "Right for stride 1. With stride_h = {stride_h} and stride_w = {stride_w}, where does window 1 begin?",
            "步幅为 1 时是对的。stride_h = {stride_h}、stride_w = {stride_w} 时，第 1 个窗口从哪里开始？",
        ),
        "one_stride": (
            "Right where the two strides are equal; here stride_h is {stride_h} and stride_w {stride_w}.",
            "两个步幅相等时是对的；这里 stride_h 是 {stride_h}，stride_w 是 {stride_w}。",
        ),
        "stride_on_tap": (
            "Right for stride 1. The stride is from window to window; inside a window the taps lie side by side.",
            "步幅为 1 时是对的。步幅是窗口到窗口的距离；窗口里面各位置是紧挨着的。",
        ),
        "one_channel": (
            "Only channel 0 counts: this is right where x has one channel. A filter looks at all of them and adds up.",
            "只算了通道 0：x 只有一个通道时才对。滤波器要看所有通道并求和。",
        ),
        "first_row_out": (
            "Row 0 and column 0 of x are left out: they are there.",
            "x 的第 0 行和第 0 列被漏掉了：它们是存在的。",
        ),
        "last_row_out": (
            "The last row and the last column of x are left out: which is the last index that exists?",
            "x 的最后一行和最后一列被漏掉了：最后一个存在的下标是几？",
        ),
        "first_image": (
            "Every result is that of the first image: which index says whose pixels they are?",
            "所有结果都是第一张图的：哪个下标说明像素属于哪张图？",
        ),
        "last_product": (
            "y is the *last* product alone: each turn of the loop throws away what was there.",
            "y 只是*最后*一个乘积：每一圈都把之前的扔掉了。",
        ),
        "reset_each_row": (
            "Only the filter's last row arrives: where does the total begin at 0?",
            "只有滤波器的最后一行留下了：total 在哪里从 0 开始？",
        ),
        "clamped": (
            "At the edges you take the edge's own pixels once more; what lies outside counts as 0.",
            "在边缘处你把边缘的像素又用了一次；外面的应按 0 计。",
        ),
        "times_zero": (
            "Right for numbers, but infinity times 0 is NaN: what lies outside is to be left out, not multiplied by 0.",
            "对普通的数是对的，但无穷乘 0 是 NaN：外面的应当跳过，而不是乘以 0。",
        ),
        "k_slowest": (
            "In y and w, k runs fastest: neighbours in a warp should be neighbours in k.",
            "在 y 和 w 中 k 变得最快：warp 里相邻的线程应是相邻的 k。",
        ),
        "sum_in_memory": (
            "One element is stored {w0 * w1 * w2} times: a variable of the thread costs nothing.",
            "一个元素写了 {w0 * w1 * w2} 次：线程自己的变量不花什么。",
        ),
        "pads_exchanged": (
            "pad_top and pad_left have changed places: rows of x begin pad_top above, columns pad_left before.",
            "pad_top 和 pad_left 换了位置：行从上方 pad_top 处开始，列从左边 pad_left 处开始。",
        ),
    },
    hints=(
        ("y[0, 2, 1, 0] with a filter of 3 x 3, stride 1 and pad 1: which pixels of x lie under it, and under which of w?",
         "滤波器 3 x 3、步幅 1、填充 1 时的 y[0, 2, 1, 0]：它盖住 x 的哪些像素，各对应 w 的哪一个？"),
        ("From the thread's number to four indices: remainder and quotient, k first, as k runs fastest. Then three loops, over "
         "r, s and c, and two questions before x is read: is there such a row, such a column?",
         "由线程编号得到四个下标：依次取余数和商，先 k，因为 k 变得最快。然后是 r、s、c 三重循环；读 x 之前问两件事：有这一行吗，有这一列吗？"),
        ("If I have an element: k, q, p, n; total = 0; for r: i; if the row exists: for s: j; if the column exists: for c: one product "
         "more. Write once.",
         "若我有元素：k、q、p、n；total = 0；对 r：i；若该行存在：对 s：j；若该列存在：对 c：加一个乘积。最后写一次。"),
    ),
)  # fmt: skip
