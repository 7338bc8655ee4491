"""An op of your own: squareplus; of what b is where nobody says there are variants."""

import numpy as np

from minidl.course import Exercise, Function, case, constant, extreme

CHOICES = 4, 9
B = constant("B", CHOICES)  # where the caller says nothing
TEXT = f"""An op of your own: squareplus.

minidl has relu and softplus; squareplus lies between them, smooth as softplus and without an exponential:

    y = (x + √(x² + b)) / 2            b > 0 says how wide the bend at 0 is; near b = 0 it is relu

An op is two functions on NumPy arrays. Write them, and register them:

    forward(x, *, b={B}.0)               returns (y, cache): cache is whatever the backward will need
    backward(dy, cache)                returns a tuple with one gradient for each input, here (dx,)
    squareplus = minidl.register_op("squareplus", forward, backward)

From then on it is an op as any other: `squareplus(x, b=1.0)` takes tensors, is written on the tape, and has gradients.
Derive dy/dx on paper; it takes two lines. x may have any shape, is float32 or float64 and so are y and dx, and it must
not be changed. A network calls the op many times before the first backward:

    x 0.0, b 4.0   ->   y 1.0,  slope 0.5               x 3.0, b 16.0   ->   y 4.0,  slope 0.8

It runs on the processor, whatever backend is selected; exercise 51 writes its kernels.
"""


def on_a_tape(op, x, dy, b):
    """Call the op on two values, then ask for both gradients."""
    import minidl

    settings = {} if b is None else {"b": b}
    v, w = minidl.Variable(x), minidl.Variable(others(x))
    with minidl.GradientTape(persistent=True) as tape:
        y, z = op(v, **settings), op(w, **settings)
        loss = (y * dy).sum() + z.sum()
    if [entry.op for entry in tape.entries].count("multiply") != 1:
        raise TypeError(f"composed of {', '.join(entry.op for entry in tape.entries[:-3])}")
    dx, dw = tape.gradient(loss, [v, w])
    if dx is None or dw is None:
        raise TypeError("no gradient has reached x")
    x[...] = v.numpy()  # where forward or backward have changed it, this is seen
    return y.numpy(), dx.numpy(), dw.numpy()


def others(x):
    return np.concatenate([x.ravel()[::-1] - 1, np.array([0.5, -3], x.dtype)])


def by_complex_step(x, dy, b):
    b = float(B) if b is None else b

    def f(z):
        return 0.5 * z + np.sqrt(0.25 * z * z + 0.25 * b)

    def slope(at):
        return f(at + 1e-40j).imag / 1e-40

    return f(x), dy * slope(x), slope(others(x))


def cases(d):
    yield case("b left out", d(5), d(5), None)
    yield case("", d(3, 4), d(3, 4), 1.0)
    yield case("", d(2, 1, 7, scale=3), d(2, 1, 7), 16.0)
    yield case("", np.array(d()), np.array(d()), 0.25)
    yield case("a bend of 1e-5", d(6, scale=1e-5), d(6), 1e-10)
    yield case("float64", d(9).astype("float64"), d(9).astype("float64"), 2.0)
    yield extreme("zeros, and far from 0", np.array([-200, 0.0, -0.0, 200, 300, -300], np.float32), d(6), 4.0)


exercise = Exercise(
    title="An op of your own",
    text=TEXT,
    constants={"B": CHOICES},
    stars=2,
    minutes=30,
    section="14",
    needs=("tape",),
    allow=("minidl",),
    tasks=(
        Function(
            signature="squareplus",
            smallest=1.0,
            inputs="x dy b",
            results="y dx dx_of_another_call",
            cases=cases,
            drive=on_a_tape,
            reference=by_complex_step,
        ),
    ),
    says={
        "differences": (
            "You measure the slope by nudging x: each gradient costs two forwards more, and where the bend is narrower than "
            "your step (here 1e-5) it is wrong altogether. Derive it: how does √(x² + b) move with x?",
            "你用微调 x 的办法量斜率：每次求梯度多花两次前向；弯处比你的步长还窄时（这里是 1e-5）就完全错了。"
            "把它推导出来：x 变时 √(x² + b) 怎么变？",
        ),
        "in_float64": (
            "x is float32 and your y is float64: np.zeros and np.ones make float64 unless told x.dtype, and an array of "
            "float64 beside x makes the result one.",
            "x 是 float32，你的 y 却是 float64：np.zeros 和 np.ones 不给 x.dtype 就造出 float64；"
            "x 旁边有 float64 数组，结果也变成 float64。",
        ),
        "gradient_in_float64": (
            "y is float32, as x is, and your dx is float64: where does a wider number come into the backward?",
            "y 和 x 一样是 float32，你的 dx 却是 float64：反向里哪里混进了更宽的数？",
        ),
        "comma": (
            "backward has to return a tuple with one gradient for each input, and you return the array itself: (dx) is dx, "
            "(dx,) is a tuple.",
            "backward 要返回元组，每个输入一个梯度；你返回的是数组本身：(dx) 就是 dx，(dx,) 才是元组。",
        ),
        "gradient_of_b": (
            "One input, one gradient: b is a setting, behind the `*`, and not an input. No gradient of it is asked for.",
            "一个输入，一个梯度：b 在 `*` 后面，是设置，不是输入。没有人要它的梯度。",
        ),
        "no_pair": (
            "forward has to return two things, (y, cache); cache may be None where the backward needs nothing. What does "
            "yours need?",
            "forward 要返回两样：(y, cache)；反向什么都不需要时 cache 可以是 None。你的反向需要什么？",
        ),
        "b_fixed": (
            f"Right at b = {B}, wrong at b = {{b:g}}: somewhere a number stands where b has to.",
            f"b = {B} 时对，b = {{b:g}} 时错：某个该写 b 的地方写了数字。",
        ),
        "b_fixed_backward": (
            f"y is right at b = {{b:g}}, and the slope is that of b = {B}: backward learns of b only what the cache tells it.",
            f"b = {{b:g}} 时 y 是对的，斜率却是 b = {B} 的：backward 只能从 cache 得知 b。",
        ),
        "at_y": (
            "The slope is worked out at y, and it is that of another point: the formula in x wants x. What did your forward "
            "put into the cache?",
            "斜率是在 y 处算的，那是另一个点的斜率：用 x 写的公式要用 x。你的前向往 cache 里放了什么？",
        ),
        "no_dy": (
            "This is the slope, and dy is not in it: what comes from the loss is multiplied in.",
            "这是斜率，里面没有 dy：从损失传来的要乘进去。",
        ),
        "one_cache": (
            "The op is called twice before the first backward, and your first call's gradient is made of what the second one "
            "kept: what a call keeps goes into the cache that it returns, and nowhere else.",
            "第一次反向之前运算被调用了两次，你第一次调用的梯度用的是第二次留下的：一次调用要保存的只放进它返回的 cache，"
            "不放别处。",
        ),
        "b_squared": (
            "Under the root stands b, not b²: at x = 0 and b = 4, y is 1.",
            "根号下是 b，不是 b²：x = 0、b = 4 时 y 是 1。",
        ),
        "x_alone_forgotten": (
            "y has two terms that move with x, and your slope has one: far to the right it must be 1, far to the left 0.",
            "y 里有两项随 x 变，你的斜率只有一项：最右边应是 1，最左边应是 0。",
        ),
        "chain_rule": (
            "The slope of √u is 1 / (2√u), times that of u: and u = x² + b moves by 2x.",
            "√u 的斜率是 1 / (2√u)，再乘 u 的斜率：u = x² + b 的斜率是 2x。",
        ),
        "mirrored": (
            "A sign is turned: y has to grow with x, from 0 far to the left to x far to the right, and the slope from 0 to 1.",
            "有一个符号反了：y 应随 x 增大，最左边为 0，最右边为 x；斜率从 0 到 1。",
        ),
        "relu_slope": (
            "That is the slope of relu, 0 or 1: squareplus bends, and at 0 its slope is 1/2.",
            "那是 relu 的斜率，非 0 即 1：squareplus 是弯的，在 0 处斜率是 1/2。",
        ),
        "no_backward": (
            "No gradient reaches x: register_op takes forward *and* backward; without one an op has no gradient, as argmax.",
            "没有梯度到达 x：register_op 要 forward *和* backward；没给 backward 的运算和 argmax 一样没有梯度。",
        ),
        "no-function": (
            "register_op returns the function by which the op is called: keep it under that name.",
            "register_op 返回的就是调用这个运算的函数：用这个名字把它留下。",
        ),
        "composed": (
            "On the tape stand other ops, and no squareplus: they keep several arrays each, and go through memory as often. "
            "Write forward and backward on arrays, and register the two.",
            "磁带上是别的运算，没有 squareplus：它们各自保存好几个数组，也要多次进出内存。"
            "在数组上写 forward 和 backward，再把两者注册。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("How much does √(x² + b) grow when x grows by 0.001, at x = 0, at 3, at 200? And how much x itself?",
         "x 增加 0.001 时，在 x = 0、3、200 处 √(x² + b) 各增加多少？x 本身呢？"),
        ("y is half of x plus half of a root, and each has its slope. Two values have to go from the forward to the backward: "
         "the cache carries them.",
         "y 是 x 的一半加上根的一半，各有各的斜率。有两个值要从前向带到反向：由 cache 携带。"),
        ("forward: the root; y; return y and a tuple. backward: take the tuple apart; dy times half of (1 + a quotient); return "
         "it with a comma.",
         "forward：根；y；返回 y 和一个元组。backward：拆开元组；dy 乘以 (1 + 一个商) 的一半；带逗号返回。"),
    ),
)  # fmt: skip

MESSAGES = {
    "must return (y, cache)": "no_pair",
    "must keep float32": "in_float64",
    "missing comma": "comma",
    "no gradient has reached x": "no_backward",
    "composed of": "composed",
}


def recognise(seen):
    message = seen.facts.get("message", "")
    if "Got a tuple of 2" in message:
        return "gradient_of_b"
    if "float64. Got" not in message and "Got" in message and message.endswith("float64."):
        return "gradient_in_float64"
    return next((says for text, says in MESSAGES.items() if text in message), None)
