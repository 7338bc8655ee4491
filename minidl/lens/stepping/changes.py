"""A value changed between two ops of a step, by an observer that the tape runs the ops' functions by way of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices import arrays
from minidl.errors import ArgumentError, unknown_name
from minidl.lens.stepping.moments import Moment
from minidl.observers import GRADIENT_SUM, OpRun


class Change(NamedTuple):
    """One value put in another's place.

    call : the number of the op in the step, forwards and backwards counted together; None for a weight
    side : "input" or "output" of that op, or "weight"
    slot : which of its inputs or outputs; of a weight its place in `model.weights`
    index, value : what is written there
    """

    call: int | None
    side: str
    slot: int
    index: Any
    value: Any
    label: str


def change_at(moment: Moment, name: str, index: Any, value: Any, weights: dict[str, np.ndarray]) -> Change:
    """Return the change of a value at a moment, as `Stepper.change` is asked for it.

    weights : those before the step, by path

    Raises
    ------
    UnknownNameError : no such array; ArgumentError : index or value do not fit, or the tape itself computes there
    """
    side, name, slot, array = _found(moment, name, weights)
    try:
        np.array(array)[index] = value
    except (IndexError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"change: index {index!r} and value {value!r:.40} do not fit {name!r} of {moment.title}. Its shape is "
            f"{array.shape} {array.dtype}."
        ) from error
    call = None if side == "weight" else moment.call
    if side != "weight" and call is None:
        raise ArgumentError(f"change: the tape itself computes {moment.title}. Change one of the two gradients.")
    place = ", ".join(map(str, index)) if isinstance(index, tuple) else "…" if index is ... else str(index)
    text = f"{float(value):g}" if np.ndim(value) == 0 else f"values of shape {np.shape(value)}"
    return Change(call, side, slot, index, value, f"{name}[{place}] = {text} at {moment.number} {moment.title}")


def _found(moment: Moment, name: str, weights: dict[str, np.ndarray]) -> tuple[str, str, int, np.ndarray]:
    """Return (side, name, slot, array) of what is to be changed."""
    paths = list(weights)
    for side, slots, values in (
        ("input", moment.input_slots, moment.inputs), ("output", moment.output_slots, moment.outputs),
    ):  # fmt: skip
        found = next(iter(slots), None) if name == side else name if name in slots else None
        if found is None:
            continue
        origin = moment.origins.get(found, "")
        if side == "input" and moment.phase in ("forward", "loss") and origin in paths:
            return "weight", origin, paths.index(origin), values[found]
        return side, found, slots[found], values[found]
    if name in paths:
        return "weight", name, paths.index(name), weights[name]
    raise unknown_name(f"value at {moment.title}", name, [*moment.arrays, "input", "output", *paths])


def difference(array: np.ndarray, base: np.ndarray | None) -> tuple[int, float]:
    """Return how many values differ, and the largest difference (NaN where one of the two is NaN)."""
    if base is None or base.shape != array.shape:
        return array.size, float("nan")
    differs = ~((array == base) | ((array != array) & (base != base)))
    count = int(differs.sum())
    if not count:
        return 0, 0.0
    return count, float(np.abs(array[differs].astype(np.float64) - base[differs].astype(np.float64)).max())


def edited(array: Any, changes: list[Change]) -> Any:
    """Return a copy of an array, on its device, with the changes written into it."""
    device = arrays.device_of(array)
    host = np.array(arrays.on_host(array, "lens.step"))
    for change in changes:
        host[change.index] = change.value
    return host if device is None else arrays.to_device(host, device, "lens.step")


class Editor:
    """An observer that counts the calls of ops, and changes what some of them get or give."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.changes = changes
        self.calls = 0
        self.numbers: list[int | None] = []  # of the ops that were told of, in order
        self.last: tuple[int, tuple[Any, ...]] = (0, ())

    def __call__(self, run: OpRun) -> None:
        """Give the op its number, and the inputs that it really got."""
        if run.why == GRADIENT_SUM:  # the tape adds by itself
            self.numbers.append(None)
        else:
            number, run.inputs = self.last
            self.numbers.append(number)

    def around(self, direction: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls this one on changed values, and changes what it gives."""

        def run(*args: Any, **keywords: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1  # before the call: an op may call ops
            here = [change for change in self.changes if change.call == number]
            if direction == "forward":  # changed inputs go into the cache, changed outputs do not
                given = _edited_all(args, here, "input")
                result = function(*given, **keywords)
                if any(change.side == "output" for change in here):
                    result = (_edited_all(result[0], here, "output"), result[1])
            else:
                given = _edited_all(args[0], here, "input")
                result = _edited_all(function(given, args[1], **keywords), here, "output")
            self.last = number, given if isinstance(given, tuple) else (given,)
            return result

        return run


def _edited_all(given: Any, changes: list[Change], side: str) -> Any:
    """Return an array, or a tuple of them, with the changes of one side made."""
    parts = list(given) if isinstance(given, tuple) else [given]
    for slot in {change.slot for change in changes if change.side == side}:
        parts[slot] = edited(parts[slot], [c for c in changes if c.side == side and c.slot == slot])
    return tuple(parts) if isinstance(given, tuple) else parts[0]
