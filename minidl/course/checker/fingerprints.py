"""From what went wrong to the mistake behind it.

Of each wrong solution that has a sentence of its own, what it does on each public case is kept in a few numbers: the
projections of its result on fixed random vectors, the signature of its fault, its error, or what it moves. A student's
file that does the same on the cases that it fails has made the same mistake, however it is written. The numbers are a
few hundred bytes an exercise, and no solution can be read from them.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from minidl.course.checker.running import Ran

PROJECTIONS = 4
CLOSE = 1e-3  # of the distance between the mistake and the right result
Outcome = list[Any]


def projections(results: list[np.ndarray]) -> np.ndarray:
    """Return the inner products of results with fixed random vectors; 0 for texts."""
    if not results or any(r.dtype.kind not in "fiub" for r in results):
        return np.zeros(PROJECTIONS)
    flat = np.concatenate([np.asarray(r, np.float64).ravel() for r in results])
    flat = np.clip(np.where(np.isfinite(flat), flat, 0.0), -1e30, 1e30)
    vectors = np.random.default_rng(flat.size).standard_normal((PROJECTIONS, flat.size))
    return vectors @ flat / max(1, flat.size) ** 0.5


def _short(numbers: np.ndarray) -> list[float]:
    return [float(f"{n:.4g}") for n in numbers]


def _holes(results: list[np.ndarray]) -> int:
    kinds = [np.isnan(r) + 2 * np.isposinf(r) + 4 * np.isneginf(r) for r in results if r.dtype.kind == "f"]
    return zlib.crc32(b"".join(k.astype(np.uint8).tobytes() for k in kinds)) if any(k.any() for k in kinds) else 0


def outcome(ran: Ran, right: list[np.ndarray] | None, wrong: bool) -> Outcome | None:
    """Return what a case did, in a few numbers; None if it is right.

    right : the results expected; `wrong` says whether those that came out differ
    """
    if ran.error is not None:
        code, facts = ran.error
        return ["error", code, facts.get("kind", ""), "" if code == "not-run" else facts.get("message", "")]
    if ran.fault is not None:
        return ["fault", zlib.crc32(ran.fault["signature"].encode())]
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
    return ["values", _short(projections(ran.outputs) - projections(right)), _holes(ran.outputs)]


def figures_outcome(ran: Ran) -> Outcome:
    """Return what a right solution moves, in a few numbers."""
    keys = ("load_sectors", "store_sectors", "atomics", "barriers", "shared_accesses", "shared_passes", "workers",
            "launches")  # fmt: skip
    return ["figures", *[ran.figures.get(key, 0) for key in keys]]


def same(a: Outcome | None, b: Outcome | None, right: np.ndarray) -> bool:
    """Return whether two outcomes are of the same mistake.

    right : the right result's projections: what rounding may change is measured by them
    """
    if a is None or b is None or a[0] != b[0] or a[0] != "values":
        return a is not None and a == b
    p, q = (np.asarray(v[1], np.float64) for v in (a, b))
    if p.shape != q.shape:  # of a file that was generated otherwise
        return False
    near = max(CLOSE * float(np.abs(q).max()), 1e-9 * float(np.abs(q + right).max()), 1e-15)
    return bool(a[2] == b[2] and np.abs(p - q).max() <= near)


def recognised(
    outcomes: list[Outcome | None], mistakes: dict[str, dict[str, Any]], rights: list[np.ndarray], stage: str
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
        if hits >= min(2, len(failing)) and hits > 0.5 * len(failing):
            either = sum(o is not None or their is not None for o, their in zip(outcomes, theirs, strict=True))
            found[mistake["says"]] = max(hits / either, found.get(mistake["says"], 0.0))
    best = max(found.values(), default=0.0)
    return [says for says, share in found.items() if share >= best]
