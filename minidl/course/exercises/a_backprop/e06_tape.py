"""A tape: the gradient of any program.

A program is a row of ops, each with a forward and a backward. The tape runs the forward, writes down what has been done,
and plays it back:

    class Tape:
        apply(forward, backward, *inputs)   y = forward(*inputs): returns y, and remembers the op
        gradient(loss, x)                   the gradient of loss by x, which is an input or any other value on the way

backward(dy, *inputs) returns one gradient for each input, as a tuple. x, loss and all values are arrays; two are the same
value if they are the same object (`is`, `id`), not if they hold the same numbers.

    y = a * a + a                     a is used three times, and hears three times:

    a --+---> multiply --> s --> add --> y        dy = 1  ->  ds = 1 and da = 1 from add
        +--->                                                 da = 1 + a + a    from multiply's two inputs
        +----------------------->

Gradients of all uses are added up, and an op's backward is called when the gradient of its result is complete: once. The
gradient of the loss by itself is 1. By a value that the loss does not depend on it is 0. A program may have thousands of
ops, and ops that the loss does not use; gradient may be asked again.
"""

from collections.abc import Callable

import numpy as np

from minidl.course import Exercise, Function, case

OPS: dict[str, tuple[Callable, Callable]] = {
    "add": (lambda a, b: a + b, lambda dy, a, b: (dy, dy)),
    "multiply": (lambda a, b: a * b, lambda dy, a, b: (dy * b, dy * a)),
    "halve": (lambda a: a / 2, lambda dy, a: (dy / 2,)),
    "exp": (lambda a: np.exp(a), lambda dy, a: (dy * np.exp(a),)),
    "sum": (lambda a: np.asarray(a.sum()), lambda dy, a: (np.full_like(a, 1.0) * dy,)),
}


def used_thrice(op, x, w):
    return op("sum", op("add", op("multiply", x, x), x))


def unused(op, x, w):
    op("exp", w)
    loss = op("sum", op("multiply", x, w))
    op("multiply", op("exp", x), loss)
    return loss


def one_dy_for_two(op, x, w):
    square = op("multiply", x, x)
    return op("sum", op("add", square, op("add", x, w)))


def diamonds(op, x, w):
    for _ in range(10):
        x = op("add", op("halve", x), op("multiply", x, op("halve", w)))
    return op("sum", x)


def chain(op, x, w):
    for _ in range(1500):
        x = op("add", x, w)
    return op("sum", x)


PROGRAMS = {
    "sum(x w)": lambda op, x, w: op("sum", op("multiply", x, w)),
    "sum(exp(x w))": lambda op, x, w: op("sum", op("exp", op("multiply", x, w))),
    "sum(x x + x)": used_thrice,
    "sum(x exp(x) + x w)": lambda op, x, w: op("sum", op("add", op("multiply", x, op("exp", x)), op("multiply", w, x))),
    "sum(x x + (x + w))": one_dy_for_two,
    "with ops that the loss does not use": unused,
    "the loss is x itself": lambda op, x, w: x,
    "10 diamonds in a row": diamonds,
    "a chain of 1,500 ops": chain,
}


def play(Tape, program, x, w):
    tape, ops, calls, values = Tape(), 0, 0, []

    def op(name, *inputs):
        nonlocal ops
        forward, backward = OPS[name]

        def counted(dy, *given):
            nonlocal calls
            calls += 1
            return backward(dy, *given)

        ops += 1
        values.append(tape.apply(forward, counted, *inputs))
        return values[-1]

    loss = PROGRAMS[program](op, x, w)
    dx = tape.gradient(loss, x)
    first = calls
    by_w, again = tape.gradient(loss, w), tape.gradient(loss, x)
    return dx, by_w, again, max(first, ops), tape.gradient(loss, values[0] if values else x)


def by_nudging(program, x, w):
    count, nudge = 0, np.zeros(0)  # of the first op's result

    def plain(name, *inputs):
        nonlocal count
        count += 1
        value = OPS[name][0](*inputs)
        if count == 1:
            nudge.resize(value.shape, refcheck=False)
            value = value + nudge
        return value

    def slopes(at):
        nonlocal count
        g = np.zeros(at.shape)
        for i in np.ndindex(at.shape):
            old, ends = at[i], []
            for step in (1e-5, -1e-5):
                at[i], count = old + step, 0
                ends.append(PROGRAMS[program](plain, x, w).sum())
            at[i] = old
            g[i] = (ends[0] - ends[1]) / 2e-5
        return g

    PROGRAMS[program](plain, x, w)
    ops = count
    dx = slopes(x)
    return dx, slopes(w), dx, np.asarray(ops), slopes(nudge) if ops else dx


def cases(d):
    for program in PROGRAMS:
        yield case("", program, d(3), d(3))
    same = d(4)
    yield case("x and w hold the same numbers", "sum(x exp(x) + x w)", same, same.copy())


exercise = Exercise(
    title="A tape",
    stars=2,
    minutes=40,
    section="02",
    needs=("broadcast_backward",),
    tasks=(
        Function(
            signature="Tape",
            inputs="program x w",
            results="dx dw asked_again calls on_the_way",
            cases=cases,
            drive=play,
            reference=by_nudging,
            tolerance=1e-4,
        ),
    ),
    says={
        "last_use_alone": (
            "x x + x uses x three times, and your gradient is that of one use alone: another one overwrites it. What "
            "should happen to what is there already?",
            "x x + x 用了三次 x，你的梯度只是其中一次的：后来的把先前的覆盖了。已经在那里的该怎么办？",
        ),
        "forward_order": (
            "You walk the tape from its beginning: when the first op asks for the gradient of its result, nobody has "
            "worked it out yet. Which op's is known first?",
            "你从头走磁带：第一个运算要它结果的梯度时，还没有人算出来。最先知道的是哪个运算的？",
        ),
        "once_a_path": (
            "{got} calls of backward for {right} ops. You follow each path by itself, and each diamond doubles their "
            "number. An op has one backward: when all that comes to its result has been added up.",
            "{right} 个运算调用了 {got} 次 backward。你分别走每一条路径，每个菱形都让路径数加倍。"
            "每个运算只有一次反向：等到达它结果的梯度全部加完之后。",
        ),
        "recursion": (
            "A chain of 1,500 ops makes 1,500 calls within calls, and Python allows about 1,000. The tape is a list "
            "already in the right order: what does it need to be walked backwards without recursion?",
            "1,500 个运算的链会嵌套调用 1,500 层，Python 大约只允许 1,000 层。磁带本来就是排好次序的列表："
            "不用递归，怎样倒着走一遍？",
        ),
        "unused_op": (
            "This op's result never reaches the loss, so that nobody has left a gradient for it. Nothing flows there: pass "
            "it by.",
            "这个运算的结果没有流入损失，所以没有人给它留下梯度。那里什么也不流：跳过它。",
        ),
        "kept_between": (
            "Asked a second time, you answer with twice the gradient: what the first question has added up is still there. "
            "When should the sums begin at 0?",
            "第二次问时，你的回答是梯度的两倍：第一次累加的还留在那里。和应该在什么时候从 0 开始？",
        ),
        "start": (
            "The gradient of the loss by itself is 1: nudge the loss by 0.001 and it moves by 0.001, however large it is.",
            "损失对自己的梯度是 1：把损失动 0.001，它就变 0.001，不管它多大。",
        ),
        "in_place": (
            "add hands one and the same dy to both of its inputs. Your `+=` changes it for the other input as well: make a "
            "new array of the sum.",
            "add 把同一个 dy 交给它的两个输入。你的 `+=` 也改动了另一个输入的那份：和要放进新数组。",
        ),
        "by_numbers": (
            "Two different values hold the same numbers here, and you take them for one. Tell values apart by what they are "
            "(`is`, `id`), not by what they hold.",
            "这里有两个不同的值，里面的数相同，你把它们当成了同一个。区分值要看它是哪个对象（`is`、`id`），不看里面的数。",
        ),
        "none_for_zero": (
            "The loss does not depend on it: its gradient is 0, an array of zeros of its shape. The caller will want to "
            "subtract it from a weight.",
            "损失不依赖它：它的梯度是 0，即与它同形的零数组。调用者要用它去减权重。",
        ),
        "chain_broken": (
            "You give each backward a dy of 1. Its dy is what the ops after it have made of the loss's: that is the chain "
            "in the chain rule.",
            "你给每个 backward 的 dy 都是 1。它的 dy 应是后面的运算从损失传下来的：这就是链式法则的“链”。",
        ),
        "apply_returns_nothing": (
            "apply returns None, and the next op has nothing to work with. It has to return the value.",
            "apply 返回了 None，下一个运算就没有东西可用。它要返回算出的值。",
        ),
        "tape_used_up": (
            "The first gradient is right, and then the tape is empty. Reading it must not use it up: gradient may be asked "
            "again, for another value.",
            "第一次的梯度是对的，之后磁带就空了。读它不能把它用掉：还会再问别的值的梯度。",
        ),
        "inputs_missing": (
            "backward(dy, *inputs) wants the op's inputs beside dy: multiply's slope by a is b. So the tape has to remember "
            "them.",
            "backward(dy, *inputs) 除了 dy 还要运算的输入：乘法对 a 的斜率是 b。所以磁带要记住它们。",
        ),
        "on_the_way": (
            "The gradients by x and w are right, that by a value on the way is lost: what has been used must still be there for who asks. Here it is asked for of the first op's result.",
            "对 x 和 w 的梯度是对的，对中间值的却丢了：用过的梯度也要留着，因为会有人问。这里问的是第一个运算的结果。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("On paper, for y = a * a + a: in which order do you work out the gradients, and what do you do when one comes to a "
         "for the second time?",
         "在纸上算 y = a * a + a：按什么次序求梯度？第二次传到 a 时怎么办？"),
        ("apply appends (backward, inputs, value) to a list. gradient keeps a dict from id(value) to the sum so far, which "
         "begins with the loss alone, and walks the list from its end.",
         "apply 把 (backward, inputs, value) 加到列表末尾。gradient 用一个字典，从 id(value) 到目前的和，开始时只有损失；"
         "然后从列表末尾往前走。"),
        ("gradient: a new dict {id(loss): ones}. For each op, last first: its dy; none, go on; else backward, and each "
         "result added to that of its input (old + new, no +=). At the end x's entry, or zeros.",
         "gradient：新字典 {id(loss): 全 1}。从最后一个运算起：取 dy；没有就继续；有就调用 backward，"
         "把每个结果加到对应输入上（旧 + 新，不用 +=）。最后返回 x 的那一项，没有就是零。"),
    ),
)  # fmt: skip


def recognise(seen):
    program = seen.case.inputs[0] if seen.case is not None else ""
    kind, message = seen.facts.get("kind"), seen.facts.get("message", "")
    if kind == "RecursionError":
        return "recursion"
    if program == "sum(x w)" and kind == "AttributeError" and "NoneType" in message:
        return "apply_returns_nothing"
    if program == "sum(x w)" and (kind == "KeyError" or kind == "TypeError" and "NoneType" in message):
        return "forward_order"  # no dy yet, where every op is used
    if kind == "TypeError" and "positional argument" in message:
        return "inputs_missing"
    if kind == "KeyError" and program == "sum(x x + x)" or seen.code == "none" and program == "sum(x x + x)":
        return "none_for_zero"  # w is not in it
    if kind is not None and program == "with ops that the loss does not use":
        return "unused_op"
    if seen.code == "shape" and seen.facts["name"] == "dw" and program == "sum(x x + x)":
        return "none_for_zero"
    if seen.code == "values" and seen.facts.get("name") == "calls":
        return "once_a_path"
