"""`.h5` as older Keras writes it: a whole model, or weights alone, which are loaded by their order.

Weights stand in one group a layer, listed in the attributes `layer_names` and `weight_names`; a whole model has them
in the group `model_weights`, beside the attributes `model_config` and `training_config` and `optimizer_weights`.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import FileFormatError
from minidl.saving.config.legacy import modern, modern_training, simplified, tells_hard_sigmoid, without_cudnn
from minidl.saving.config.model_json import KERAS_VERSION, model_config, model_from_dict, parse
from minidl.saving.config.training import compile_from_config, training_config
from minidl.saving.files import h5_array, h5_group, h5_strings, h5_text, open_h5, reading
from minidl.saving.matching import match
from minidl.saving.places import layer_weights, places
from minidl.saving.plan import Plan, plan_optimizer
from minidl.saving.weights_h5 import create_h5, write_array
from minidl.tensor import Variable

ATTRIBUTE_BYTES = 64000  # HDF5 takes no attribute beyond 64 KiB; longer lists are split
TOP = "top_level_model_weights"

# ---- writing


def write(model: Any, target: Path, include_optimizer: bool = True) -> None:
    """Write a whole model."""
    full = model_config(model)
    config = simplified(full)
    if "build_config" in full and not {"input_layers", "build_input_shape"} & set(full["config"]):
        config["build_config"] = full["build_config"]  # Keras passes over it; a model of one's own is built by it here
    training = training_config(model) if include_optimizer else None
    with create_h5(target) as file:
        _write_versions(file)
        # Attributes of this size need the "dense" storage that comes with the file's version of HDF5.
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        write_weights(file.create_group("model_weights"), model)
        optimizer = getattr(model, "optimizer", None)
        if include_optimizer and optimizer is not None:
            named = {f"{v.path}": v for v in optimizer.variables}
            if len(named) < len(optimizer.variables):  # two weights of one name
                named = {f"{v.path}_{i}": v for i, v in enumerate(optimizer.variables)}
            _write_named(file.create_group("optimizer_weights"), named)


def _write_versions(group: Any) -> None:
    group.attrs["backend"] = "minidl"
    group.attrs["keras_version"] = KERAS_VERSION


def write_weights(group: Any, model: Any) -> None:
    """Write the weights of all layers into a group, as `load_weights` of Keras reads them."""
    layers = model.layers
    _write_strings(group, "layer_names", [layer.name for layer in layers])
    _write_versions(group)
    for layer in sorted(layers, key=lambda layer: layer.name):
        _write_named(group.create_group(layer.name), layer_weights(layer))
    _write_named(group.create_group(TOP), _top_level(model))


def _top_level(model: Any) -> dict[str, Variable]:
    """Return the weights that a model owns itself, without its layers."""
    return {f"{model.name}/{v.name}": v for place in places(model)[:1] for v in place.variables}


def _write_named(group: Any, named: dict[str, Variable]) -> None:
    _write_strings(group, "weight_names", list(named))
    for name, variable in named.items():
        write_array(group, name, variable.numpy())


def _write_strings(group: Any, name: str, strings: list[str]) -> None:
    data = np.array([text.encode("utf-8") for text in strings]) if strings else np.zeros(0)
    parts = 1
    while any(part.nbytes > ATTRIBUTE_BYTES for part in np.array_split(data, parts)):
        parts += 1
    if parts == 1:
        group.attrs[name] = data
        return
    for number, part in enumerate(np.array_split(data, parts)):
        group.attrs[f"{name}{number}"] = part


# ---- reading


def read(path: Path, compile: bool) -> Any:
    """Return the model in a file."""
    with open_h5(path, path) as file:
        text = h5_text(file, "model_config")
        if text is None:
            raise FileFormatError(_no_model(file, path))
        config = modern(parse(text, path))
        _warn_of_hard_sigmoid(file, config, path)
        model = model_from_dict(config)
        plan = Plan(path, model)
        group = h5_group(file, "model_weights", path)
        if group is None:
            raise FileFormatError(f"{os.fspath(path)!r} has a model_config but no group 'model_weights'.")
        headline = plan_by_order(group, plan)
        training = h5_text(file, "training_config")
        if compile and training is not None:
            compile_from_config(model, modern_training(json.loads(training)))
            _plan_optimizer_weights(file, plan)
    plan.carry_out(headline)
    return model


def _warn_of_hard_sigmoid(file: Any, config: Any, path: Path) -> None:
    version = h5_text(file, "keras_version") or ""
    if version.startswith(("1.", "2.")) and tells_hard_sigmoid(config):
        warnings.warn(
            f"{os.fspath(path)!r} was saved with Keras {version}, whose hard_sigmoid was clip(0.2 x + 0.5, 0, 1). "
            "Here, as in Keras 3, it is relu6(x + 3) / 6: outputs differ a little from those of the program that saved "
            "it.",
            stacklevel=4,
        )


def _no_model(file: Any, path: Path) -> str:
    if "layer_names" in file.attrs or "layers" in file:
        return (
            f"{os.fspath(path)!r} holds weights only, no model. Build the model in Python, then "
            "model.load_weights(path)."
        )
    return f"{os.fspath(path)!r} is an HDF5 file without 'model_config', so it holds no Keras model."


def _plan_optimizer_weights(file: Any, plan: Plan) -> None:
    optimizer = getattr(plan.model, "optimizer", None)
    group = h5_group(file, "optimizer_weights", plan.path)
    if optimizer is None or group is None:
        return
    arrays = _arrays(group, plan.path, "the optimizer")
    plan_optimizer(plan, optimizer, list(arrays.values()), plan.model.trainable_variables)


def read_weights(path: Path, plan: Plan, by_name: bool) -> str:
    """Plan to load the weights of a file of either kind; return a headline for an error."""
    with open_h5(path, path) as file:
        group = file
        if "layer_names" not in file.attrs and "layer_names0" not in file.attrs:
            group = h5_group(file, "model_weights", path)
            if group is None:
                raise FileFormatError(_no_weights(file, path))
        return plan_by_name(group, plan) if by_name else plan_by_order(group, plan)


def _no_weights(file: Any, path: Path) -> str:
    if "layers" in file or "vars" in file:
        return f"{os.fspath(path)!r} has the layout of Keras 3's weights. Rename it so that it ends in .weights.h5."
    there = ", ".join(list(file)[:8]) or "nothing"
    return (
        f"{os.fspath(path)!r} is an HDF5 file, but not one of Keras: it has no 'layer_names' and no 'model_weights'. "
        f"In it: {there}."
    )


def _saved_layers(group: Any, path: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the names of the layers in a file, each with its arrays by name."""
    names = h5_strings(group, "layer_names")
    if names is None:
        raise FileFormatError(f"{os.fspath(path)!r}: the group {group.name!r} has no 'layer_names'.")
    found = []
    for name in names:
        inner = h5_group(group, name, path)
        if inner is None:
            raise FileFormatError(f"{os.fspath(path)!r} lists a layer {name!r}, but has no group for it.")
        found.append((name, _arrays(inner, path, f"layer {name!r}")))
    return found


def _arrays(group: Any, path: Any, owner: str) -> dict[str, Any]:
    arrays = {}
    for name in h5_strings(group, "weight_names") or []:
        data = h5_array(group, name, path)
        if data is None:
            raise FileFormatError(f"{os.fspath(path)!r}: {owner} lists weights {name!r}, which are not there.")
        arrays[name] = data
    return arrays


def plan_by_order(group: Any, plan: Plan) -> str:
    """Plan to load layer after layer, whatever their names; layers without weights are passed over.

    Where the file has just the model's names, these decide: two layers may have changed places since.
    """
    saved = [(name, arrays) for name, arrays in _saved_layers(group, plan.path) if arrays]
    weighty = [(layer, weights) for layer in plan.model.layers if (weights := layer_weights(layer))]
    names, found = [layer.name for layer, _ in weighty], dict(saved)
    if len(found) == len(saved) and set(names) == set(found) and names != list(found):
        saved = [(name, found[name]) for name in names]
        plan.reordered = True
    for (layer, weights), (name, arrays) in zip(weighty, saved, strict=False):
        _plan_layer(plan, layer, weights, name, arrays)
    for layer, weights in weighty[len(saved) :]:
        shapes = ", ".join(str(v.shape) for v in weights.values())
        plan.problems.append(f"layer {layer.name!r} with {shapes} has none left in the file")
    for name, arrays in saved[len(weighty) :]:
        shapes = ", ".join(str(a.shape) for a in arrays.values())
        plan.problems.append(f"layer {name!r} of the file with {shapes} is left over")
    _plan_top_level(group, plan)
    if len(saved) != len(weighty):
        return f"the file has {len(saved)} layers with weights, the model {len(weighty)}"
    return ""


def plan_by_name(group: Any, plan: Plan) -> str:
    """Plan to load the layers whose names are in the file; the others stay as they are."""
    layers: dict[str, Any] = {layer.name: layer for layer in plan.model.layers}
    saved = _saved_layers(group, plan.path)
    for name, arrays in saved:
        if name in layers:
            _plan_layer(plan, layers[name], layer_weights(layers[name]), name, arrays)
    if not any(name in layers for name, _ in saved):
        there = ", ".join(repr(name) for name, _ in saved[:6])
        raise FileFormatError(
            f"{os.fspath(plan.path)!r}: none of its layers has a name of the model's. In the file: {there}. "
            "Load by order: by_name=False."
        )
    return ""


def _plan_layer(plan: Plan, layer: Any, weights: dict[str, Variable], name: str, arrays: dict[str, Any]) -> None:
    label = f"layer {layer.name!r}" + (f" ({name!r} in the file)" if name != layer.name else "")
    if not plan.count(label, len(weights), len(arrays)):
        return
    own, saved = list(weights), list(arrays)
    order = match(own, saved)
    if order is None:
        plan.problems.append(
            f"{label}: the file lists its weights in another order, under names that the model does not have, since "
            f"other layers were frozen when it was saved. In the file: {', '.join(saved)}; in the model: "
            f"{', '.join(own)}. Freeze the same layers, load, and set trainable afterwards; or give layers names"
        )
        return
    plan.reordered |= order != sorted(order)
    found = {id(v): arrays[saved[place]] for v, place in zip(weights.values(), order, strict=True)}
    for inner in layer._all_layers():
        _turn_cudnn(inner, found, plan)
    for variable in weights.values():
        plan.add(variable, found[id(variable)], label)


def _turn_cudnn(layer: Any, found: dict[int, Any], plan: Plan) -> None:
    """Turn what a CuDNNLSTM or CuDNNGRU saved, told by the size of its bias, into weights of an LSTM or GRU."""
    kind, own = type(layer).__name__, layer._trainable_variables
    if kind not in ("LSTM", "GRU") or len(own) != 3 or any(id(v) not in found for v in own):
        return
    arrays = [found[id(v)] for v in own]
    if tuple(arrays[2].shape) == (2 * layer.gates * layer.units,) and all(
        tuple(a.shape) == v.shape for a, v in zip(arrays[:2], own[:2], strict=True)
    ):  # fmt: skip
        with reading(plan.path, "weights"):
            values = without_cudnn(kind, [np.array(a[()]) for a in arrays])
        found.update({id(v): value for v, value in zip(own, values, strict=True)})


def _plan_top_level(group: Any, plan: Plan) -> None:
    inner = h5_group(group, TOP, plan.path)
    if inner is None:  # older files have none
        return
    own = _top_level(plan.model)
    arrays = _arrays(inner, plan.path, "the model itself")
    if plan.count("the model itself", len(own), len(arrays)):
        for variable, array in zip(own.values(), arrays.values(), strict=True):
            plan.add(variable, array, "the model itself")
