"""Kernels for an op of your own, and a network that trains with them.

squareplus is there in NumPy, as in exercise 50: its plain form is given (your own, pasted in its place, does as well). Write
its kernels, one thread one element; `size` is how many there are, b comes as a number:

    squareplus_kernel(x, y, b, size)          y = (x + √(x² + b)) / 2
    slope_kernel(dy, x, dx, b, size)          dx = dy times the slope at x

and the two host functions that minidl will call in the place of the op's. They are given NumPy arrays of any shape, launch
a kernel on the SIMT machine, and return what the op's own functions return:

    forward(x, *, b=4.0)        (y, cache)    launch(kernel, blocks, threads, *args); flat arrays are x.reshape(-1)
    backward(dy, cache)         (dx,)         np.empty_like(x) makes an array for a kernel to fill
    minidl.register_backend("squareplus", "mine", forward, backward)

Then `with minidl.using(squareplus="mine"):` trains on your kernels, and squareplus_backward="mine" sends the backward alone
to them. So what your forward keeps is what the plain backward reads, and the other way round: a cache belongs to the op,
not to the one who computes. The check trains digits for three steps in each combination; the losses have to agree.

Par: each element read and written once.
"""

import functools
from unittest.mock import patch

import numpy as np

from minidl.course import Exercise, Function, Kernel, case, extreme, par

STEPS = 3


@functools.lru_cache(maxsize=1)
def digits():
    from minidl.datasets import digits

    (x, y), _ = digits.load_data()
    return (x[:60].reshape(60, 64) / 16).astype("float32"), np.eye(10, dtype="float32")[y[:60]]


def nan_like(a, *args, **settings):
    """As np.empty_like, but what nobody writes is the same each time, and shows."""
    return np.full_like(a, np.nan if np.asarray(a).dtype.kind == "f" else 0, *args, **settings)


def nan(shape, dtype=float, *args, **settings):
    """As np.empty, and as nan_like."""
    return np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 0, dtype, *args, **settings)


def trains(forward, x, t, w1, w2, b):
    """Train with your kernels in the forward, in the backward, in both."""
    with patch.object(np, "empty_like", nan_like), patch.object(np, "empty", nan):
        return trained(x, t, w1, w2, b)


def trained(x, t, w1, w2, b):
    import minidl
    from cuda_kernels.launch import launches, simt_options
    from minidl import functional as F
    from minidl.tape import apply

    def train(**chosen):
        first, second, losses = minidl.Variable(w1), minidl.Variable(w2), []
        with minidl.using(**chosen), launches() as launched, simt_options(strict=False) as reports:
            for batch, labels in zip(np.split(x, STEPS), np.split(t, STEPS), strict=True):
                with minidl.GradientTape() as tape:
                    h = apply("squareplus", F.matmul(batch, first), b=b)
                    z = F.matmul(h, second)
                    loss = F.categorical_crossentropy(labels, z, from_logits=True).mean()
                d1, d2 = tape.gradient(loss, [first, second])
                first.assign_sub(0.2 * d1)
                second.assign_sub(0.2 * d2)
                losses.append(float(loss))
        return np.array(losses, np.float32), len(launched), sum(bool(report.faults) for report in reports)

    ahead, forwards, faults = train(squareplus_forward="mine")
    back, backwards, more = train(squareplus_backward="mine")
    both, _, _ = train(squareplus="mine")
    y, kept, y_by_host = by_host("forward", x @ w1 + np.float32(0.1), b=b)
    _, _, dx_by_host = by_host("backward", np.cos(y), kept)
    return faults + more, min(forwards, STEPS), min(backwards, STEPS), y_by_host, dx_by_host, ahead, back, both


def by_host(direction, *args, **settings):
    """Call one direction of "mine", at first with launches that do nothing: what is right then is no kernel's.

    Returns what it returns, and 1 if the host had computed the array, otherwise 0.
    """
    from cuda_kernels.launch import simt_options
    from minidl.backends import table

    call = table.load("squareplus", "mine", direction)
    assert call is not None  # it has trained
    with simt_options(run=False):
        without = np.array(call(*args, **settings)[0])
    with simt_options(strict=False):
        found, *rest = call(*args, **settings)
    return found, *(rest or [None]), int(np.array_equal(without, found))


def losses_in_float64(x, t, w1, w2, b):
    found = []
    for batch, labels in zip(np.split(x, STEPS), np.split(t, STEPS), strict=True):
        a = batch @ w1
        h = 0.5 * a + np.sqrt(0.25 * a * a + 0.25 * b)
        z = h @ w2
        total = np.logaddexp.reduce(z, axis=1, keepdims=True)
        found.append((total[:, 0] - (labels * z).sum(1)).mean())
        dz = (np.exp(z - total) - labels) / len(batch)
        da = dz @ w2.T * h * h / (h * h + 0.25 * b)  # by the equation h² - a h = b / 4
        w1, w2 = w1 - 0.2 * batch.T @ da, w2 - 0.2 * h.T @ dz
    losses = np.array(found)
    counts = [np.asarray(n) for n in (0, STEPS, STEPS, 0, 0)]
    return *counts, losses, losses, losses


def slope_by_complex_step(dy, x, b):
    z = x + 1e-40j
    return dy * (0.5 * z + np.sqrt(0.25 * z * z + 0.25 * b)).imag / 1e-40


def of_sizes(count):
    def cases(d):
        def some(*shape, **more):
            return [d(*shape, **more) for _ in range(count)]

        yield case("a part of a block", *some(5), np.float32(4))
        yield case("", *some(300, scale=3), np.float32(1))
        yield case("one whole block", *some(128), np.float32(0.25))
        yield case("", *some(1), np.float32(16))
        yield par("", *some(1024), np.float32(2))
        far = np.array([-200, 0.0, -0.0, 200, 30, -30], np.float32)
        yield extreme("zeros, and far from 0", *some(6)[1:], far, np.float32(4))

    return cases


def trainings(d):
    x, t = digits()
    for n, hidden, b in ((24, 16, 4.0), (21, 20, 1.0)):
        yield case("", x[:n], t[:n], d(64, hidden, scale=0.2), d(hidden, 10, scale=0.3), b)


exercise = Exercise(
    title="Kernels for your op, in a network",
    stars=2,
    minutes=40,
    section="12",
    needs=("new_op", "relu_pair"),
    allow=("minidl", "cuda_kernels.launch"),
    tasks=(
        Kernel(
            signature="squareplus_kernel(x, y, b, size)",
            cases=of_sizes(1),
            smallest=1.0,
            reference=lambda x, b: 0.5 * x + np.sqrt(0.25 * x * x + 0.25 * np.float64(b)),
            outputs={"y": lambda x: x.shape},
            given={"size": lambda x: x.size},
            par={"sectors": 256},
        ),
        Kernel(
            signature="slope_kernel(dy, x, dx, b, size)",
            cases=of_sizes(2),
            reference=lambda dy, x, b: slope_by_complex_step(dy, x, np.float64(b)),
            outputs={"dx": lambda x: x.shape},
            given={"size": lambda x: x.size},
            par={"sectors": 384},
        ),
        Function(
            signature="forward(x)",
            inputs="x t w1 w2 b",
            results="faults forward_launches backward_launches forward_by_host backward_by_host losses_forward losses_backward losses",
            cases=trainings,
            drive=trains,
            reference=losses_in_float64,
            resized=False,
            tolerance=2e-5,
        ),
    ),
    says={
        "half": (
            "A number with a point is of 64 bits in a kernel, and a whole number makes a float64 of the float32 beside it: the "
            "half, the 1 and the 2 all come as float32(…). b has its type from the host.",
            "内核里带小数点的数是 64 位的，整数也会让旁边的 float32 变成 float64：一半、1 和 2 都写成 float32(…)。"
            "b 的类型由主机给定。",
        ),
        "b_fixed": (
            "Right for b = 4, and here b is {b:g}: a number stands where b has to.",
            "b = 4 时对，这里 b 是 {b:g}：该写 b 的地方写了数字。",
        ),
        "host_b": (
            "Your kernels are right, and the network with b = {b:g} trains as if b were 4: the host does not hand on the b that "
            "it was given.",
            "内核是对的，但 b = {b:g} 的网络训练得像 b 是 4：主机没有把收到的 b 传下去。",
        ),
        "backward_on_numpy": (
            "Your forward was launched {forward_launches} times, your backward {backward_launches}: dx still comes from NumPy. "
            "What does your backward launch?",
            "你的前向启动了 {forward_launches} 次内核，反向 {backward_launches} 次：dx 仍来自 NumPy。你的 backward 启动了什么？",
        ),
        "forward_on_numpy": (
            "Your forward has launched no kernel: y still comes from NumPy.",
            "你的前向没有启动内核：y 仍来自 NumPy。",
        ),
        "by_no_kernel": (
            "Written by no kernel: a kernel runs, and what comes back is another array, that the host has computed. Return the "
            "array that the kernel wrote.",
            "不是内核写的：内核运行了，交回的却是主机算出的另一个数组。要交回内核写的那个数组。",
        ),
        "no_backward_registered": (
            "\"mine\" has a forward and no backward: register_backend takes both, in this order.",
            "\"mine\" 只有前向，没有反向：register_backend 两个都要，按这个次序。",
        ),
        "another_name": (
            "The op has no backend \"mine\": under which name, and for which op, have you registered yours?",
            "这个运算没有叫 \"mine\" 的后端：你用什么名字、为哪个运算注册的？",
        ),
        "own_cache": (
            "The plain backward cannot read what your forward keeps, or yours what the plain forward keeps. In one training they "
            "work together: look at what the op's cache is.",
            "普通的反向读不懂你的前向留下的，或者你的反向读不懂普通前向留下的。同一次训练里它们要配合：看看运算的 cache 是什么。",
        ),
        "at_y": (
            "The op keeps x (see its cache), and one of your functions takes y for it: the slope at y is that of another point.",
            "运算留下的是 x（看它的 cache），你的某个函数却把 y 当作它：y 处的斜率是另一个点的。",
        ),
        "read_again": (
            "Each x[i] that is written down is a load. Who remembers it for the second use?",
            "每写一次 x[i] 就是一次读取。第二次用时由谁记着？",
        ),
        "launch": (
            "By themselves your kernels are right; as the host launches them the machine finds faults in {got} launches. How "
            "many blocks cover all elements?",
            "单独看内核是对的；但按主机的启动方式，机器在 {got} 次启动里发现了错误。多少个块才盖住全部元素？",
        ),
        "flat": (
            "x may have several axes, and so must y: what the kernel fills flat is given back in x's shape. A reshape of it "
            "copies nothing.",
            "x 可能有几个轴，y 也要有：内核按一维填写的，要以 x 的形状交回。reshape 不复制任何东西。",
        ),
        "no_tuple": (
            "backward returns a tuple with one gradient for each input, (dx,): the comma makes it one.",
            "backward 返回元组，每个输入一个梯度：(dx,)，有逗号才是元组。",
        ),
        "no_pair": (
            "forward returns two things, y and the cache: (x, b) for the plain op.",
            "forward 返回两样：y 和 cache，对普通运算来说 cache 是 (x, b)。",
        ),
        "swapped": (
            "register_backend takes the forward first, then the backward: yours have changed places.",
            "register_backend 先收前向，再收反向：你的换了位置。",
        ),
        "brackets": (
            "kernel[blocks, threads](…) goes to a GPU at once. launch(kernel, blocks, threads, …) goes where the arrays are: of "
            "NumPy's, to the SIMT machine.",
            "kernel[块数, 线程数](…) 直接送到 GPU。launch(kernel, 块数, 线程数, …) 送到数组所在处：NumPy 数组就送到 SIMT 机器。",
        ),
        "not_flat": (
            "The host hands the kernel an array with two axes, and x[i] is then a whole row: a flat view of it, "
            ".reshape(-1).",
            "主机把两个轴的数组交给了内核，x[i] 就成了一整行：交给它展平的视图，.reshape(-1)。",
        ),
        "order": (
            "Your host hands its arrays over in another order than the kernel's parameters have.",
            "主机交出数组的次序与内核的参数次序不同。",
        ),
        "size_of_an_axis": (
            "Most of what comes back has been written by nobody: `size` is the number of all elements, and not the length of "
            "an axis.",
            "交回来的大部分没有人写过：`size` 是全部元素的个数，不是某个轴的长度。",
        ),
        "no_dy": (
            "This is the slope, and dy is not in it.",
            "这是斜率，里面没有 dy。",
        ),
        "x_forgotten": (
            "The slope has two terms, and yours one: far to the right it must be 1, far to the left 0.",
            "斜率有两项，你只写了一项：最右边应是 1，最左边应是 0。",
        ),
        "relu_slope": (
            "That is the slope of relu: squareplus bends, and at 0 its slope is 1/2.",
            "那是 relu 的斜率：squareplus 是弯的，在 0 处斜率是 1/2。",
        ),
        "flat_kept": (
            "What is kept does not fit what comes back: flat is what a kernel is given, and the cache holds x in its "
            "own shape.",
            "留下的与传回来的对不上：展平的只是给内核的，cache 里的 x 要保持原来的形状。",
        ),
        "twice_the_slope": (
            "Twice the slope: y has a factor 1/2, and its slope has it too.",
            "斜率大了一倍：y 有因子 1/2，它的斜率也有。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("In the plain op, which lines compute, and which say what is kept? Only the former become kernels.",
         "普通运算里哪些行在计算，哪些行在说保存什么？只有前者变成内核。"),
        ("Each of your host functions does three things: take apart what it is given, make an array and launch, return what the "
         "plain one returns, in shape and in form.",
         "你的每个主机函数做三件事：拆开收到的，造一个数组并启动，按普通函数的形状和形式返回。"),
        ("Kernels: number, guard, one line; every number a float32. Host: blocks = size divided by 128, rounded up; both arrays "
         "flat; b; size. The cache: (x, b).",
         "内核：编号，边界判断，一行；每个数都是 float32。主机：块数 = 大小除以 128 向上取整；两个数组展平；b；size。cache：(x, b)。"),
    ),
)  # fmt: skip


def recognise(seen):
    message, name = seen.facts.get("message", ""), seen.facts.get("name", "")
    if seen.code == "not-run" and len(seen.case.inputs) == 5:
        return "not_flat"
    if seen.code == "F13":
        return "half"
    if seen.code == "raises":
        if "must return (y, cache)" in message:
            return "no_pair"
        if "unexpected keyword argument 'b'" in message:
            return "swapped"
        if seen.facts.get("kind") == "CudaSupportError":
            return "brackets"
        if "no backend" in message or "'mine'" in message and "no forward" in message:
            return "another_name"
        if "'mine'" in message and "backward" in message and "tuple" not in message and "give input" not in message:
            return "no_backward_registered"
        if "must return a tuple" in message:
            return "no_tuple"
        if "broadcast" in message:
            return "flat_kept"
        if "give input" in message or "shape" in message:
            return "flat"
        return "own_cache" if "unpack" in message or "subscript" in message or "attribute" in message else None
    if seen.stage != "values" or seen.got is None:
        return None
    seen.facts["b"] = b = float(seen.case.inputs[-1])  # a fault's {b} is its block
    if len(seen.got) != 8:
        return None
    if name.startswith(("losses", "faults")) and seen.has("x.shape[0])", "x.shape[-1])", "len(x))"):
        return "size_of_an_axis"
    if name.startswith("losses") and b != 4:
        return "host_b"  # kernels with a fixed b have been told before
    seen.facts |= {key: int(seen.got[k]) for k, key in ((1, "forward_launches"), (2, "backward_launches"))}
    return {
        "faults": "launch",
        "forward_launches": "forward_on_numpy",
        "backward_launches": "backward_on_numpy",
        "forward_by_host": "by_no_kernel",
        "backward_by_host": "by_no_kernel",
    }.get(name)
