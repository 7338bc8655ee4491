"""The backward of a convolution.

Forward, y[n, p, q] adds up x[n, i, j] @ w[r, s] where i = p·stride + r - pad and j = q·stride + s - pad. Each product has
two factors, and so each dy[n, p, q] goes to two places:

    dx[n, i, j] += w[r, s] @ dy[n, p, q]            the pixel hears from every window that it lies in
    dw[r, s]    += x[n, i, j] (outer) dy[n, p, q]   the weight is used in every window of every image
    db          += dy[n, p, q]

    pixels    0   1   2   3   4         a filter 3 wide, stride 1: three windows
             [_________]                pixel 0 lies in one window, pixel 1 in two, pixel 2 in three
                 [_________]
                     [_________]        with stride 4 each pixel would lie in one window at most, some in none

Return dx, dw, db for dy (N, P, Q, K), x (N, H, W, C), w (R, S, C, K) and the numbers stride and pad. What falls on the
padding is lost. dy holds already what the loss does with its images (a mean, a sum).
Par: 200 lines of your file for images of 20 x 18.
"""

import re

import numpy as np

from minidl.course import Exercise, Function, case, par


def window_by_window(dy, x, w, stride, pad):
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for p, q, r, s in np.ndindex(*dy.shape[1:3], *w.shape[:2]):
        i, j = p * stride + r - pad, q * stride + s - pad
        if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
            dx[:, i, j] += np.einsum("nk,ck->nc", dy[:, p, q], w[r, s])
            dw[r, s] += np.einsum("nc,nk->ck", x[:, i, j], dy[:, p, q])
    return dx, dw, np.einsum("npqk->k", dy)


def cases(d):
    for kind, (n, h, width, c), (r, s, k), stride, pad in (
        (case, (1, 3, 3, 1), (2, 2, 1), 1, 0),
        (case, (2, 4, 5, 3), (1, 1, 2), 1, 0),
        (case, (3, 5, 7, 2), (3, 2, 3), 1, 0),
        (case, (2, 6, 4, 2), (3, 3, 2), 1, 1),
        (case, (2, 8, 7, 3), (3, 3, 2), 2, 0),
        (case, (2, 7, 5, 1), (2, 3, 4), 2, 1),
        (case, (1, 10, 9, 2), (2, 2, 3), 4, 1),
        (case, (2, 5, 5, 2), (5, 5, 1), 1, 2),
        (par, (2, 20, 18, 3), (3, 3, 4), 1, 1),
    ):
        p, q = (h + 2 * pad - r) // stride + 1, (width + 2 * pad - s) // stride + 1
        yield kind("", d(n, p, q, k), d(n, h, width, c), d(r, s, c, k), stride, pad)


exercise = Exercise(
    title="A convolution's backward",
    stars=3,
    minutes=60,
    section="04",
    needs=("conv_forward",),
    tasks=(
        Function(
            signature="conv2d_backward(dy, x, w, stride, pad)",
            results="dx dw db",
            cases=cases,
            resized=False,
            reference=window_by_window,
            par={"steps": 200},
        ),
    ),
    says={
        "one_window_alone": (
            "A pixel lies in up to {windows} windows here, and your dx has "
            "what came last: each tap overwrites the one before. A pixel hears from all of them.",
            "这里一个像素最多在 {windows} 个窗口里，而你的 dx 只剩最后到的："
            "每个位置都覆盖了前一个。像素要听到所有窗口的。",
        ),
        "dx_stride": (
            "dx is right for stride 1. Window p begins at pixel p · {stride}: that is where its gradient has to go, and the "
            "pixels between hear nothing of this tap.",
            "步幅 1 时 dx 是对的。第 p 个窗口从像素 p · {stride} 开始：它的梯度应送到那里，中间的像素收不到这个位置的。",
        ),
        "dw_stride": (
            "dw is right for stride 1. In window p weight w[r] met pixel p · {stride} + r.",
            "步幅 1 时 dw 是对的。在第 p 个窗口里，权重 w[r] 碰到的是像素 p · {stride} + r。",
        ),
        "border_left_on": (
            "dx is {got}, x is {right}: it still has the border of padding. What falls there belongs to no pixel.",
            "dx 是 {got}，x 是 {right}：还带着填充的边。落在那里的不属于任何像素。",
        ),
        "minus_zero": (
            "dx is {got}: with pad 0 you slice 0:-0, which is 0:0, and that is empty. Where does the image end, counted from "
            "the front?",
            "dx 是 {got}：pad 为 0 时你切的是 0:-0，即 0:0，是空的。从前面数，图像到哪里结束？",
        ),
        "dw_first_image": (
            "Your dw is the same whatever image 2 is. The same weights are used on every image: add up over N as well.",
            "不管第 2 张图是什么，你的 dw 都一样。每张图用的是同样的权重：对 N 也要求和。",
        ),
        "dw_mean": (
            "dw is 1/N of what nudging w gives. If the loss is a mean, its 1/N is in dy already.",
            "dw 只有扰动 w 所得的 1/N。如果损失是平均值，1/N 已经在 dy 里了。",
        ),
        "db_one_axis": (
            "b is added at every pixel of every image: the sum for db runs over all axes but the last. Got {got}, b is "
            "{right}.",
            "b 加在每张图的每个像素上：db 的求和要跑遍除最后一轴外的所有轴。得到 {got}，b 是 {right}。",
        ),
        "w_as_it_is": (
            "`dy @ w[r, s]` multiplies only where C = K. Forward x's channels (C) became y's (K) through w[r, s], which is "
            "(C, K). Which way do they go back?",
            "`dy @ w[r, s]` 只有 C = K 时才乘得起来。前向时 x 的通道 (C) 经 w[r, s] (C, K) 变成 y 的 (K)。回去该怎么走？",
        ),
        "dx_turned": (
            "You have turned the filter round for dx. That is right where one gathers, pixel by pixel; here dy is handed "
            "out, and goes back through the very tap by which x came.",
            "你在求 dx 时翻转了滤波器。逐像素收集时那样是对的；这里是把 dy 分发出去，x 从哪个位置来，就从哪个位置回去。",
        ),
        "dw_turned": (
            "This is dw upside down: w[0, 0] met the pixel at the window's top left, not at its bottom right.",
            "这是上下左右颠倒的 dw：w[0, 0] 碰到的是窗口左上角的像素，不是右下角的。",
        ),
        "pad_forgotten": (
            "Right without padding. With pad {pad}, window 0 begins {pad} before the first pixel: everything of yours lies "
            "too far down and to the right.",
            "没有填充时是对的。pad 为 {pad} 时，第 0 个窗口在第一个像素之前 {pad} 处开始：你的整体偏到了右下方。",
        ),
        "loops_over_pixels": (
            "A loop over pixels turns in Python once for each. For one tap (r, s) all windows' pixels are one strided slice, "
            "of x for dw and of dx for dx.",
            "对像素的循环要在 Python 里一个一个地转。对滤波器里的一个位置 (r, s)，所有窗口的那个像素就是一个跨步切片："
            "求 dw 时切 x，求 dx 时切 dx。",
        ),
        "db_mean": (
            "db is a mean; b is added at every pixel of every image, and each of them counts in full.",
            "db 成了平均值；b 加在每张图的每个像素上，每一个都要完整计入。",
        ),
        "dw_last_image": (
            "dw is that of the last image: each image overwrites the one before. The same weights are used on all.",
            "dw 只是最后一张图的：每张图都覆盖了前一张。所有图用的是同样的权重。",
        ),
        "dw_last_window": (
            "dw is that of the last window: each window overwrites the one before. The same weights are used in all.",
            "dw 只是最后一个窗口的：每个窗口都覆盖了前一个。所有窗口用的是同样的权重。",
        ),
        "x_without_border": (
            "With pad {pad} the forward's windows lay on the padded image, and so do those of its backward: dw wants x with its "
            "border of zeros.",
            "pad 为 {pad} 时，前向的窗口在填充后的图像上，反向也一样：求 dw 要用带零边的 x。",
        ),
        "only_reached": (
            "dx is {got}, x is {right}: with this stride the last rows or columns of x lie in no window. They are "
            "pixels all the same, and their gradient is 0.",
            "dx 是 {got}，x 是 {right}：这个步幅下，x 的最后几行或几列不在任何窗口里。它们仍是像素，梯度为 0。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("One row, five pixels, a filter of three, stride 2: which windows is pixel 2 in, and with which weight?",
         "一行五个像素，滤波器宽三，步幅 2：像素 2 在哪些窗口里？各用哪个权重？"),
        ("Go tap by tap as in the forward. The slice of padded x that tap (r, s) has read is the one that dw[r, s] needs; "
         "the same slice of a padded dx, at first 0, is the one to which dy @ w[r, s] transposed is added.",
         "和前向一样逐个位置做。位置 (r, s) 从填充后的 x 读的那个切片，正是 dw[r, s] 要的；"
         "填充后的 dx（起初为 0）的同一切片，加上 dy 乘转置的 w[r, s]。"),
        ("x with zeros around it, zeros of the same shape for dx; two short loops: slice, dw[r, s] as a sum over N, P, Q, "
         "dx[slice] += …; then cut the border off dx, from pad to pad + H. db: one sum.",
         "四周补零的 x，同形的零给 dx；两个短循环：切片，dw[r, s] 对 N、P、Q 求和，dx[切片] += …；"
         "然后把 dx 的边切掉，从 pad 到 pad + H。db：一个求和。"),
    ),
)  # fmt: skip


def recognise(seen):
    f = seen.facts
    if "stride" in f and "dy1" in f:
        f["windows"] = min(f["dy1"], -(-f["w0"] // f["stride"])) * min(f["dy2"], -(-f["w1"] // f["stride"]))
    if seen.code == "raises" and re.search(r"dy\w* @ w\[\w+, *\w+\](?!\.)|dot\(dy\w*, w\[\w+, *\w+\]\)", seen.source):
        return "w_as_it_is"
    if seen.code == "raises" and f.get("pad") and not seen.has("np.pad(x"):
        return "x_without_border"
