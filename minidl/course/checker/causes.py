"""Why values are wrong, where no mistake of the exercise's own was recognised: what any kernel or function may have.

An output that is added to while it is NaN, one that nobody wrote, an input that is never read show in the source; an
input exchanged or reversed, a sign, a factor, one step along an axis are worked out from the reference.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.course.checker.compared import Compared, Facts, names_of, reference, told
from minidl.course.exercise import Kernel
from minidl.course.sentences import phrase

Cause = tuple[str, Facts, list[int]]  # a sentence's name, its facts, lines


def cause(failing: list[Compared], source: str) -> tuple[Cause, Compared] | None:
    """Return the likely cause of wrong values, and the case that shows it; None where nothing is known.

    failing : the cases with wrong results, the one to be shown first
    """
    if (order := _reordered(failing[0])) is not None:
        return order, failing[0]
    if failing[0].wrong is None or failing[0].wrong[0] != "values":
        return None
    tree = ast.parse(source)
    for look in (_added_to, _unwritten, _unread):
        if (found := look(failing[0], tree)) is not None:
            return found, failing[0]
    looked = [one for one in failing[:3] if max(np.size(right) for right in one.right) > 1]  # one number shows nothing
    told = [(general, one) for one in looked if (general := generic(one)) is not None]
    if len(told) < len(looked):  # a factor shows in each, or is none
        told = [(general, one) for general, one in told if general[0] != "scaled"]
    return ((*told[0][0], []), told[0][1]) if told else None


# -- seen in the source ------------------------------------------------------------------------------------------------


def _lost(one: Compared) -> Iterator[tuple[str, np.ndarray]]:
    """Yield outputs of kernels that are still NaN somewhere, and where."""
    for name, got, right in one.results if isinstance(one.task, Kernel) else ():
        if got.dtype.kind == "f" and (lost := np.isnan(got) & ~np.isnan(right)).any():
            yield name, lost


def _added_to(one: Compared, tree: ast.Module) -> Cause | None:
    """F18: an output that is still NaN where the kernel adds to it."""
    for name, lost in _lost(one):
        plain = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.AugAssign)
                 and isinstance(n.target, ast.Subscript) and ast.unparse(n.target.value) == name]  # fmt: skip
        atomic = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and ".atomic." in ast.unparse(n.func)
                  and n.args and ast.unparse(n.args[0]) == name]  # fmt: skip
        if (lines := plain or atomic) and name not in getattr(one.task, "start", ()):
            i = ", ".join(map(str, np.argwhere(lost)[0]))
            return "F18" if plain else "F18a", {"y": name, "i": i, "L": lines[0]}, lines
    return None


def _unwritten(one: Compared, tree: ast.Module) -> Cause | None:
    """F11 of an exercise that makes its own outputs, full of NaN: what no launch has written."""
    for name, lost in _lost(one) if getattr(one.task, "drive", None) is not None else ():
        first = ", ".join(map(str, np.argwhere(lost)[0]))
        return "F11", {"k": int(lost.sum()), "n": lost.size, "y": name, "pattern": phrase("first-is", i=first)}, []
    return None


def _unread(one: Compared, tree: ast.Module) -> Cause | None:
    """F19: an input that the function never reads, its shape apart, and should."""
    task = one.task
    node = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == task.name), None)
    if node is None:
        return None
    arrays = [name for name in task.input_names if name in [a.arg for a in node.args.args]]
    about = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Attribute)
             and n.attr in ("shape", "size", "ndim", "dtype")}  # fmt: skip
    read = {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in about
    }
    unread = next((name for name in arrays if name not in read and _matters(one, name)), "")
    return ("F19", {"a": unread}, []) if unread else None


def _matters(one: Compared, name: str) -> bool:
    """Whether the right result changes with an array: a backward may be given a y that it can do without."""
    k = one.task.input_names.index(name)
    given = list(one.case.inputs)
    if not isinstance(given[k], np.ndarray) or given[k].dtype.kind != "f":
        return True
    given[k] = given[k] + np.float32(1)
    return not all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(one.right, reference(one.task, tuple(given)), strict=True)
    )


def _reordered(one: Compared) -> Cause | None:
    """The right results in another order."""
    got, right, names = one.ran.outputs or [], one.right, names_of(one.task, one.right)
    if not 1 < len(right) == len(got) <= 4:
        return None

    def fits(j: int, k: int) -> bool:
        numbers = all(a.dtype.kind in "fiub" for a in (got[j], right[k]))
        return numbers and got[j].shape == right[k].shape and not one.wrong_cells(got[j], right[k]).any()

    for order in itertools.permutations(range(len(right))):
        if all(fits(j, k) for j, k in enumerate(order)):
            said = ", ".join(names[k] for k in order)
            return ("results-order", {"got": said, "names": ", ".join(names)}, []) if said != ", ".join(names) else None
    return None


# -- worked out from the reference -------------------------------------------------------------------------------------


def generic(one: Compared) -> tuple[str, Facts] | None:
    """Return the name of a general mistake that gives a case's results, and its facts."""
    is_extreme = one.case.kind == "extreme"
    for name, got, right in one.results:
        if right.dtype.kind != "f" or not one.wrong_cells(got, right).any():
            continue
        found = _of_result(np.asarray(got, np.float64), np.asarray(right, np.float64))
        if found is not None:
            return found[0], {**found[1], "name": told(name)}
    if is_extreme or any(right.dtype.kind not in "fiub" for right in one.right):
        return None
    for name, facts, inputs in _of_inputs(one):
        try:
            others = [np.asarray(o, np.float64) for o in reference(one.task, inputs)]
        except Exception:  # the reference does not take these inputs, or gives texts
            continue
        if len(others) != len(one.ran.outputs or []):
            continue
        differs = [one.wrong_cells(o, np.asarray(r, np.float64)).any()
                   for o, r in zip(others, one.right, strict=True) if o.shape == r.shape]  # fmt: skip
        if any(differs) and all(
            _near(np.asarray(g, np.float64), o) for (_, g, _), o in zip(one.results, others, strict=True)
        ):
            return name, facts
    return None


def _largest(a: np.ndarray) -> float:
    return float(np.abs(a[np.isfinite(a)]).max(initial=0))


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-3, atol=1e-4 * _largest(b), equal_nan=True))


def _of_result(g: np.ndarray, r: np.ndarray) -> tuple[str, dict[str, Any]] | None:
    if r.size < 2:
        return None
    lost = ~np.isfinite(g) & np.isfinite(r)
    if lost.any():
        return "nan", {"n": int(lost.sum())}
    if not g.any() and r.any():
        return "zero", {}
    if _near(g, -r):
        return "negated", {}
    there = (np.abs(r) > 1e-6 * np.abs(r).max()) & np.isfinite(r)
    if there.sum() > 1:
        factor = float(np.median(g[there] / r[there]))
        if np.isfinite(factor) and abs(factor - 1) > 1e-2 and _near(g, factor * r):
            return "scaled", {"factor": float(f"{factor:.4g}")}
    if r.ndim == 2 and r.shape[0] == r.shape[1] and _near(g, r.T) and not _near(r, r.T):
        return "transposed", {}
    for axis in range(r.ndim):
        if r.shape[axis] > 2 and not _near(r, np.flip(r, axis)):  # equal all along, it shows no order
            if _near(g, np.flip(r, axis)):
                return "flipped", {"axis": axis}
            n = r.shape[axis]
            first, last = np.take(r, range(n - 1), axis), np.take(r, range(1, n), axis)
            mine, other = np.take(g, range(1, n), axis), np.take(g, range(n - 1), axis)
            if _near(mine, first) or _near(other, last):
                return "shifted", {"axis": axis}
    wrong = ~np.isclose(g, r, rtol=1e-3, atol=1e-5 * _largest(r))
    for axis in range(r.ndim):
        if r.shape[axis] > 2 and wrong.any():
            where = np.unique(np.nonzero(wrong)[axis])
            if where.tolist() == [r.shape[axis] - 1]:
                return "last-column", {"axis": axis}
            if where.tolist() == [0]:
                return "first-column", {"axis": axis}
    return None


def _of_inputs(one: Compared) -> Iterator[tuple[str, Facts, tuple[Any, ...]]]:
    """Yield inputs changed as a mistake changes them, with the mistake's name and facts."""
    names, given = one.task.input_names, one.case.inputs
    arrays = [k for k, a in enumerate(given) if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim]

    def with_(*changed: tuple[int, Any]) -> tuple[Any, ...]:
        return tuple(dict(changed).get(k, a) for k, a in enumerate(given))

    for j, k in [(j, k) for j in arrays for k in arrays if j < k and given[j].shape == given[k].shape]:
        yield "swapped", {"a": names[j], "b": names[k]}, with_((j, given[k]), (k, given[j]))
    counts = [k for k, a in enumerate(given) if type(a) is int]
    for j, k in [(j, k) for j in counts for k in counts if j < k and given[j] != given[k]]:
        yield "swapped", {"a": names[j], "b": names[k]}, with_((j, given[k]), (k, given[j]))
    for k in arrays:
        a = given[k]
        yield "input-negated", {"a": names[k]}, with_((k, -a))
        yield "input-zero", {"a": names[k]}, with_((k, np.zeros_like(a)))
        if a.shape[0] > 1:
            first, last = np.zeros_like(a), a.copy()
            first[0], last[-1] = a[0], 0
            yield "input-first", {"a": names[k]}, with_((k, first))
            yield "input-last", {"a": names[k]}, with_((k, last))
        for axis in range(a.ndim):
            yield "input-flipped", {"a": names[k], "axis": axis}, with_((k, np.flip(a, axis)))
