"""Take a model's state, to put it back after a look: weights, optimizer, metrics, and the counters of random layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.config import SeedGenerator


def snapshot(model: Any) -> Callable[[], None]:
    """Remember the state of a built, compiled model; return the function that puts it back.

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Dense(1, use_bias=False, input_shape=(1,))])
    >>> before = model.get_weights()[0]
    >>> put_back = snapshot(model)
    >>> model.set_weights([before + 1.0])
    >>> put_back()
    >>> bool((model.get_weights()[0] == before).all())
    True
    """
    optimizer = model.optimizer
    if hasattr(optimizer, "build") and not optimizer.built:
        optimizer.build(model.trainable_variables)
    known = list(_metrics(model.metrics))
    variables = [*model.variables, *getattr(optimizer, "variables", ()), *(v for m in known for v in m.variables)]
    # A copy: `x[...] = 1` changes a value in place. Arrays on a device are only ever replaced.
    values = [(v, _copied(v.data)) for v in variables]
    sums = [(metric, _numbers(metric)) for metric in known]
    counters = [(g, g.offset) for layer in _layers(model) for g in vars(layer).values() if isinstance(g, SeedGenerator)]

    def put_back() -> None:
        for variable, value in values:
            variable._replace(_copied(value))
        for generator, offset in counters:
            generator.offset = offset
        for metric, numbers in sums:
            vars(metric).update({name: _copied(value) for name, value in numbers.items()})
        for metric in _metrics(model.metrics):
            if not any(metric is other for other in known):  # made by the first batch
                metric.reset_state()

    return put_back


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _numbers(metric: Any) -> dict[str, Any]:
    """What a metric has added up: the numbers and arrays among its attributes."""
    return {k: _copied(v) for k, v in vars(metric).items() if isinstance(v, int | float | np.ndarray | np.generic)}


def _metrics(metrics: Any) -> Iterator[Any]:
    for metric in metrics:
        yield metric
        yield from _metrics(getattr(metric, "metrics", ()))


def _layers(layer: Any) -> Iterator[Any]:
    yield layer
    for inner in layer.sublayers():
        yield from _layers(inner)
