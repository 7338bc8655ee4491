"""Less memory for more time: keep the inputs alone, and compute the rest again.

A tape keeps what every op's backward needs: of a network of 8 layers all activations, until the backward has passed. A
checkpointed function keeps its inputs. What lies between is thrown away after the forward, and computed a second time when
the backward comes:

    plain             x > z1 > h1 > z2 > h2 > … > y        all are kept
    checkpointed      x > ------------------------- > y    x, y and the weights; in the backward: once more, x > z1 > h1 …

    checkpoint(function, weights)          returns a function of one tensor that gives what `function` gives
                                           function(x) computes with minidl's ops, and uses these weights, Variables

Gradients have to be those of the plain function to the last bit; the function runs twice in all, once in the forward and
once in the backward. It may be used on several inputs before the first backward, and inside another one that is
checkpointed. Nothing of what is computed inside belongs on the tape around it, also where `tape.gradient` is called inside
the tape's block.

On the tape a checkpointed function is one op. register_op makes it (exercise 50); a setting, behind the `*`, may be a
function or a list. `minidl.no_grad()` is a block whose ops no tape records, but one that is opened inside of it; and
`tape.gradient(y, sources, dy)` begins with dy in place of 1.
"""

import weakref

import numpy as np

from minidl.course import Exercise, Function, case


class Layers:
    """The functions that are checkpointed: tanh(h w) for each of some weights; counted, and their insides followed."""

    def __init__(self, ws):
        import minidl

        self.weights = [minidl.Variable(w) for w in ws]
        self.calls, self.inside = 0, []

    def of(self, *which):
        def function(h):
            self.calls += 1
            return self.through(which, h)

        return function, [self.weights[k] for k in which]

    def through(self, which, h):
        from minidl import functional as F

        for k in which:
            z = F.dense(h, self.weights[k])
            self.inside.append(weakref.ref(z.data))
            h = F.tanh(z)
        return h


def program(wrap, layers, name, x):
    """Return y, and how many wrapped functions have been called for it."""
    last = len(layers.weights) - 1
    if name == "each layer by itself":
        for k in range(last + 1):
            x = wrap(*layers.of(k))(x)
        return x, last + 1
    if name == "twice":
        wrapped = wrap(*layers.of(*range(last + 1)))
        return wrapped(x) + wrapped(x * 0.5), 2
    if name == "nested":
        inner = wrap(lambda h: layers.through(range(1, last + 1), h), layers.weights[1:])

        def outer(h):
            layers.calls += 1
            return inner(layers.through([0], h))

        return wrap(outer, layers.weights)(x), 1
    return wrap(*layers.of(*range(last + 1)))(x), 1


def differentiated(wrap, name, x, ws, dy):
    import minidl

    layers, v = Layers(ws), minidl.Variable(x)
    sources = [v, *layers.weights]
    with minidl.GradientTape() as around:
        y, wrapped = program(wrap, layers, name, v)
        loss = (y * dy).sum()
        alive, entries = sum(ref() is not None for ref in layers.inside), len(around.entries)
        found = around.gradient(loss, sources) if name == "asked inside the block" else None
    added = len(around.entries) - entries
    found = found or around.gradient(loss, sources)
    if any(gradient is None for gradient in found[1:]):
        raise TypeError("no gradient has reached the weights")
    if found[0] is None:
        raise TypeError("no gradient has reached x")
    dx, *dws = [gradient.numpy() for gradient in found]
    return y.numpy(), dx, np.stack(dws), layers.calls / wrapped, alive, added


def beside_the_plain(checkpoint, name, x, ws, dy):
    plain = differentiated(lambda function, weights: function, name, x, ws, dy)
    mine = differentiated(checkpoint, name, x, ws, dy)
    same = all(np.array_equal(a, b) for a, b in zip(plain[:3], mine[:3], strict=True))
    return *mine, float(same)


def by_hand(name, x, ws, dy):
    def forward(h):
        hs = [h]
        for w in ws:
            hs.append(np.tanh(hs[-1] @ w))
        return hs

    def backward(hs, dh):
        dws: list[np.ndarray] = []
        for k in range(len(ws) - 1, -1, -1):
            dz = dh * (1 - hs[k + 1] ** 2)
            dws.insert(0, hs[k].T @ dz)
            dh = dz @ ws[k].T
        return dh, np.stack(dws)

    hs = forward(x)
    y, (dx, dw) = hs[-1], backward(hs, dy)
    if name == "twice":
        hs = forward(x * 0.5)
        more_dx, more_dw = backward(hs, dy)
        y, dx, dw = y + hs[-1], dx + more_dx * 0.5, dw + more_dw
    return y, dx, dw, np.asarray(2), np.asarray(0), np.asarray(0), np.asarray(1)


def cases(d):
    def some(name, depth, n, k):
        return name, d(n, k), d(depth, k, k, scale=k**-0.5), d(n, k)

    yield case("", *some("one layer", 1, 3, 4))
    yield case("", *some("8 layers", 8, 5, 7))
    yield case("", *some("twice", 2, 3, 5))
    yield case("", *some("each layer by itself", 4, 2, 6))
    yield case("", *some("nested", 3, 7, 3))
    yield case("", *some("asked inside the block", 3, 4, 5))


exercise = Exercise(
    title="Keep the inputs, compute the rest again",
    stars=3,
    minutes=60,
    section="06",
    needs=("new_op", "tape"),
    allow=("minidl",),
    tasks=(
        Function(
            signature="checkpoint(function, weights)",
            inputs="program x w dy",
            results="y dx dw calls alive added same_bits",
            cases=cases,
            drive=beside_the_plain,
            reference=by_hand,
        ),
    ),
    says={
        "keeps_all": (
            "After the forward {alive} values from inside the function are still alive: somebody keeps them, a tape in the "
            "cache as well as a list. What is the least from which all can be had again?",
            "前向之后，函数内部还有 {alive} 个值活着：有人留着它们，放在 cache 里的磁带也好、列表也好。"
            "最少留下什么就能重新得到全部？",
        ),
        "on_the_tape": (
            "After the forward {alive} values from inside the function are still alive: its ops are recorded by the tape "
            "around it, which keeps what they need. Which block records nothing?",
            "前向之后，函数内部还有 {alive} 个值活着：它的运算被外面的磁带记录，磁带留住了它们所需。哪种代码块什么也不记录？",
        ),
        "under_the_outer_tape": (
            "In the backward {added} entries come onto the tape that is being walked back, and are kept there. The second run, "
            "and the walk back through it, should be seen by their own tape alone.",
            "反向时有 {added} 个条目进了正在往回走的磁带，并被留在那里。第二次运行和沿它往回走，都只应被它们自己的磁带看到。",
        ),
        "weights_are_inputs": (
            "No gradient reaches the weights: for the tape your op has one input, x. The weights are inputs too, though the "
            "function does not take them as arguments.",
            "没有梯度到达权重：在磁带看来你的运算只有一个输入 x。权重也是输入，尽管函数不以参数形式接收它们。",
        ),
        "x_not_watched": (
            "In the second run nobody has told the inner tape that x counts: it is no variable there. The gradient of x is "
            "None.",
            "第二次运行时没有人告诉里面的磁带 x 要求梯度：在那里它不是变量。x 的梯度是 None。",
        ),
        "no_dy": (
            "Your gradients are those of the sum of y: where does dy, that which comes from the loss, go in?",
            "你的梯度是 y 之和的梯度：从损失传来的 dy 放进哪里？",
        ),
        "one_input_kept": (
            "Used on two inputs, your function goes back through the second one twice: what a call keeps belongs into the "
            "cache that it returns, not into something that all its calls share.",
            "用在两个输入上时，你的函数两次都沿第二个输入往回走：一次调用要留的放进它返回的 cache，不放在所有调用共用的地方。",
        ),
        "once_a_weight": (
            "The function runs {calls} times. One second run is enough for all gradients: a tape answers for a list of "
            "sources.",
            "函数运行了 {calls} 次。第二次运行一遍就够得到全部梯度：磁带可以一次回答一列来源。",
        ),
        "in_float64": (
            "The second run is in float64, and the gradients with it. It has to repeat the first one, to the last bit.",
            "第二次运行用了 float64，梯度也跟着是。它要与第一次一模一样，直到最后一位。",
        ),
        "order": (
            "The gradients come in another order than the inputs: that of x first if x is the first input.",
            "梯度的次序与输入不同：x 是第一个输入，就先给 x 的。",
        ),
        "no_tuple": (
            "backward has to return a tuple with one gradient for each input of the op: of x, and of every weight.",
            "backward 要返回元组，运算的每个输入一个梯度：x 的，和每个权重的。",
        ),
        "tensors_for_arrays": (
            "An op's functions are given arrays and give arrays: `function` wants a tensor, made by minidl.Tensor, and gives "
            "one, whose array is y.numpy().",
            "运算的函数收到的是数组，给出的也是数组：`function` 要的是张量，用 minidl.Tensor 造；它给出的张量用 y.numpy() 取数组。",
        ),
        "just_called": (
            "The function runs once, on the tape around it: nothing is checkpointed yet.",
            "函数只在外面的磁带上运行了一次：还没有任何检查点。",
        ),
        "zeros_for_weights": (
            "The weights get zeros: the inner tape knows their gradients as well as that of x, if it is asked for "
            "them.",
            "权重得到的是零：内层磁带知道 x 的梯度，也知道它们的，只要问它。",
        ),
        "blocks_exchanged": (
            "In the second run the inner tape has recorded nothing: no_grad, opened inside its block, stops it too. "
            "The tape has to be opened inside of no_grad.",
            "第二次运行时内层磁带什么也没记下：在它的块里打开的 no_grad 把它也停了。磁带要在 no_grad 里面打开。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Which arrays are inputs of the one op that stands on the tape, and what has to be in its cache so that the backward "
         "can begin from nothing else?",
         "磁带上的那一个运算有哪些输入数组？cache 里要有什么，反向才能只凭它开始？"),
        ("forward: the function, unseen by any tape. backward: the function once more, on a tape of its own, whose gradient by "
         "all inputs, begun with dy, is what the op returns. Two blocks, one inside the other, keep the outer tape out.",
         "forward：运行函数，不让任何磁带看到。backward：在自己的磁带上再运行一次，从 dy 开始对所有输入求梯度，就是运算要返回的。"
         "两个代码块一个套一个，把外面的磁带挡住。"),
        ("register_op once, at the top: forward(x, *weights, function, …). checkpoint returns a function of x that calls the op "
         "on x and the weights. Watch x in the backward; .numpy() for each gradient; a tuple.",
         "在文件顶部 register_op 一次：forward(x, *weights, function, …)。checkpoint 返回 x 的函数，它对 x 和权重调用该运算。"
         "反向里 watch x；每个梯度取 .numpy()；元组。"),
    ),
)  # fmt: skip

MESSAGES = {
    "no gradient has reached the weights": "weights_are_inputs",
    "'NoneType' object has no attribute": "x_not_watched",
    "no gradient has reached x": "x_not_watched",
    "must return a tuple": "no_tuple",
    "nothing was recorded": "blocks_exchanged",
    "must give an array": "tensors_for_arrays",
    "Got Tensor": "tensors_for_arrays",
}


def recognise(seen):
    message = seen.facts.get("message", "")
    if "must give input" in message:
        return "in_float64" if "float64" in message else "order"
    for text, says in MESSAGES.items():
        if text in message:
            return says
    if seen.stage != "values" or seen.got is None or len(seen.got) != 7:
        return None
    seen.facts |= {name: f"{float(seen.got[k]):g}" for k, name in ((3, "calls"), (4, "alive"), (5, "added"))}
    calls, alive, added = (float(seen.got[k]) for k in (3, 4, 5))
    name = seen.facts.get("name", "")
    if name == "calls" and calls > 2:
        return "once_a_weight"
    if name == "calls" and alive:
        return "just_called" if not seen.has("register_op") else "keeps_all"
    if name == "alive":
        return "keeps_all" if seen.has("GradientTape") and in_forward(seen.source) else "on_the_tape"
    return "under_the_outer_tape" if name == "added" and added else None


def in_forward(source):
    """Whether a tape is opened above the first backward: it is then that of a forward."""
    return "GradientTape" in source.partition("def backward")[0]
