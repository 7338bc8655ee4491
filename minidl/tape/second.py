"""A gradient of a gradient: how a tape notes another tape's walk back, and goes back through it.

Where an outer tape records, the inner tape's walk back is for it a computation like any other. Each backward,

    dx = backward(dy, x),   which is J(x)^T dy,   J the matrix by which small moves of x move y,

becomes an entry of the outer tape, with dy, x and y as inputs and dx as its output. To go back through it, weigh dx
by a vector v, the gradient that arrives there. Moved to the other side, the matrix is not transposed any more:

    v . (J(x)^T dy) = dy . (J(x) v)

J(x) v is how y moves when x moves by v: the op's differential, which `minidl.tape.differentials` writes with ops. So dy
gets J(x) v; and x and y get the gradients of dy . (J(x) v), from one more tape. As all of this is made of ops on
tensors, a third derivative is nothing new.

>>> import minidl
>>> x = minidl.Variable([3.0])
>>> with minidl.GradientTape() as outer:
...     with minidl.GradientTape() as inner:
...         y = x * x * x
...     dx = inner.gradient(y, x)                # 3 x² = 27
>>> outer.gradient(dx, x)                        # 6 x
<Tensor (1,) float32 [18.]>
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backends.selection import DEFAULT
from minidl.errors import TapeError
from minidl.tape.differentials import differential
from minidl.tape.tape import GRADIENT, Entry, GradientTape, as_tensor, layer_scope
from minidl.tape.walk import check_unchanged
from minidl.tensor import Tensor


class Backward(NamedTuple):
    """Which op's backward an entry stands for. The entry's inputs are dy, the op's inputs and the op's outputs."""

    op: str
    static: dict[str, Any]
    single: bool
    outputs: int  # how many the op has, and so how many dy
    places: tuple[int, ...]  # the op's inputs that got a gradient, in order
    followed: bool  # the tapes that note it have seen the op too


def note_backward(
    entry: Entry, dy: tuple[Tensor | None, ...], found: tuple[Any, ...], needs: tuple[bool, ...],
    tapes: list[GradientTape], followed: bool,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Write one backward into the tapes that record, and return its gradients as tensors.

    Parameters
    ----------
    entry : of the op, or of a backward (then with what `backward_of_backward` found)
    dy, found, needs : what its backward got, gave, and was asked for
    tapes : those that record
    followed : they have the entry too; else they cannot say how its outputs came about
    """
    gradients = tuple(
        Tensor.wrap(gradient) if need and gradient is not None else None
        for need, gradient in zip(needs, found, strict=True)
    )
    inputs = (*dy, *entry.inputs, *entry.outputs)
    tracked = [*(d is not None and d._tracked for d in dy), *entry.needs, *(y._tracked for y in entry.outputs)]
    depends = [t is not None and t.dtype.kind == "f" and flows for t, flows in zip(inputs, tracked, strict=True)]
    moves = _holds_values(entry.cache) or not followed
    for place in range(len(dy), len(inputs)):  # one place is enough for what stands in several
        depends[place] &= moves and not any(inputs[place] is other for other in inputs[len(dy) : place])
    outputs = tuple(gradient for gradient in gradients if gradient is not None)
    for gradient in outputs:
        gradient._tracked = any(depends)
    if not any(depends):  # constants, which the tapes know all the same
        inputs, depends = (), []
    versions = tuple(0 if t is None else t._version for t in (*inputs, *outputs))
    places = tuple(place for place, gradient in enumerate(gradients) if gradient is not None)
    what = Backward(entry.op, entry.static, entry.single, len(dy), places, followed)
    numbers = tuple(tape.number for tape in tapes)
    for tape in tapes:
        tape.entries.append(
            Entry(
                GRADIENT, entry.layer, inputs, outputs, {"of": what}, None, tuple(depends), versions, False,
                entry.choice, DEFAULT, "of an inner tape", 0.0, tapes=numbers,
            )
        )  # fmt: skip
    return gradients


def backward_of_backward(
    entry: Entry, arriving: tuple[Tensor | None, ...], needs: tuple[bool, ...], tapes: list[GradientTape]
) -> tuple[Tensor | None, ...]:
    """Return the gradients of the inputs of a noted backward: of its dy, of the op's inputs and of its outputs.

    Parameters
    ----------
    entry : what `note_backward` wrote
    arriving : the v above, one for each gradient that the backward gave; None where it was not used
    needs : which inputs of the entry a gradient is wanted for
    tapes : those that record this in turn

    Raises
    ------
    TapeError : the op has no differential; the tape has not seen the op; a value was changed in place
    """
    check_unchanged(entry)
    what: Backward = entry.static["of"]
    if not what.followed:
        raise _refused(
            entry, "where the outer tape has not seen what the inner one recorded: open the outer tape before both"
        )
    dy, around = entry.inputs[: what.outputs], entry.inputs[what.outputs :]
    # Stand-ins for the op's tensors: what is also a v, or a dy, must not be taken for it.
    stand_ins: dict[int, Tensor] = {}
    for tensor, need in zip(around, needs[what.outputs :], strict=True):
        if need and tensor is not None:
            stand_ins[id(tensor)] = tensor[...] if tapes else tensor.detach()
            stand_ins[id(tensor)]._tracked = True
    values = tuple(stand_ins.get(id(t), t) for t in around)
    inputs, outputs = values[: -what.outputs], values[-what.outputs :]
    moves: list[Tensor | None] = [None] * len(inputs)
    for place, v in zip(what.places, arriving, strict=True):
        moves[place] = v
    with layer_scope(entry.layer, entry.choice), GradientTape() as tape:
        moved = differential(what.op, tuple(moves), inputs, outputs, what.single, what.static)
    if moved is None:
        where = f" in layer {entry.layer!r}" if entry.layer else ""
        raise _refused(entry, f"for the op {what.op!r}{where}")
    found: dict[int, Any] = {}
    if stand_ins:
        starts = [(part, d) for part, d in zip(moved, dy, strict=True) if d is not None]
        found = tape.walk_back(starts, list(stand_ins.values()), tapes)
    results: list[Tensor | None] = [*moved]
    for tensor, need in zip(around, needs[what.outputs :], strict=True):
        gradient = found.get(id(stand_ins[id(tensor)])) if need else None
        results.append(as_tensor(gradient))
    return tuple(results)


def _holds_values(cache: Any) -> bool:
    """Whether a backward depends on values that the forward saw, and not only on shapes: it is not of a linear op."""
    if isinstance(cache, tuple | list):
        return any(_holds_values(part) for part in cache)
    if hasattr(cache, "dtype"):
        return bool(cache.dtype.kind == "f")  # a mask, or indices, do not move with a value
    return not isinstance(cache, int | float | str | np.dtype | None)


def _refused(entry: Entry, where: str) -> TapeError:
    names = (
        ", ".join(dict.fromkeys(repr(t.name) for t in entry.inputs if t is not None and t.name))
        or "tensors without a name"
    )
    return TapeError(
        "gradient: the target depends on gradients that another tape computed, and they depend on "
        f"{names}. A gradient of a gradient is not supported {where}; leaving that part out would give a wrong number. "
        "Where the inner gradients are meant as plain numbers, say so: g.detach(), or ops.stop_gradient(g)."
    )
