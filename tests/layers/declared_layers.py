"""What every layer declares, its arguments and its configuration, as tests/reference/layer_declarations.json has it."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from minidl import layers

REFERENCE = Path(__file__).resolve().parent.parent / "reference"
RECORDED = REFERENCE / "layer_declarations.json"
sys.path.append(str(REFERENCE))
from layer_cases import CASES  # noqa: E402 (found beside the recorded files)

# An argument that no case gives, by the end of its name, so that each kind of option is written down once.
OTHERS = {"initializer": "he_normal", "regularizer": "l2", "constraint": "non_neg", "seed": 5, "dropout": 0.25}


def classes() -> dict[str, type[layers.Layer]]:
    """Return the layers of minidl by name, without their other names."""
    found = {value.__name__: value for value in vars(layers).values() if isinstance(value, type)}
    return {name: found[name] for name in sorted(found) if issubclass(found[name], layers.Layer)}


def signature(layer_class: type) -> list[list[str]]:
    """Return name, kind and default of every argument of a class."""
    parameters = list(inspect.signature(layer_class.__init__).parameters.values())[1:]
    return [[p.name, p.kind.name, "" if p.default is p.empty else repr(p.default)] for p in parameters]


def make(spec: dict[str, Any]) -> Any:
    """Return the layer of a case; layers among the arguments are made too."""
    arguments = {key: make(v) if isinstance(v, dict) and "class" in v else v for key, v in spec["arguments"].items()}
    return getattr(layers, spec["class"])(**arguments)


def specs() -> list[dict[str, Any]]:
    """Return each class twice: with the arguments of its first case, and with others given beside them."""
    found = []
    for name in dict.fromkeys(case[0] for case in CASES):
        first = {**next(given for each, given, _, _ in CASES if each == name), "name": "layer"}
        takes = [argument for argument, _, _ in signature(getattr(layers, name))]
        more = {argument: OTHERS[end] for argument in takes if (end := argument.rsplit("_", 1)[-1]) in OTHERS}
        trainable = {} if name.startswith("Spatial") else {"trainable": False}
        found.append({"class": name, "arguments": first})
        found.append({"class": name, "arguments": {**first, **more, **trainable, "dtype": "float64"}})
    return found


def configuration(spec: dict[str, Any]) -> Any:
    """Return the configuration of a case's layer, as JSON keeps it."""
    return json.loads(json.dumps(make(spec).get_config()))
