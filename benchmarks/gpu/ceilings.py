"""What this GPU can do at best, measured in the same run: bandwidth of copies, rate of FMAs, rate of tensor cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.launch import launch, multiprocessors

from .peers import on_cupy, on_torch
from .timing import Clock

THREADS = 256
ROUNDS = 2048  # of 16 FMAs each


@cuda.jit
def triad(x, y, z, factor, size):
    """Z = x + factor y."""
    i = cuda.grid(1)
    if i < size:
        z[i] = x[i] + factor * y[i]


@cuda.jit
def multiply_add(out, factor, rounds):
    """Eight chains of FMAs in registers, and nothing else: 16 a round."""
    i = cuda.grid(1)
    a0 = float32(i)
    a1 = a0 + float32(1)
    a2 = a0 + float32(2)
    a3 = a0 + float32(3)
    a4 = a0 + float32(4)
    a5 = a0 + float32(5)
    a6 = a0 + float32(6)
    a7 = a0 + float32(7)
    for _ in range(rounds):
        a0 = a0 * factor + a1
        a1 = a1 * factor + a2
        a2 = a2 * factor + a3
        a3 = a3 * factor + a4
        a4 = a4 * factor + a5
        a5 = a5 * factor + a6
        a6 = a6 * factor + a7
        a7 = a7 * factor + a0
        a0 = a0 * factor + a4
        a1 = a1 * factor + a5
        a2 = a2 * factor + a6
        a3 = a3 * factor + a7
        a4 = a4 * factor + a0
        a5 = a5 * factor + a1
        a6 = a6 * factor + a2
        a7 = a7 * factor + a3
    out[i] = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7


def measure_bandwidth(clock: Clock, size: int = 1 << 27) -> dict[str, float]:
    """Return GB/s, bytes read and written counted: copies of 512 MB by all who can, and a triad; the best is "copy"."""
    x, y, z = (cuda.device_array((size,), np.float32) for _ in range(3))
    for array in (x, y):
        cuda.cudadrv.driver.device_memset(array, 0, 4 * size)
    grid = -(-size // THREADS)
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "driver's copy": (8, lambda: z.copy_to_device(x)),
        "triad": (12, lambda: launch(triad, grid, THREADS, x, y, z, 0.5, size)),
    }
    if torch := on_torch.torch():
        one, other = (torch.zeros(size, device="cuda") for _ in range(2))
        ways["PyTorch's copy"] = (8, lambda: other.copy_(one))
    if cupy := on_cupy.cupy():
        source, target = (cupy.zeros(size, cupy.float32) for _ in range(2))
        ways["CuPy's copy"] = (8, lambda: cupy.copyto(target, source))
    rates = {name: nbytes * size / clock.time(run).us / 1e3 for name, (nbytes, run) in ways.items()}
    return {**rates, "copy": max(rates.values())}


def measure_fma(clock: Clock) -> dict[str, float]:
    """Return GFLOP/s of fused multiply-adds in registers, two operations each."""
    blocks = 16 * multiprocessors(None)
    out = cuda.device_array((blocks * THREADS,), np.float32)
    best = 0.0
    for rounds in (ROUNDS, 2 * ROUNDS):
        times = clock.time(lambda rounds=rounds: launch(multiply_add, blocks, THREADS, out, 0.5, rounds))  # type: ignore[misc]
        best = max(best, 2 * 16 * rounds * blocks * THREADS / times.us / 1e3)
    return {"fp32": best}


def measure(clock: Clock) -> dict[str, Any]:
    """Return all ceilings, and in "missing" what could not be measured and why."""
    found: dict[str, Any] = {**measure_bandwidth(clock), **measure_fma(clock)}
    missing = [why for why in (on_torch.why_none(), on_cupy.why_none()) if why]
    if missing:
        found["missing"] = f"peers that no kernel is timed beside: {'; '.join(missing)}"
    if on_torch.why_none():
        found["missing"] += "; so no ceilings of TF32 and bf16, which PyTorch's product shows"
        return found
    for name in ("tf32", "bf16"):
        run, flops = on_torch.product(on_torch.torch(), 8192, name)
        found[name] = flops / clock.time(run).us / 1e3
    return found
