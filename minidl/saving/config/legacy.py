"""The configuration inside legacy `.h5` files: no modules, optimizers and losses under other keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.saving.config.read_objects import policy_dtype

# Classes under names of older versions, and what they are called now.
RENAMED = {
    "Deconvolution2D": "Conv2DTranspose", "Deconv2D": "Conv2DTranspose", "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization", "SyncBatchNormalization": "BatchNormalization",
    "CuDNNLSTM": "LSTM", "LSTMV1": "LSTM", "LSTMV2": "LSTM", "CuDNNGRU": "GRU", "GRUV1": "GRU", "GRUV2": "GRU",
    "functional": "Functional", "sequential": "Sequential",
}  # fmt: skip
# `Merge` of Keras 1, by its mode.
MERGES = {
    "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"
}  # fmt: skip


def simplified(config: Any) -> Any:
    """Return a configuration as Keras 3 writes it into `.h5`: layers and models by class name alone.

    Objects inside a layer's configuration keep their module, as Keras keeps it.
    """
    if isinstance(config, list):
        return [simplified(item) for item in config]
    if not isinstance(config, dict):
        return config
    if str(config.get("module", "")).startswith(("keras.src.ops", "minidl.layers")):
        return config  # Keras finds operations by their module only
    if not isinstance(config.get("config"), dict) or "layers" not in config["config"]:
        drop = ("module", "registered_name", "build_config", "compile_config")
        return {key: value for key, value in config.items() if key not in drop}
    inner = config["config"]
    kept = {key: config[key] for key in ("class_name", "name", "inbound_nodes") if key in config}
    return {**kept, "config": {**inner, "layers": [simplified(item) for item in inner["layers"]]}}


def modern(config: Any) -> Any:
    """Return the configuration of an older file with today's classes, names and values.

    >>> modern({"class_name": "CuDNNGRU", "config": {"units": 2}})
    {'class_name': 'GRU', 'config': {'units': 2, 'reset_after': True}}
    >>> modern({"class_name": "Sequential", "config": []})
    {'class_name': 'Sequential', 'config': {'layers': []}}
    """
    if isinstance(config, list):
        return [modern(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("type") == "ndarray" and "value" in config:
        return config["value"]
    name = config.get("class_name")
    if name in ("__tuple__", "TensorShape"):
        return modern(config.get("items"))
    if name in ("Policy", "PolicyV1") and isinstance(config.get("config"), dict):
        return policy_dtype(config["config"])
    found = {key: modern(value) for key, value in config.items()}
    inner = found.get("config")
    if isinstance(name, str) and "config" in found:
        found["class_name"] = RENAMED.get(name, name)
        if isinstance(inner, list) and found["class_name"] == "Sequential":
            found["config"] = {"layers": inner}
        elif isinstance(inner, dict):
            _modernise(name, found, inner)
    return found


def _modernise(name: str, entry: dict[str, Any], config: dict[str, Any]) -> None:
    """Bring one object's arguments up to date."""
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1 and name != "LayerNormalization":
        config["axis"] = axis[0]
    if entry["class_name"] == "GRU" and "module" not in entry:
        # An older file says nothing where there was but one kind of GRU.
        config.setdefault("reset_after", name == "CuDNNGRU")
    if config.get("reduction") == "auto":  # of a loss
        config["reduction"] = "sum_over_batch_size"
    if name not in ("MeanMetricWrapper", "LossFunctionWrapper"):
        config.pop("fn", None)  # the function of a loss or metric, which its class says already
    if name == "VarianceScaling" and config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    if name == "ThresholdedReLU":
        entry["class_name"], config["threshold"] = "ReLU", config.pop("theta", 1.0)
    if name == "Merge" and config.get("mode") in MERGES:
        mode = config["mode"]
        entry["class_name"] = MERGES[mode]
        kept = {"name": config.get("name"), "trainable": config.get("trainable", True)}
        options = {"concat": {"axis": config.get("concat_axis", -1)}, "dot": {"axes": config.get("dot_axes", -1)}}
        entry["config"] = {**kept, **options.get(mode, {})}
    if name == "Lambda" and isinstance(config.get("function"), list):
        # [code, defaults, closure]: Python code, which nobody here runs.
        config["function"] = {"class_name": "__lambda__", "config": {}}


def modern_training(config: dict[str, Any]) -> dict[str, Any]:
    """Return the training setup of an older file with today's arguments.

    `decay` of an optimizer, lr / (1 + decay * updates), is a schedule now.

    >>> setup = {"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.0, "momentum": 0.9}}}
    >>> modern_training(setup)["optimizer_config"]["config"]
    {'momentum': 0.9, 'learning_rate': 0.1}
    """
    found: dict[str, Any] = modern(config)
    optimizer = (found.get("optimizer_config") or {}).get("config")
    if not isinstance(optimizer, dict):
        return found
    for key in ("schedule_decay", "is_legacy_optimizer", "jit_compile"):
        optimizer.pop(key, None)
    if optimizer.get("epsilon", 0) is None:
        del optimizer["epsilon"]
    if "lr" in optimizer:
        optimizer.setdefault("learning_rate", optimizer.pop("lr"))
    decay = optimizer.pop("decay", None) or 0
    if decay and isinstance(optimizer.get("learning_rate"), int | float):
        arguments = {"initial_learning_rate": optimizer["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        optimizer["learning_rate"] = {"class_name": "InverseTimeDecay", "config": arguments}
    return found


def tells_hard_sigmoid(config: Any) -> bool:
    """Whether a configuration names the activation hard_sigmoid, which was another function in Keras 2."""
    if isinstance(config, dict):
        return any(tells_hard_sigmoid(item) for item in config.values())
    return any(map(tells_hard_sigmoid, config)) if isinstance(config, list) else config == "hard_sigmoid"


def without_cudnn(kind: str, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return kernel, recurrent kernel and bias of a CuDNNLSTM or CuDNNGRU as an LSTM or GRU has them.

    cuDNN's matrices of the gates are transposed, and stand one after another in kernels of the usual shapes; it adds
    two biases, one for the inputs and one for the state.
    """
    kernel, recurrent, bias = arrays
    gates = 4 if kind == "LSTM" else 3
    turned = [
        np.hstack([part.reshape(part.shape[::-1]).T for part in np.hsplit(matrix, gates)])
        for matrix in (kernel, recurrent)
    ]
    halves = bias.reshape(2, -1)
    return [*turned, halves.sum(axis=0) if kind == "LSTM" else halves]
