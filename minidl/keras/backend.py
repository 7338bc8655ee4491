"""Keras' `backend` module, `minidl.backend`: the functions of it that programs still call.

Programs of before Keras 3 write `from keras import backend as K` and `K.mean(x)`; such names are those of `minidl.ops`.
"""

from typing import Any

import numpy as np

from minidl import random
from minidl.backends.cpu import workspace
from minidl.config import floatx, set_floatx
from minidl.keras import ops
from minidl.keras.names import OPS
from minidl.keras.removed import absent
from minidl.layers.base.naming import reset_names

__all__ = [
    "clear_session", "epsilon", "flatten", "floatx", "get_value", "image_data_format", "int_shape", "random_normal",
    "random_uniform", "set_floatx", "set_value",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    name = {"dot": "matmul", "concat": "concatenate", "pow": "power"}.get(name, name)
    if name not in OPS:
        raise absent("backend", name)
    return getattr(ops, name)


def clear_session(free_memory: bool = True) -> None:
    """Start layer names afresh ("dense", "dense_1", …), and give unused memory back."""
    reset_names()
    if free_memory:
        workspace.POOL.clear()


def epsilon() -> float:
    """Return the small number that Keras keeps divisions and logarithms finite with."""
    return 1e-7


def image_data_format() -> str:
    """Return "channels_last": images are (N, H, W, C) throughout."""
    return "channels_last"


def flatten(x: Any) -> Any:
    """Return all values in one row."""
    return ops.ravel(x)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape, None where a size is not known yet."""
    return tuple(x.shape)


def get_value(x: Any) -> np.ndarray:
    """Return the values of a variable or tensor, as a copy."""
    return np.array(x)


def set_value(x: Any, value: Any) -> None:
    """Give a variable other values."""
    x.assign(value)


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers of a normal distribution; `minidl.random.normal`."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return numbers evenly spread over [minval, maxval); `minidl.random.uniform`."""
    return random.uniform(shape, minval, maxval, dtype, seed)
