"""Op: the record in which the file of every op ends. It says what is true of the op on every backend.

    OP = Op("exp", exp_forward, exp_backward, form="cell", maths=("y = eˣ", "dx = dy y"), flops=(0, 1), keeps="y")

A file that holds a small family ends in `OPS = (Op(…), …)`. Records are found by folder (`records`), and made from them
are: the table of backends, costs and formulas of the lens, inputs to time and to test an op with, the adapters and
plans for kernels of a known form, Keras' names in saved files. `docs/add_an_op.md` adds an op step by step.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from minidl.errors import ArgumentError, unknown_name

__all__ = ["FORMS", "Call", "KerasForm", "Op", "either", "of_form", "of_inputs", "product", "records", "summed"]

FORMS = {  # what an op's inputs and outputs look like, from which much follows
    "cell": "a function of one number, cell by cell: x -> y of the same shape",
    "pair": "a function of two numbers, cell by cell: a, b -> y, broadcast",
    "product": "a sum of products along an inner axis, linear in either of the first two inputs; perhaps a bias",
    "convolution": "a product over windows of an image, x (N, H, W, C) and w (R, S, …)",
    "window": "one channel of an image at a time, seen through a window",
    "reduction": "x reduced over `axes`",
    "row": "what a cell becomes depends on its row",
    "loss": "y_true, y_pred -> one number a sample",
    "recurrent": "step by step through time",
    "update": "w, dw and states -> the new w and states; no gradient",
    "move": "values only change their places",
    "": "none of these",
}

DIFFERENTIALS = ("linear", "product", "pieces", "refused")


class Call(NamedTuple):
    """One call of an op, for counting: arrays of its *forward* (or what has their shape, dtype and nbytes; None where
    absent), and the static values.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    static: Mapping[str, Any]

    def given(self, position: int) -> bool:
        """Whether this optional input is there."""
        return len(self.inputs) > position and self.inputs[position] is not None

    def shape(self, position: int) -> tuple[int, ...]:
        """Return the shape of an input."""
        return tuple(self.inputs[position].shape)

    @property
    def there(self) -> list[Any]:
        """The inputs that are not absent."""
        return [a for a in self.inputs if a is not None]

    @property
    def m(self) -> int:
        """Values in the first input that is there."""
        return math.prod(self.there[0].shape)

    @property
    def n(self) -> int:
        """Values in the first output."""
        return math.prod(self.outputs[0].shape)


Count = float | tuple[str, Callable[[Call], float]]  # so many a value of the output; or in words, and as a function


class KerasForm(NamedTuple):
    """How Keras writes an op in a saved model: its class, the class's arguments, and what follows the tensors."""

    module: str  # of keras.ops: "numpy", "nn", "core"
    name: str
    config: Mapping[str, str] = {}  # Keras' argument: our static argument
    trailing: tuple[str, ...] = ()  # static arguments that Keras takes in the call, after the tensors
    listed: bool = False  # the tensors come as one list


@dataclass(frozen=True, eq=False)
class Op:
    """One op.

    name : as in `minidl.ops_table()`
    forward, backward : `(*arrays, **static) -> (y, cache)` and `(dy, cache) -> gradients`; None: it has no gradient
    maths : either way in one line (by default the first of the docstring). The index letters: n sample, i j output row
        and column, c input channel, k output channel, r s kernel row and column, t time step, d feature, u unit;
        `[cond]` is 1 where the condition holds and 0 elsewhere
    form : one of FORMS
    flops : floating-point operations of forward and backward: so many a value of the output, or in words and counted;
        None: not known
    keeps : the arrays of the forward that a backward reads beside dy: names of inputs, "y" for the output
    nbytes : bytes moved either way, for ops that do not read all inputs and write all outputs once
    outputs : their names
    differential : how the output moves with the inputs, for gradients of gradients: "linear"; "product" (da b + a db);
        "pieces" (straight ones: by the gradient's own slope); or for a "cell" the slope, a function of tensors x and y
        and of the settings, with the forward's defaults: `lambda x, y, *, cap=15.0: …`; "refused": a second gradient is
        refused in words. None: `minidl.tape.differentials` knows it
    values : the kind of numbers that each input takes (or all of them): a method of `minidl.testing.values.Values`
    others : second values of settings, to be tested in a case of their own (for forms "cell" and "loss")
    shapes : input shapes to time it with, from one size; by default all inputs are (n, n)
    static : static values without a default, to time it with; or a function of the first shape
    cases, extremes : inputs to test it with, functions of `Values`; by default those of its form
    kernels : names of the kernels that run the forward and the backward on a device; its own, by default
    host_only : it has no kernels, and runs on the host whatever backend is selected
    keras : its form in Keras' files, "numpy.Exp" for one without arguments; of the op "discrete" one a function
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any] | None = None
    maths: Sequence[str] = ()
    form: str = ""
    flops: tuple[Count, Count] | None = (0, 0)
    keeps: str = ""
    nbytes: tuple[Callable[[Call], int] | None, Callable[[Call], int] | None] = (None, None)
    outputs: tuple[str, ...] = ("y",)
    differential: str | Callable[..., Any] | None = None
    values: str | tuple[str, ...] = "f"
    others: tuple[Mapping[str, Any], ...] = ()
    shapes: Callable[[int], list[Any]] | None = None
    static: Mapping[str, Any] | Callable[[tuple[int, ...]], Mapping[str, Any]] = field(default_factory=dict)
    cases: Callable[[Any], list[Any]] | None = None
    extremes: Callable[[Any], list[Any]] | None = None
    kernels: tuple[tuple[str, ...], ...] = ()
    host_only: bool = False
    keras: str | KerasForm | Mapping[str, KerasForm] | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"Op: {self.name}: form must be one of {', '.join(map(repr, FORMS))}. Got {self.form!r}.")
        self._check_differential()
        if not self.kernels:
            own = (self.name,), (f"{self.name}_backward",) if self.backward else ()
            object.__setattr__(self, "kernels", ((), ()) if self.host_only else own)
        if isinstance(self.keras, str):
            module, name = self.keras.split(".")
            object.__setattr__(self, "keras", KerasForm(module, name))

    def _check_differential(self) -> None:
        """Refuse a differential that the tape could not use, now and not at the first gradient of a gradient."""
        if isinstance(self.differential, str) and self.differential not in DIFFERENTIALS:
            raise unknown_name(f"differential of the op {self.name}", self.differential, DIFFERENTIALS)
        if not callable(self.differential):
            return
        who = f"Op: {self.name}: differential"
        if self.variadic or len(self.inputs) != 1:
            raise ArgumentError(
                f"{who}: a function is the slope of an op of one input, whose settings stand behind a `*`. Got the "
                f"inputs {', '.join(self.inputs)}. Of several inputs it may be 'linear' or 'product'."
            )
        try:
            _, _, *taken = inspect.signature(self.differential).parameters.values()
        except ValueError:
            raise ArgumentError(f"{who} must take x and y, then the settings. Got {self.differential!r}.") from None
        theirs = {p.name: p for p in taken}
        anything, empty = any(p.kind is p.VAR_KEYWORD for p in taken), inspect.Parameter.empty
        wanted = {p.name: p for p in self.parameters if p.kind is p.KEYWORD_ONLY}
        differ = [
            name for name, p in wanted.items()
            if (theirs[name].default != p.default and p.default is not empty if name in theirs else not anything)
        ]  # fmt: skip
        differ += [p.name for p in taken if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
                   and p.default is empty and p.name not in wanted]  # fmt: skip
        if differ:
            settings = ", ".join(str(p.replace(annotation=empty)) for p in wanted.values())
            raise ArgumentError(
                f"{who} must take the forward's settings with the forward's defaults: write "
                f"{f'lambda x, y, *, {settings}: …' if settings else 'lambda x, y: …'} "
                f"Got {inspect.signature(self.differential)}, which differs in {', '.join(differ)}. "
                "A second gradient calls it with those settings only that were given."
            )

    @cached_property
    def signature(self) -> inspect.Signature:
        """That of the op as a function of tensors: inputs by their places, settings by name."""
        by_place = [
            p.replace(kind=p.POSITIONAL_ONLY) if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty else p
            for p in self.parameters
        ]
        return inspect.Signature([p if p.kind is p.KEYWORD_ONLY else p.replace(annotation=p.empty) for p in by_place])

    @cached_property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """Those of the forward."""
        return tuple(inspect.signature(self.forward).parameters.values())

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs; of `concatenate(*xs)`, which takes any number of them, only "xs"."""
        return tuple(p.name for p in self.parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD))

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of inputs."""
        return any(p.kind is p.VAR_POSITIONAL for p in self.parameters)

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The names of the static arguments."""
        return tuple(p.name for p in self.parameters if p.kind is p.KEYWORD_ONLY)

    @property
    def file(self) -> str:
        """The name of its file in minidl/ops, without the ending."""
        return self.forward.__module__.rpartition(".")[2]

    @property
    def all_kernels(self) -> tuple[str, ...]:
        """The kernels that it runs on a device, in either direction."""
        return tuple(dict.fromkeys((*self.kernels[0], *self.kernels[1])))


@cache
def records() -> dict[str, Op]:
    """Return the records of all built-in ops by name: those in which the files of this folder end.

    >>> records()["relu"].maths[0], records()["relu"].inputs
    ('y = max(x, 0)', ('x',))
    """
    found: list[Op] = []
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        if file.stem not in ("__init__", "op"):
            name = ".".join(file.relative_to(folder).with_suffix("").parts)
            module = importlib.import_module(f"minidl.ops.{name}")
            found += getattr(module, "OPS", [module.OP] if hasattr(module, "OP") else [])
    return {op.name: op for op in found}


@cache
def of_form(*forms: str) -> tuple[str, ...]:
    """Return the names of the built-in ops of these forms."""
    return tuple(op.name for op in records().values() if op.form in forms)


def of_inputs(count: float) -> Count:
    """So many operations a value of the first input."""
    return f"{count:g} a value", lambda call: count * call.m


def summed(count: float) -> Count:
    """So many operations a value of the output, and sums that bring gradients back to inputs that were broadcast."""

    def counted(call: Call) -> float:
        sizes = [math.prod(a.shape) for a in call.inputs[-2:] if a is not None]
        return count * call.n + sum(call.n - size for size in sizes if size < call.n)

    return f"{count:g} a value, and sums where an input was broadcast", counted


def either(option: str, default: Any, value: Any, yes: float, no: float) -> Count:
    """So many operations a value of the last input where a static option has a value, else so many."""

    def count(call: Call) -> float:
        return math.prod(call.there[-1].shape) * (yes if call.static.get(option, default) == value else no)

    return f"{yes:g} or {no:g} a value", count


def product(text: str, count: Callable[[Call], int], bias: int | None = 2) -> tuple[Count, Count]:
    """Operations of a product with a bias, and of its two gradients, each of which costs as much as the forward."""

    def added(call: Call) -> int:
        return call.n if bias is not None and call.given(bias) else 0

    plus = "" if bias is None else " + a value for the bias"
    return (text + plus, lambda c: count(c) + added(c)), (f"2 × {text}{plus}", lambda c: 2 * count(c) + added(c))
