"""Optimizers: how weights follow their gradients. By name or class, with Keras' names, defaults and numbers.

>>> float(get("adam").learning_rate)
0.001...
"""

from __future__ import annotations

from minidl.optimizers import schedules
from minidl.optimizers.base import Optimizer
from minidl.optimizers.rules import SGD, Adagrad, Adam, AdamW, RMSprop
from minidl.registry import Registry

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip

registry = Registry(
    "optimizer", globals(), (Optimizer,), "a name, an Optimizer or a configuration",
    also={c.__name__.lower(): c for c in (SGD, RMSprop, Adam, AdamW, Adagrad)}, any_case=True, callables=False,
)  # fmt: skip
get, serialize, deserialize = registry.get, registry.serialize, registry.deserialize
