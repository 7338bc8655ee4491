"""A few GPUs by their datasheets, and the roofline bound that a launch's figures have on each.

Source of the model: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .report import Figures


@dataclass(frozen=True)
class Gpu:
    """Peak float32 rate in FLOP/s (CUDA cores, not tensor cores), memory bandwidth in bytes/s, and the source."""

    name: str
    flops: float
    bytes_per_second: float
    source: str


GPUS: dict[str, Gpu] = {
    g.name: g
    for g in (
        Gpu("T4", 8.1e12, 320e9, "NVIDIA T4 datasheet, 2019"),
        Gpu("RTX 3060", 12.7e12, 360e9, "NVIDIA GeForce RTX 3060 specifications, 2021"),
        Gpu("RTX 4090", 82.6e12, 1008e9, "NVIDIA Ada GPU architecture whitepaper, 2022"),
        Gpu("A100 40GB", 19.5e12, 1555e9, "NVIDIA A100 datasheet, 2020"),
        Gpu("H100 SXM", 67e12, 3350e9, "NVIDIA H100 datasheet, 2023"),
        Gpu("H200", 67e12, 4800e9, "NVIDIA H200 datasheet, 2023"),
    )
}


def roofline(figures: Figures, gpu: str = "H100 SXM") -> dict[str, Any]:
    """The most FLOP/s that `gpu` could reach with these figures, and which roof limits it.

    attainable = min(peak, operations_per_byte * bandwidth). No cache is modelled: sectors that a cache would serve
    count as moved, so the bound is that of a GPU without caches; a real one may be faster where data is used again.

    Raises ValueError for a GPU that is not in `GPUS`.
    """
    if gpu not in GPUS:
        raise ValueError(f"roofline: unknown GPU {gpu!r}. Known: {', '.join(GPUS)}.")
    g = GPUS[gpu]
    intensity = figures.operations_per_byte
    ridge = g.flops / g.bytes_per_second
    attainable = min(g.flops, intensity * g.bytes_per_second)
    moved = 32 * figures.global_sectors
    return {
        "gpu": g.name,
        "peak_flops": g.flops,
        "bandwidth": g.bytes_per_second,
        "ridge": ridge,
        "operations_per_byte": intensity,
        "attainable_flops": attainable,
        "bound": "memory" if intensity < ridge else "compute",
        "least_seconds": max(figures.flops / g.flops, moved / g.bytes_per_second),
        "source": g.source,
    }
