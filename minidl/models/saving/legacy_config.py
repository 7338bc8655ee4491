"""The configuration inside legacy `.h5` files: no modules, optimizers and losses under other keys."""

from __future__ import annotations

from typing import Any

# Keras 2's classes under names of older versions, and what they are called now.
RENAMED = {"Convolution2D": "Conv2D", "Convolution1D": "Conv1D", "BatchNormalizationV1": "BatchNormalization"}


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
    """Return the configuration of an older file with today's names."""
    if isinstance(config, list):
        return [modern(item) for item in config]
    if not isinstance(config, dict):
        return config
    found = {key: modern(value) for key, value in config.items()}
    if isinstance(found.get("class_name"), str):
        found["class_name"] = RENAMED.get(found["class_name"], found["class_name"])
        inner = found.get("config")
        if isinstance(inner, dict):
            axis = inner.get("axis")
            if isinstance(axis, list) and len(axis) == 1 and found["class_name"] != "LayerNormalization":
                inner["axis"] = axis[0]
            if found["class_name"] == "Lambda" and isinstance(inner.get("function"), list):
                # [code, defaults, closure]: Python code, which nobody here runs.
                inner["function"] = {"class_name": "__lambda__", "config": {}}
    return found
