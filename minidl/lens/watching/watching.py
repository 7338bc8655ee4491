"""Watching a training for what goes wrong: NaN where it is born, dead units, gradients that vanish or explode.

>>> import minidl
>>> from minidl import functional as F, lens
>>> with lens.watch(mode="collect") as seen:
...     loss = F.log(minidl.Tensor([1.0, 0.0])).sum()
>>> seen.found[0].kind, seen.found[0].op
('inf', 'log')
>>> print(seen.found[0].cause)
the logarithm of 0 is -inf, and of a negative number NaN: 1 of the 2 inputs is 0 or less
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import numpy as np

from minidl.backends.devices.arrays import on_host
from minidl.callbacks import Callback
from minidl.errors import ArgumentError, MinidlError
from minidl.lens.watching.causes import KINDS, born, came_in, cause_of
from minidl.observers import OpRun, observing

MODES = ("warn", "raise", "collect")
RELUS = ("relu", "relu6", "clipped_relu")


class TrainingTrouble(MinidlError, ArithmeticError):
    """What `Watch` raises with mode="raise"; `finding` says what was found."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class TrainingWarning(UserWarning):
    """What `Watch` warns with."""


@dataclass(frozen=True)
class Finding:
    """One thing that went wrong.

    kind : "nan" or "inf" (born in this op), "bad-data" (NaN in what the first op was given), "dead-relu",
        "vanishing-gradient", "no-gradient", "exploding-gradient", "exploding-update", "exploding-weight"
    step : of the training, from 0 (counted by updates)
    what : what was seen, with numbers; cause : why, most likely; cure : what to try
    """

    kind: str
    layer: str
    op: str
    direction: str
    step: int
    what: str
    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{KINDS[self.kind]} in step {self.step}: {self.what}. Likely cause: {self.cause}. Try: {self.cure}."


@dataclass
class _Weight:
    """What one update did to one weight."""

    layer: str
    op: str
    gradient: float  # root mean square
    norm: float  # of the weight before
    change: float  # norm of the update
    after: float  # norm of the weight after


class Watch(Callback):
    """Watches every op that runs, as a callback of `fit` or as `with lens.watch():`.

    Parameters
    ----------
    mode : "warn" (a `TrainingWarning` each), "raise" (`TrainingTrouble` at the first), "collect" (only `found`)
    batches : a unit of a ReLU that was 0 for all samples of so many batches is dead
    dead : share of dead units of a layer that is worth a finding
    vanishing : the gradient (root mean square) of a layer's kernel, as a share of the largest of any layer, below which
        it has vanished
    exploding : norm of a gradient above which it explodes
    update : norm of an update, as a share of its weight's norm, above which it is too large (about 0.001 is healthy)
    patience : steps in a row that a gradient must vanish for

    Each kind of finding is made once a layer. Arrays on a device are fetched to be looked at: training is slower while
    it is watched.

    >>> Watch(mode="shout")
    Traceback (most recent call last):
    minidl.errors.ArgumentError: Watch: mode must be 'warn', 'raise' or 'collect'. Got 'shout'.
    """

    def __init__(
        self, mode: str = "warn", *, batches: int = 10, dead: float = 0.5, vanishing: float = 1e-5,
        exploding: float = 1e4, update: float = 1.0, patience: int = 3,
    ) -> None:  # fmt: skip
        super().__init__()
        if mode not in MODES:
            hint = "" if isinstance(mode, str) else " It watches every op in the block, of any model, and takes none."
            raise ArgumentError(f"Watch: mode must be 'warn', 'raise' or 'collect'. Got {mode!r}.{hint}")
        self.mode, self.batches, self.dead = mode, batches, dead
        self.vanishing, self.exploding, self.update, self.patience = vanishing, exploding, update, patience
        self.found: list[Finding] = []
        self.step = 0
        self._open: AbstractContextManager[Any] | None = None
        self._told: set[tuple[str, str]] = set()
        self._born = False
        self._alive: dict[tuple[str, str], tuple[int, np.ndarray]] = {}
        self._layers: dict[int, tuple[Any, str]] = {}  # id of an array that an op read -> (the array, its layer)
        self._weights: list[_Weight] = []
        self._first_norms: dict[str, float] = {}
        self._faded: dict[str, int] = {}
        self._still = 0  # steps in a row without any gradient

    # ---- beginning and end

    def start(self) -> Watch:
        """Watch every op from here on, until `stop`."""
        self.stop()
        self._open = observing(self._see)
        self._open.__enter__()
        return self

    def stop(self) -> None:
        """Watch no longer."""
        if self._open is not None:
            opened, self._open = self._open, None
            opened.__exit__(None, None, None)
            self._end_step()

    def on_train_begin(self, logs: Any = None) -> None:
        """Watch every training step of the model from here on."""
        model, step = self.model, self.model.train_step

        def watched_step(data: Any) -> Any:
            try:
                with np.errstate(all="ignore"), observing(self._see):  # NumPy warns of the same, with less to say
                    return step(data)
            except BaseException:  # fit ends here, and nobody else would take the watch off the model
                vars(model).pop("train_step", None)
                raise

        vars(model)["train_step"] = watched_step

    def on_train_end(self, logs: Any = None) -> None:
        """Leave the model alone again."""
        vars(self.model).pop("train_step", None)
        self._end_step()

    # ---- what is seen

    def _see(self, run: OpRun) -> None:
        if run.op.endswith("_update"):
            self._see_update(run)
        else:
            if self._weights and run.direction == "forward" and run.layer:
                self._end_step()
            for array in run.inputs if run.direction == "forward" else ():
                if array is not None and run.layer:
                    self._layers[id(array)] = (array, run.layer)
            if run.op in RELUS and run.direction == "forward":
                self._see_relu(run)
        self._see_birth(run)

    def _see_birth(self, run: OpRun) -> None:
        if self._born:  # everything behind it is not finite either
            return
        seen = born(run)
        if seen is None and run.direction == "forward" and came_in(run):
            seen = ("bad-data", f"{run.op}, layer {run.layer or 'loss'!r}, is given NaN that no op before it made")
        if seen is None:
            return
        self._born = True
        kind, what = seen
        self._find(kind, self._layer_of(run), run.op, run.direction, what, run)

    def _see_relu(self, run: OpRun) -> None:
        y = np.asarray(on_host(run.outputs[0], "lens.watch"))
        if y.ndim < 2:
            return
        alive = (y != 0).any(axis=tuple(range(y.ndim - 1)))
        key = (run.layer, run.op)
        count, before = self._alive.get(key, (0, np.zeros(alive.shape, bool)))
        if before.shape != alive.shape:  # a layer that is called on arrays of several widths
            return
        self._alive[key] = (count + 1, before | alive)
        count, alive = self._alive[key]
        if count < self.batches:
            return
        del self._alive[key]
        lost = float(np.mean(~alive))
        if lost > self.dead:
            what = f"{int((~alive).sum())} of {alive.size} units of layer {run.layer!r} were 0 for all samples of "
            what += f"{count} batches"
            self._find("dead-relu", run.layer, run.op, "forward", what)

    def _see_update(self, run: OpRun) -> None:
        w, dw = (np.asarray(a, np.float64) for a in on_host(tuple(run.inputs[:2]), "lens.watch"))
        new = np.asarray(on_host(run.outputs[0], "lens.watch"), np.float64)
        if w.ndim < 2:
            return  # a bias begins at 0: every update of it is large
        with np.errstate(all="ignore"):
            gradient = float(np.sqrt(np.mean(dw**2)))
            norms = [float(np.linalg.norm(a)) for a in (w, new - w, new)]
        self._weights.append(_Weight(self._layer_of(run), run.op, gradient, norms[0], norms[1], norms[2]))

    def _layer_of(self, run: OpRun) -> str:
        if run.layer or not run.op.endswith("_update"):
            return run.layer or "loss"
        return self._layers.get(id(run.inputs[0]), (None, ""))[1] or f"a weight of shape {tuple(run.inputs[0].shape)}"

    def _end_step(self) -> None:
        """All weights are updated: hold their gradients against each other."""
        weights, self._weights = self._weights, []
        self._layers.clear()
        if not weights:
            return
        largest = max((w.gradient for w in weights if np.isfinite(w.gradient)), default=0.0)
        self._still = 0 if any(w.gradient != 0 for w in weights) else self._still + 1
        if self._still == self.patience:
            what = f"the gradients of all layers' kernels were 0 for {self._still} steps in a row"
            self._tell("no-gradient", weights[-1], what)
        for weight in weights:
            self._judge_gradient(weight, largest)
            self._judge_update(weight)
        self.step += 1

    def _judge_gradient(self, weight: _Weight, largest: float) -> None:
        layer, size = weight.layer, weight.gradient
        if largest > 0 and size < self.vanishing * largest:
            self._faded[layer] = self._faded.get(layer, 0) + 1
            if self._faded[layer] >= self.patience:
                what = (
                    f"the gradient of layer {layer!r} (root mean square {size:.1e}) was less than {self.vanishing:g} "
                )
                what += f"times the largest ({largest:.1e}) for {self._faded[layer]} steps in a row"
                self._tell("vanishing-gradient", weight, what)
        else:
            self._faded[layer] = 0
        if size > self.exploding:
            self._tell("exploding-gradient", weight, f"the gradient of layer {layer!r} has root mean square {size:.1e}")

    def _judge_update(self, weight: _Weight) -> None:
        layer, first = weight.layer, self._first_norms.setdefault(weight.layer, weight.norm)
        if weight.norm > 0 and weight.change > self.update * weight.norm:
            what = f"an update of layer {layer!r} was {weight.change / weight.norm:.1e} times as large as its weights"
            self._tell("exploding-update", weight, what)
        elif first > 0 and weight.after > 1e3 * first:
            what = f"the weights of layer {layer!r} are {weight.after / first:.1e} times as large as at the start"
            self._tell("exploding-weight", weight, what)

    def _tell(self, kind: str, weight: _Weight, what: str) -> None:
        self._find(kind, weight.layer, weight.op, "update", what)

    def _find(self, kind: str, layer: str, op: str, direction: str, what: str, run: OpRun | None = None) -> None:
        if (kind, layer) in self._told:
            return
        self._told.add((kind, layer))
        finding = Finding(kind, layer, op, direction, self.step, what, *cause_of(kind, run))
        self.found.append(finding)
        if self.mode == "warn":
            warnings.warn(str(finding), TrainingWarning, stacklevel=_level_of_the_caller())
        elif self.mode == "raise":
            self._weights.clear()
            raise TrainingTrouble(finding)

    def __repr__(self) -> str:
        if not self.found:
            return f"Watch: nothing found in {self.step} steps"
        return "\n".join(map(str, self.found))


def _level_of_the_caller() -> int:
    """The `stacklevel`, for `warnings.warn` one call up, of the first line outside of minidl: the student's own."""
    level, frame = 0, cast("FrameType | None", sys._getframe())
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("minidl", "contextlib"):
        level, frame = level + 1, frame.f_back
    return level


@contextmanager
def watch(mode: str = "warn", **options: Any) -> Iterator[Watch]:
    """Watch every op inside the block; the arguments are those of `Watch`, whose `found` lists what went wrong.

    >>> import minidl
    >>> with watch(mode="raise"):
    ...     minidl.functional.exp(minidl.Tensor([1000.0]))
    Traceback (most recent call last):
    minidl.lens.watching.watching.TrainingTrouble: Inf is born in step 0: exp forward, layer 'loss', gives 1 Inf of 1 \
values from finite inputs, the first at (0,). Likely cause: exp(x) is more than float32 can hold above x = 88.7; the \
largest input is 1e+03. Try: subtract the maximum first, as softmax does, or use an op that is made for it (softmax, \
softplus, a loss with from_logits=True).
    """
    seen = Watch(mode, **options)
    with np.errstate(all="ignore"):
        seen.start()
        try:
            yield seen
        finally:
            seen.stop()
