"""Names of layers, and the arguments that every layer takes."""

from __future__ import annotations

import difflib
import inspect
import re
from collections import Counter
from typing import Any

import numpy as np

from minidl import config
from minidl.errors import ArgumentError
from minidl.layers.base.symbolic import INTEGERS, Shape

_NAMES: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """Return a class name as Keras writes it in layer names.

    >>> snake_case("MaxPooling2D"), snake_case("SimpleRNN"), snake_case("LeakyReLU")
    ('max_pooling2d', 'simple_rnn', 'leaky_re_lu')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def reset_names() -> None:
    """Start layer names afresh: the next Dense is "dense" again."""
    _NAMES.clear()


def unique_name(base: str) -> str:
    """Return a name not given before: "dense", then "dense_1"."""
    count = _NAMES[base]
    _NAMES[base] += 1
    return f"{base}_{count}" if count else base


def dtype_name(dtype: Any) -> str:
    """Return the name of a layer's dtype; None is `floatx`.

    Raises
    ------
    ArgumentError : NumPy knows no such dtype
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, dict):  # Keras writes a policy: {"class_name": "DTypePolicy", "config": {"name": "float32"}}
        dtype = dtype["config"]["name"]
    name = getattr(dtype, "name", dtype)
    try:
        return np.dtype(name).name
    except TypeError:
        raise ArgumentError(
            f"dtype of a layer: it must be NumPy's name of one, such as 'float32'. Got {name!r}. minidl has no mixed "
            "precision: a layer computes in its weights' dtype."
        ) from None


def declared_shape(layer_class: type, kwargs: dict[str, Any]) -> Shape | None:
    """Read the shape arguments that Keras takes on a first layer; any other argument is an error."""
    who = layer_class.__name__
    shape: Shape | None = None
    batch = kwargs.pop("batch_size", None)
    if kwargs.get("input_dim") is not None:
        shape = (batch, int(kwargs["input_dim"]))
    if kwargs.get("input_shape") is not None:
        given = kwargs["input_shape"]
        shape = (batch, *((given,) if isinstance(given, INTEGERS) else given))
    for key in ("batch_input_shape", "batch_shape"):
        if kwargs.get(key) is not None:
            shape = tuple(kwargs[key])
    known = {"input_dim", "input_shape", "batch_input_shape", "batch_shape"}
    unknown = sorted(set(kwargs) - known)
    if unknown:
        made = [vars(c)["__init__"] for c in layer_class.__mro__ if "__init__" in vars(c)]
        takes = [name for constructor in made for name in inspect.signature(constructor).parameters]
        near = difflib.get_close_matches(unknown[0], set(takes) - set(unknown), n=1)  # a base may take what it does not
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ArgumentError(f"{who}: unknown arguments {', '.join(map(repr, unknown))}. {hint}See help({who}).")
    return shape
