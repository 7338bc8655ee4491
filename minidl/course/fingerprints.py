"""From what went wrong to the mistake behind it.

Of each wrong solution that has a sentence of its own, what it does on each public case is kept in a few numbers: the
projections of its result on fixed random vectors, the signature of its fault, its error, or what it moves. A student's
file that does the same on the cases that it fails has made the same mistake, however it is written. The numbers are a
few hundred bytes an exercise, and no solution can be read from them.

Mistakes that any exercise may have (an input left out, a sign, an axis reversed) are worked out from the reference.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.course.exercise import Case, Task
from minidl.course.running import Ran
from minidl.testing.agreement import wrong_cells

PROJECTIONS = 8
CLOSE = 1e-3  # of the distance between the mistake and the right result
Outcome = list[Any]


def projections(results: list[np.ndarray]) -> list[float]:
    """Return the inner products of results with fixed random vectors."""
    flat = np.concatenate([np.asarray(r, np.float64).ravel() for r in results]) if results else np.zeros(0)
    flat = np.clip(np.where(np.isfinite(flat), flat, 0.0), -1e30, 1e30)
    vectors = np.random.default_rng(flat.size).standard_normal((PROJECTIONS, flat.size))
    return [float(f"{p:.7g}") for p in vectors @ flat / max(1, flat.size) ** 0.5]


def _holes(results: list[np.ndarray]) -> int:
    kinds = [np.isnan(r) + 2 * np.isposinf(r) + 4 * np.isneginf(r) for r in results if r.dtype.kind == "f"]
    return zlib.crc32(b"".join(k.astype(np.uint8).tobytes() for k in kinds))


def outcome(ran: Ran, right: list[np.ndarray] | None, wrong: bool) -> Outcome | None:
    """Return what a case did, in a few numbers; None if it is right.

    right : the results expected; `wrong` says whether those that came out differ
    """
    if ran.error is not None:
        code, facts = ran.error
        return ["error", code, facts.get("kind", ""), "" if code == "not-run" else facts.get("message", "")]
    if ran.fault is not None:
        return ["fault", ran.fault["signature"]]
    if ran.changed is not None:
        return ["changed", ran.changed[0]]
    if not wrong or ran.outputs is None:
        return None
    if right is None or len(right) != len(ran.outputs) or any(
        r.shape != o.shape for r, o in zip(right, ran.outputs, strict=True)
    ):  # fmt: skip
        return ["shape", *[list(o.shape) for o in ran.outputs]]
    if any(o.dtype.kind not in "fiub" for o in ran.outputs):
        return ["text", *[o.tolist() for o in ran.outputs]]
    return ["values", projections(ran.outputs), _holes(ran.outputs)]


def figures_outcome(ran: Ran) -> Outcome:
    """Return what a right solution moves, in a few numbers."""
    keys = (
        "load_sectors",
        "store_sectors",
        "atomics",
        "barriers",
        "shared_accesses",
        "shared_passes",
        "workers",
        "launches",
    )
    return ["figures", *[ran.figures.get(key, 0) for key in keys]]


def same(a: Outcome | None, b: Outcome | None, right: list[float] | None) -> bool:
    """Return whether two outcomes are of the same mistake.

    right : the right result's projections, for results
    """
    if a is None or b is None or a[0] != b[0]:
        return False
    if a[0] != "values":
        return a == b
    if a[2] != b[2]:
        return False
    p, q, r = (np.asarray(v, np.float64) for v in (a[1], b[1], right or b[1]))
    spread = max(float(np.abs(q - r).max()), 1e-6 * float(np.abs(q).max()), 1e-12)
    return bool(np.abs(p - q).max() <= CLOSE * spread)


def recognised(
    outcomes: list[Outcome | None], mistakes: dict[str, dict[str, Any]], rights: list[list[float] | None], stage: str
) -> list[str]:
    """Return the sentences' names of the mistakes that a student's outcomes are those of.

    outcomes : of all cases, in order; `mistakes` of the exercise, with "says" and "outcomes"
    """
    failing = [k for k, o in enumerate(outcomes) if o is not None]
    found: dict[str, float] = {}
    for mistake in mistakes.values():
        theirs = mistake["outcomes"]
        if mistake["stage"] != stage or len(theirs) != len(outcomes):
            continue
        hits = sum(same(outcomes[k], theirs[k], rights[k]) for k in failing)
        share = hits / max(1, len(failing))
        if hits >= min(2, len(failing)) and share > 0.5:
            found[mistake["says"]] = max(share, found.get(mistake["says"], 0.0))
    best = max(found.values(), default=0.0)
    return [says for says, share in found.items() if share >= best]


# -- mistakes that any exercise may have -------------------------------------------------------------------------------


def generic(
    task: Task, case: Case, got: list[np.ndarray], right: list[np.ndarray]
) -> tuple[str, dict[str, Any]] | None:
    """Return the name of a general mistake that gives this result, and its facts.

    got, right : the results of one case, of the same shapes
    """
    for name, g, r in zip(task.result_names, got, right, strict=False):
        if r.dtype.kind != "f" or not wrong_cells(g, r, task.tolerance, case.kind == "extreme").any():
            continue
        found = _of_result(np.asarray(g, np.float64), np.asarray(r, np.float64))
        if found is not None:
            return found[0], {**found[1], "name": name}
    if got and case.kind != "extreme":
        for name, facts, make in _of_inputs(task, case):
            try:
                with np.errstate(all="ignore"):
                    other = make()
                others = [np.asarray(o, np.float64) for o in (other if isinstance(other, tuple) else [other])]
            except Exception:  # the reference does not take these inputs, or gives texts
                continue
            if len(others) != len(got):
                continue
            differs = [wrong_cells(o, np.asarray(r, np.float64), task.tolerance).any()
                       for o, r in zip(others, right, strict=True) if o.shape == r.shape]  # fmt: skip
            if any(differs) and all(_near(np.asarray(g, np.float64), o) for o, g in zip(others, got, strict=True)):
                return name, facts
    return None


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(
        np.allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max(initial=0)), equal_nan=True)
    )


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
    if r.ndim == 2 and r.shape[0] == r.shape[1] and _near(g, r.T):
        return "transposed", {}
    for axis in range(r.ndim):
        if r.shape[axis] > 2:
            if _near(g, np.flip(r, axis)):
                return "flipped", {"axis": axis}
            n = r.shape[axis]
            first, last = np.take(r, range(n - 1), axis), np.take(r, range(1, n), axis)
            mine, other = np.take(g, range(1, n), axis), np.take(g, range(n - 1), axis)
            if _near(mine, first) or _near(other, last):
                return "shifted", {"axis": axis}
    wrong = ~np.isclose(g, r, rtol=1e-3, atol=1e-5 * float(np.abs(r).max(initial=0)))
    for axis in range(r.ndim):
        if r.shape[axis] > 2 and wrong.any():
            where = np.unique(np.nonzero(wrong)[axis])
            if where.tolist() == [r.shape[axis] - 1]:
                return "last-column", {"axis": axis}
            if where.tolist() == [0]:
                return "first-column", {"axis": axis}
    return None


Mistakes = Iterator[tuple[str, dict[str, Any], Callable[[], Any]]]


def _of_inputs(task: Task, case: Case) -> Mistakes:
    """Yield results that the reference gives for inputs changed as a mistake changes them."""
    names = task.input_names
    exact = in_float64(case.inputs)
    arrays = [k for k, a in enumerate(exact) if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim]

    def with_(k: int, new: Any) -> Callable[[], Any]:
        return lambda: task.reference(*[new if j == k else a for j, a in enumerate(exact)])

    for j, k in [(j, k) for j in arrays for k in arrays if j < k and exact[j].shape == exact[k].shape]:
        other = list(exact)
        other[j], other[k] = exact[k], exact[j]
        yield "swapped", {"a": names[j], "b": names[k]}, lambda other=other: task.reference(*other)  # type: ignore[misc]
    for k in arrays:
        a = exact[k]
        yield "input-negated", {"a": names[k]}, with_(k, -a)
        yield "input-zero", {"a": names[k]}, with_(k, np.zeros_like(a))
        if a.shape[0] > 1:
            first, last = np.zeros_like(a), a.copy()
            first[0], last[-1] = a[0], 0
            yield "input-first", {"a": names[k]}, with_(k, first)
            yield "input-last", {"a": names[k]}, with_(k, last)
        for axis in range(a.ndim):
            yield "input-flipped", {"a": names[k], "axis": axis}, with_(k, np.flip(a, axis))


def matters(task: Task, case: Case, name: str) -> bool:
    """Return whether the right result changes with an array: a backward may be given a y that it can do without."""
    k = task.input_names.index(name)
    given, other = in_float64(case.inputs), in_float64(case.inputs)
    if not isinstance(given[k], np.ndarray) or given[k].dtype.kind != "f":
        return True
    other[k] = other[k] + 1
    with np.errstate(all="ignore"):
        results = [task.reference(*inputs) for inputs in (given, other)]
    one, two = ([np.asarray(r) for r in (x if isinstance(x, tuple) else (x,))] for x in results)
    return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, two, strict=True))


def in_float64(inputs: tuple[Any, ...]) -> list[Any]:
    """Return inputs with floating arrays copied to float64, others copied."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in inputs]
    return [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in copies]
