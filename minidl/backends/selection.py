"""The user's choice of backend, op by op, and its resolution to a function.

From strongest to weakest: the layer's own `backend=`, the innermost `with using(...)`, `use(...)`, the environment
variable MINIDL_BACKEND, the default "cpu". Within one of these, a choice for one direction (`conv2d_backward=`) is
stronger than one for the op (`conv2d=`), which is stronger than one for all ops (the positional argument).

Where "cpu" is chosen, or nothing, an op that it does not have runs on "numpy", and `why` says so.

A rung of a device (`gemm="cuda:r3_shared"`, or "cuda:r3" for short, "cuda:first" for the naive one) that is chosen for
an op, or for all ops, runs in the directions that have it; elsewhere the best one runs, and `why` says so. Chosen for a
direction that lacks it, it is refused.

A direction is resolved when it runs: a `using` block chooses for the forwards and for the backwards that run inside it.
A layer's own choice travels with what it recorded, to its backward too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from minidl.backends import table
from minidl.backends.devices.facts import device_facts, device_name
from minidl.errors import ArgumentError, BackendError, unknown_name
from minidl.scope import Scope

DEFAULT = "cpu"
PLAIN = "numpy"
HOST = frozenset((DEFAULT, PLAIN))
ALL = "*"

Choice = Mapping[str, str]  # "*" or "conv2d" or "conv2d_backward" -> backend

_USED: dict[str, str] = {}
_USING: Scope[Choice] = Scope("minidl_using")


class Placement(dict[str, str]):
    """A choice that follows the values: see `minidl.tape.where_it_lies`."""


class Resolution(NamedTuple):
    """The function that will run, on which backend, and who chose it."""

    function: Callable[..., Any]
    backend: str
    why: str


def use(backend: str | None = None, **choices: str) -> None:
    """Choose backends from here on: one for all ops, for one op, or for one direction of an op.

    Each call adds to the earlier ones. A choice for all ops replaces them; `use()` without arguments forgets them.

    Parameters
    ----------
    backend : for all ops, e.g. "cpu", "numpy", "cuda", "simt", "ptx"
    choices : `conv2d="cuda"`, `conv2d_backward="numpy"`, `gemm="cuda:r3_tiled"`

    Raises
    ------
    UnknownNameError : no op of that name
    BackendError : the op has no such implementation; the message names those that exist

    >>> import minidl
    >>> minidl.use(conv2d_backward="numpy")
    >>> minidl.current_selection()["use()"]
    {'conv2d_backward': 'numpy'}
    >>> minidl.use()
    """
    choice = normalise(backend, choices)
    _require_device(choice)
    if backend is not None or not choices:
        _USED.clear()
    _USED.update(choice)


@contextmanager
def using(backend: str | None = None, **choices: str) -> Iterator[None]:
    """Choose backends inside a `with` block, stronger than `use`; blocks nest, the innermost is the strongest.

    A block holds for its own thread, asyncio task and generator (`use` holds for all threads).

    >>> import minidl
    >>> with minidl.using("numpy", relu="numpy"):
    ...     minidl.functional.relu([-1.0, 1.0]).numpy()
    array([0., 1.], dtype=float32)
    """
    choice = normalise(backend, choices)
    _require_device(choice)
    with _USING.block(choice):
        yield


def normalise(backend: str | Choice | None, choices: Choice | None = None) -> dict[str, str]:
    """Check a choice and return it as a dictionary. `backend` may itself be one: a layer's `backend={"relu": …}`."""
    merged: dict[str, str] = {}
    if isinstance(backend, Mapping):
        merged.update(backend)
    elif backend is not None:
        merged[ALL] = backend
    merged.update(choices or {})
    for key, name in merged.items():
        _check_choice(key, name)
    return merged


def _check_choice(key: str, backend: str) -> None:
    if not isinstance(backend, str):
        raise ArgumentError(f"backend selection: a backend is a string, such as 'numpy'. Got {backend!r} for {key!r}.")
    if key == ALL:
        if device_name(backend) and re.fullmatch(r"\w+:(first|r\d+)", backend):
            return
        if backend not in table.backends():
            raise BackendError(
                f"backend selection: no op has a backend {backend!r}. "
                f"Backends that exist: {', '.join(map(repr, table.backends()))}; for the naive kernels 'simt:first', "
                "for the third rung of those that have one 'simt:r3'; a rung by its full name is chosen for one op."
            )
        return
    op, direction = _split(key)
    if backend != DEFAULT and not table.exists(op, backend):
        raise BackendError(f"backend selection: {op} has no backend {backend!r}. It exists for {table.named(op)}.")
    if direction == "backward" and op in table.NO_GRADIENT:
        raise ArgumentError(f"backend selection: {op} has no gradient, so there is no {key!r} to select.")


def _require_device(choice: Choice) -> None:
    """Say at once, and not at the first op, that a device cannot run here."""
    for facts in dict.fromkeys(map(device_facts, choice.values())):
        if facts is not None:
            facts.require()


def _split(key: str) -> tuple[str, str | None]:
    for direction in table.DIRECTIONS:
        op = key.removesuffix(f"_{direction}")
        if op != key and op in table.ops():
            return op, direction
    if key not in table.ops():
        raise unknown_name("op in a backend selection", key, table.ops())
    return key, None


def current_selection() -> dict[str, dict[str, str]]:
    """Return the choices in force, by who made them, from strongest to weakest (layers aside)."""
    named = {f"using() #{depth}": dict(choice) for depth, choice in reversed(list(enumerate(_USING.get(), 1)))}
    return named | {"use()": dict(_USED), "MINIDL_BACKEND": dict(_environment()), "default": {ALL: DEFAULT}}


def choose(op: str, direction: str, layer: Choice | None = None) -> tuple[str, str]:
    """Return (backend, why) for one direction of an op, without loading anything."""
    if isinstance(layer, Placement) and layer[ALL] == DEFAULT:  # on the host: by whichever of its backends is chosen
        backend, why = choose(op, direction)
        return (backend, why) if device_name(backend) is None else on_host(op, "where its values are")
    using, environment = _USING.get(), _environment()
    if not (layer or using or _USED or environment):
        return on_host(op, "default")
    levels: list[tuple[str, Choice]] = []
    if layer:
        levels.append(("where its values are" if isinstance(layer, Placement) else "layer backend=", layer))
    levels += [("using()", choice) for choice in reversed(using)]
    levels += [("use()", _USED), ("MINIDL_BACKEND", environment)]
    for who, choice in levels:
        for key in (f"{op}_{direction}", op, ALL):
            if key in choice and not (isinstance(choice, Placement) and not table.exists(op, choice[key])):
                why = who if key == ALL else f"{who} {key}"
                if choice[key] == DEFAULT:
                    return on_host(op, why)
                if key == ALL and op in table.HOST_ONLY:
                    return PLAIN, "it has no kernels"
                if ":" in choice[key] and key != f"{op}_{direction}":
                    return _rung_or_best(op, direction, choice[key], why)
                return choice[key], why
    return on_host(op, "default")


def on_host(op: str, why: str = "") -> tuple[str, str]:
    """Return "cpu" where that has the op, else "numpy", and why."""
    return (DEFAULT, why) if table.exists(op, DEFAULT) else (PLAIN, f"{why}, not in cpu")


def _rung_or_best(op: str, direction: str, backend: str, why: str) -> tuple[str, str]:
    """A rung that was chosen for an op as a whole runs where there is one of that name, and the best one elsewhere."""
    device, _, rung = backend.partition(":")
    if device_name(device) is None or table.has_rung(op, backend, direction):
        return backend, why
    return device, f"{why} (no {rung} in the {direction}: the best)" if table.rungs(op) else why


def resolve(op: str, direction: str, layer: Choice | None = None) -> Resolution:
    """Return the function that runs `op` in `direction`, its backend and why.

    Raises
    ------
    BackendError : the chosen backend has no such implementation; nothing falls back silently
    """
    backend, why = choose(op, direction, layer)
    function = table.load(op, backend, direction)
    if function is None:
        if op in table.NO_GRADIENT and direction == "backward":
            raise BackendError(f"{op} has no gradient: it is not differentiable.")
        others = table.implementing(op, direction)
        raise BackendError(
            f"{op}: backend {backend!r} (chosen by {why}) has no {direction}. "
            f"The {direction} exists for {', '.join(map(repr, others)) or 'no backend'}: select one with "
            f"minidl.use({op}_{direction}=…)."
        )
    return Resolution(function, backend, why)


def _environment() -> Choice:
    return _parse_environment(os.environ.get("MINIDL_BACKEND", ""))


@lru_cache
def _parse_environment(text: str) -> Choice:
    """Parse "cuda" or "numpy,conv2d=cuda:r3_tiled,relu_backward=numpy"."""
    backend = None
    choices = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        key, equals, name = part.partition("=")
        if equals:
            choices[key.strip()] = name.strip()
        elif backend is None:
            backend = key
        else:
            raise ArgumentError(
                f"MINIDL_BACKEND: one backend for all ops, then op=backend pairs, separated by commas. Got {text!r}."
            )
    try:
        return normalise(backend, choices)
    except (BackendError, ArgumentError) as error:
        error.add_note(f"This comes from the environment variable MINIDL_BACKEND={text!r}.")
        raise
