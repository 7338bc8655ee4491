"""The goals of this project on a GPU, and whether what was measured meets them: met, or missed by how much."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
NETWORKS = ("CIFAR", "ResNet", "VGG")  # how the names of their shapes begin
CONVS = {"conv2d": ("conv forward", 0.75), "conv2d_backward_data": ("conv dgrad", 0.6),
         "conv2d_backward_weights": ("conv wgrad", 0.6)}  # fmt: skip
OF_COPY = {"elementwise": "elementwise", "pool2d": "pooling", "updates": "optimizers", "reduce": "reductions"}
OF_EAGER = {"softmax": "softmax", "normalization": "norms"}


def goals(families: dict[str, list[Record]]) -> list[str]:
    """Return a line for each goal, from the records of the default rungs."""
    best = {family: defaults(records) for family, records in families.items()}
    said = [judged("SGEMM 4096 x 4096 x 4096", ratios(best.get("gemm", []), shape_is("4096 x 4096 x 4096")), 0.85,
                   "cuBLAS fp32")]  # fmt: skip
    for family, (name, goal) in CONVS.items():
        records = best.get(family, [])
        for network in NETWORKS:
            said.append(judged(f"{name}, {network}", ratios(records, begins(network)), goal, "cuDNN"))
        said.append(judged(f"{name}, all networks", ratios(records), goal, "cuDNN"))
    for family, name in OF_COPY.items():
        for way, wanted in ways(family):
            shares = [r["share"] for r in best.get(family, []) if r.get("share") and wanted(r)]
            said.append(judged(f"{name}{way}", shares, 0.9, "the copy's bandwidth"))
    for family, name in OF_EAGER.items():
        for way, wanted in ways(family):
            said.append(judged(f"{name}{way}", ratios(best.get(family, []), wanted), 1.0, "PyTorch eager"))
    for record in families.get("training", []):
        if record.get("ratio"):
            took = 1 / record["ratio"]
            verdict = "met" if took <= 1.5 else f"MISSED by {took / 1.5 - 1:.0%}"
            said.append(f"{record['shape']}: {took:.2f} x PyTorch eager's time; goal <= 1.5: {verdict}")
    if not ratios(families.get("training", [])):
        said.append("CIFAR CNN's step; goal <= 1.5 x PyTorch eager's time: not measured")
    return said


def judged(what: str, found: list[float], goal: float, of: str) -> str:
    """Return one line: the geometric mean of what was found, held to the goal."""
    if not found:
        return f"{what}; goal >= {goal:g} x {of}: not measured"
    mean = math.exp(sum(map(math.log, found)) / len(found))
    over = f", geometric mean of {len(found)} (worst {min(found):.2f})" if len(found) > 1 else ""
    verdict = "met" if mean >= goal else f"MISSED by {1 - mean / goal:.0%}"
    return f"{what}: {mean:.2f} x {of}{over}; goal >= {goal:g}: {verdict}"


def ways(family: str) -> list[tuple[str, Callable[[Record], bool]]]:
    """Return the directions that are judged apart, and which records are of each; an update has one."""
    if family == "updates":
        return [("", lambda r: True)]
    return [(" forward", lambda r: "_backward" not in r["op"]), (" backward", lambda r: "_backward" in r["op"])]


def shape_is(shape: str) -> Callable[[Record], bool]:
    return lambda r: r["shape"] == shape


def begins(network: str) -> Callable[[Record], bool]:
    return lambda r: r["shape"].startswith(network)


def defaults(records: list[Record]) -> list[Record]:
    """Return the records of the rungs that run when none is asked for."""
    return [record for record in records if record.get("default")]


def ratios(records: list[Record], wanted: Callable[[Record], bool] = lambda r: True) -> list[float]:
    """Return PyTorch's time over ours, where both were measured."""
    return [r["ratio"] for r in records if r.get("ratio") and wanted(r)]
