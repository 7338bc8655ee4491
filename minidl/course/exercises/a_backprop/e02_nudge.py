"""A gradient without calculus: nudge each cell and look.

How does the number f(x) move when one cell of the array x moves by a little? Ask f on both sides of x, a step h to the
right and a step h to the left, and divide by the way between:

    g[i] = (f(x with x[i] + h) - f(x with x[i] - h)) / 2h

              o  f(x + h)      x = 3, h = 0.1, f(x) = x³:     on both sides  (3.1³ - 2.9³) / 0.2 = 27.01
             /                                                one-sided      (3.1³ - 3³) / 0.1   = 27.91
           o  f(x)                                            exactly                              27
         /
      o  f(x - h)              A one-sided slope is that of a point half a step to the side.

x is an array of any shape; f takes such an array and returns one number. Return g, of x's shape. Ask f twice a cell, and
leave x as it is. x may be of float32, or of whole numbers: g is right all the same. Keep this function: it checks whatever
gradient you write next.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme

FUNCTIONS = {  # each with its gradient, by hand
    "sum of cubes": (lambda x: (x**3).sum(), lambda x: 3 * x**2),
    "exp of the sum": (lambda x: np.exp(x.sum() / 4), lambda x: np.full(x.shape, np.exp(x.sum() / 4) / 4)),
    "square of the sum": (lambda x: x.sum() ** 2, lambda x: np.full(x.shape, 2 * x.sum())),
    "weighted squares": (
        lambda x: (np.arange(1, x.size + 1).reshape(x.shape) * x**2).sum() * x.flat[0],
        lambda x: 2 * np.arange(1, x.size + 1).reshape(x.shape) * x * x.flat[0]
        + (np.arange(x.size).reshape(x.shape) == 0) * (np.arange(1, x.size + 1).reshape(x.shape) * x**2).sum(),
    ),
}


def ask(numerical_gradient, f, x, h):
    calls = 0

    def counted(at):
        nonlocal calls
        calls += 1
        return float(FUNCTIONS[f][0](np.array(at, np.float64)))

    g = numerical_gradient(counted, x) if h == 1e-6 else numerical_gradient(counted, x, h)
    return None if g is None else (g, max(calls, 2 * x.size))


def cases(d):
    h = 1e-3  # a larger step, at which the one-sided slope is seen to be worse
    yield case("", "sum of cubes", d(1).astype(float) + 2, h)
    yield case("", "sum of cubes", d(4).astype(float), h)
    yield case("", "exp of the sum", d(5).astype(float), h)
    yield case("", "square of the sum", d(2, 3).astype(float), h)
    yield case("", "weighted squares", d(4, 2).astype(float), h)
    yield case("a transposed view", "weighted squares", d(3, 4).astype(float).T, h)
    yield case("", "weighted squares", d(2, 1, 3).astype(float), h)
    yield extreme("float32", "sum of cubes", d(3, shift=300), 1e-6)
    yield extreme("whole numbers", "sum of cubes", np.array([[2, -3], [0, 5]]), 1e-6)


exercise = Exercise(
    title="A gradient by nudging",
    stars=1,
    minutes=20,
    section="01",
    needs=("neuron",),
    tasks=(
        Function(
            signature="numerical_gradient(f, x, h=1e-6)",
            inputs="f x h",
            results="g calls",
            cases=cases,
            drive=ask,
            reference=lambda f, x, h: (FUNCTIONS[f][1](np.asarray(x, float)), np.asarray(2 * x.size)),
            tolerance=3e-6,
            keeps_dtype=False,
        ),
    ),
    says={
        "one_sided": (
            "Near, but not near enough: got {got}, right is {right}. Between x and one neighbour you measure the slope half "
            "a step to that side: your error falls with h, the central one with h². Ask f on both sides.",
            "接近，但还不够：得到 {got}，应为 {right}。只用 x 和一侧的点，量到的是偏半步处的斜率：你的误差随 h 减小，"
            "中心差分的误差随 h² 减小。两边都问一次 f。",
        ),
        "twice": (
            "Twice the slope: the two points at which you ask f are 2h apart, not h.",
            "斜率大了一倍：你问 f 的两个点相距 2h，不是 h。",
        ),
        "left_moved": (
            "After your call x[{i}] is not what it was, and every cell after it was differentiated at another place. "
            "Nudge a copy, or put the old value back.",
            "调用之后 x[{i}] 已不是原来的值，它后面的每个元素都是在另一个位置求的导。请在副本上扰动，或把原值放回去。",
        ),
        "added_back": (
            "You put x back by adding and subtracting h: in floating point x + h - 2h + h is seldom exactly x. Keep the "
            "old value and write it back.",
            "你靠加减 h 把 x 还原：浮点数里 x + h - 2h + h 很少恰好等于 x。先记下原值，再写回去。",
        ),
        "copy_moved": (
            "Cell 0 is right; from then on you differentiate at another place, since the cells before are still a step "
            "off in your copy. One cell moves at a time: put it back before the next.",
            "第 0 个元素是对的；之后就在另一个位置求导了，因为副本里前面的元素还停在偏一步的地方。"
            "每次只动一个元素：动下一个之前先还原。",
        ),
        "coarse": (
            "Here h = 1e-6 is less than x can hold: a float32 near 300 moves in steps of 3e-5, a whole number in steps "
            "of 1. So x + h is x, or anything. Which type is fine enough?",
            "这里 h = 1e-6 比 x 能表示的还细：300 附近的 float32 以 3e-5 为一格，整数以 1 为一格。"
            "于是 x + h 要么等于 x，要么不知是什么。哪种类型才够细？",
        ),
        "whole_row": (
            "x has {x1} columns, and x[i] is a whole row: your step moves {x1} cells at once and measures the sum of "
            "their slopes. Every cell is a direction of its own (`np.ndindex`).",
            "x 有 {x1} 列，x[i] 是一整行：你的一步同时动了 {x1} 个元素，量到的是它们斜率之和。"
            "每个元素都是一个独立的方向（`np.ndindex`）。",
        ),
        "all_at_once": (
            "One number came back: x + h moves every cell at once. Which cell alone does g[i] ask about?",
            "只返回了一个数：x + h 让所有元素同时移动。g[i] 问的是哪一个元素？",
        ),
        "flat_copy": (
            "g is 0 where x is a transposed view: there `ravel` and `reshape(-1)` make a copy, and f never sees your step.",
            "x 是转置视图时 g 为 0：这时 `ravel` 和 `reshape(-1)` 得到的是副本，f 根本看不到你的那一步。",
        ),
        "asks_often": (
            "Right, but f is asked {got} times where {right} would do. In training f is a whole network: two questions a "
            "cell.",
            "结果对，但问了 f {got} 次，{right} 次就够。训练时 f 是整个网络：每个元素问两次。",
        ),
        "two_axes": (
            "x may have one axis, two, or three: your loops are made for one number of them. `np.ndindex(x.shape)` goes "
            "through all cells, whatever the shape.",
            "x 可能有一个、两个或三个轴：你的循环只适合一种。`np.ndindex(x.shape)` 不管形状如何都能走遍所有元素。",
        ),
        "brackets": (
            "Read aloud, `a / 2 * h` is (a / 2) · h. What belongs under the fraction wants brackets.",
            "`a / 2 * h` 读作 (a / 2) · h。分母里的东西要加括号。",
        ),
        "whole_slopes": (
            "g has x's type, and x holds whole numbers here: a slope of 2.5 becomes 2. g is an array of float64.",
            "g 用了 x 的类型，而这里 x 是整数：斜率 2.5 会变成 2。g 应是 float64 数组。",
        ),
        "half_way": (
            "Half the slope: from x + h one step of h leads back to x. The second question belongs at x - h, two "
            "steps from the first.",
            "斜率只有一半：从 x + h 退一步 h，只回到 x。第二次要在 x - h 处问，离第一次两步。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("If you may ask f only two questions, which two tell you most about its slope at x[i]?",
         "如果只能问 f 两次，问哪两个点最能看出它在 x[i] 处的斜率？"),
        ("One cell at a time: a step up, ask; a step down, ask; put it back. The difference, divided by 2h. All of it on a "
         "copy in float64.",
         "一次只动一个元素：往上一步，问；往下一步，问；还原。差除以 2h。全部在 float64 的副本上做。"),
        ("copy x as float64; g of x's shape; for each index of x (`np.ndindex(x.shape)`): keep the value, two calls, write "
         "the value back, g at this index.",
         "把 x 复制成 float64；g 与 x 同形；对 x 的每个下标（`np.ndindex(x.shape)`）：记下原值，调用两次，写回原值，"
         "得到该下标的 g。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code == "F17":
        return "added_back" if seen.has("-=2*h", "-=h*2", "-=2.0*h", "-=h+h") else "left_moved"
    if seen.code == "dtype":
        return "whole_slopes"
    if seen.code == "raises" and seen.facts["kind"] in ("IndexError", "ValueError") and seen.facts["L"]:
        return "two_axes"
    if seen.stage == "values" and seen.code == "values" and seen.facts.get("name") == "calls":
        return "asks_often"
