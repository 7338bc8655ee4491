"""What Keras computed for the layers (tests/reference/layers.npz), and the same layers of minidl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl import Tensor, layers

DATA = np.load(Path(__file__).parent.parent / "reference" / "layers.npz")
INDEX = json.loads(DATA["index"].tobytes())
CASES = INDEX["cases"]

# float32 through other orders of summation: a few units in the last place, more after a long sum.
TOLERANCE = {"rtol": 3e-5, "atol": 3e-5}


def series(case: str, letter: str) -> list[np.ndarray]:
    """Return x0, x1, … of a case, as long as there are any."""
    found = []
    while f"{case}.{letter}{len(found)}" in DATA:
        found.append(DATA[f"{case}.{letter}{len(found)}"])
    return found


def make(spec: dict[str, Any]) -> Any:
    arguments = {key: make(v) if isinstance(v, dict) and "class" in v else v for key, v in spec["arguments"].items()}
    return getattr(layers, spec["class"])(**arguments)


def new_layer(case: dict[str, Any]) -> Any:
    return make({"class": case["class"], "arguments": {**case["arguments"], "name": "layer"}})


def title(index: int) -> str:
    case = CASES[index]
    short = {k: v.get("class", v.get("class_name")) if isinstance(v, dict) else v for k, v in case["arguments"].items()}
    text = ",".join(f"{k}={v}" for k, v in short.items())
    return f"{case['class']}({text}){index}".replace(" ", "")


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def built(index: int) -> Any:
    """Return the layer of a case, with Keras' weights."""
    case = CASES[index]
    layer = new_layer(case)
    shapes = [tuple(s) for s in case["shapes"]]
    layer.build(shapes if len(shapes) > 1 else shapes[0])
    layer.set_weights(series(str(index), "w"))
    return layer


def run(index: int, tape: minidl.GradientTape | None = None) -> tuple[Any, list[Tensor], list[Tensor]]:
    """Run a case; return layer, inputs, outputs."""
    case, name = CASES[index], str(index)
    layer = built(index)
    xs = [Tensor(x) for x in series(name, "x")]
    if tape is not None:
        tape.watch([x for x in xs if x.dtype.kind == "f"])
    kwargs: dict[str, Any] = {}
    if "training" in case["options"]:
        kwargs["training"] = case["options"]["training"]
    if case["options"].get("mask"):
        kwargs["mask"] = DATA[f"{name}.mask"]
    if "states" in case["options"]:
        kwargs["initial_state"] = series(name, "state")
    y = layer(xs if len(xs) > 1 else xs[0], **kwargs)
    return layer, xs, as_list(y)
