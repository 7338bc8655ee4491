"""The gradient of a broadcast.

NumPy stretches the smaller array in a + b: axes are added in front, and an axis of length 1 is repeated. Forward no
number is copied, but each is used many times, and a number hears from each of its uses:

    a (3, 1)   b (1, 4)   y = a + b (3, 4)         a[0] is used in y[0, 0], y[0, 1], y[0, 2], y[0, 3]

        dy  1 2 3 4   ->   da  10                  so da[0] is the sum of row 0 of dy, and db the sum of each column
            5 6 7 8            26
            9 9 9 9            36                  db  15 17 19 21

Write unbroadcast(dy, shape): the gradient of an array of `shape` that was stretched to dy's shape. With it
add_backward(dy, a, b) and multiply_backward(dy, a, b), each returning (da, db) for y = a + b and y = a * b. A gradient
has exactly the shape of its array: (3, 1), not (3,); () for a number.
"""

import numpy as np

from minidl.course import Exercise, Function, case

PAIRS = [
    ((3, 1), (3, 4)), ((3, 4), (3, 4)), ((4,), (3, 4)), ((), (3,)), ((), ()), ((3, 1), (1, 4)), ((5,), (3, 5)),
    ((1,), (4,)), ((1, 1), (2,)), ((2, 1, 4), (3, 1)), ((4,), (2, 3, 1)), ((3, 3), (3,)),
]  # fmt: skip


def spread(dy, shape):
    """Each number of an array of this shape hears from all places that NumPy puts it to."""
    size = int(np.prod(shape))
    owner = np.broadcast_to(np.arange(size).reshape(shape), dy.shape)
    return np.bincount(owner.ravel(), weights=dy.ravel(), minlength=size).reshape(shape)


def stretched(d):
    for a, b in PAIRS:
        whole = np.broadcast_shapes(a, b)
        yield case(f"shape {a}", np.array(d(*whole)), a)
        if b != whole:
            yield case(f"shape {b}", np.array(d(*whole)), b)


def pairs(d):
    for a, b in PAIRS:
        yield case("", np.array(d(*np.broadcast_shapes(a, b))), np.array(d(*a)), np.array(d(*b)))


exercise = Exercise(
    title="The gradient of a broadcast",
    stars=2,
    minutes=30,
    section="01",
    needs=("dense_backward",),
    tasks=(
        Function(
            signature="unbroadcast(dy, shape)", results="dx", cases=stretched, resized=False,
            reference=lambda dy, shape: spread(dy, shape),
        ),
        Function(
            signature="add_backward(dy, a, b)", results="da db", cases=pairs, resized=False,
            reference=lambda dy, a, b: (spread(dy, a.shape), spread(dy, b.shape)),
        ),
        Function(
            signature="multiply_backward(dy, a, b)", results="da db", cases=pairs, resized=False,
            reference=lambda dy, a, b: (spread(b * dy, a.shape), spread(a * dy, b.shape)),
        ),
    ),
    says={
        "added_axes_alone": (
            "(3, 1) + (3, 4): axis 1 was stretched from 1 to 4, so its gradient is summed too, and keeps the length 1. You "
            "look only at the axes that were added in front.",
            "(3, 1) + (3, 4)：第 1 轴从 1 拉伸到 4，所以它的梯度也要求和，并保留长度 1。你只看了前面添加的轴。",
        ),
        "stretched_alone": (
            "(4,) + (3, 4): NumPy put an axis in front of (4,), and all three rows use the same numbers. You sum the axes of "
            "length 1, but not the axes that the array does not have.",
            "(4,) + (3, 4)：NumPy 在 (4,) 前面加了一个轴，三行用的是同样的数。你对长度为 1 的轴求了和，却漏了数组本来没有的轴。",
        ),
        "length_lost": (
            "The numbers are right, the shape is not: {name} is {got}, and its array {right}. A summed axis of length 1 "
            "has to stay (`keepdims`).",
            "数是对的，形状不对：{name} 是 {got}，它的数组是 {right}。求和的轴若原长为 1 就要保留（`keepdims`）。",
        ),
        "own_factor": (
            "d(a · b)/da is b, not a: nudge a, and y moves by b times as much.",
            "d(a · b)/da 是 b，不是 a：扰动 a，y 的变化是它的 b 倍。",
        ),
        "no_factor": (
            "This is add's backward. In a product the slope of a is the other factor.",
            "这是加法的反向。乘积里，对 a 的斜率是另一个因子。",
        ),
        "always_sums": (
            "Where the shapes are equal nothing was stretched, and dx is dy itself. Which axes of dy are longer than those "
            "of the array, or not there at all?",
            "形状相同时什么也没有拉伸，dx 就是 dy 本身。dy 的哪些轴比数组的长，或者数组根本没有？",
        ),
        "mean": (
            "Each use adds its gradient in full. An average would be right for one use only: nudge a[0] and all of its uses "
            "move.",
            "每一次使用都完整地贡献梯度。只有用一次时平均才对：扰动 a[0]，它的所有使用处都会动。",
        ),
        "first_use": (
            "You take the gradient of one of the uses and drop the others: they move the loss as well. Add them.",
            "你只取了其中一次使用的梯度，丢掉了其余的：它们同样影响损失。把它们加起来。",
        ),
        "stays_stretched": (
            "{name} is {got}, its array {right}: first the product, then back to the array's own shape. `unbroadcast` is "
            "there for that.",
            "{name} 是 {got}，它的数组是 {right}：先做乘积，再回到数组自己的形状。`unbroadcast` 正是为此准备的。",
        ),
        "factor_later": (
            "First sum, then multiply: that is too late. Each use of a met another number of b; the product stands inside "
            "the sum.",
            "先求和再相乘就晚了：a 的每次使用碰到的是 b 的不同数。乘积要放在求和里面。",
        ),
        "by_size": (
            "Reshaping puts numbers at other places, it does not add those that belong together. Which cells of dy came "
            "from a[0]?",
            "reshape 只是挪动数的位置，并没有把同属一个元素的数加起来。dy 的哪些格子来自 a[0]？",
        ),
        "axis_0_alone": (
            "You sum over axis 0 wherever the shapes differ. For (3, 1) in (3, 4) it is axis 1 that has been stretched: "
            "compare the two shapes axis by axis.",
            "只要形状不同你就对第 0 轴求和。(3, 1) 变成 (3, 4) 时，被拉伸的是第 1 轴：要逐个轴比较两个形状。",
        ),
        "last_axes_first": (
            "You sum away axes at the end. NumPy lines shapes up at the right: what dy has more stands in front.",
            "你把末尾的轴加掉了。NumPy 从右边对齐形状：dy 多出来的轴在前面。",
        ),
        "not_lined_up": (
            "Right where both have the same number of axes. Here dy still has one more in front, so that axis k of dy is not "
            "axis k of the array: NumPy lines shapes up at the right.",
            "两者轴数相同时是对的。这里 dy 前面还多一个轴，dy 的第 k 轴就不是数组的第 k 轴：NumPy 从右边对齐形状。",
        ),
        "add_stays_stretched": (
            "A sum hands dy on as it is, but in dy's shape, {got}; its array is {right}. `unbroadcast` is there for that.",
            "加法原样传递 dy，但形状是 dy 的 {got}；它的数组是 {right}。`unbroadcast` 正是为此准备的。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Draw a (3, 1) + b (1, 4) as a table of 12 sums. In which cells does a[1] stand? And b[0, 2]?",
         "把 a (3, 1) + b (1, 4) 画成 12 个和的表。a[1] 出现在哪些格子里？b[0, 2] 呢？"),
        ("Two kinds of axes are summed: those in front, by which dy has more, are summed away; those where the array has "
         "length 1 are summed and stay.",
         "有两种轴要求和：dy 在前面多出来的轴，求和后消失；数组长度为 1 的轴，求和后保留。"),
        ("unbroadcast: how many axes dy has more than shape: sum these; then each axis where shape has 1: sum, keepdims. "
         "The others: the gradient of the full shape, then unbroadcast to a.shape and to b.shape.",
         "unbroadcast：dy 比 shape 多几个轴，先对它们求和；再对 shape 中为 1 的每个轴求和，保留维度。"
         "另两个函数：先算完整形状的梯度，再分别 unbroadcast 到 a.shape 和 b.shape。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Numbers that are right in a shape that is not: told on the first case, whichever way it was come to."""
    if seen.code == "shape" and seen.got is not None and len(seen.got) == len(seen.expected):
        flat = [(np.ravel(g), np.ravel(r)) for g, r in zip(seen.got, seen.expected, strict=True)]
        if all(g.size == r.size and np.allclose(g, r, 1e-4, 1e-5) for g, r in flat):
            return "length_lost"
