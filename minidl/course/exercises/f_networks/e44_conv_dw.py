"""The gradient of a convolution's weights, a block a weight.

The forward (exercise 42) used w[r, s, c, k] in every window of every image, where it met one pixel:

    dw[r, s, c, k] = Σ over n, p, q of x[n, i, j, c] · dy[n, p, q, k]       i = p · stride_h + r - pad_top
                                                                            j = q · stride_w + s - pad_left

There are few weights and many windows: 24 threads, a weight each, would add up a million products each while the rest of
the GPU looks on. So a whole block of 64 threads has one weight: every thread adds up each 64th window, and the 64 partial
sums become one in shared memory, as in exercise 29.

    windows     0   1   2  …  63 |  64  65  …  127 | 128 …           number = (n · P + p) · Q + q
    thread      0   1   2  …  63 |   0   1  …   63 |   0 …

x (N, H, W, C), dy (N, P, Q, K), dw (R, S, C, K). `conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left)`, blocks of 64
threads; the number of the block is the number of the weight as it lies in dw, k fastest, then c, s, r.
Par: 5,000 lines run by warps for 2 images of 12 x 9 and 24 weights, where one thread a block would run 45,000; and
1,000 accesses to shared memory, where one thread that brings the 64 sums together makes 1,584.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def settings(d, n, h, w, c, r, s, k, stride_h=1, stride_w=1, pad_top=0, pad_left=0):
    p, q = (h + 2 * pad_top - r) // stride_h + 1, (w + 2 * pad_left - s) // stride_w + 1
    return d(n, h, w, c), d(n, p, q, k), r, s, stride_h, stride_w, pad_top, pad_left


def cases(d):
    yield case("", *settings(d, 1, 3, 5, 2, 2, 3, 3))
    yield case("", *settings(d, 3, 5, 7, 3, 1, 1, 2))
    yield case("64 windows", *settings(d, 2, 5, 9, 2, 2, 2, 1))
    yield case("65 windows", *settings(d, 1, 5, 14, 1, 1, 2, 2))
    yield case("", *settings(d, 3, 6, 8, 2, 3, 2, 2))
    yield case("", *settings(d, 2, 5, 6, 1, 3, 5, 2, pad_top=1, pad_left=2))
    yield case("", *settings(d, 2, 9, 16, 2, 2, 3, 2, stride_h=2, stride_w=3))
    yield case("", *settings(d, 2, 8, 9, 3, 3, 2, 2, stride_h=3, stride_w=2, pad_top=2, pad_left=1))
    yield par("", *settings(d, 2, 12, 9, 2, 2, 2, 3, pad_top=1, pad_left=1))
    x, *others = settings(d, 1, 4, 5, 1, 3, 3, 2, pad_top=1, pad_left=1)
    x[0, 0, 0, 0] = INF
    yield extreme("an infinite corner", x, *others)


def window_by_window(x, dy, taps_h, taps_w, stride_h, stride_w, pad_top, pad_left):
    n, h, w, c = x.shape
    wide = np.zeros((n, h + 2 * pad_top, w + 2 * pad_left, c))
    wide[:, pad_top : pad_top + h, pad_left : pad_left + w] = x
    dw = np.zeros((taps_h, taps_w, c, dy.shape[3]))
    for n, p, q in np.ndindex(dy.shape[:3]):
        top, left = p * stride_h, q * stride_w
        dw += np.multiply.outer(wide[n, top : top + taps_h, left : left + taps_w], dy[n, p, q])
    return dw


exercise = Exercise(
    title="A convolution's backward to its weights",
    stars=3,
    minutes=60,
    needs=("conv_kernel", "reduce_tree"),
    section="12",
    tasks=(
        Kernel(
            signature="conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left)",
            inputs="x dy taps_h taps_w stride_h stride_w pad_top pad_left",
            cases=cases,
            reference=window_by_window,
            resized=False,
            outputs={"dw": lambda x, dy, taps_h, taps_w: (taps_h, taps_w, x.shape[3], dy.shape[3])},
            threads=64,
            grid=lambda dw: (dw.size,),
            outside={"x": "0"},
            par={"executions": 5000, "shared_accesses": 1000},
            naive={"executions": 45_000, "shared_accesses": 1584},
        ),
    ),
    says={
        "channels_exchanged": (
            "dw is (R, S, C, K), and so are the four indices of the block's number: c says which channel of x, k which of dy.",
            "dw 是 (R, S, C, K)，块号的四个下标也是：c 指 x 的通道，k 指 dy 的通道。",
        ),
        "sums_of_threads": (
            "All 64 threads write dw, each its own sum. Only one may speak for the block, when the sums are one.",
            "64 个线程都写 dw，各写各的和。合成一个之后，只有一个线程可以代表整个块写。",
        ),
        "one_partial": (
            "This is the partial sum of thread 0 alone: right for one window, and with {dy1 * dy2 * dy0} windows the other threads have "
            "their part.",
            "这只是线程 0 的部分和：只有一个窗口时才对；这里有 {dy1 * dy2 * dy0} 个窗口，其他线程那份也要加上。",
        ),
        "half_joins": (
            "Threads 32 to 63 never join: with how many does the first step of the tree begin?",
            "线程 32 到 63 的和没有加进来：归约的第一步应从多少开始？",
        ),
        "last_step_missing": (
            "The last step is missing: the sum of thread 1 is left out, and all that it has collected.",
            "少了最后一步：线程 1 的和，以及它收集的一切，都漏掉了。",
        ),
        "first_64": (
            "Only the first 64 windows count; there are {dy0 * dy1 * dy2}. Each thread goes on, 64 further at a time.",
            "只算了前 64 个窗口；共有 {dy0 * dy1 * dy2} 个。每个线程要继续走，每次前进 64。",
        ),
        "every_window": (
            "Windows count several times: thread t walks through all from t on, and so do those before it. How far is it from one of its "
            "windows to the next?",
            "窗口被算了好几次：线程 t 从 t 开始走完全部，它之前的线程也是。从自己的一个窗口到下一个应走多远？",
        ),
        "tail_lost": (
            "The last {dy0 * dy1 * dy2 % 64} of {dy0 * dy1 * dy2} windows are missing: they are no whole turn of 64.",
            "{dy0 * dy1 * dy2} 个窗口中少了最后 {dy0 * dy1 * dy2 % 64} 个：它们不足一整圈 64。",
        ),
        "first_image": (
            "Your dw is the same whatever the other images are. The weight was used on all {x0} of them.",
            "不管其他图是什么，你的 dw 都一样。这个权重用在全部 {x0} 张图上。",
        ),
        "one_image_of_x": (
            "dy is of all images, x always of the first: each image's windows met that image's pixels.",
            "dy 用了所有图的，x 却总是第一张：每张图的窗口碰到的是这张图自己的像素。",
        ),
        "mean_of_images": (
            "It is divided by N = {x0}. If the loss is a mean, its 1/N is in dy already.",
            "多除了 N = {x0}。如果损失是平均值，1/N 已经在 dy 里了。",
        ),
        "mean_of_windows": (
            "It is a mean over {dy0 * dy1 * dy2} windows; every window's product counts in full.",
            "成了 {dy0 * dy1 * dy2} 个窗口的平均；每个窗口的乘积都要完整计入。",
        ),
        "upside_down": (
            "This is dw upside down: w[r] met x[p + r], not x[p - r] or x[p + R - 1 - r].",
            "这是上下左右颠倒的 dw：w[r] 碰到的是 x[p + r]，不是 x[p - r] 或 x[p + R - 1 - r]。",
        ),
        "stride_forgotten": (
            "Right for stride 1. With stride_h = {stride_h} and stride_w = {stride_w}, where does window p begin?",
            "步幅为 1 时是对的。stride_h = {stride_h}、stride_w = {stride_w} 时，第 p 个窗口从哪里开始？",
        ),
        "one_stride": (
            "Right where the two strides are equal; here stride_h is {stride_h} and stride_w {stride_w}.",
            "两个步幅相等时是对的；这里 stride_h 是 {stride_h}，stride_w 是 {stride_w}。",
        ),
        "pad_forgotten": (
            "Right without padding. With pad_top = {pad_top} and pad_left = {pad_left}, which pixel does w[0, 0] meet in window 0?",
            "没有填充时是对的。pad_top = {pad_top}、pad_left = {pad_left} 时，w[0, 0] 在第 0 个窗口里碰到哪个像素？",
        ),
        "last_product": (
            "Each thread keeps its *last* product: every turn throws away what was there.",
            "每个线程只留下*最后*一个乘积：每一圈都把之前的扔掉了。",
        ),
        "onto_nothing": (
            "dw is not 0 before the launch, it holds NaN: whatever is added to that stays NaN, with an atomic addition too. Bring the "
            "64 sums together first, and let one thread write.",
            "启动前 dw 不是 0，而是 NaN：往上加什么都还是 NaN，原子加也一样。先把 64 个和合到一起，再由一个线程写。",
        ),
        "no_zero": (
            "With fewer than 64 windows some threads have none, and their place is read all the same.",
            "窗口少于 64 个时，有些线程没有窗口，但它们的位置同样会被读。",
        ),
        "times_zero": (
            "Right for numbers, but infinity times 0 is NaN: what lies outside is to be left out, not multiplied by 0.",
            "对普通的数是对的，但无穷乘 0 是 NaN：外面的应当跳过，而不是乘以 0。",
        ),
        "one_works": (
            "Thread 0 walks through all {dy0 * dy1 * dy2} windows while 63 wait for it. Let each take every 64th.",
            "线程 0 走完全部 {dy0 * dy1 * dy2} 个窗口，其余 63 个在等。让每个线程每隔 64 个取一个。",
        ),
        "serial_join": (
            "Thread 0 adds up the 64 partial sums one after another, and 63 threads wait for it. Two halves can be added to "
            "each other at once: how many steps are that?",
            "线程 0 一个接一个地加 64 个部分和，其余 63 个线程在等它。两半可以同时相加：那需要几步？",
        ),
        "columns_by_rows": (
            "j is a column, and x has {x2} of them; it has {x1} rows.",
            "j 是列号，x 有 {x2} 列；行数才是 {x1}。",
        ),
    },
    hints=(
        ("A row of five pixels, a filter of three: which pixels did w[1] meet, and what did each of these products add to?",
         "一行五个像素，滤波器宽三：w[1] 碰到了哪些像素？这些乘积各加到了哪里？"),
        ("Two jobs: a loop in which every thread has its own windows, from its number on in steps of 64, and a tree over the 64 sums "
         "(exercise 29). Every thread stores a sum, 0 if it had no window.",
         "两件事：一个循环，每个线程从自己的编号开始，以 64 为步长取自己的窗口；一棵对 64 个和的归约树（练习 29）。每个线程都存一个和，没有窗口就存 0。"),
        ("k, c, s, r of the block's number; total = 0; for my windows: q, p, n, then i, j; if the pixel exists: one product more. "
         "Store, wait; half as many, wait, until one is left; thread 0 writes.",
         "由块号得 k、c、s、r；total = 0；对我的窗口：q、p、n，再 i、j；若像素存在：加一个乘积。存、等；减半、等，直到剩一个；线程 0 写。"),
    ),
)  # fmt: skip
