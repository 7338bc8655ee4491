"""A layer of your own, with a weight, that can be saved.

GroupScale(groups) splits its C channels into `groups` equal parts, one behind the other, and scales all parts alike:

    C = 6, groups = 3      x      1  2 | 3  4 | 5  6
                           scale  10 1 | 10 1 | 10 1          one weight of C / groups = 2 numbers, which begin at 1
                           y      10 2 | 30 4 | 50 6

x is (N, C), or (N, …, C) with axes between; N is another one at each call. How many channels there are is known when the
first input comes. A layer is a class:

    class GroupScale(layers.Layer):
        __init__(self, groups, **kwargs)      keeps its setting; name, dtype, trainable are in kwargs, for the base class
        build(self, input_shape)              makes weights, self.add_weight(shape, initializer, name="scale"): runs once
        call(self, inputs)                    computes y, in functions of minidl.functional, or operators
        compute_output_shape(self, input_shape)      the shape of y, batch axis included
        get_config(self)                      a dict of all that `__init__` needs to make an equal layer

and then it is trained, frozen, put into a Sequential or a functional model, saved and loaded as any other layer.
"""

import tempfile
from pathlib import Path

import numpy as np

from minidl.course import Exercise, Function, case


def lives(GroupScale, x, dy, scale, groups):
    """Call the layer on several batches, differentiate, copy, freeze and save it."""
    import minidl

    minidl.utils.set_random_seed(52)  # an initializer that is not asked for says the same at each check
    layer = GroupScale(groups, name="mine")
    if layer.weights:
        raise TypeError("it has weights before it has seen an input")
    first = layer(x).numpy()
    for batch in (x[:1], np.concatenate([x, x])):
        layer(batch)
    if not layer.trainable_weights:
        raise TypeError("trainable_weights is empty")
    weight, count = layer.trainable_weights[0], len(layer.weights)
    if weight.shape != scale.shape:
        raise TypeError(f"its weight has shape {weight.shape}")
    weight.assign(scale)
    v = minidl.Variable(x)
    with minidl.GradientTape() as tape:
        y = layer(v)
        loss = (y * dy).sum()
    dx, dscale = tape.gradient(loss, [v, weight])
    if dx is None or dscale is None:
        raise TypeError(f"no gradient has reached {'x' if dx is None else 'the weight'}")
    config = layer.get_config()
    kept = sum(config.get(key) == value for key, value in (("name", "mine"), ("groups", groups), ("trainable", True)))
    copy = GroupScale.from_config(config)
    copy(x)
    copy.set_weights(layer.get_weights())
    layer.trainable = False
    loaded, told = in_models(GroupScale, x, scale, groups)
    frozen = len(layer.trainable_weights)
    return first, y.numpy(), dx.numpy(), dscale.numpy(), copy(x).numpy(), loaded, told, count, frozen, kept


def in_models(GroupScale, x, scale, groups):
    """Return what a saved and loaded Sequential computes, and the shape that a functional model tells."""
    from minidl import Input, Model, Sequential, models

    model = Sequential([Input(x.shape[1:]), GroupScale(groups)])
    model.layers[-1].set_weights([scale])
    inputs = Input(x.shape[1:])
    told = Model(inputs, GroupScale(groups)(inputs)).output_shape
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        again = models.load_model(Path(folder) / "model.keras", custom_objects={"GroupScale": GroupScale})
    return again(x).numpy(), np.array([-1 if n is None else n for n in told], x.dtype)


def by_columns(x, dy, scale, groups):
    y, dx, dscale = np.zeros_like(x), np.zeros_like(x), np.zeros_like(scale)
    for c in range(x.shape[-1]):
        k = c % (x.shape[-1] // groups)
        y[..., c], dx[..., c] = x[..., c] * scale[k], dy[..., c] * scale[k]
        dscale[k] += (dy[..., c] * x[..., c]).sum()
    return x, y, dx, dscale, y, y, np.array([-1.0, *x.shape[1:]]), np.asarray(1), np.asarray(0), np.asarray(3)


def cases(d):
    yield case("", d(4, 6), d(4, 6), d(2), 3)
    yield case("", d(3, 6), d(3, 6), d(3), 2)
    yield case("", d(2, 3, 8), d(2, 3, 8), d(4), 2)
    yield case("all channels alike", d(5, 5), d(5, 5), d(1), 5)
    yield case("one group", d(2, 7), d(2, 7), d(7), 1)


exercise = Exercise(
    title="A layer of your own",
    stars=2,
    minutes=35,
    section="14",
    allow=("minidl", "minidl.layers", "minidl.models", "minidl.saving.keras_zip"),
    tasks=(
        Function(
            signature="GroupScale",
            inputs="x dy scale groups",
            results="y_at_first y dx dscale y_of_a_copy y_loaded told_shape weights trainable_when_frozen kept_in_config",
            cases=cases,
            resized=False,
            drive=lives,
            reference=by_columns,
        ),
    ),
    says={
        "weight_in_init": (
            "In __init__ nobody knows yet how many channels will come, and the weight has C / groups numbers. Who is told "
            "the input's shape?",
            "在 __init__ 里还没有人知道会有多少通道，而权重有 C / groups 个数。谁会被告知输入的形状？",
        ),
        "weights_grow": (
            "call runs for every batch, and yours makes a new weight each time: what one step has learned, the next throws "
            "away. Weights are made once, in build.",
            "每个批次都会运行 call，你每次都造一个新权重：这一步学到的，下一步就丢掉了。权重只造一次，在 build 里。",
        ),
        "plain_array": (
            "trainable_weights is empty, so no optimizer will ever find your scale: an array is a constant. add_weight makes "
            "a weight, and tells the layer of it.",
            "trainable_weights 是空的，优化器永远找不到你的 scale：数组只是常数。add_weight 才会造出权重，并登记到层里。",
        ),
        "not_trainable": (
            "Your scale is a weight, but not a trainable one: that is for state such as moving averages.",
            "你的 scale 是权重，但不可训练：那是给移动平均之类的状态用的。",
        ),
        "no_gradient": (
            "No gradient reaches the weight: a value that has been taken out of its tensor, by .numpy() or NumPy's functions, "
            "has left the tape. Stay with minidl.functional and operators.",
            "没有梯度到达权重：用 .numpy() 或 NumPy 函数从张量里取出的值已离开磁带。只用 minidl.functional 和运算符。",
        ),
        "fixed_batch": (
            "It has run on {x0} samples, and not on 1: somewhere your layer remembers the first batch's size. In a reshape -1 "
            "stands for whatever comes.",
            "{x0} 个样本时能运行，1 个就不行：你的层在某处记住了第一个批次的大小。reshape 里 -1 代表来多少算多少。",
        ),
        "two_axes_only": (
            "Right for (N, C), and here there are axes between: only the last axis is of channels, inputs.shape[:-1] are all "
            "the others.",
            "(N, C) 时是对的，这里中间还有别的轴：只有最后一轴是通道，inputs.shape[:-1] 是其余全部。",
        ),
        "config_without_groups": (
            "get_config does not say `groups`: a copy, or the layer of a loaded model, is made with another number of groups, "
            "or cannot be made at all.",
            "get_config 没有写 `groups`：副本或载入模型里的层会用另一个组数，或者根本造不出来。",
        ),
        "config_without_super": (
            "get_config says groups and nothing else: name, dtype and trainable are the base class's to say. What does "
            "super() know?",
            "get_config 只写了 groups：name、dtype、trainable 由基类来写。super() 知道些什么？",
        ),
        "kwargs": (
            "A layer is given name=… too, when it is loaded at the latest, and with yours it gets lost: **kwargs, taken by "
            "__init__ and handed on to the base class.",
            "层还会得到 name=…（最晚在载入时），在你这里它丢了：__init__ 用 **kwargs 接下，并交给基类。",
        ),
        "no_super": (
            "__init__ has to begin with super().__init__(**kwargs): it makes what every layer has, its name first of all.",
            "__init__ 要以 super().__init__(**kwargs) 开头：它造出每个层都有的东西，首先是名字。",
        ),
        "told_shape": (
            "compute_output_shape tells a shape that call does not give: a functional model builds the next layer for what "
            "it is told.",
            "compute_output_shape 说的形状与 call 给出的不同：函数式模型按它说的形状来造下一层。",
        ),
        "interleaved": (
            "You scale each part by one number, or take channels that lie apart for one part: parts lie one behind the other, "
            "and all are scaled by the same row of numbers. Draw C = 6, groups = 3.",
            "你让每一部分乘一个数，或把隔几个取一个的通道当作一部分：各部分前后相接，都乘同一行数。把 C = 6、groups = 3 画出来。",
        ),
        "weight_of_wrong_size": (
            "The weight has to have C / groups numbers, {scale0} here: its size is that of one part, not the number of parts "
            "or of channels.",
            "权重应有 C / groups 个数，这里是 {scale0} 个：它是一个部分的大小，不是部分的个数，也不是通道数。",
        ),
        "starts_elsewhere": (
            "Before any training y has to be x: the scales begin at 1. Which initializer has your add_weight been given?",
            "训练之前 y 应等于 x：scale 从 1 开始。你给 add_weight 的是哪个初始化器？",
        ),
        "no_return": (
            "call has no return: what it computes gets lost.",
            "call 没有 return：算出来的丢了。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Which of the five methods knows C, and which runs for every batch?",
         "五个方法里哪个知道 C？哪个对每个批次都运行？"),
        ("Seen as (…, groups, C / groups), x is multiplied by a row of C / groups numbers by broadcasting alone; then back to "
         "the shape that came.",
         "把 x 看成 (…, groups, C / groups)，只靠广播就能乘上一行 C / groups 个数；再变回原来的形状。"),
        ("__init__: super, groups. build: C from input_shape, add_weight of ones. call: reshape, times, reshape. Output shape: "
         "the input's. Config: super's and groups.",
         "__init__：super，groups。build：从 input_shape 取 C，add_weight 全 1。call：reshape，乘，reshape。输出形状：与输入同。"
         "配置：super 的加上 groups。"),
    ),
)  # fmt: skip

MESSAGES = {
    "it has weights before": "weight_in_init",
    "makes a new": "weights_grow",
    "trainable_weights is empty": "plain_array",
    "no gradient has reached the weight": "no_gradient",
    "its weight has shape": "weight_of_wrong_size",
    "unexpected keyword argument 'name'": "kwargs",
    "must call super().__init__()": "no_super",
    "missing 1 required positional argument: 'groups'": "config_without_groups",
    "call() returned None": "no_return",
    "set_weights: 'mine": "config_without_groups",
}


def recognise(seen):
    message = seen.facts.get("message", "")
    for text, says in MESSAGES.items():
        if text in message:
            return "not_trainable" if says == "plain_array" and seen.has("trainable=False") else says
    if seen.code == "raises" and "reshape" in message and seen.case.inputs[0].ndim > 2:
        return "two_axes_only"
    if seen.facts.get("name") == "kept_in_config" and seen.has("super().__init__()"):
        return "kwargs"
    if seen.code in ("values", "shape") and seen.facts.get("name") == "told_shape":
        return "told_shape"
    if seen.code == "values" and seen.facts.get("name") == "y_at_first" and seen.case is not None:
        first = np.asarray(seen.got[0])
        return "starts_elsewhere" if first.shape == seen.expected[0].shape else None
