"""An optimizer of your own: Lion, with weight decay and masks.

Lion looks at the direction of a gradient alone. It keeps one momentum m for each weight, which begins at 0:

    c = sign(β1 m + (1 - β1) g)            -1, 0 or 1 in each place
    w = w - lr (c + λ w)                   λ, the weight decay, shrinks w whatever c is
    m = β2 m + (1 - β2) g

    w 5.0, g -400, lr 0.1, λ 0.5, m 0   ->   c -1, w 4.85, m -4.0 (β2 0.99)

On the left stands what is new, on the right what was before. A mask prunes a weight: where it is 0 the weight is 0 after
every update. An optimizer is a class:

    class Lion(optimizers.Optimizer):
        beta_1: float = 0.9                                           a field is an argument, and in the configuration
        build(self, variables)                                        super's, then state: one slot for each weight by
                                                                      self.add_optimizer_variables(variables, "momentum")
        mask(self, variable, kept)                                    from here on; kept has the weight's shape, 0 and 1
        update_step(self, gradient, variable, learning_rate)          changes the variable: variable.assign(…)

`self._get_variable_index(variable)` is the place of a weight among all; `self.weight_decay` is λ, or None for none. mask is
called after build, for some weights. A training that is interrupted, saved and loaded has to go on as if nothing had been, once
its masks are given again.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme

STEPS = 5


def trains(Lion, w, v, gs, hs, kept, rate, later, decay, betas):
    """Train two weights of different shapes; then once more, interrupted after the third step."""
    import minidl
    from minidl.optimizers.schedules import PiecewiseConstantDecay

    rates = rate if rate == later else PiecewiseConstantDecay([1], [rate, later])

    def fresh(lion, *values):
        variables = [minidl.Variable(value) for value in values]
        lion.build(variables)
        lion.mask(variables[0], kept)
        return lion, variables

    def step(lion, variables, k):
        lion.apply([minidl.Tensor(gs[k]), minidl.Tensor(hs[k])], variables)

    lion, variables = fresh(Lion(rates, beta_1=betas[0], beta_2=betas[1], weight_decay=decay), w, v)
    after = []
    for k in range(STEPS):
        step(lion, variables, k)
        after.append([variable.numpy().copy() for variable in variables])
        if k == 2:
            saved, config = lion.get_weights(), lion.get_config()
    again, others = fresh(Lion.from_config(config), *after[2])
    again.set_weights(saved)
    for k in range(3, STEPS):
        step(again, others, k)
    return after[0][0], *after[1], *after[-1], others[0].numpy()


def by_elements(w, v, gs, hs, kept, rate, later, decay, betas):
    """One weight at a time, the momentum as a sum over all gradients so far."""
    beta_1, beta_2 = betas

    def walk(at, gradients, keep):
        found = []
        for k in range(STEPS):
            m = sum((1 - beta_2) * beta_2 ** (k - 1 - j) * gradients[j] for j in range(k))
            lr = rate if k <= 1 else later
            at = (at * (1 - lr * (decay or 0.0)) - lr * np.sign(beta_1 * m + (1 - beta_1) * gradients[k])) * keep
            found.append(at)
        return found

    ws, vs = np.zeros((STEPS, *w.shape)), np.zeros((STEPS, *v.shape))
    for i in np.ndindex(w.shape):
        ws[(slice(None), *i)] = walk(w[i], gs[(slice(None), *i)], kept[i])
    for i in np.ndindex(v.shape):
        vs[(slice(None), *i)] = walk(v[i], hs[(slice(None), *i)], 1.0)
    return ws[0], ws[1], vs[1], ws[-1], vs[-1], ws[-1]


def cases(d):
    def some(shape, other, *settings, last=0.02):
        """Of each first weight the gradient turns while m is large; the last gradients are small, so that m decides."""
        kept = np.ones(shape, np.float32)
        kept.ravel()[1::3] = 0
        gs, hs = d(STEPS, *shape), d(STEPS, *other)
        gs[:, *[0] * len(shape)] = np.array([1, -0.5, 2, 0.3, -1], np.float32)
        gs[3:] *= last
        hs[3:] *= last
        return d(*shape), d(*other), gs, hs, kept, *settings

    yield case("", *some((3,), (4,), 0.1, 0.1, None, (0.9, 0.99)))
    yield case("", *some((3, 4), (5,), 0.1, 0.1, 0.5, (0.9, 0.99)))
    yield case("other β", *some((2, 3), (7,), 0.05, 0.05, 0.1, (0.5, 0.8), last=1))
    yield case("many weights", *some((9, 11), (13,), 0.05, 0.05, None, (0.8, 0.95), last=0.3))
    yield case("the rate falls after two steps", *some((4, 2), (3,), 0.1, 0.01, None, (0.9, 0.99)))
    still = list(some((5,), (6,), 0.1, 0.1, 0.5, (0.9, 0.99)))
    still[2], still[3] = still[2] * 0, still[3] * np.array([0, 1, 0, 1, 0, 1], np.float32)
    yield extreme("gradients of 0", *still)


exercise = Exercise(
    title="An optimizer of your own",
    stars=2,
    minutes=35,
    section="03",
    needs=("adam",),
    allow=("minidl",),
    tasks=(
        Function(
            signature="Lion",
            inputs="w v gs hs kept rate later decay betas",
            results="w_after_1 w_after_2 v_after_2 w_after_5 v_after_5 w_resumed",
            cases=cases,
            resized=False,
            drive=trains,
            reference=by_elements,
        ),
    ),
    says={
        "decay_in_gradient": (
            "You add the decay to the gradient, and sign() eats it: a weight whose gradient is 0 walks by a whole lr, and one "
            "with a gradient does not shrink at all. λ w stands beside the sign, not inside.",
            "你把衰减加进了梯度，被 sign() 吃掉了：梯度为 0 的权重整整走 lr，有梯度的却一点不缩。λ w 在 sign 旁边，不在里面。",
        ),
        "momentum_first": (
            "The first step is right, the second differs: the sign is of β1 m + (1 - β1) g with the *old* m, and you renew m "
            "before.",
            "第一步对，第二步就不同：sign 里的 β1 m + (1 - β1) g 用的是*旧的* m，你先把 m 更新了。",
        ),
        "sign_of_momentum": (
            "The first step is right, the second differs: you take the sign of the momentum itself. What goes into the sign is "
            "mixed with β1, what is kept with β2.",
            "第一步对，第二步就不同：你取的是动量本身的符号。进 sign 的用 β1 混合，留下的用 β2 混合。",
        ),
        "state_in_a_list": (
            "Trained in one go you are right; interrupted and loaded, the momentum is gone. What is saved are the optimizer's "
            "variables: a list of arrays is not among them.",
            "一口气训练时你是对的；中断后再载入，动量就没了。被保存的是优化器的变量：数组的列表不在其中。",
        ),
        "masked_come_back": (
            "{k} pruned weights are not 0 after the first update. When does the mask have to act, so that nothing comes "
            "behind it?",
            "第一次更新之后有 {k} 个已剪掉的权重不是 0。掩码该在什么时候起作用，后面才不会再有别的改动？",
        ),
        "own_rate": (
            "The schedule says {later:g} from the third step on, and you still take {rate:g}: use the learning_rate that "
            "update_step is given.",
            "从第三步起日程给的是 {later:g}，你仍在用 {rate:g}：用 update_step 收到的 learning_rate。",
        ),
        "betas_lost": (
            "Trained in one go you are right; the optimizer made from get_config has other β: your __init__ takes them, and "
            "the configuration does not know. Fields of the class are in it.",
            "一口气训练时你是对的；由 get_config 造出的优化器却有别的 β：你的 __init__ 收下了它们，配置里没有。"
            "类的字段才会写进配置。",
        ),
        "betas_exchanged": (
            "β1 and β2 have changed places: β1 mixes what goes into the sign, β2 what is kept.",
            "β1 和 β2 换了位置：β1 混合进 sign 的，β2 混合留下的。",
        ),
        "one_momentum": (
            "Two weights are trained in turn, and your momentum is one for both: each has its own slot, at its place among "
            "the variables.",
            "两个权重轮流训练，你的动量却是共用的：每个权重有自己的槽，在变量中有它的位置。",
        ),
        "no_sign": (
            "Your step is as long as the momentum: Lion's is lr in every place, up or down.",
            "你的步长等于动量：Lion 在每个位置都恰好走 lr，或上或下。",
        ),
        "decay_without_rate": (
            "The decay is λ w as it stands: it belongs inside the bracket that lr multiplies.",
            "衰减用了原样的 λ w：它应在 lr 所乘的括号里面。",
        ),
        "decay_of_the_new": (
            "The decay shrinks what the step has made of w. On the right of the formula stands the w of before: one update, "
            "from old to new.",
            "衰减缩的是走完一步之后的 w。公式右边的 w 是之前的：从旧到新只更新一次。",
        ),
        "no_decay": (
            "The weights do not decay: λ is self.weight_decay, and the base class leaves it to the rule.",
            "权重没有衰减：λ 是 self.weight_decay，基类把它留给规则来做。",
        ),
        "decay_is_none": (
            "Without weight decay self.weight_decay is None, and None cannot be multiplied.",
            "没有权重衰减时 self.weight_decay 是 None，None 不能相乘。",
        ),
        "uphill": (
            "w moves the way in which g is positive: uphill.",
            "w 朝 g 为正的方向走：上坡了。",
        ),
        "nothing_moves": (
            "The weights are what they were: `variable = …` gives a name to a new tensor, and the weight does not hear of it. "
            "Which method of a variable takes a new value?",
            "权重没有变：`variable = …` 只是给新张量起名，权重并不知道。变量的哪个方法接收新值？",
        ),
        "momentum_stays": (
            "The first steps are right, and then old gradients are forgotten: the momentum never takes in the new one.",
            "头几步对，之后就没有旧梯度的影响了：动量从未计入新的梯度。",
        ),
        "one_beta": (
            "The first step is right. One β does both in yours: β1 mixes what goes into the sign, β2 what is kept.",
            "第一步是对的。你用一个 β 做了两件事：β1 混合进 sign 的，β2 混合留下的。",
        ),
        "sum_for_mean": (
            "What you keep is a sum and no mean: g comes into m with the weight 1 - β2.",
            "你留下的是和，不是平均：g 以 1 - β2 的权重计入 m。",
        ),
        "decay_grows": (
            "Your decay makes weights grow: w is to shrink by lr λ w.",
            "你的衰减让权重变大：w 应缩小 lr λ w。",
        ),
        "by_name": (
            "Names are not unique: two layers have a `kernel` each, and the mask of one falls on both. The place among the "
            "variables is unique.",
            "名字不唯一：两个层各有一个 `kernel`，一个的掩码会落在两个上。在变量中的位置才是唯一的。",
        ),
        "no_super_build": (
            "build has to call super().build(variables) as well: the places of the weights are noted there.",
            "build 里也要调用 super().build(variables)：权重的位置是在那里记下的。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Two weights of different shapes are trained, and the program may be stopped between any two steps. What has to be "
         "kept of each, and where is it found again?",
         "训练两个形状不同的权重，程序可能在任意两步之间停下。每个要保存什么？又在哪里再找到它？"),
        ("A slot made by add_optimizer_variables is a variable: it is read as a tensor, and takes a new value by assign. Four "
         "things happen in a step, and their order matters: c, w, mask, m.",
         "add_optimizer_variables 造的槽是变量：当张量读，用 assign 写入新值。一步里发生四件事，次序要紧：c、w、掩码、m。"),
        ("update_step: m = the slot at the weight's place; c by np.sign; the new w in one expression; times its mask, where it "
         "has one; two assigns.",
         "update_step：m = 该权重位置上的槽；用 np.sign 得 c；一个式子写出新的 w；有掩码就乘上；两次 assign。"),
    ),
)  # fmt: skip


def recognise(seen):
    message = seen.facts.get("message", "")
    if seen.code == "raises" and "NoneType" in message and seen.case.inputs[7] is None:
        return "decay_is_none"
    if seen.facts.get("kind") == "KeyError" and seen.has("def build") and not seen.has("super().build"):
        return "no_super_build"
    if seen.facts.get("kind") == "NotBuiltError":
        return "no_super_build"
    if seen.code == "raises" and "broadcast" in message and seen.has("variable.name", "variable.path"):
        return "by_name"
    if seen.code == "raises" and "broadcast" in message:
        return "one_momentum"
    if seen.stage != "values" or seen.got is None:
        return None
    w, kept, first = seen.case.inputs[0], seen.case.inputs[4], np.asarray(seen.got[0])
    if np.array_equal(first[kept != 0], w[kept != 0]):
        return "nothing_moves"
    seen.facts["k"] = int(np.count_nonzero(first[kept == 0]))
    others = np.abs(first - seen.expected[0])[kept != 0]
    return "masked_come_back" if seen.facts["k"] and (others < 1e-5).all() else None
