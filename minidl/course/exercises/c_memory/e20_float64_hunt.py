"""Four hidden float64: mend the kernel, leave what it computes.

y[i] = share · softplus(x[i] / 2), where share = (i + 1) / size rises from left to right, and softplus(v) =
log(1 + e^v), computed as max(v, 0) + log1p(e^-|v|) so that nothing overflows and nothing small is lost.

x is float32 and y is float32, and still the kernel computes in float64, which is up to 64 times slower on a laptop's
GPU. Numba knows how wide a number is from where it comes:

    0.5             64 bits               float32 · float64     64 bits
    i, 0, x.size    integers              float32 with integer  64 bits
    integer / integer                                           64 bits

The kernel below has four such places; a line that computes in float64 only because of another is none.
"""

import re

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme


def cases(d):
    yield case("", d(5))
    yield case("", d(300, scale=4))
    yield case("", d(128, shift=-3))
    yield case("", d(1))
    yield extreme("far from 0", np.array([-40, 40, 0, -0.0, -60, 200, -20, 1e-3], np.float32))
    yield extreme("infinities", np.array([float("inf"), -float("inf"), 1], np.float32))


def with_logarithm(y):
    """Small values are compared as well as large ones: the difference of logarithms is a relative one."""
    return y, np.log(np.maximum(y, 1e-30))


def run(module, launch, x):
    y = np.full(x.shape, np.nan, np.float32)
    launch(module.softplus, -(-x.size // 128), 128, x, y, x.size)
    return with_logarithm(y)


exercise = Exercise(
    title="Hidden float64",
    stars=1,
    minutes=20,
    needs=("relu_pair",),
    section="08",
    tasks=(
        Kernel(
            signature="softplus(x, y, size)",
            cases=cases,
            reference=lambda x: with_logarithm(np.logaddexp(0, x / 2) * np.linspace(1 / x.size, 1, x.size)),
            outputs={"y": lambda x: x.shape},
            given={"size": lambda x: x.size},
            results="y log_y",
            drive=lambda module, launch, x: run(module, launch, x),
        ),
    ),
    says={
        "result_only": (
            "You round the result, after all has been computed in float64: what counts is the width of what goes in.",
            "你只把结果舍入了，而之前全是用 float64 算的：要紧的是进去的数有多宽。",
        ),
        "half": (
            "A number with a point is of 64 bits in a kernel, and x[i] beside it becomes as wide.",
            "内核里带小数点的数是 64 位的，旁边的 x[i] 也跟着变宽。",
        ),
        "quotient": (
            "An integer by an integer is a float64, as in Python: both have to be float32 before they are divided.",
            "整数除以整数得到 float64，和 Python 一样：相除之前两者都要是 float32。",
        ),
        "elsewhere": (
            "Which number on this line is not a float32, and where does it come from?",
            "这一行哪个数不是 float32，它从哪里来？",
        ),
        "division": (
            "`(i + 1) / size` has divided in float64 before float32(…) sees it: wrap what is divided.",
            "`(i + 1) / size` 在 float32(…) 看到它之前已用 float64 除完了：要包住的是被除的数。",
        ),
        "integer_zero": (
            "max of a float32 and an integer is a float64, of an integer of 32 bits too: which type can hold both?",
            "float32 与整数取 max 得到 float64，32 位整数也一样：哪种类型能同时容纳两者？",
        ),
        "half_by_integer": (
            "A float32 divided by, or times, an integer is a float64: the 2 has to be a float32 too.",
            "float32 除以或乘以整数得到 float64：2 也要是 float32。",
        ),
        "running_sum": (
            "The sum began in float64, and whatever is added to it becomes as wide: look where it begins.",
            "和是从 float64 开始的，加进去的一切都变得一样宽：看看它从哪里开始。",
        ),
        "small_lost": (
            "Values changed: 1 + e^-20 is 1 in float32, and its log 0. That is what log1p is for.",
            "数值变了：1 + e^-20 在 float32 里就是 1，取对数得 0。log1p 正是为此而有。",
        ),
        "overflows": (
            "Values changed: e^v overflows for large v. -|v| cannot.",
            "数值变了：v 大时 e^v 会溢出。-|v| 不会。",
        ),
        "whole_division": (
            "Values changed: `//` has no fractions, so every share but the last is 0.",
            "数值变了：`//` 没有小数部分，除最后一个外 share 全是 0。",
        ),
        "from_zero": (
            "Values changed: share is (i + 1) / size, and yours begins at 0.",
            "数值变了：share 是 (i + 1) / size，你的从 0 开始。",
        ),
        "no_half": (
            "Values changed: it is softplus of x[i] / 2, and the half is gone.",
            "数值变了：应是 x[i] / 2 的 softplus，一半不见了。",
        ),
        "no_share": (
            "Values changed: the share is gone, all elements count in full.",
            "数值变了：share 不见了，所有元素都按整份算。",
        ),
        "rest_lost": (
            "Values changed: log1p(e^-|v|) is gone, and what is left is relu.",
            "数值变了：log1p(e^-|v|) 不见了，剩下的是 relu。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Which numbers of the kernel are neither x[i] nor made of x[i] alone, and how wide is each?",
         "内核里哪些数既不是 x[i]、也不是只由 x[i] 得来的？它们各有多宽？"),
        ("A number with a point, a 0 beside a float32, a quotient of integers, and a sum that begins at 0.0: each infects "
         "what it touches. Wrap the number where it comes in.",
         "带小数点的数、float32 旁边的 0、整数的商、从 0.0 开始的和：每一个都会传染它碰到的。在它进来的地方包住它。"),
        ("float32(…) around the half, around the zero of max, around both integers of the quotient, around the sum's 0.",
         "用 float32(…) 包住那个一半、max 的零、商的两个整数、和的 0。"),
    ),
)  # fmt: skip

SAYS_F13 = {
    "division": r"float32\(\(?i \+ 1\)? / size\)",
    "quotient": r"= \(?i \+ 1\)? / size$",
    "half_by_integer": r"x\[i\] [/*] \(?[12]\b",
    "half": r"(?<!float32\()0?\.5\b",
    "integer_zero": r"max\((v, (int32\(0\)|0)|(int32\(0\)|0), v)\)",
}


def recognise(seen):
    """What is of 64 bits shows in the source: on the line that is told, or on the one that it began on."""
    if seen.code != "F13":
        return None
    if seen.has("y[i] = float32(share *", "y[i] = np.float32(share *"):
        return "result_only"
    lines = seen.source.splitlines()
    told = lines[seen.facts["L"] - 1].strip() if 0 < seen.facts["L"] <= len(lines) else ""
    for says, form in SAYS_F13.items():
        if re.search(form, told):
            return says
    return "running_sum" if "total +=" in told and re.search(r"total = 0(\.0)?\s", seen.source) else "elsewhere"
