"""relu forward and backward, a thread an element.

relu lets through what is above 0 and gives 0 for the rest. NaN stays NaN: an error should not look like a 0.
Its slope is 1 where the unit was on and 0 where it was off, and off it was at exactly 0 as well. `kept` is the y that
the forward kept:

    x     -2   0   3  NaN          kept   0   0   3   1
    y      0   0   3  NaN          dy     5  -1  -4   2
                                   dx     0   0  -4   2

An output starts as garbage, not as 0. Blocks have 128 threads, as many as cover `size` elements.
Par: 512 sectors each for 1,024 elements: every element by a thread of its own. (Two branches that store count as two
stores; who reads into a variable, chooses and writes once needs 256 and 384.)
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

INF = float("inf")


def forward_cases(d):
    yield case("", d(7))
    yield case("", d(128))
    yield case("all below 0", d(131, scale=0.1, shift=-3))
    yield case("", d(301))
    yield par("", d(1024))
    yield extreme("zeros and infinities", np.array([0.0, -0.0, INF, -INF, 1e-38, -1e-38, 3e38], np.float32))
    yield extreme("NaN stays NaN", np.array([1, float("nan"), -1], np.float32))


def backward_cases(d):
    def kept(n):
        return np.maximum(d(n), 0)

    yield case("", d(7), kept(7))
    yield case("", d(128), kept(128))
    yield case("", d(301), kept(301))
    yield case("every unit off", d(131), d(131) * 0)
    yield par("", d(1024), kept(1024))
    yield extreme("off, and its dy infinite", np.array([INF, -INF, 2, INF, -3], np.float32),
                  np.array([0.0, 0.0, -0.0, 1.0, 1e-38], np.float32))  # fmt: skip


def recognise(seen):
    if seen.stage != "values" or seen.case is None or not np.isnan(seen.case.inputs[0]).any() or seen.got[0][1] != 0:
        return None
    return "nan_max" if seen.has("max(x", "max(v", "max(float32(0)") else "nan_lost"


exercise = Exercise(
    title="relu and its gradient",
    stars=1,
    minutes=15,
    needs=("vector_add",),
    section="07",
    tasks=(
        Kernel(
            signature="relu(x, y, size)",
            cases=forward_cases,
            reference=lambda x: np.maximum(x, 0),
            outputs={"y": lambda x: x.shape},
            given={"size": lambda x: x.size},
            par={"sectors": 512},
            third={"sectors": 256},
        ),
        Kernel(
            signature="relu_backward(dy, kept, dx, size)",
            cases=backward_cases,
            reference=lambda dy, kept: np.where(kept > 0, dy, 0),
            outputs={"dx": lambda dy: dy.shape},
            given={"size": lambda dy: dy.size},
            par={"sectors": 512},
            third={"sectors": 384},
        ),
    ),
    says={
        "masks_dy": (
            "dx is max(dy, 0) here. The sign of the *gradient* does not matter: whether the unit was on in the forward "
            "does, and `kept` knows it.",
            "你的 dx 是 max(dy, 0)。*梯度*的符号无关紧要：要看前向时该单元是否打开，`kept` 知道。",
        ),
        "at_zero": (
            "Where kept is 0 the unit was off: {wrong} elements of dx should be 0 and are dy.",
            "kept 为 0 处该单元是关的：dx 有 {wrong} 个元素应为 0，却是 dy。",
        ),
        "times_kept": (
            "dx / dy is kept here. relu's slope is not its value: it is 1 or 0.",
            "这里 dx / dy 等于 kept。relu 的斜率不是它的值：只有 1 或 0。",
        ),
        "product": (
            "-inf · 0 is NaN. Choose between two values, do not multiply one by 0.",
            "-inf · 0 是 NaN。在两个值之间选择，不要用 0 去乘。",
        ),
        "product_backward": (
            "An infinite dy times 0 is NaN, and the unit was off: choose 0, do not multiply by it.",
            "无穷的 dy 乘 0 是 NaN，而该单元是关的：要选 0，不要乘 0。",
        ),
        "nan_lost": (
            "NaN > 0 is false, so NaN became 0, and nobody will see that something broke. Which test is false for NaN and "
            "sends it the other way?",
            "NaN > 0 为假，于是 NaN 变成了 0，谁也看不出哪里坏了。哪个比较对 NaN 为假，却让它走另一边？",
        ),
        "nan_max": (
            "max passes over NaN: of NaN and 0 it gives 0, and nobody will see that something broke. Choose by a comparison "
            "instead; which one is false for NaN and keeps x?",
            "max 会跳过 NaN：NaN 与 0 取大得到 0，谁也看不出哪里坏了。改用比较来选；哪个比较对 NaN 为假，又能保留 x？",
        ),
        "absolute": (
            "Below 0 your y is -x: that is the absolute value. A unit that is off gives 0.",
            "x 小于 0 时你的 y 是 -x：那是绝对值。关着的单元给出 0。",
        ),
        "kept_as_dx": (
            "dx is the kept value here, whatever dy is. The gradient of a unit that was on is what came from above: dy.",
            "你的 dx 就是 kept，与 dy 无关。打开的单元的梯度是上面传来的 dy。",
        ),
        "other_way": (
            "The units that were off let dy through, and those that were on stop it: it is the other way round.",
            "关着的单元放过了 dy，打开的却拦住了：正好反了。",
        ),
        "no_zero": (
            "Off is an answer too: write the 0.",
            "关着也是一种结果：把 0 写出来。",
        ),
        "slope_alone": (
            "That is relu's slope, 1 or 0, without what it multiplies: what came from above, dy.",
            "这是 relu 的斜率 1 或 0，缺了它要乘的东西：上面传来的 dy。",
        ),
        "half_of_both": (
            "-inf + inf is NaN, and the sum of two infinities is none to halve: choose between x and 0.",
            "-inf + inf 是 NaN：要在 x 与 0 之间选择，不要用公式去算。",
        ),
        "cpu_program": (
            "You wrote the CPU's program, and every thread runs all of it; a kernel is what *one* thread does.",
            "你写的是 CPU 的程序，每个线程都把它全部跑一遍；内核是*一个*线程所做的事。",
        ),
        "threshold": (
            "x between 0 and 1 is cut off: the test is against 0.",
            "0 与 1 之间的 x 被截掉了：应与 0 比较。",
        ),
        "sign_of_product": (
            "dx is 0 where dy is negative and the unit was on: a gradient may have any sign. Only `kept` decides.",
            "该单元打开而 dy 为负时，你的 dx 是 0：梯度可正可负。只由 `kept` 决定。",
        ),
    },
    recognise=recognise,
    hints=(
        ("What is y where x is -2, and who writes it? What is NaN > 0?",
         "x 为 -2 处 y 是多少，由谁来写？NaN > 0 是什么？"),
        ("Each thread writes exactly one value, chosen by a comparison: of x in the forward, of kept in the backward. A "
         "comparison with NaN is false, so ask so that false keeps x. The zero is `float32(0)`.",
         "每个线程恰好写一个值，由比较来选：前向比较 x，反向比较 kept。与 NaN 的比较为假，所以要问得让“假”保留 x。"
         "零写作 `float32(0)`。"),
        ("if the thread has an element: if it is below 0, y is a zero of 32 bits, else y is x. Backward: if kept is above "
         "0, dx is dy, else a zero.",
         "若线程有元素：小于 0 则 y 是 32 位的零，否则 y 是 x。反向：kept 大于 0 则 dx 是 dy，否则是零。"),
    ),
)  # fmt: skip
