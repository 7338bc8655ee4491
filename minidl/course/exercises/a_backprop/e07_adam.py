"""One step of Adam.

A step along -g is long where g is large, and it jumps where g jumps. Adam keeps two running means of each weight's
gradient, m of g and v of g², and steps by their ratio:

    m = β1 m + (1 - β1) g        m̂ = m / (1 - β1^t)             t = 1 at the first step
    v = β2 v + (1 - β2) g²       v̂ = v / (1 - β2^t)
    w = w - lr · m̂ / (√v̂ + ε)

m and v begin at 0, and so are too small at first: after one step m is 0.1 g where β1 is 0.9. Dividing by 1 - β1^t makes
up for it exactly, so that the first step is lr long, whatever the gradient:

    w 5.0, g 0.02, lr 0.1   ->   4.9                        w 5.0, g -400.0, lr 0.1   ->   5.1

adam_step(w, g, state, lr, beta1, beta2, epsilon) returns (w, state): the new weights, in a new array, and what the next
step of these weights needs, in any form that you like. At the first step state is None. A network has many weights, each
with a state of its own, stepped in turn.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme


def steps(adam_step, w, gs, lr, beta1, beta2, epsilon):
    """Step w along gs, and in turn another parameter along the same gradients backwards."""
    other, state, other_state, kept = w + 1, None, None, []

    def step(*now):
        result = adam_step(*now, lr, beta1, beta2, epsilon)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError("adam_step has to return two things, w and state")
        return result

    for k in range(len(gs)):
        w, state = step(w, gs[k], state)
        other, other_state = step(other, gs[-1 - k].copy(), other_state)
        kept.append(np.array(w))
    return kept[0], kept[-1], other


def by_sums(w, gs, lr, beta1, beta2, epsilon):
    """The running means written out as sums over all gradients so far."""

    def walk(at, seen):
        for t in range(1, len(seen) + 1):
            ages = np.arange(t)[::-1].reshape(-1, *[1] * at.ndim)
            m = (beta1**ages * seen[:t]).sum(0) / (beta1**ages).sum(0)
            v = (beta2**ages * seen[:t] ** 2).sum(0) / (beta2**ages).sum(0)
            at = at - lr * m / (np.sqrt(v) + epsilon)
        return at

    return walk(w, gs[:1]), walk(w, gs), walk(w + 1, gs[::-1])


def cases(d):
    def gradients(*shape):  # none so near 0 that it matters where ε is added
        g = d(*shape)
        return np.asarray(g + 0.4 * np.sign(g))

    for shape in ((3,), (2, 4), ()):
        yield case("", np.array(d(*shape)), gradients(1, *shape), 0.1, 0.9, 0.999, 1e-7)
        yield case("", np.array(d(*shape)), gradients(5, *shape), 0.1, 0.9, 0.999, 1e-7)
    yield case("other β", d(3), gradients(6, 3), 0.02, 0.5, 0.9, 1e-7)
    yield case("gradients of 0.01 and 1000", d(2), np.array([[0.01, 1e3], [0.01, -1e3]], np.float32), 0.1, 0.9, 0.999, 1e-8)
    yield case("gradients of the root of ε", d(3), np.full((1, 3), 1e-4, np.float32), 0.01, 0.9, 0.999, 1e-8)
    yield case("a gradient that turns", d(2), np.array([[1, 2], [1, 2], [-1, -2], [-1, -2]], np.float32), 0.1, 0.9, 0.99, 1e-7)
    yield extreme("a gradient that is 0 throughout", d(3), gradients(3, 3) * np.array([1, 0, 1], np.float32), 0.1, 0.9, 0.999, 1e-7)


exercise = Exercise(
    title="A step of Adam",
    stars=2,
    minutes=30,
    section="02",
    needs=("neuron",),
    tasks=(
        Function(
            signature="adam_step(w, g, state, lr, beta1, beta2, epsilon)",
            smallest=1.0,
            inputs="w gs lr beta1 beta2 epsilon",
            results="w_after_one_step w_at_the_end w2_at_the_end",
            cases=cases,
            drive=steps,
            reference=by_sums,
        ),
    ),
    says={
        "no_correction": (
            "The first step should be lr long, whatever the gradient, and with these β yours is "
            "{(1 - beta1) / (1 - beta2) ** 0.5:.3g} lr: m and v begin at 0 and are too small at first, m {1 / (1 - beta1):.0f} "
            "times, √v {1 / (1 - beta2) ** 0.5:.0f} times.",
            "第一步的长度应是 lr，与梯度无关；对这里的 β，你的是 {(1 - beta1) / (1 - beta2) ** 0.5:.3g} lr："
            "m 和 v 从 0 开始，起初太小：m 只有应有的 1/{1 / (1 - beta1):.0f}，√v 只有 1/{1 / (1 - beta2) ** 0.5:.0f}。",
        ),
        "m_alone_corrected": (
            "You correct m and not v, so that the first step is {1 / (1 - beta2) ** 0.5:.0f} lr. v begins at 0 as well, and "
            "needs longer to recover.",
            "你只修正了 m，没有修正 v，于是第一步成了 {1 / (1 - beta2) ** 0.5:.0f} lr。v 也从 0 开始，而且恢复得更慢。",
        ),
        "step_0": (
            "At the first step 1 - β^0 is 0, and you divide by it. Which step is the first?",
            "第一步时 1 - β^0 是 0，你却除以它。第一步该是几？",
        ),
        "always_step_1": (
            "The first step is right. From the second on you still divide by 1 - β, as if it were the first: who counts t?",
            "第一步是对的。从第二步起你仍然除以 1 - β，好像还是第一步：谁来数 t？",
        ),
        "one_state": (
            "Your first parameter is right as long as it is alone. Here two are stepped in turn, and w2 moves with w1's "
            "momentum: what has to be kept goes into `state`, not into something that all calls share.",
            "只有一个参数时你是对的。这里两个参数轮流更新，w2 用了 w1 的动量：要保存的放进 `state`，"
            "不要放在所有调用共用的地方。",
        ),
        "square_of_mean": (
            "v is the mean of g², not the square of the mean of g: for a gradient that turns between +1 and -1, m is near 0 "
            "and v has to be 1.",
            "v 是 g² 的平均，不是 g 的平均的平方：梯度在 +1 与 -1 之间来回时，m 接近 0，而 v 应是 1。",
        ),
        "steps_of_yesterday": (
            "You step with the moments of the step before: at the first step they are 0, and w does not move. First take g "
            "into m and v, then step.",
            "你用的是上一步的矩：第一步时它们是 0，w 不动。先把 g 计入 m 和 v，再走一步。",
        ),
        "corrected_kept": (
            "The first step is right. You keep m̂ and v̂ in the state instead of m and v, and so correct the second time what "
            "has been corrected.",
            "第一步是对的。你在状态里存的是 m̂ 和 v̂ 而不是 m 和 v，于是第二次把修正过的又修正了一遍。",
        ),
        "epsilon_in_root": (
            "ε stands inside your root. There it is √ε = {epsilon ** 0.5:.2g} large and swallows small gradients: √v̂ + ε.",
            "你把 ε 放进了根号里。在那里它有 √ε = {epsilon ** 0.5:.2g} 那么大，会吞掉小的梯度：应为 √v̂ + ε。",
        ),
        "no_epsilon": (
            "Where g has been 0 throughout, m̂ and √v̂ are both 0, and 0 / 0 is NaN. What is ε for?",
            "g 一直为 0 的地方，m̂ 和 √v̂ 都是 0，0 / 0 是 NaN。ε 是做什么用的？",
        ),
        "no_root": (
            "A step of m̂ / v̂ is long where gradients are small and short where they are large: m̂ has the unit of g, v̂ of "
            "g². What brings them to the same unit?",
            "步长 m̂ / v̂ 在梯度小处很长，在梯度大处很短：m̂ 的单位是 g，v̂ 的是 g²。怎样让两者单位相同？",
        ),
        "uphill": (
            "You climb: w moves the way in which g is positive, along which the loss grows.",
            "你在上坡：w 朝 g 为正的方向走，损失沿那里增大。",
        ),
        "betas_exchanged": (
            "β1 and β2 have changed places: m forgets fast (β1, 0.9), v slowly (β2, 0.999).",
            "β1 和 β2 换了位置：m 忘得快（β1，0.9），v 忘得慢（β2，0.999）。",
        ),
        "weights_changed": (
            "It is w that was changed: another part of the program may still hold the old weights. Return a new array.",
            "改动的是 w：程序的别处可能还拿着旧的权重。请返回新数组。",
        ),
        "power_for_product": (
            "The first step is right. The correction is 1 - β to the power of t, `beta1**t`; `beta1 * t` passes 1 at once.",
            "第一步是对的。修正是 1 减 β 的 t 次方，`beta1**t`；`beta1 * t` 一下就超过 1。",
        ),
        "sums_for_means": (
            "Your m and v are sums, not means: g comes in with the weight 1 - β, or the correction does not fit.",
            "你的 m 和 v 是和，不是平均：g 要以 1 - β 的权重计入，否则修正对不上。",
        ),
        "one_clock": (
            "w is right and w2 is not: both count on one t, and w2's first step is t = 2. Each weight has a state of its own, t included.",
            "w 对了，w2 不对：两者共用一个 t，w2 的第一步成了 t = 2。每个权重有自己的状态，t 也在内。",
        ),
        "step_late": (
            "The first step is right, and the second is corrected as the first: t is one behind from there on. The second step is t = 2.",
            "第一步是对的，第二步却按第一步来修正：从那以后 t 一直慢一步。第二步的 t 是 2。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Take g = 3 at the first step, m = v = 0, and work the five lines out by hand. How long is the step? And for "
         "g = 0.003?",
         "第一步取 g = 3，m = v = 0，把五行手算一遍。步长是多少？g = 0.003 呢？"),
        ("Three things must live from one step to the next: m, v and the number of the step. They are made at the first, "
         "when state is None, and come back as state.",
         "有三样东西要从一步活到下一步：m、v 和步数。第一步 state 为 None 时造出来，之后作为 state 返回。"),
        ("m, v, t = state, or zeros of w's shape and type and 0; t + 1; the two means; the two corrections, under other "
         "names; a new w; return it with (m, v, t).",
         "m、v、t 取自 state，或为与 w 同形同类型的零和 0；t + 1；两个平均；两个修正，另用名字；新的 w；连同 (m, v, t) 返回。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.code == "F17" and seen.facts["a"] == "w":
        return "weights_changed"
    if seen.code == "raises" and seen.facts["kind"] == "ZeroDivisionError":
        return "step_0"
    if seen.code == "raises" and "broadcast" in seen.facts["message"] and seen.case.inputs[0].shape != (3,):
        return "one_state"  # that of the case before, of another shape
