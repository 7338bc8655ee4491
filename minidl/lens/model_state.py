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
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    metric_variables = {id(v) for metric in _metrics(model.metrics) for v in metric.variables}
    variables += [v for metric in _metrics(model.metrics) for v in metric.variables]
    # A copy: `x[...] = 1` changes a value in place. Arrays on a GPU are only ever replaced.
    values = [(v, v.data.copy() if isinstance(v.data, np.ndarray) else v.data) for v in variables]
    counters = [(g, g.offset) for layer in _layers(model) for g in vars(layer).values() if isinstance(g, SeedGenerator)]

    def put_back() -> None:
        for variable, value in values:
            variable._replace(value.copy() if isinstance(value, np.ndarray) else value)
        for generator, offset in counters:
            generator.offset = offset
        for metric in _metrics(model.metrics):  # one that was made by the first batch starts afresh
            if any(id(v) not in metric_variables for v in metric.variables):
                metric.reset_state()

    return put_back


def _metrics(metrics: Any) -> Iterator[Any]:
    for metric in metrics:
        yield metric
        yield from _metrics(getattr(metric, "metrics", ()))


def _layers(layer: Any) -> Iterator[Any]:
    yield layer
    for inner in layer.sublayers():
        yield from _layers(inner)
