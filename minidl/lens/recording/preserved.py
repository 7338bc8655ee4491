"""Let a model run, even train, and be as it was: it plays with copies of everything that a step may change.

This is the one way in which the lens leaves a model alone. What a step may change lies in the attributes of layers,
optimizer, losses and metrics: tensors (weights, slots, kept states), arrays (a metric's counts), lists and dicts, and
counters of random numbers. For the time of a `with` block each of them is a copy; after it the originals are back,
untouched, whatever was done to the copies.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl import config
from minidl.config import SeedGenerator
from minidl.layers.base.weights import WeightHolder
from minidl.metrics import Metric
from minidl.models.training.loss import CompileLoss
from minidl.optimizers import Optimizer
from minidl.tape import no_grad
from minidl.tensor import Tensor

_OWNERS = (WeightHolder, Optimizer, Metric, CompileLoss, SeedGenerator)


def ensure_built(model: Any, x: Any, optimizer: bool = True) -> None:
    """Make the weights of a model, and the slots of its optimizer, so that their making is no part of a look.

    What the call that makes the weights leaves behind, states and losses, is taken away again.
    """
    if not model.built:
        with no_grad():
            model(x)
        model.clear_losses()
        for layer in model._all_layers():
            if hasattr(layer, "reset_states"):
                layer.reset_states()
    slots: Any = getattr(model, "optimizer", None) if optimizer else None
    if hasattr(slots, "build") and not slots.built and model.trainable_variables:
        slots.build(model.trainable_variables)


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Inside the block the model, its optimizer and its metrics may be changed; after it they are as before.

    The global sequence of seeds, Python's and NumPy's random states are put back too.

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Dense(1, use_bias=False, input_shape=(1,))])
    >>> before = model.get_weights()[0].copy()
    >>> with preserved(model):
    ...     model.set_weights([before + 1.0])
    >>> bool((model.get_weights()[0] == before).all())
    True
    """
    kept = _Kept()
    kept.lay_by(model)
    seeds, python = (config._SEED, config._CALLS), random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002 (it is what layers of others may draw from)
    try:
        yield
    finally:
        kept.bring_back()
        config._SEED, config._CALLS = seeds
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


class _Kept:
    """The originals: attributes of objects, data of tensors, states of generators."""

    def __init__(self) -> None:
        self.attributes: list[tuple[Any, dict[str, Any]]] = []
        self.tensors: list[tuple[Tensor, Any, int]] = []
        self.generators: list[tuple[np.random.Generator, Any]] = []
        self.copies: dict[int, Any] = {}  # by the id of the original: two owners may share one
        self.originals: list[Any] = []  # so that no id is given to something else meanwhile

    def lay_by(self, value: Any) -> Any:
        """Return what stands for `value` during the step: of a container or array a copy, else the thing itself."""
        if id(value) in self.copies:
            return self.copies[id(value)]
        if isinstance(value, Tensor):
            self.remember(value, value)
            self.tensors.append((value, value.data, value._version))
            if isinstance(value.data, np.ndarray):  # what lies on a GPU is replaced by a step, never changed in place
                value.data = value.data.copy()
        elif isinstance(value, _OWNERS):
            self.remember(value, value)
            self.attributes.append((value, dict(vars(value))))
            for name, item in list(vars(value).items()):
                vars(value)[name] = self.lay_by(item)
            if isinstance(value, WeightHolder):
                for layer in value.sublayers():
                    self.lay_by(layer)
        elif isinstance(value, np.random.Generator):
            self.remember(value, value)
            self.generators.append((value, value.bit_generator.state))
        elif isinstance(value, np.ndarray):
            return self.remember(value, value.copy())
        elif isinstance(value, list | dict | set | deque):
            return self.lay_by_container(value)
        elif type(value) is tuple:
            return self.remember(value, tuple([self.lay_by(item) for item in value]))
        return value

    def lay_by_container(self, value: Any) -> Any:
        """Return a copy of a list, dict, set or deque, with copies inside."""
        copy = self.remember(value, value.copy())
        if isinstance(value, dict):
            for key, item in value.items():
                copy[key] = self.lay_by(item)
        elif isinstance(value, list | deque):
            for place, item in enumerate(value):
                copy[place] = self.lay_by(item)
        return copy

    def remember(self, original: Any, stands_for_it: Any) -> Any:
        self.originals.append(original)
        self.copies[id(original)] = stands_for_it
        return stands_for_it

    def bring_back(self) -> None:
        """Undo everything."""
        for owner, attributes in self.attributes:
            vars(owner).clear()
            vars(owner).update(attributes)
        for tensor, data, version in self.tensors:
            tensor.data, tensor._version = data, version
        for generator, state in self.generators:
            generator.bit_generator.state = state
