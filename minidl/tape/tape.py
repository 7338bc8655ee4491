"""The tape: `apply` runs an op and writes down what it did; `GradientTape` walks those entries back.

Everything that computes in minidl passes through `apply`, one call an op. There is no other place where gradients are
made: backward of a network is the list of entries, last first, each asking its op's own `backward`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from minidl.backends.devices import arrays
from minidl.backends.selection import ALL, DEFAULT, Choice, Placement, resolve
from minidl.backends.table import NO_GRADIENT
from minidl.errors import DTypeError, TapeError
from minidl.observers import OBSERVERS, OpRun, by_way_of, tell
from minidl.scope import Block, Scope
from minidl.tape.walk import kind_of, run_backward, sum_of_gradients, what_no_kernel_takes
from minidl.tensor import Tensor, as_array

GRADIENT = "gradient"  # the op of an entry that stands for an op's backward in another tape's walk: see `second`

_NUMBERS = count()
_TAPES: Scope[GradientTape] = Scope("minidl_tapes")
_LAYERS: Scope[tuple[str, Choice | None]] = Scope("minidl_layers")


@dataclass(slots=True, eq=False)
class Entry:
    """What one op did: enough to go back through it, and to show it to a class."""

    op: str
    layer: str  # path of the layer whose call ran it, or ""
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    static: dict[str, Any]
    cache: Any  # what the op's backward needs; None where no gradient can flow
    needs: tuple[bool, ...]  # which inputs a gradient may flow to
    versions: tuple[int, ...]  # of inputs, then outputs, when the op ran
    single: bool  # the op returned one array, not a tuple
    choice: Choice | None  # the layer's own backend choice
    backend: str
    why: str
    ms_forward: float
    backend_backward: str = ""
    why_backward: str = ""
    ms_backward: float | None = None
    gradients: tuple[np.ndarray | None, ...] | None = field(default=None, repr=False)
    tapes: tuple[int, ...] = ()  # the numbers of the tapes that recorded it, where there are several


def apply(op: str, *inputs: Any, **static: Any) -> Any:
    """Run one op on tensors and, under a tape, record it.

    Parameters
    ----------
    op : name in `minidl.ops_table()`
    inputs : tensors, arrays, numbers or None, in the order of the op's forward. A Python number takes the dtype of the
        first tensor, so that `x + 1.5` stays float32.
    static : keyword arguments of the op's forward

    Returns
    -------
    Tensor, or a tuple of them for an op with several outputs

    >>> apply("add", Tensor([1.0, 2.0]), 0.5).numpy()
    array([1.5, 2.5], dtype=float32)
    """
    tensors = inputs
    for item in inputs:
        if item is None or isinstance(item, Tensor):
            continue
        handler = getattr(item, "__minidl_apply__", None)
        if handler is not None:  # a symbolic tensor: writes the op into a model's graph instead of running it
            return handler(op, inputs, static)
        tensors = ()
    if tensors is not inputs:
        tensors = _as_tensors(inputs)
    layers = _LAYERS.get()
    layer, choice = layers[-1] if layers else ("", None)
    function, backend, why = resolve(op, "forward", choice)
    if arrays.device_name(backend):
        kept = _stays_on_host(op, tensors, static)
        if kept:
            function, backend, _ = resolve(op, "forward", Placement({ALL: DEFAULT}))
            why = f"{kept} stay on the host"
    observers = OBSERVERS.get()
    if observers:
        function = by_way_of(observers, "forward", function)
    started = time.perf_counter()
    given = arrays.inputs_for(backend, tensors, f"{op} forward")
    called = time.perf_counter()
    result = function(*given, **static)
    finished = time.perf_counter()
    # Trap: `y, cache = result` would take an array with two rows apart.
    if not isinstance(result, tuple) or len(result) != 2:
        raise TapeError(
            f"{op}: its forward on {backend!r} must return (y, cache): the result, and what the backward needs (or "
            f"None). Got {kind_of(result)}."
        )
    y, cache = result
    single = not isinstance(y, tuple)
    outputs = tuple([Tensor.wrap(_checked_output(op, backend, part, tensors)) for part in ((y,) if single else y)])
    if observers:
        written = tuple(output.data for output in outputs)
        tell(
            OpRun(
                op, "forward", layer, backend, why, tuple(given), written, static, cache, (), started, called, finished,
                single,
            )
        )  # fmt: skip
    tapes = _TAPES.get()
    if tapes:
        has_slope = op not in NO_GRADIENT
        needs = tuple([has_slope and t is not None and t._tracked for t in tensors])
        tracked = True in needs
        for output in outputs:
            output._tracked = tracked and output.data.dtype.kind == "f"
        versions = tuple([0 if t is None else t._version for t in tensors] + [0] * len(outputs))
        entry = Entry(
            op, layer, tensors, outputs, static, cache if tracked else None, needs, versions, single, choice, backend,
            why, (finished - called) * 1e3,
        )  # fmt: skip
        if len(tapes) > 1:
            entry.tapes = tuple(tape.number for tape in tapes)
        for tape in tapes:  # a copy each: one tape lets go of its entries without disturbing another
            tape.entries.append(entry if len(tapes) == 1 else copy(entry))
    return outputs[0] if single else outputs


def _stays_on_host(op: str, tensors: tuple[Tensor | None, ...], static: dict[str, Any]) -> str:
    """Say what an op reads that has no place on a device, "" if nothing.

    That is an empty array, for which no kernel can be launched; labels, ids or masks alone that are on the host, where
    ops check them; and a dtype that no kernel knows, when it is cast from or to.
    """
    given = [t for t in tensors if t is not None]
    after = [np.dtype(static["dtype"])] if op == "cast" else []
    kept = what_no_kernel_takes(op, given, *(t.dtype for t in given), *after)
    if kept:
        return kept
    if op == "cast" and after[0].kind == "f":  # images travel as bytes, and become floats where they are needed
        return ""
    if any(t.device != "cpu" or t.dtype.kind == "f" for t in given):
        return ""
    return "integers and booleans"


def _checked_output(op: str, backend: str, y: Any, inputs: tuple[Tensor | None, ...]) -> Any:
    if not isinstance(y, np.ndarray):
        if isinstance(y, np.generic | int | float):
            y = np.asarray(y)  # a sum over all cells: NumPy gives a scalar, not an array without axes
        if not hasattr(y, "shape"):
            raise TapeError(f"{op}: its forward on {backend!r} must give an array. Got {type(y).__name__}.")
    if y.dtype == np.float64 and op != "cast" and any(t is not None and t.dtype == np.float32 for t in inputs):
        raise DTypeError(
            f"{op}: its forward on {backend!r} must keep float32. Got float64 {y.shape}. np.zeros and np.ones make "
            "float64 by default: say dtype=x.dtype."
        )
    return y


def _as_tensors(inputs: Sequence[Any]) -> tuple[Tensor | None, ...]:
    dtype = None
    for item in inputs:
        if isinstance(item, Tensor | np.ndarray) and item.dtype.kind == "f":
            dtype = item.dtype
            break
    return tuple(
        item
        if item is None or isinstance(item, Tensor)
        else Tensor.wrap(as_array(item if dtype is None else float(item), dtype))
        if isinstance(item, int | float) and not isinstance(item, bool)
        else Tensor(item)
        for item in inputs
    )


def recording() -> bool:
    """Whether a tape records what runs now."""
    return bool(_TAPES.get())


@contextmanager
def no_grad() -> Iterator[None]:
    """Run ops without recording them: nothing inside can be differentiated.

    >>> from minidl import Variable
    >>> w = Variable([2.0])
    >>> with GradientTape() as tape:
    ...     with no_grad():
    ...         y = w * 3.0
    >>> len(tape.entries)
    0
    """
    with _TAPES.empty():
        yield


@contextmanager
def where_it_lies(*tensors: Tensor) -> Iterator[None]:
    """Run the ops inside unrecorded, on the device where the first of these tensors that is on one lies, else on NumPy.

    For arithmetic with weights, state and gradients between the ops of a model: it follows the values, so that nothing
    moves for it.

    >>> from minidl import Variable
    >>> average, w = Variable([1.0]), Variable([3.0])
    >>> with where_it_lies(average, w):
    ...     average.assign(average * 0.5 + w * 0.5).numpy()
    array([2.], dtype=float32)
    """
    device = next((tensor.device for tensor in tensors if tensor.device != "cpu"), DEFAULT)
    layers = _LAYERS.get()
    path = layers[-1][0] if layers else ""
    with _TAPES.empty(), layer_scope(path, Placement({ALL: device})):
        yield


def layer_scope(path: str, choice: Choice | None = None) -> Block[tuple[str, Choice | None]]:
    """A block that names the layer of its ops. An inner layer without a choice of its own inherits the outer's."""
    layers = _LAYERS.get()
    if choice is None and layers:
        choice = layers[-1][1]
    return _LAYERS.block((path, choice))


class GradientTape:
    """Records every op that runs inside its `with` block; `gradient` walks them back.

    Trainable variables are tracked by themselves; any other tensor after `tape.watch(x)`. Where another tape records,
    it notes the walk back too, and can go back through it: a gradient of a gradient (`minidl.tape.second`). An op for
    which that is not supported is refused there; as plain numbers its gradients may be used.

    Parameters
    ----------
    persistent : keep what was recorded, so that `gradient` can be asked more than once (and the entries looked at)
    watch_accessed_variables : as in TensorFlow; only True is supported

    >>> from minidl import Variable
    >>> w = Variable([1.0, 2.0], name="w")
    >>> with GradientTape() as tape:
    ...     loss = (w * w * 3.0).sum()
    >>> tape.gradient(loss, w)
    <Tensor (2,) float32 [ 6. 12.]>
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent = persistent
        self.number = next(_NUMBERS)
        self.entries: list[Entry] = []
        self._spent = False
        self._block: Block[GradientTape] | None = None
        if not watch_accessed_variables:
            raise TapeError(
                "GradientTape: watch_accessed_variables=False is not supported; use variable.trainable = False."
            )

    def __enter__(self) -> GradientTape:
        if self._block is not None:
            raise TapeError("GradientTape: this tape is already recording. Use a new one for a nested block.")
        self._block = _TAPES.block(self)
        return self._block.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._block is not None:
            self._block.__exit__()
        self._block = None

    def watch(self, tensor: Tensor | Sequence[Tensor]) -> None:
        """Track a tensor that is no variable, so that a gradient flows to it. Call it before using the tensor."""
        for item in tensor if isinstance(tensor, list | tuple) else [tensor]:
            if not isinstance(item, Tensor):
                raise TapeError(
                    f"watch: a Tensor is needed. Got {type(item).__name__}. Make one first: x = minidl.Tensor(x), "
                    "and compute with that."
                )
            if item.dtype.kind != "f":
                raise TapeError(f"watch: only floating-point tensors have gradients. Got dtype {item.dtype}.")
            item._tracked = True

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradient: Any = None,
        unconnected_gradients: str = "none",
        *,
        output_gradients: Any = None,
    ) -> Any:
        """Return the gradient of `target` with respect to each of `sources`.

        Parameters
        ----------
        target : a tensor computed inside the tape, usually the loss; or a list, tuple or dict of them. Of several
            numbers, and several tensors, the gradient is that of their sum.
        sources : a tensor or variable, or nested lists, tuples and dicts of them. An activation computed inside the
            tape will do, as will a watched tensor.
        output_gradients : the gradient of something further on with respect to `target`, arranged as `target` is: the
            numbers of the sum are weighted by it. TensorFlow's name; `output_gradient` means the same.
        unconnected_gradients : "none" or "zero": what a source gets that `target` does not depend on

        Returns
        -------
        Tensor (its source's shape and dtype) or None where `target` does not depend on the source, arranged as
        `sources` is

        Raises
        ------
        TapeError : asked twice of a tape that is not persistent; a target that is not floating, or not computed inside
            the tape; a value the backward needs was changed in place; a gradient that goes through another tape's
            gradients, of an op for which that is not supported (`minidl.tape.differentials`)

        >>> from minidl import Variable
        >>> w = Variable([1.0, 2.0])
        >>> with GradientTape() as tape:
        ...     errors = w * w
        >>> tape.gradient(errors, {"w": w}, output_gradients=[1.0, 10.0])
        {'w': <Tensor (2,) float32 [ 2. 40.]>}
        """
        if str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() not in ("none", "zero"):
            raise TapeError(f"gradient: unconnected_gradients must be 'none' or 'zero'. Got {unconnected_gradients!r}.")
        wanted = leaves(sources)
        for source in wanted:
            if not isinstance(source, Tensor):
                raise TapeError(f"gradient: sources must be tensors or variables. Got {type(source).__name__}.")
        given = output_gradient if output_gradients is None else output_gradients
        starts = self._starts(target, given, wanted)
        others = [tape for tape in _TAPES.get() if tape is not self or self.persistent]
        found = self.walk_back(starts, wanted, others)
        self._spent = not self.persistent
        zero = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
        results = {}
        for source in wanted:
            gradient = found.get(id(source))
            if gradient is None and zero:
                gradient = arrays.zeros_like(source.data)
            results[id(source)] = as_tensor(gradient)
        return _arranged(sources, lambda source: results[id(source)])

    def _starts(self, target: Any, given: Any, wanted: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Return each target with the gradient to begin with, after checking both."""
        targets, parts = leaves(target), _beside(target, given)
        for part in targets:
            self._check(part, wanted)
        starts = []
        for part, gradient in zip(targets, parts, strict=True):
            if gradient is None:
                gradient = np.ones(part.shape, part.dtype)
            start = gradient if isinstance(gradient, Tensor) else Tensor.wrap(as_array(gradient, part.dtype))
            if start.shape != part.shape:
                raise TapeError(
                    f"gradient: output_gradient must have the target's shape {part.shape}. Got {start.shape}."
                )
            starts.append((part, start if start.dtype == part.dtype else start.astype(part.dtype)))
        return starts

    def _check(self, target: Any, wanted: list[Tensor]) -> None:
        if not isinstance(target, Tensor):
            raise TapeError(
                f"gradient: the target must be a Tensor computed inside the tape. Got {type(target).__name__}. "
                "Was it turned into a number by float() or .numpy()?"
            )
        if self._spent:
            raise TapeError(
                "gradient: this tape was already walked back, and has let go of what it recorded. "
                "Ask for all gradients in one call, tape.gradient(loss, [a, b]), or use GradientTape(persistent=True)."
            )
        if target.dtype.kind != "f":
            raise TapeError(
                f"gradient: the target must be floating. Got dtype {target.dtype} of shape {target.shape}. "
                "Comparisons, positions (argmax) and casts to integers have no gradient."
            )
        if any(target is source for source in wanted):
            return  # its gradient with respect to itself: 1
        if not self.entries:
            raise TapeError("gradient: nothing was recorded. Compute the loss inside `with GradientTape() as tape:`.")
        if not any(target is output for entry in reversed(self.entries) for output in entry.outputs):
            raise TapeError(
                "gradient: the target was not computed inside this tape. "
                "Is the loss computed before `with`, after it, or under no_grad()?"
            )

    def walk_back(
        self, starts: list[tuple[Tensor, Tensor]], wanted: list[Tensor], others: list[GradientTape]
    ) -> dict[int, Any]:
        """Return gradients by the ids of tensors: arrays, or tensors where `others` record the walk."""
        leads = self._leading_to(wanted)
        keep = {id(source) for source in wanted}
        plus = partial(apply, "add") if others else sum_of_gradients
        gradients: dict[int, Any] = {}
        for target, start in starts:
            before, first = gradients.get(id(target)), start if others else start.data
            gradients[id(target)] = first if before is None else plus(before, first)
        for entry in reversed(self.entries):
            dy = tuple([gradients.get(id(output)) for output in entry.outputs])
            for output in entry.outputs:
                if id(output) not in keep:
                    gradients.pop(id(output), None)
            needs = tuple([n and id(tensor) in leads for n, tensor in zip(entry.needs, entry.inputs, strict=True)])
            if True in needs and any([part is not None for part in dy]):
                if others or entry.op == GRADIENT:
                    followed = all(tape is self or tape.number in entry.tapes for tape in others)
                    found = _recorded_backward(entry, dy, needs, others, followed)
                else:
                    found = run_backward(entry, dy, needs)
                if self.persistent:
                    entry.gradients = _values(found)
                for tensor, need, gradient in zip(entry.inputs, needs, found, strict=True):
                    if need and tensor is not None and gradient is not None:
                        before = gradients.get(id(tensor))
                        # Trap: `before += gradient` would change an array that another entry may still hold.
                        gradients[id(tensor)] = gradient if before is None else plus(before, gradient)
            if not self.persistent:
                entry.cache = None  # gives the memory back as the walk goes
                entry.inputs = entry.outputs = ()
        return gradients

    def _leading_to(self, wanted: list[Tensor]) -> set[int]:
        """Return the ids of the tensors through which a gradient reaches one of `wanted`."""
        leads = {id(source) for source in wanted}
        for entry in self.entries:
            if any([need and id(t) in leads for need, t in zip(entry.needs, entry.inputs, strict=True)]):
                leads.update([id(output) for output in entry.outputs])
        return leads


def _recorded_backward(
    entry: Entry, dy: tuple[Any, ...], needs: tuple[bool, ...], others: list[GradientTape], followed: bool
) -> tuple[Any, ...]:
    """Run the backward of an entry where other tapes record it, or where it is itself a backward that was recorded.

    Parameters
    ----------
    dy : tensors where other tapes record, else arrays, as what is returned
    followed : the other tapes have this entry too
    """
    from minidl.tape import second  # rare, and built on this module

    if entry.op != GRADIENT:
        found = run_backward(entry, _values(dy), needs)
    elif followed:
        found = second.backward_of_backward(entry, tuple(map(as_tensor, dy)), needs, others)
        return found if others else _values(found)
    else:
        with no_grad():
            found = _values(second.backward_of_backward(entry, dy, needs, []))
    return second.note_backward(entry, dy, found, needs, others, followed)


def as_tensor(gradient: Any) -> Tensor | None:
    """Return a gradient as a tensor, itself where it is one."""
    return gradient if gradient is None or isinstance(gradient, Tensor) else Tensor.wrap(gradient)


def _values(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(part.data if isinstance(part, Tensor) else part for part in gradients)


def leaves(structure: Any) -> list[Any]:
    """Return what nested lists, tuples and dicts hold, in order."""
    if isinstance(structure, list | tuple | dict):
        parts = structure.values() if isinstance(structure, dict) else structure
        return [leaf for part in parts for leaf in leaves(part)]
    return [structure]


def _beside(structure: Any, given: Any) -> list[Any]:
    """Return what `given`, arranged as the structure is (or None), holds for each leaf of the structure."""
    if given is None or not isinstance(structure, list | tuple | dict):
        return [given] * len(leaves(structure))
    alike = isinstance(given, dict) if isinstance(structure, dict) else isinstance(given, list | tuple)
    if not alike or len(given) != len(structure):
        raise TapeError(
            f"gradient: output_gradients must be arranged as the target is. Got {kind_of(given)} for "
            f"{len(structure)} targets."
        )
    keys = structure if isinstance(structure, dict) else range(len(structure))
    return [leaf for key in keys for leaf in _beside(structure[key], given[key])]


def _arranged(structure: Any, value_of: Callable[[Any], Any]) -> Any:
    """Return the structure with every leaf replaced."""
    if isinstance(structure, dict):
        return {key: _arranged(part, value_of) for key, part in structure.items()}
    if isinstance(structure, list | tuple):
        parts = [_arranged(part, value_of) for part in structure]
        return parts if isinstance(structure, list) else tuple(parts)
    return value_of(structure)
