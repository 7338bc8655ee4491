"""The roofline of this machine: how many operations and bytes a second it can do at most, measured once.

    attainable FLOP/s = min(peak, operations per byte * bandwidth)

Source of the model: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices.facts import DEVICES
from minidl.errors import unknown_name
from minidl.lens.texts import amount
from minidl.lens.timing.costs import Cost
from minidl.lens.timing.machines import last_cache_bytes, machine

GEMM_SIZES = (512, 1024)
IN_CACHE = 128 << 10  # bytes of each array of the copy inside the caches
COPY_AT_LEAST = 64 << 20  # bytes of each array of the copy through memory
ROUNDS = 7


class Roofline(NamedTuple):
    """The two limits of a device. `cache_bytes_per_second` holds for arrays that fit in `cache_bytes` together.

    Bytes count twice in a copy: once read, once written.
    """

    device: str
    flops: float
    bytes_per_second: float
    cache_bytes_per_second: float
    cache_bytes: int
    source: str

    @property
    def ridge(self) -> float:
        """Operations a byte from which on the arithmetic is the limit."""
        return self.flops / self.bytes_per_second

    def bandwidth(self, nbytes: int) -> float:
        """Return the bytes a second for arrays of so many bytes together."""
        return self.cache_bytes_per_second if nbytes <= self.cache_bytes else self.bytes_per_second

    def attainable(self, intensity: float) -> float:
        """Return the most FLOP/s with so many operations a byte, when the bytes come from memory."""
        return min(self.flops, intensity * self.bytes_per_second)

    def least_seconds(self, cost: Cost, cold: bool = False) -> float:
        """Return the seconds that nothing on this device can be faster than; 0.0 where nothing is known.

        `cold`: as if all bytes came from memory and went back there, though the caches could hold them.

        >>> Roofline("example", 1e12, 1e11, 1e11, 0, "made up").least_seconds(Cost(2000, 400, "")) == 400 / 1e11
        True
        """
        bandwidth = self.bytes_per_second if cold else self.bandwidth(cost.nbytes)
        return max((cost.flops or 0) / self.flops, cost.nbytes / bandwidth)

    def limit(self, cost: Cost, cold: bool = False) -> str:
        """Return which roof limits an op: "arithmetic", "memory" or "cache"."""
        if (cost.flops or 0) / self.flops >= self.least_seconds(cost, cold):
            return "arithmetic"
        return "memory" if cold or cost.nbytes > self.cache_bytes else "cache"

    def __str__(self) -> str:
        return f"{self.device}: {self.limits()}"

    def limits(self) -> str:
        """Return the two limits and where they come from, without the device's name."""
        cache = ""
        if self.cache_bytes:
            cache = f" ({amount(self.cache_bytes_per_second, 'B/s')} within {amount(self.cache_bytes, 'B')} of cache)"
        return f"{amount(self.flops, 'FLOP/s')}, {amount(self.bytes_per_second, 'B/s')}{cache}; {self.source}"


_MEASURED: dict[str, Roofline] = {}


def roofline(device: str = "cpu", again: bool = False) -> Roofline:
    """Return the roofline of "cpu" or "cuda", measured on this machine once, or of a GPU's datasheet by its name.

    Parameters
    ----------
    device : "cpu", "cuda", or a name in `cuda_kernels.simt.GPUS`, such as "H100 SXM"
    again : measure once more, and keep the higher of the two: another program may have been in the way

    Raises
    ------
    BackendError : "cuda" without a GPU; UnknownNameError : no such device

    >>> roofline("T4").flops, roofline("T4").source
    (8100000000000.0, 'NVIDIA T4 datasheet, 2019')
    """
    from cuda_kernels.simt import GPUS

    if device in GPUS:
        gpu = GPUS[device]
        return Roofline(gpu.name, gpu.flops, gpu.bytes_per_second, gpu.bytes_per_second, 0, gpu.source)
    if device not in ("cpu", "cuda"):
        raise unknown_name("device", device, ["cpu", "cuda", *GPUS])
    if device not in _MEASURED or again:
        found = _measure_cpu() if device == "cpu" else _measure_gpu()
        before = _MEASURED.get(device, found)
        _MEASURED[device] = found._replace(
            flops=max(found.flops, before.flops),
            bytes_per_second=max(found.bytes_per_second, before.bytes_per_second),
            cache_bytes_per_second=max(found.cache_bytes_per_second, before.cache_bytes_per_second),
        )
    return _MEASURED[device]


def _measure_cpu() -> Roofline:
    cache = last_cache_bytes()
    size = max(COPY_AT_LEAST, 2 * cache)
    workers = machine().cores
    through_memory = max(_copy_rate(size, 1, 1), _copy_rate(size, workers, 1))
    in_cache = max(_copy_rate(IN_CACHE, 1, 200), workers * _copy_rate(IN_CACHE, 1, 200), through_memory)
    flops = max(gemm_rate(size) for size in GEMM_SIZES)
    source = f"the best of {ROUNDS} products (n = {GEMM_SIZES[-1]}) and copies ({amount(size, 'B')}), measured here"
    return Roofline(str(machine()), flops, through_memory, in_cache, cache, source)


def gemm_rate(n: int) -> float:
    """FLOP/s of NumPy's product of two matrices of n × n, the best of some: other programs run too."""
    a, b = (np.random.default_rng(n).standard_normal((n, n), np.float32) for _ in range(2))
    out = np.empty_like(a)
    np.matmul(a, b, out=out)
    return 2 * n**3 / _best(lambda: np.matmul(a, b, out=out))


def _copy_rate(nbytes: int, workers: int, times: int) -> float:
    """Bytes read and written a second by copying arrays of `nbytes`, cut into a piece for each worker."""
    source = np.ones(nbytes // 4, np.float32)
    target = np.zeros_like(source)  # written once, so that its pages are there
    pieces = list(zip(np.array_split(target, workers), np.array_split(source, workers), strict=True))

    def copy(piece: tuple[np.ndarray, np.ndarray]) -> None:
        for _ in range(times):
            np.copyto(*piece)

    if workers == 1:
        return 2 * nbytes * times / _best(lambda: copy(pieces[0]))
    with ThreadPoolExecutor(workers) as pool:
        return 2 * nbytes * times / _best(lambda: list(pool.map(copy, pieces)))


def _best(run: Any) -> float:
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return min(found)


# Cores for float32 in a multiprocessor, by compute capability (CUDA C++ Programming Guide, "Arithmetic Instructions").
_CORES = {(7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64}


def _measure_gpu() -> Roofline:
    """Copies are measured; the arithmetic's peak is clock × cores × 2: our own gemm would be no limit for itself."""
    DEVICES["cuda"].require()
    from cuda_kernels._cuda import cuda

    device = cuda.get_current_device()
    cores = device.MULTIPROCESSOR_COUNT * _CORES.get(tuple(device.compute_capability), 128)
    count = 64 << 20
    source, target = (cuda.device_array(count, np.float32) for _ in range(2))
    times = []
    for _ in range(ROUNDS + 1):
        before, after = cuda.event(), cuda.event()
        before.record()
        target.copy_to_device(source)
        after.record()
        after.synchronize()
        times.append(cuda.event_elapsed_time(before, after) / 1e3)
    rate = 2 * 4 * count / min(times[1:])
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    text = "float32 by clock and cores, the best of some copies measured here"
    return Roofline(name, 2e3 * cores * device.CLOCK_RATE, rate, 4 * rate, int(device.L2_CACHE_SIZE), text)
