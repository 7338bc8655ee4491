"""Record what PyTorch and Keras 3 compute for normalization, embedding, recurrent layers and optimizers.

Run it where both are installed; minidl does not need them:

    KERAS_BACKEND=torch python tests/reference/record_sequence.py

It writes sequence.npz beside itself, in float64. A case of an op holds its inputs x0, x1, … (those that are not
None), the outputs y0, y1, …, the upstream gradients dy0, dy1, … (of the outputs that were used), and the gradients
d0, d1, … of sum(y * dy), made by PyTorch's autograd. A case of an optimizer holds the first weight, ten gradients and
the weight after each of ten steps. `index` (JSON) lists the versions and the cases, with their op and static values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
import torch.nn.functional as F

RNG = np.random.default_rng(20260102)
ARRAYS: dict[str, np.ndarray] = {}
CASES: list[dict[str, Any]] = []
STEPS = 10
CELL_ACTIVATIONS = (
    "linear tanh sigmoid hard_sigmoid relu relu6 leaky_relu elu selu softsign softplus exponential".split()
)


def record(
    op: str,
    source: str,
    function: Callable[..., Sequence[torch.Tensor]],
    arrays: list[np.ndarray | None],
    used: Sequence[bool] | None = None,
    constant: Sequence[int] = (),
    **static: Any,
) -> None:
    """Run `function` on the arrays as tensors; keep outputs and, through the `used` ones, gradients."""
    name = f"{op}-{sum(case['op'] == op for case in CASES)}"
    tensors = [None if a is None else torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    outputs = function(*tensors)
    used = [True] * len(outputs) if used is None else used
    upstream = [
        torch.tensor(RNG.normal(size=tuple(y.shape))) if use else None for y, use in zip(outputs, used, strict=True)
    ]
    total = sum((y * dy).sum() for y, dy in zip(outputs, upstream, strict=True) if dy is not None)
    wanted = [(i, t) for i, t in enumerate(tensors) if t is not None and t.requires_grad and i not in constant]
    gradients = torch.autograd.grad(total, [t for _, t in wanted], allow_unused=True)
    for i, array in enumerate(arrays):
        if array is not None:
            ARRAYS[f"{name}.x{i}"] = array
    for (i, _), gradient in zip(wanted, gradients, strict=True):
        if gradient is not None:
            ARRAYS[f"{name}.d{i}"] = gradient.numpy()
    for i, (y, dy) in enumerate(zip(outputs, upstream, strict=True)):
        ARRAYS[f"{name}.y{i}"] = y.detach().numpy()
        if dy is not None:
            ARRAYS[f"{name}.dy{i}"] = dy.numpy()
    CASES.append(
        {"name": name, "op": op, "source": source, "inputs": len(arrays), "outputs": len(outputs), "static": static}
    )
    # Keras' mean and matmul take float64 through float32, so its layers are good to seven digits only.
    CASES[-1]["rounded"] = source.startswith("keras.layers")


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(0.3, 0.8, shape)


def record_normalization() -> None:
    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2), unbiased=False)
        moved = F.batch_norm(x.movedim(-1, 1), None, None, gamma, beta, training=True, eps=1e-3)
        return moved.movedim(1, -1), mean, variance

    x, gamma, beta = 3 * normal(3, 5, 2, 4), normal(4), normal(4)
    for used in ((True, False, False), (True, True, True), (False, True, True)):
        record("batch_norm", "torch.nn.functional.batch_norm", batch_norm, [x, gamma, beta], used, epsilon=1e-3)
    record("batch_norm", "torch.nn.functional.batch_norm", batch_norm, [x, None, None], epsilon=1e-3)

    layer = keras.layers.BatchNormalization(momentum=0.0, epsilon=1e-2)
    layer.build((None, 6))

    def keras_batch_norm(x: Any) -> Any:
        y = layer(x, training=True)
        return y, layer.moving_mean.value.detach(), layer.moving_variance.value.detach()

    record(
        "batch_norm", "keras.layers.BatchNormalization", lambda x, gamma, beta: keras_batch_norm(x),
        [normal(7, 6), None, None], (True, False, False), epsilon=1e-2,
    )  # fmt: skip

    def inference(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        return [keras.ops.batch_normalization(x, mean, variance, -1, beta, gamma, epsilon=1e-3)]

    mean, variance = normal(4), RNG.uniform(0.3, 2.0, 4)
    for g, b in ((gamma, beta), (None, beta), (gamma, None)):
        record(
            "batch_norm_inference", "keras.ops.batch_normalization", inference,
            [x, g, b, mean, variance], epsilon=1e-3,
        )  # fmt: skip

    for axes in ((3,), (2, 3), (1, 2, 3), (1, 3), (1,)):
        sizes = [x.shape[i] for i in axes]
        last = [i - len(axes) for i in range(len(axes))]

        def layer_norm(x: Any, gamma: Any, beta: Any, axes: Any = axes, sizes: Any = sizes, last: Any = last) -> Any:
            return [F.layer_norm(x.movedim(axes, last), sizes, gamma, beta, eps=1e-3).movedim(last, axes)]

        arrays = [x, normal(*sizes), normal(*sizes)]
        record("layer_norm", "torch.nn.functional.layer_norm", layer_norm, arrays, epsilon=1e-3, axes=axes)


def record_embedding() -> None:
    ids = RNG.integers(0, 7, (3, 4))
    record("embedding", "torch.nn.functional.embedding", lambda i, t: [F.embedding(i, t)], [ids, normal(7, 3)])


def run_layer(layer: Any, weights: Sequence[Any], x: Any, states: Sequence[Any], mask: Any, recurrent: Any) -> Any:
    """Call a Keras layer with `weights` in the place of its own, so that autograd reaches them."""
    layer.build(tuple(x.shape))
    if recurrent is not None:
        layer.cell._recurrent_dropout_mask = recurrent
    states = None if states[0] is None else list(states)
    own = layer.trainable_variables
    with keras.StatelessScope(state_mapping=[(v, w) for v, w in zip(own, weights, strict=True)]):
        return layer(x, initial_state=states, mask=mask, training=recurrent is not None)


def record_recurrent(op: str, make: Callable[..., Any], gates: int, states: int, **options: Any) -> None:
    """Record one kind of cell: with and without bias, first states, mask and recurrent dropout."""
    n, steps, features, units = 3, 5, 4, 2
    after = options.get("reset_after", False)
    mask = np.array([[0, 0, 1, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    dropped = RNG.integers(0, 2, (n, gates * units)) / 0.5
    cases = [
        (True, True, None, None), (False, False, None, None), (True, True, mask, None), (True, False, mask, None),
        (True, True, mask, dropped),
    ]  # fmt: skip
    for use_bias, use_states, step_mask, recurrent_mask in cases:

        def run(x: Any, w: Any, u: Any, b: Any, *rest: Any, bias: bool = use_bias) -> Any:
            *first, step_mask, drop = rest
            drop_rate = 0.0 if drop is None else 0.5
            layer = make(
                units, use_bias=bias, return_sequences=True, return_state=True, recurrent_dropout=drop_rate, **options
            )
            masks = None if drop is None else list(torch.split(drop, units, 1))
            if gates == 1 and masks is not None:
                (masks,) = masks
            weights = [w, u] + ([b] if bias else [])
            return run_layer(layer, weights, x, first, step_mask, masks)

        size = gates * units
        b = (normal(2, size) if after else normal(size)) if use_bias else None
        first = [normal(n, units) if use_states else None for _ in range(states)]
        arrays = [normal(n, steps, features), normal(features, size), normal(units, size), b]
        arrays += [*first, step_mask, recurrent_mask]
        record(op, f"keras.layers.{make.__name__}", run, arrays, constant=[len(arrays) - 1], **options)


def record_optimizer(op: str, optimizer: Any, **static: Any) -> None:
    """Record ten steps with gradients that do not depend on the weight."""
    name = f"{op}-{sum(case['op'] == op for case in CASES)}"
    start, gradients = normal(3, 5), normal(STEPS, 3, 5)
    variable = keras.Variable(start)
    weights = []
    for gradient in gradients:
        optimizer.apply([torch.tensor(gradient)], [variable])
        weights.append(variable.numpy().copy())
    ARRAYS.update({f"{name}.w": start, f"{name}.dw": gradients, f"{name}.steps": np.stack(weights)})
    CASES.append({"name": name, "op": op, "source": f"keras.optimizers.{type(optimizer).__name__}", "static": static})


def record_optimizers() -> None:
    new = keras.optimizers
    record_optimizer("sgd_update", new.SGD(0.1), learning_rate=0.1)
    for nesterov in (False, True):
        static = {"learning_rate": 0.05, "momentum": 0.9, "nesterov": nesterov, "weight_decay": 0.01}
        record_optimizer("sgd_update", new.SGD(**static), **static)
    for momentum, centered in ((0.0, False), (0.9, False), (0.0, True), (0.8, True)):
        static = {"learning_rate": 0.02, "rho": 0.85, "momentum": momentum, "epsilon": 1e-6}
        record_optimizer("rmsprop_update", new.RMSprop(**static, centered=centered), centered=centered, **static)
    for amsgrad in (False, True):
        static = {"learning_rate": 0.03, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5}
        record_optimizer("adam_update", new.Adam(**static, amsgrad=amsgrad), amsgrad=amsgrad, **static)
        static["weight_decay"] = 0.05
        record_optimizer("adamw_update", new.AdamW(**static, amsgrad=amsgrad), amsgrad=amsgrad, **static)
    static = {"learning_rate": 0.1, "epsilon": 1e-6, "weight_decay": 0.02}
    record_optimizer("adagrad_update", new.Adagrad(**static), **static)


def main() -> None:
    keras.config.set_floatx("float64")
    record_normalization()
    record_embedding()
    layers = keras.layers
    record_recurrent("simple_rnn", layers.SimpleRNN, 1, 1, activation="tanh")
    for activation in CELL_ACTIVATIONS:
        scale = 0.2 if activation == "exponential" else 1.0  # an exponential of an exponential soon overflows
        x, w, u, b = normal(2, 3, 4), scale * normal(4, 3), scale * normal(3, 3), scale * normal(3)

        def run(x: Any, w: Any, u: Any, b: Any, *rest: Any, name: str = activation) -> Any:
            layer = layers.SimpleRNN(3, activation=name, return_sequences=True, return_state=True)
            return run_layer(layer, [w, u, b], x, [None], None, None)

        arrays = [x, w, u, b, None, None, None]
        record("simple_rnn", "keras.layers.SimpleRNN", run, arrays, activation=activation)
    record_recurrent("lstm", layers.LSTM, 4, 2, activation="tanh", recurrent_activation="sigmoid")
    record_recurrent("lstm", layers.LSTM, 4, 2, activation="softsign", recurrent_activation="hard_sigmoid")
    for after in (True, False):
        record_recurrent("gru", layers.GRU, 3, 1, activation="tanh", recurrent_activation="sigmoid", reset_after=after)
    record_optimizers()
    versions = {"keras": keras.__version__, "torch": torch.__version__, "numpy": np.__version__}
    index = json.dumps({"versions": versions, "cases": CASES})
    np.savez_compressed(Path(__file__).with_name("sequence.npz"), index=np.array(index), **ARRAYS)


if __name__ == "__main__":
    main()
