"""Record what Keras 3 computes for every layer: outputs, gradients, weights, configurations, output shapes.

Run it where Keras and PyTorch are installed; minidl does not need them:

    KERAS_BACKEND=torch python tests/reference/record_layers.py

It writes layers.npz beside itself. Case `k` (see layer_cases.py) holds its inputs k.x0, …, weights k.w0, …, outputs
k.y0, …, upstream gradients k.dy0, …, the gradients of sum(y * dy) by PyTorch's autograd, k.dx0, … and k.dw0, …, and the
weights afterwards, k.after0, …, where they changed. `index` (JSON) lists versions, cases and networks.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "layers"))

import keras
import numpy as np
import torch
from layer_cases import CASES
from layer_networks import NETWORKS

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20260102)
ARRAYS: dict[str, np.ndarray] = {}


def make(spec: dict[str, Any]) -> Any:
    arguments = {key: make(v) if isinstance(v, dict) and "class" in v else v for key, v in spec["arguments"].items()}
    return getattr(keras.layers, spec["class"])(**arguments)


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def normal(shape: Any) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def inputs_of(shapes: Any, options: dict[str, Any]) -> list[np.ndarray]:
    if "ids" in options:
        return [RNG.integers(0, options["ids"], shape).astype(np.int32) for shape in shapes]
    return [normal(shape) for shape in shapes]


def set_weights(owner: Any) -> list[np.ndarray]:
    values = []
    for variable in owner.weights:
        value = normal(variable.shape) * 0.5
        if "variance" in variable.name:
            value = np.abs(value) + 0.5
        if str(variable.dtype) == "int32":
            value = np.zeros(variable.shape, np.int32)
        values.append(value.astype(str(variable.dtype)))
    owner.set_weights(values)
    if hasattr(owner, "finalize_state"):
        owner.finalize_state()
    return values


def gradients(name: str, owner: Any, tensors: list[torch.Tensor], outputs: list[torch.Tensor]) -> None:
    """Keep outputs, upstream gradients, and the gradients of inputs and trainable weights."""
    upstream = [torch.tensor(normal(tuple(y.shape))) for y in outputs]
    sources = [t for t in tensors if t.requires_grad]
    weights = [v.value for v in owner.trainable_variables]
    used = [(y, dy) for y, dy in zip(outputs, upstream, strict=True) if y.requires_grad]
    found: Any = [None] * (len(sources) + len(weights))
    if used and (sources or weights):
        found = torch.autograd.grad(
            [y for y, _ in used], [*sources, *weights], [dy for _, dy in used], allow_unused=True
        )
    for i, (y, dy) in enumerate(zip(outputs, upstream, strict=True)):
        ARRAYS[f"{name}.y{i}"], ARRAYS[f"{name}.dy{i}"] = y.detach().numpy(), dy.numpy()
    for i, gradient in enumerate(found[: len(sources)]):
        if gradient is not None:
            ARRAYS[f"{name}.dx{i}"] = gradient.numpy()
    for i, gradient in enumerate(found[len(sources) :]):
        if gradient is not None:
            ARRAYS[f"{name}.dw{i}"] = gradient.numpy()


def plain(config: Any) -> Any:
    """Return a configuration as JSON keeps it."""
    return json.loads(json.dumps(config, default=lambda v: v.tolist() if hasattr(v, "tolist") else repr(v)))


def unknown_sizes(shapes: Any, rank_from: int) -> Any:
    """Return input shapes with an unknown batch (and, from axis `rank_from`, unknown sizes but the last)."""
    found = [[None if i == 0 or rank_from <= i < len(s) - 1 else n for i, n in enumerate(s)] for s in shapes]
    return found if len(found) > 1 else found[0]


def record_layer(index: int) -> dict[str, Any]:
    cls, arguments, shapes, options = CASES[index]
    name = str(index)
    keras.utils.clear_session()
    layer = make({"class": cls, "arguments": {**arguments, "name": "layer"}})
    config = plain(layer.get_config())
    xs = inputs_of(shapes, options)
    shape = [tuple(s) for s in shapes] if len(shapes) > 1 else tuple(shapes[0])
    if not layer.built:
        layer.build(shape)
    weights = set_weights(layer)
    tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
    kwargs: dict[str, Any] = {}
    if "training" in options:
        kwargs["training"] = options["training"]
    if options.get("mask"):
        mask = np.arange(shapes[0][1])[None] < np.array([[shapes[0][1] - 3], [shapes[0][1]]])[: shapes[0][0]]
        mask[0, 0] = False  # not only at the end
        ARRAYS[f"{name}.mask"] = mask
        kwargs["mask"] = torch.tensor(mask)
    if "states" in options:
        count, units = options["states"]
        states = [normal((shapes[0][0], units)) for _ in range(count)]
        kwargs["initial_state"] = [torch.tensor(s) for s in states]
        ARRAYS.update({f"{name}.state{i}": s for i, s in enumerate(states)})
    y = layer(tensors if len(tensors) > 1 else tensors[0], **kwargs)
    ARRAYS.update({f"{name}.x{i}": x for i, x in enumerate(xs)})
    ARRAYS.update({f"{name}.w{i}": w for i, w in enumerate(weights)})
    gradients(name, layer, tensors, as_list(y))
    for i, (before, variable) in enumerate(zip(weights, layer.weights, strict=True)):
        after = variable.numpy()
        if not np.array_equal(before, after):
            ARRAYS[f"{name}.after{i}"] = after
    return {
        "class": cls, "arguments": arguments, "shapes": shapes, "options": options, "config": config,
        "built_config": plain(layer.get_config()),
        "weights": [[v.name, v.path, list(v.shape), v.trainable] for v in layer.weights],
        "output_shape": plain(layer.compute_output_shape(unknown_sizes(shape if len(shapes) > 1 else [shape], 99))),
        "structure": "list" if isinstance(y, list | tuple) else "tensor",
    }  # fmt: skip


def record_network(name: str) -> dict[str, Any]:
    build, shapes = NETWORKS[name]
    keras.utils.clear_session()
    model = build(keras)
    weights = set_weights(model)
    xs = inputs_of(shapes, {"ids": 9} if name == "masked_text" else {})
    if name == "masked_text":
        xs[0][0, 3:] = xs[0][1, 5:] = 0
        xs[0][2, 2] = 0
    tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
    y = model(tensors if len(tensors) > 1 else tensors[0], training=True)
    ARRAYS.update({f"{name}.x{i}": x for i, x in enumerate(xs)})
    ARRAYS.update({f"{name}.w{i}": w for i, w in enumerate(weights)})
    gradients(name, model, tensors, as_list(y))
    inference = model(tensors if len(tensors) > 1 else tensors[0], training=False)
    ARRAYS.update({f"{name}.inference{i}": t.detach().numpy() for i, t in enumerate(as_list(inference))})
    return {"weights": [[v.path, list(v.shape), v.trainable] for v in model.weights]}


def record_averages() -> None:
    """Three training steps of BatchNormalization, its averages after each, then inference."""
    layer = keras.layers.BatchNormalization(momentum=0.8)
    for step in range(3):
        x = normal((4, 3, 2, 3)) * (step + 1) + step
        layer(x, training=True)
        ARRAYS[f"averages.x{step}"] = x
        for name in ("moving_mean", "moving_variance"):
            ARRAYS[f"averages.{name}{step}"] = getattr(layer, name).numpy()
    ARRAYS["averages.inference"] = layer(x, training=False).detach().numpy()


def record_stateful() -> None:
    """Two batches of a stateful LSTM, then one after reset_states."""
    layer = keras.layers.LSTM(3, stateful=True, return_sequences=True)
    layer.build((2, 4, 3))
    ARRAYS.update({f"stateful.w{i}": w for i, w in enumerate(set_weights(layer))})
    for step in range(3):
        x = normal((2, 4, 3))
        if step == 2:
            layer.reset_states()
        ARRAYS[f"stateful.x{step}"] = x
        ARRAYS[f"stateful.y{step}"] = layer(x).detach().numpy()


def record_warps() -> None:
    """Random turns, shifts and zooms, with the maps that they drew; every fill mode and interpolation."""
    x = normal((3, 5, 6, 2))
    ARRAYS["warp.x"] = x
    for mode in ("reflect", "wrap", "constant", "nearest"):
        for interpolation in ("bilinear", "nearest"):
            layer = keras.layers.RandomRotation(0.2, mode, interpolation, seed=1, fill_value=0.5)
            drawn = layer.get_random_transformation(torch.tensor(x), training=True)
            ARRAYS[f"warp.{mode}.{interpolation}.angle"] = drawn["angle"].numpy()
            # A copy: the transformation below changes its matrix in place.
            ARRAYS[f"warp.{mode}.{interpolation}.matrix"] = drawn["rotation_matrix"].numpy().copy()
            y = layer.transform_images(torch.tensor(x), drawn, training=True)
            ARRAYS[f"warp.{mode}.{interpolation}.y"] = y.numpy()
    shift = keras.layers.RandomTranslation(0.4, 0.3, seed=2)
    drawn = shift.get_random_transformation(torch.tensor(x), training=True)
    ARRAYS["warp.shift.translations"] = drawn["translations"].numpy()
    ARRAYS["warp.shift.y"] = shift.transform_images(torch.tensor(x), drawn, training=True).numpy()
    zoom = keras.layers.RandomZoom(0.4, 0.3, seed=2)
    drawn = zoom.get_random_transformation(torch.tensor(x), training=True)
    ARRAYS["warp.zoom.factors"] = torch.cat([drawn["height_zoom"], drawn["width_zoom"]], 1).numpy()
    ARRAYS["warp.zoom.y"] = zoom.transform_images(torch.tensor(x), drawn, training=True).numpy()
    contrast = keras.layers.RandomContrast(0.5, value_range=(-1, 1), seed=2)
    drawn = contrast.get_random_transformation(torch.tensor(x), training=True)
    ARRAYS["warp.contrast.factors"] = drawn["contrast_factor"].numpy()
    ARRAYS["warp.contrast.y"] = contrast.transform_images(torch.tensor(x), drawn, training=True).numpy()


def main() -> None:
    cases = []
    for i, case in enumerate(CASES):
        try:
            cases.append(record_layer(i))
        except Exception as error:
            raise SystemExit(f"case {i} {case}: {error!r}") from error
    networks = {name: record_network(name) for name in NETWORKS}
    record_averages()
    record_stateful()
    record_warps()
    index = {
        "keras": keras.__version__, "torch": torch.__version__, "python": sys.version.split()[0],
        "cases": cases, "networks": networks,
    }  # fmt: skip
    ARRAYS["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    np.savez_compressed(HERE / "layers.npz", **ARRAYS)
    print(f"{len(cases)} layers and {len(networks)} networks, {(HERE / 'layers.npz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
