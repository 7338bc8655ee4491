"""Convolution as one product of matrices.

A filter of R x S slides over an image, `stride` pixels at a time, and at each place every number under it is multiplied
by its weight and all are added up. One of the filter's R·S places, (r, s), is called a tap. Outside the image, `pad` pixels
on every side, lie zeros:

    y[n, p, q, k] = b[k] + Σ x[n, p·stride + r - pad, q·stride + s - pad, c] · w[r, s, c, k]        over r, s and c

    x (N, H, W, C)   w (R, S, C, K)   b (K,)   stride, pad numbers   ->   y (N, P, Q, K)

Seven loops, and slow. Instead lay what lies under the filter at each place into one row of a table, R·S·C numbers in the
order of w. Then y is one product, (N·P·Q, R·S·C) @ (R·S·C, K):

    x  1 2 3       w  a b       the table's 4 rows    1 2 4 5
       4 5 6          c d                             2 3 5 6       y[0, 0] = 1a + 2b + 4c + 5d
       7 8 9                                          4 5 7 8
                                                      5 6 8 9

How many places are there, P x Q? Count them for H = 5, R = 3, stride 2, pad 0 before you write it down.
Par: 200 lines of your file for an image of 20 x 18: a loop over r and s is short, one over pixels is not.
"""

import numpy as np

from minidl.course import Exercise, Function, case, par


def place_by_place(x, w, b, stride, pad):
    (n, h, width, c), (r, s, _, k) = x.shape, w.shape
    around = np.zeros((n, h + 2 * pad, width + 2 * pad, c))
    around[:, pad : pad + h, pad : pad + width] = x
    tops, lefts = (range(0, full - f + 1, stride) for full, f in ((h + 2 * pad, r), (width + 2 * pad, s)))
    y = np.zeros((n, len(tops), len(lefts), k))
    for p, top in enumerate(tops):
        for q, left in enumerate(lefts):
            y[:, p, q] = np.tensordot(around[:, top : top + r, left : left + s], w, 3) + b
    return y


def cases(d):
    for x, w, stride, pad in (
        ((1, 3, 3, 1), (2, 2, 1, 1), 1, 0),
        ((2, 4, 5, 3), (1, 1, 3, 2), 1, 0),
        ((2, 5, 7, 2), (3, 2, 2, 3), 1, 0),
        ((1, 6, 4, 2), (3, 3, 2, 2), 1, 1),
        ((2, 7, 8, 3), (3, 3, 3, 2), 2, 0),
        ((3, 8, 5, 1), (2, 3, 1, 4), 2, 1),
        ((1, 9, 7, 2), (1, 4, 2, 3), 3, 1),
        ((2, 5, 5, 2), (5, 5, 2, 1), 1, 2),
    ):
        yield case("", d(*x), d(*w), d(w[3]), stride, pad)
    yield par("", d(2, 20, 18, 3), d(3, 3, 3, 4), d(4), 1, 1)


exercise = Exercise(
    title="Convolution as a product of matrices",
    stars=2,
    minutes=40,
    section="04",
    needs=("dense_backward",),
    tasks=(
        Function(
            signature="conv2d(x, w, b, stride, pad)",
            results="y",
            cases=cases,
            reference=place_by_place,
            par={"steps": 200},
        ),
    ),
    says={
        "flipped": (
            "This is the convolution of mathematics, which turns the filter round. Deep learning does not: w[0, 0] lies on "
            "the window's top left pixel.",
            "这是数学里的卷积，会把滤波器翻转。深度学习不翻：w[0, 0] 对着窗口左上角的像素。",
        ),
        "columns_c_r_s": (
            "A row of your table runs over channels first, then over r and s; w's numbers stand in the order r, s, c. Each "
            "number meets another's weight.",
            "你的表每一行先按通道、再按 r 和 s 排；w 的数按 r、s、c 排。每个数碰上的是别人的权重。",
        ),
        "w_reshaped": (
            "reshape(K, …) does not bring the last axis of w to the front, it cuts the same row of numbers at other places. "
            "w is (R, S, C, K): for R·S·C rows and K columns nothing has to move.",
            "reshape(K, …) 并不会把 w 的最后一轴移到前面，只是把同一串数在别处切开。w 是 (R, S, C, K)："
            "要得到 R·S·C 行、K 列，什么都不用移。",
        ),
        "pad_not_counted": (
            "y is {got}; it must be {right}. The filter slides over the padded image, which is {2 * pad} longer.",
            "y 是 {got}，应为 {right}。滤波器滑过的是填充后的图像，它长了 {2 * pad}。",
        ),
        "fence": (
            "y is {got}; it must be {right}. Between the first place and the last lie (length - window) // stride steps: how "
            "many places is that? Count a window of 3 on 8 pixels, stride 2, by hand.",
            "y 是 {got}，应为 {right}。第一个位置到最后一个位置之间有 (长度 - 窗口) // 步幅 步：那是几个位置？"
            "手数一下：8 个像素、窗口 3、步幅 2。",
        ),
        "bias_in_the_sum": (
            "b is added inside the sum, and arrives once for each term. It belongs to the result, once.",
            "b 加在了求和里面，每一项都加了一次。它属于结果，只加一次。",
        ),
        "pad_on_one_side": (
            "y has the right shape and is shifted: all your zeros lie above and to the left. `pad` pixels on each of the "
            "four sides.",
            "y 形状对，但整体移了位：你的零全在上边和左边。四边各 `pad` 个像素。",
        ),
        "edge_repeated": (
            "Outside the image lie zeros; yours continues the last pixel. Wrong exactly where a window hangs over the edge.",
            "图像之外是零；你的延续了边上的像素。恰好在窗口越过边缘的地方出错。",
        ),
        "stride_1": (
            "Right for stride 1. With {stride}, place p begins at pixel p · {stride}, not at pixel p.",
            "步幅 1 时对。步幅为 {stride} 时，第 p 个位置从像素 p · {stride} 开始，不是像素 p。",
        ),
        "taps_apart": (
            "You take the stride inside the window: its own pixels are neighbours, and the stride lies between one window "
            "and the next.",
            "你把步幅用在了窗口内部：窗口内的像素是相邻的，步幅是相邻窗口之间的距离。",
        ),
        "one_channel": (
            "Only the first channel of x counts in your sum: the window goes through all C of them.",
            "你的和里只有 x 的第一个通道：窗口要贯穿全部 C 个通道。",
        ),
        "loops_over_pixels": (
            "A loop over pixels turns in Python once for each, and images have many. For one tap (r, s) all windows' pixels "
            "are one strided slice of x.",
            "对像素的循环要在 Python 里一个一个地转，而图像的像素很多。对滤波器里的一个位置 (r, s)，所有窗口的那个像素就是 x 的一个跨步切片。",
        ),
        "taps_exchanged": (
            "w is (R, S, C, K): the first index goes down the filter, the second along it. Your loops ask w the other way "
            "round, which only a square filter allows, and then it is the filter mirrored at its diagonal.",
            "w 是 (R, S, C, K)：第一个下标沿滤波器往下，第二个横着走。你的循环反过来取 w，只有方形滤波器才行，"
            "而且那是沿对角线翻转的滤波器。",
        ),
        "last_tap_alone": (
            "y is what the last tap gives: each tap overwrites the one before. All R·S of them are added up.",
            "y 只是最后一个位置的结果：每个位置都覆盖了前一个。R·S 个要加起来。",
        ),
        "columns_s_r": (
            "You fill the table with s outside and r inside; w's rows run over r first, then s. Each column meets another "
            "tap's weight.",
            "你填表时 s 在外、r 在内；w 的行先按 r、再按 s。每一列碰上的是别的位置的权重。",
        ),
        "all_axes_padded": (
            "`np.pad(x, pad)` puts zeros around all four axes: new images and new channels as well. One pair for each axis, "
            "(0, 0) where nothing is added.",
            "`np.pad(x, pad)` 会在四个轴上都补零：连图像和通道也多了。每个轴给一对，不补的给 (0, 0)。",
        ),
        "slice_too_short": (
            "A slice of P pixels with a stride of {stride} between them is about P · {stride} long; yours ends too early and has "
            "fewer than P.",
            "间隔 {stride} 取 P 个像素，切片约长 P · {stride}；你的结束得太早，不足 P 个。",
        ),
        "minus_zero": (
            "With pad 0 you write into 0:-0, which is 0:0, and that is empty. Where does the image end, counted from the front?",
            "pad 为 0 时你写入的是 0:-0，即 0:0，是空的。从前面数，图像到哪里结束？",
        ),
        "axes_exchanged": (
            "Shapes do not fit where the image is not square: x is (N, H, W, C), rows first, and P belongs to H.",
            "图像不是方的时候形状对不上：x 是 (N, H, W, C)，先行后列，P 对应 H。",
        ),
        "q_from_r": (
            "Q is counted with the filter's height, R = {w0}. Along a row slides its width, S = {w1}.",
            "你用滤波器的高 R = {w0} 来数 Q。沿一行滑动的是它的宽，S = {w1}。",
        ),
        "pad_behind": (
            "y has the right shape and is shifted: all your zeros lie below and to the right. `pad` pixels on each of the four sides.",
            "y 形状对，但整体移了位：你的零全在下边和右边。四边各 `pad` 个像素。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Fix one tap, r = 0 and s = 1 say. Which pixels of x does it lie on, over all places of the filter? Write them as a "
         "slice.",
         "固定一个位置，例如 r = 0、s = 1。滤波器在所有位置时，它压在 x 的哪些像素上？写成一个切片。"),
        ("An array (N, P, Q, R, S, C), filled tap by tap: for each r and s, all (N, P, Q, C) pixels at once, by a slice that "
         "begins at r or s and goes in steps of the stride. Reshaped to two axes it is the table.",
         "一个 (N, P, Q, R, S, C) 数组，逐个位置填：对每个 r 和 s，用一个切片一次填好 (N, P, Q, C) 个像素，"
         "切片从 r 或 s 起、以步幅为间隔。reshape 成两个轴就是那张表。"),
        ("P and Q; x with zeros around it; the empty table; two short loops; table (N·P·Q, R·S·C) @ w (R·S·C, K) + b; shape "
         "(N, P, Q, K).",
         "P 和 Q；四周补零的 x；空表；两个短循环；表 (N·P·Q, R·S·C) @ w (R·S·C, K) + b；形状 (N, P, Q, K)。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code != "raises" or seen.case is None:
        return None
    x, w, _, stride, pad = seen.case.inputs
    (h, width), (r, s) = x.shape[1:3], w.shape[:2]
    message = seen.facts["message"]
    if pad == 0 and "0,0," in message.replace(" ", ""):
        return "minus_zero"
    if pad and seen.has("np.pad(x, pad)", "np.pad(x, pad,"):
        return "all_axes_padded"
    if seen.facts["kind"] == "IndexError" and r != s:
        return "taps_exchanged"
    if r != s and f",{(width + 2 * pad - r) // stride + 1}," in message.replace(" ", ""):
        return "q_from_r"
    if "broadcast" in message:
        return "slice_too_short" if stride > 1 else "axes_exchanged" if h != width else None
