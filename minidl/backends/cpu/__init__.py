"""The backend `cpu`: the ops of `minidl.ops`, fast. It runs by default where it has an op; elsewhere `numpy` does.

`numpy` is to be read, `cpu` is to be fast, and their results agree: a test compares every function of this table with
the plain one. Signatures and caches are those of the plain op, so that either backend goes back through what the other
recorded.

An op whose plain text is too slow has a file here under the same name (`OWN`); its functions are given the plain op's
settings, with its defaults. The others run their plain text in recycled memory (`recycled.py`), but for a few that gain
nothing by it (`PLAIN`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

__all__ = ["OWN", "PLAIN", "function", "has"]

# op -> the file of this folder that holds its `<op>_forward` and `<op>_backward`
OWN = {
    "conv2d": "conv2d",
    "depthwise_conv2d": "depthwise_conv2d",
    "conv2d_transpose": "conv2d_transpose",
    "max_pool2d": "pool2d",
    "average_pool2d": "pool2d",
    **dict.fromkeys(("batch_norm", "batch_norm_inference", "layer_norm"), "normalization"),
    **dict.fromkeys(("sgd_update", "rmsprop_update", "adam_update", "adamw_update", "adagrad_update"), "updates"),
}

# These only look at memory in another way, make whole numbers, or loop over small arrays: the plain text is all.
PLAIN = ("reshape", "transpose", "slice", "cast", "argmax", "discrete", "simple_rnn", "lstm", "gru")


def has(op: str) -> bool:
    """Whether the backend has this built-in op, in the directions that it has at all."""
    return op not in PLAIN


@cache
def function(op: str, direction: str, plain: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return what computes an op in one direction, given the plain function that does so; None where there is none."""
    if plain is None:
        return None
    if op in OWN:
        return _completed(
            getattr(importlib.import_module(f"minidl.backends.cpu.{OWN[op]}"), f"{op}_{direction}"), plain
        )
    return importlib.import_module("minidl.backends.cpu.recycled").recycled(plain)


def _completed(own: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of this backend with the plain one's signature: settings not given are its defaults."""
    signature = inspect.signature(plain)
    settings = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY and p.default is not p.empty]
    completed = partial(own, **{p.name: p.default for p in settings})
    completed.__signature__ = signature  # type: ignore[attr-defined]
    return completed
