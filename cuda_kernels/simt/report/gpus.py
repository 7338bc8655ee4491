"""A few GPUs by their datasheets, the roofline bound that a launch's figures have on each, and the blocks it holds.

Threads, blocks and bytes of shared memory that one multiprocessor holds: NVIDIA, CUDA C++ Programming Guide, "Compute
Capabilities", "Technical Specifications per Compute Capability"; the system takes 1 KB of each block's since 8.0.

The roofline: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .report import Figures


@dataclass(frozen=True)
class Gpu:
    """Peak float32 rate in FLOP/s (CUDA cores, not tensor cores), memory bandwidth in bytes/s, and the source.

    multiprocessors, and what each holds: threads, blocks, bytes of shared memory
    """

    name: str
    flops: float
    bytes_per_second: float
    source: str
    multiprocessors: int
    threads: int
    blocks: int
    shared_bytes: int


GPUS: dict[str, Gpu] = {
    g.name: g
    for g in (
        Gpu("T4", 8.1e12, 320e9, "NVIDIA T4 datasheet, 2019", 40, 1024, 16, 64 * 1024),
        Gpu("RTX 3060", 12.7e12, 360e9, "NVIDIA GeForce RTX 3060 specifications, 2021", 28, 1536, 16, 100 * 1024),
        Gpu("RTX 4090", 82.6e12, 1008e9, "NVIDIA Ada GPU architecture whitepaper, 2022", 128, 1536, 24, 100 * 1024),
        Gpu("A100 40GB", 19.5e12, 1555e9, "NVIDIA A100 datasheet, 2020", 108, 2048, 32, 164 * 1024),
        Gpu("H100 SXM", 67e12, 3350e9, "NVIDIA H100 datasheet, 2023", 132, 2048, 32, 228 * 1024),
        Gpu("H200", 67e12, 4800e9, "NVIDIA H200 datasheet, 2023", 132, 2048, 32, 228 * 1024),
    )
}


def gpu_named(gpu: str, function: str) -> Gpu:
    """The GPU of this name. Raises ValueError, in the name of a function, for one that is not in `GPUS`."""
    if gpu not in GPUS:
        raise ValueError(f"{function}: unknown GPU {gpu!r}. Known: {', '.join(GPUS)}.")
    return GPUS[gpu]


def roofline(figures: Figures, gpu: str = "H100 SXM") -> dict[str, Any]:
    """The most FLOP/s that `gpu` could reach with these figures, and which roof limits it.

    attainable = min(peak, operations_per_byte * bandwidth). No cache is modelled: sectors that a cache would serve
    count as moved, so the bound is that of a GPU without caches; a real one may be faster where data is used again.

    Raises ValueError for a GPU that is not in `GPUS`.
    """
    g = gpu_named(gpu, "roofline")
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


def resident_blocks(gpu: Gpu, threads: int, shared_bytes: int) -> int:
    """How many blocks a GPU holds at a time, by their threads and shared memory (registers may allow fewer).

    >>> resident_blocks(GPUS["T4"], 256, 0), resident_blocks(GPUS["H100 SXM"], 1024, 100_000)
    (160, 264)
    """
    by_threads = gpu.threads // (-(-threads // 32) * 32)
    by_memory = gpu.shared_bytes // (shared_bytes + 1024) if shared_bytes else gpu.blocks
    return gpu.multiprocessors * max(1, min(gpu.blocks, by_threads, by_memory))
