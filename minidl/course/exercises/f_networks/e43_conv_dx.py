"""The gradient of a convolution's input, one thread a pixel.

The forward (exercise 42) was y[n, p, q, k] = Σ x[n, i, j, c] · w[r, s, c, k] with i = p · stride_h + r - pad_top. So window
p hands its gradient out to every row i that it lay on. Handing out makes threads meet; turned round, the pixel collects:

    dx[n, i, j, c] = Σ over the windows p, q that x[n, i, j, c] lay in, and k, of dy[n, p, q, k] · w[r, s, c, k]

    row i of x       0   1   2   3   4       3 rows of w, stride_h 2, pad_top 1
    window 0      [_________]                pixel 1 lay in window 0 under r = 2, and in window 1 under r = 0;
    window 1            [_________]          pixel 2 in window 1 alone, under r = 1
    window 2                    [_________]

dy (N, P, Q, K), w (R, S, C, K), dx (N, H, W, C): how many rows and columns there are is dx's shape. A pixel that lay in no
window has 0.

`conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left)`, blocks of 128 threads, as many as cover all elements of dx,
which lie in memory with c running fastest, then j, i, n.
Par: 2,700 sectors for an image of 9 x 8 with 8 channels and 3 filters of 3 x 3.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def settings(d, n, h, w, c, r, s, k, stride_h=1, stride_w=1, pad_top=0, pad_left=0):
    p, q = (h + 2 * pad_top - r) // stride_h + 1, (w + 2 * pad_left - s) // stride_w + 1
    return d(n, p, q, k), d(r, s, c, k), h, w, stride_h, stride_w, pad_top, pad_left


def cases(d):
    yield case("", *settings(d, 1, 4, 5, 2, 2, 3, 3))
    yield case("", *settings(d, 2, 5, 3, 3, 1, 1, 2))
    yield case("", *settings(d, 3, 6, 5, 4, 3, 2, 2))
    yield case("", *settings(d, 2, 5, 6, 1, 3, 5, 2, pad_top=1, pad_left=2))
    yield case("", *settings(d, 1, 7, 9, 2, 2, 3, 2, stride_h=2, stride_w=3))
    yield case("", *settings(d, 1, 9, 6, 2, 3, 3, 2, stride_h=2, stride_w=2, pad_top=1, pad_left=1))
    yield case("", *settings(d, 2, 8, 5, 3, 3, 2, 1, stride_h=3, stride_w=2, pad_top=2, pad_left=1))
    yield case("windows lie apart", *settings(d, 1, 8, 9, 2, 2, 2, 2, stride_h=3, stride_w=4))
    yield par("", *settings(d, 1, 9, 8, 8, 3, 3, 3, pad_top=1, pad_left=1))
    dy, *others = settings(d, 1, 4, 5, 2, 3, 3, 1, pad_top=1, pad_left=1)
    dy[0, 0, 0, 0], dy[0, 3, 4, 0] = INF, -INF
    yield extreme("infinite corners", dy, *others)


def handed_out(dy, w, height, width, stride_h, stride_w, pad_top, pad_left):
    """Window by window, onto an image with a border that is cut off."""
    n, p, q, k = dy.shape
    r, s, c, _ = w.shape
    dx = np.zeros((n, height + 2 * pad_top + r + stride_h, width + 2 * pad_left + s + stride_w, c))
    for i, j in np.ndindex(p, q):
        dx[:, i * stride_h : i * stride_h + r, j * stride_w : j * stride_w + s] += np.einsum("nk,rsck->nrsc", dy[:, i, j], w)
    return dx[:, pad_top : pad_top + height, pad_left : pad_left + width]


exercise = Exercise(
    title="A convolution's backward to its input",
    stars=3,
    minutes=60,
    needs=("conv_kernel", "conv_backward"),
    section="12",
    tasks=(
        Kernel(
            signature="conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left)",
            inputs="dy w height width stride_h stride_w pad_top pad_left",
            cases=cases,
            reference=handed_out,
            resized=False,
            outputs={"dx": lambda dy, w, height, width: (dy.shape[0], height, width, w.shape[2])},
            threads=128,
            outside={"dy": "0"},
            par={"sectors": 2700},
        ),
    ),
    says={
        "pad_sign": (
            "Row i of the picture is row i + pad_top of the padded one, in which the windows lie: you take pad_top away.",
            "图像的第 i 行是填充后图像的第 i + pad_top 行，窗口在那里面：你却减去了 pad_top。",
        ),
        "channels_exchanged": (
            "w is (R, S, C, K): forward it led from c to k, and the same number leads back.",
            "w 是 (R, S, C, K)：前向时它从 c 通到 k，回去还是同一个数。",
        ),
        "windows_there": (
            "p and q are numbers of windows: how many there are is dy's shape.",
            "p 和 q 是窗口的编号：有多少个由 dy 的形状决定。",
        ),
        "forward_again": (
            "This is the forward with dy in place of x. Window p lay on row p · stride_h + r - pad_top: which p is it, seen from "
            "row i?",
            "这是把 dy 当作 x 的前向。第 p 个窗口盖住第 p · stride_h + r - pad_top 行：从第 i 行看，p 是多少？",
        ),
        "no_tap": (
            "All taps of the filter are told the same window. Under tap 0 the pixel lay in one window, under tap 1 in another.",
            "滤波器的所有位置都对着同一个窗口。像素在位置 0 下属于一个窗口，在位置 1 下属于另一个。",
        ),
        "flipped_too": (
            "The filter is turned round twice: once in your p = i + pad_top - r, and once more in w's index. The tap that met the "
            "pixel is w[r, s].",
            "滤波器翻转了两次：你的 p = i + pad_top - r 里一次，w 的下标里又一次。碰到这个像素的位置就是 w[r, s]。",
        ),
        "no_remainder": (
            "Right for stride 1. With stride {stride_h}, {stride_w} a division with a remainder is rounded, and the pixel hears "
            "from a window that this tap of it did not lie on.",
            "步幅为 1 时是对的。步幅为 {stride_h}、{stride_w} 时，除不尽的被取整了，像素收到了并不经这个位置盖住它的窗口的梯度。",
        ),
        "no_stride": (
            "Right for stride 1. Window p begins at p · {stride_h}, not at p.",
            "步幅为 1 时是对的。第 p 个窗口从 p · {stride_h} 开始，不是 p。",
        ),
        "stride_multiplied": (
            "Right for stride 1. Window to row is a product, p · {stride_h}; row to window is the way back.",
            "步幅为 1 时是对的。从窗口到行是乘法 p · {stride_h}；从行到窗口要反过来。",
        ),
        "one_stride": (
            "Right where the two strides are equal; here stride_h is {stride_h} and stride_w {stride_w}.",
            "两个步幅相等时是对的；这里 stride_h 是 {stride_h}，stride_w 是 {stride_w}。",
        ),
        "pad_forgotten": (
            "Right without padding. Window 0 began at row -{pad_top} and column -{pad_left}: then on which row lay its tap r?",
            "没有填充时是对的。第 0 个窗口从第 -{pad_top} 行、第 -{pad_left} 列开始：那么它的位置 r 盖住哪一行？",
        ),
        "pad_taken_away": (
            "Right without padding. Solve i = p · stride_h + r - pad_top for p: pad_top changes sides.",
            "没有填充时是对的。从 i = p · stride_h + r - pad_top 解 p：pad_top 要移到另一边。",
        ),
        "one_pad": (
            "Right where pad_left equals pad_top; here they are {pad_left} and {pad_top}.",
            "pad_left 与 pad_top 相等时是对的；这里是 {pad_left} 和 {pad_top}。",
        ),
        "one_filter": (
            "Only filter 0 counts: this is right where there is one. All {w3} filters looked at the pixel.",
            "只算了滤波器 0：只有一个时才对。全部 {w3} 个滤波器都看过这个像素。",
        ),
        "first_image": (
            "Every image gets the gradient of the first: which index of dy says whose windows they are?",
            "每张图得到的都是第一张的梯度：dy 的哪个下标说明窗口属于哪张图？",
        ),
        "last_window": (
            "dx has the *last* product alone: a pixel hears from every window that it lay in, and from every filter.",
            "dx 只有*最后*一个乘积：像素要听到它所在的每个窗口、每个滤波器的。",
        ),
        "window_0_out": (
            "Window 0 is left out, in both directions: it exists.",
            "两个方向上第 0 个窗口都被漏掉了：它是存在的。",
        ),
        "handed_out": (
            "That hands out, from the window to its pixels, and pixels lie in several windows. Let the *pixel* have the thread, and "
            "ask which windows it lay in.",
            "这是从窗口往像素分发，而一个像素在好几个窗口里。让*像素*拥有线程，去问它在哪些窗口里。",
        ),
        "onto_nothing": (
            "dx is not 0 before the launch, it holds NaN: whatever is added to that stays NaN, with an atomic addition too. Let a "
            "thread collect in a variable what reaches its pixel, and write once.",
            "启动前 dx 不是 0，而是 NaN：往上加什么都还是 NaN，原子加也一样。让线程在自己的变量里收集到达这个像素的，再写一次。",
        ),
        "c_slowest": (
            "In dx c runs fastest: neighbours in a warp should be neighbours in c.",
            "在 dx 中 c 变得最快：warp 里相邻的线程应是相邻的 c。",
        ),
        "sum_in_memory": (
            "Every product loads dx and stores it again: a variable of the thread costs nothing.",
            "每个乘积都要读出 dx 再写回：线程自己的变量不花什么。",
        ),
        "last_row_out": (
            "The last windows are left out: p runs from 0 to {dy1 - 1}, and the window of that number exists. So it "
            "is with q.",
            "最后的窗口漏掉了：p 从 0 到 {dy1 - 1}，这个号的窗口是存在的。q 也一样。",
        ),
        "i_fastest": (
            "In dx's memory c runs fastest, then j, then i: you count i before j.",
            "在 dx 的内存里 c 变得最快，其次 j，再次 i：你把 i 排在了 j 前面。",
        ),
    },
    hints=(
        ("One row of five pixels, a filter of three, stride 1, no padding: which windows did pixel 2 lie in, and under which "
         "tap each time?",
         "一行五个像素，滤波器宽三，步幅 1，无填充：像素 2 在哪些窗口里，每次对着哪个位置？"),
        ("Solve i = p · stride_h + r - pad_top for p. For each tap r there is at most one window: none where the division "
         "leaves a remainder, and none where p is no row of dy.",
         "从 i = p · stride_h + r - pad_top 解出 p。每个 r 至多对应一个窗口：除不尽时没有，p 不是 dy 的行时也没有。"),
        ("If I have an element: c, j, i, n; total = 0; for r: what p would be times the stride; is it a multiple, and is p a row of "
         "dy? the same for s; for k: one product more. Write once, also where nothing came.",
         "若我有元素：c、j、i、n；total = 0；对 r：p 乘步幅应是多少；是不是倍数，p 是不是 dy 的行？对 s 同样；对 k：加一个乘积。"
         "最后写一次，什么都没有的也写。"),
    ),
)  # fmt: skip
