"""The capstone's deliverables 1 to 5, each told passed or not yet: `docs/course/capstone.md` says what is asked."""

from __future__ import annotations

import runpy
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError

WRONG_KERNELS = 5
SHAPES = 4
PREDICTION = 0.1  # of the count: how far a prediction of sectors may be from it
AGREEMENT = 5e-5  # of the largest value: what rounding in float32 needs
Rung = Callable[..., tuple[np.ndarray, list[Any]]]


class Deliverable(NamedTuple):
    """One deliverable: its number and title, whether it passed, a sentence, and the points that it is worth."""

    title: str
    passed: bool
    sentence: str
    points: int

    def __str__(self) -> str:
        return f"{'passed ' if self.passed else 'not yet'}  {self.title}: {self.sentence}"


class NotYet(Exception):
    """A deliverable does not pass; the text says why."""


def check(file: str | Path | Mapping[str, Any], other: str | Path | None = None) -> list[Deliverable]:
    """Check deliverables (1) to (5) of a capstone. The file is run in this process: check a stranger's in a sandbox.

    Parameters
    ----------
    file : the group's Python file; or the names that it would define, `globals()` in a notebook
    other : another group's file for the same op, whose `checker` has to reject this bank too

    Raises
    ------
    ArgumentError : there is no such file, or it cannot be run
    """
    given, theirs = file if isinstance(file, Mapping) else _names(file), _names(other) if other else None
    own = [each for each in (file, other) if isinstance(each, (str, Path))]

    def told(title: str, points: int, deliverable: Callable[[], str]) -> Deliverable:
        try:
            return Deliverable(title, True, deliverable(), points)
        except NotYet as why:
            return Deliverable(title, False, str(why), points)
        except Exception as error:  # a student's code may raise anything
            return Deliverable(title, False, _said(error, *own), points)

    return [
        told("1 NumPy", 20, lambda: _numpy(given)),
        told("2 layer", 15, lambda: _layer(given)),
        told("3 kernels", 25, lambda: _kernels(given)),
        told("4 network", 15, lambda: _network(given)),
        told("5 bank", 15, lambda: _bank(given, theirs)),
    ]


def _names(file: str | Path) -> dict[str, Any]:
    if not Path(file).is_file():
        raise ArgumentError(f"capstone: a Python file is checked. Got {str(file)!r}, which is no file.")
    try:
        return runpy.run_path(str(file), run_name="capstone")
    except (Exception, SystemExit) as error:  # a student's code may raise anything
        raise ArgumentError(f"capstone: {Path(file).name} has to run. It raises {_said(error, file)}") from error


def _said(error: BaseException, *files: str | Path) -> str:
    """An error in a line, with the last line of these files that it went through, where there is one."""
    own = [each for each in traceback.extract_tb(error.__traceback__) if each.filename in map(str, files)]
    place = f"{Path(own[-1].filename).name}, line {own[-1].lineno}: " if own else ""
    return f"{place}{type(error).__name__}: {error}"


def _need(given: Mapping[str, Any], *names: str) -> list[Any]:
    missing = [name for name in names if name not in given]
    if missing:
        raise NotYet(f"the file has no {', '.join(missing)}.")
    return [given[name] for name in names]


def _numpy(given: Mapping[str, Any]) -> str:
    from minidl.testing import check_gradients

    forward, backward, inputs = _need(given, "forward", "backward", "inputs")
    shapes = {tuple(np.shape(x) for x in arrays) for arrays in inputs}
    if len(shapes) < SHAPES:
        raise NotYet(f"inputs has {len(shapes)} different shapes; {SHAPES} awkward ones are asked for.")
    for arrays in inputs:
        check_gradients(forward, backward, arrays)
    return f"the backward agrees with differences on {len(shapes)} shapes."


def _layer(given: Mapping[str, Any]) -> str:
    from minidl.models import load_model

    layer, op, model, batch = _need(given, "Layer", "op", "model", "batch")
    built, (x, _) = model(), batch()
    used = [each for each in built.layers if isinstance(each, layer)]
    if not used:
        raise NotYet(f"model() has no layer of the class {layer.__name__}.")
    if not _runs_op(built, x, op):
        raise NotYet(f"model() does not run the registered op {op!r}.")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "capstone.keras")
        built.save(path)
        again = load_model(path, custom_objects={layer.__name__: layer})
    if not np.array_equal(built.predict(x, verbose=0), again.predict(x, verbose=0)):
        raise NotYet("the loaded model predicts something else: does get_config return every argument?")
    return "saved and loaded, the model predicts the same."


def _runs_op(model: Any, x: np.ndarray, op: str) -> bool:
    from minidl.observers import observing

    with observing() as runs:
        model(x)
    return any(run.op == op for run in runs)


def _float32(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.astype(np.float32) if x.dtype == np.float64 else x for x in map(np.asarray, arrays))


def _fault(rung: Rung, given: Mapping[str, Any]) -> str:
    """Return what is wrong with a rung, "" if nothing is: faults of the machine, then values, over all inputs."""
    for arrays in given["inputs"]:
        small = _float32(arrays)
        before = [x.copy() for x in small]
        where = f"on shapes {', '.join(str(x.shape) for x in small)}"
        try:
            y, reports = rung(*small)
        except Exception as error:  # a wrong kernel may raise anything
            return f"{type(error).__name__} {where}: {error}"
        if not reports:
            return "it returns no report of a launch."
        if faults := [fault for report in reports for fault in report.faults]:
            return f"the machine finds a fault {where}: {faults[0].message}"
        if any(not np.array_equal(was, x, equal_nan=True) for was, x in zip(before, small, strict=True)):
            return f"an input was changed {where}."
        right = given["forward"](*(x.astype(np.float64) if x.dtype == np.float32 else x for x in before))[0]
        if y.shape != right.shape:
            return f"the result has shape {y.shape}, not {right.shape}, {where}."
        if not np.allclose(y, right, rtol=0, atol=AGREEMENT * max(np.abs(right).max(initial=0), 1e-30)):
            return f"values are wrong {where}."
    return ""


def _kernels(given: Mapping[str, Any]) -> str:
    rung1, rung2, change, predicted, _, _ = _need(given, "rung1", "rung2", "change", "predicted", "forward", "inputs")
    if not str(change).strip():
        raise NotYet("change is empty: name the one change that makes rung 2 of rung 1.")
    if rung1 is rung2:
        raise NotYet("rung2 is rung1 itself.")
    told = []
    for name, rung in (("rung1", rung1), ("rung2", rung2)):
        if fault := _fault(rung, given):
            raise NotYet(f"{name}: {fault}")
        if name not in predicted:
            raise NotYet(f"predicted has no sectors for {name}.")
        counted = sectors(rung(*_float32(given["inputs"][-1]))[1])
        if abs(predicted[name] - counted) > PREDICTION * counted:
            raise NotYet(f"{name}: {predicted[name]} sectors predicted, {counted} counted on the last of inputs.")
        told.append(f"{name} {predicted[name]} sectors predicted, {counted} counted")
    return f"{'; '.join(told)}. The change: {change}"


def sectors(reports: list[Any]) -> int:
    """Add up the sectors that launches move from and to global memory."""
    return sum(each.figures.global_load_sectors + each.figures.global_store_sectors for each in reports)


def _network(given: Mapping[str, Any]) -> str:
    from minidl import lens
    from minidl.utils import set_random_seed

    model, batch, op, backend = _need(given, "model", "batch", "op", "backend")
    set_random_seed(0)
    built, (x, y) = model(), batch()
    if not _runs_op(built, x, op):
        raise NotYet(f"model() does not run the registered op {op!r}.")
    before = float(np.ravel(built.evaluate(x, y, verbose=0))[0])
    built.fit(x, y, epochs=int(given.get("epochs", 5)), verbose=0)
    after = float(np.ravel(built.evaluate(x, y, verbose=0))[0])
    if not after < before:
        raise NotYet(f"the loss is {after:.3g} after training and {before:.3g} before.")
    compared = lens.compare(built, x[:5], y[:5], "numpy", backend)
    if not compared.ok:
        raise NotYet(f"lens.compare of numpy with {backend!r} finds a difference: print it.")
    return f"the loss falls from {before:.3g} to {after:.3g}, and {backend!r} agrees with numpy op by op."


def _bank(given: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> str:
    checker, wrong, rung1, rung2, _, _ = _need(given, "checker", "wrong", "rung1", "rung2", "forward", "inputs")
    if len(wrong) < WRONG_KERNELS:
        raise NotYet(f"{len(wrong)} wrong kernels; {WRONG_KERNELS} are asked for.")
    said = {sentence.strip() for _, sentence in wrong}
    if len(said) < len(wrong) or "" in said:
        raise NotYet("each wrong kernel needs a sentence of its own.")
    for number, (rung, _) in enumerate(wrong, 1):
        if not _fault(rung, given):
            raise NotYet(f"wrong kernel {number} is right on all of inputs.")
    checkers = [("your", checker)] + ([("the other group's", _need(theirs, "checker")[0])] if theirs else [])
    for whose, accepts in checkers:
        for name, rung in (("rung1", rung1), ("rung2", rung2)):
            if not accepts(rung):
                raise NotYet(f"{whose} checker rejects {name}, which is to be right.")
        for number, (rung, _) in enumerate(wrong, 1):
            if accepts(rung):
                raise NotYet(f"{whose} checker accepts wrong kernel {number}, though {_fault(rung, given)}")
    return f"{len(wrong)} wrong kernels, each rejected by {' and '.join(whose for whose, _ in checkers)} checker."
