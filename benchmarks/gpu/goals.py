"""The goals of this project on a GPU, and whether a run met them."""

from __future__ import annotations

import math
from typing import Any

Record = dict[str, Any]
FAST = {  # family -> (goal, of what): the default rungs' geometric mean over the family's shapes
    "conv2d": (0.75, "cuDNN"), "conv2d_backward_data": (0.6, "cuDNN"), "conv2d_backward_weights": (0.6, "cuDNN"),
    "elementwise": (0.9, "copy"), "pool2d": (0.9, "copy"), "updates": (0.9, "copy"), "reduce": (0.9, "copy"),
    "softmax": (1.0, "PyTorch eager"), "normalization": (1.0, "PyTorch eager"),
}  # fmt: skip


def goals(families: dict[str, list[Record]]) -> list[str]:
    """Return a line for each goal: met, not met, or why it cannot be said."""
    said = [
        _one("SGEMM 4096 x 4096 x 4096", 0.85, "cuBLAS fp32", _ratios(families.get("gemm", []), "4096 x 4096 x 4096"))
    ]
    for family, (goal, of) in FAST.items():
        records = families.get(family, [])
        found = _shares(records) if of == "copy" else _ratios(records)
        said.append(_one(family, goal, "the copy's bandwidth" if of == "copy" else of, found))
    steps = [1 / ratio for ratio in _ratios(families.get("training", []))]
    if steps:
        worst = max(steps)
        said.append(f"CIFAR CNN's step: {worst:.2f} x PyTorch eager's time; goal <= 1.5: {_met(worst <= 1.5)}")
    else:
        said.append("CIFAR CNN's step: goal <= 1.5 x PyTorch eager's time: not measured beside it")
    return said


def _one(what: str, goal: float, of: str, found: list[float]) -> str:
    if not found:
        return f"{what}: goal >= {goal:g} x {of}: not measured"
    mean = math.exp(sum(map(math.log, found)) / len(found))
    over = f", geometric mean of {len(found)} shapes" if len(found) > 1 else ""
    return f"{what}: {mean:.2f} x {of}{over}; goal >= {goal:g}: {_met(mean >= goal)}"


def _met(yes: bool) -> str:
    return "met" if yes else "NOT met"


def _defaults(records: list[Record]) -> list[Record]:
    """The first record of each op and shape: the default rung's."""
    first: dict[tuple[str, str], Record] = {}
    for record in records:
        first.setdefault((record.get("op", ""), record.get("shape", "")), record)
    return list(first.values())


def _ratios(records: list[Record], shape: str | None = None) -> list[float]:
    return [r["ratio"] for r in _defaults(records) if r.get("ratio") and shape in (None, r["shape"])]


def _shares(records: list[Record]) -> list[float]:
    return [r["share"] for r in _defaults(records) if r.get("share")]
