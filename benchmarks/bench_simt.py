"""Speed and memory of the SIMT machine, beside Numba's own simulator.

    python benchmarks/bench_simt.py

One run prints: a 64 x 64 x 64 tiled product (16 x 16 threads a block) with all checks on, against the same kernel on
Numba's simulator; how time and memory grow from 64 to 512; and the memory of a grid of ten million threads. Each
figure comes from a process of its own, so that its peak memory is its own too. Takes about a minute. Then what the
checks of a histogram cost, as a ratio to a launch without, and a vector addition without checks beside NumPy's own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run from a checkout, installed or not

from tests.bank.examples import EXAMPLES  # noqa: E402

CHECKS_GOAL = 3  # times as long as without
GOAL = 500  # times faster than the simulator
THREADS = 10_000_000


def peak_megabytes() -> float:
    """The most memory that this process has held, in MB (getrusage counts in KB, on macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def on_simulator(size: int) -> dict[str, float]:
    """Seconds of one product on Numba's simulator."""
    case = EXAMPLES["matmul_square"](size, size, size)
    start = time.perf_counter()
    case.kernel[case.grid, case.block](*case.args)
    seconds = time.perf_counter() - start
    np.testing.assert_allclose(case.results()["c"], case.expected["c"], rtol=case.rtol, atol=case.atol)
    return {"seconds": seconds}


def on_machine(name: str, sizes: tuple[int, ...], repeats: int, checks: bool) -> dict[str, float]:
    """First and best seconds of an example on the SIMT machine, and this process' memory before and at most."""
    from cuda_kernels import simt

    case = EXAMPLES[name](*sizes)
    before = peak_megabytes()
    times = []
    for repeat in range(repeats):
        case = EXAMPLES[name](*sizes) if repeat else case  # a histogram adds to its output
        start = time.perf_counter()
        report = simt.launch(case.kernel, case.grid, case.block, *case.args, checks=checks)
        times.append(time.perf_counter() - start)
    if report.faults:
        raise SystemExit(f"{name}{sizes}: unexpected faults: {report.faults[0]}")
    for output, result in case.results().items():
        np.testing.assert_allclose(result, case.expected[output], rtol=case.rtol, atol=case.atol)
    return {"first": times[0], "best": min(times), "before": before, "peak": peak_megabytes()}


def in_numpy(size: int) -> dict[str, float]:
    """Best seconds of an addition of two arrays."""
    a, out = np.ones(size, np.float32), np.zeros(size, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        np.add(a, a, out=out)
        times.append(time.perf_counter() - start)
    return {"seconds": min(times)}


def in_own_process(*arguments: object, simulator: bool = False) -> dict[str, float]:
    """Run this file again with arguments, and read the figures that it prints."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": str(int(simulator)), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    """Print all figures."""
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"NumPy {np.__version__}, Numba {numba.__version__}\n")

    simulator = in_own_process("simulator", 64, simulator=True)["seconds"]
    machine = in_own_process("machine", "matmul_square", 64, 64, 64, "--repeats", 20)
    ratio = simulator / machine["best"]
    print("64 x 64 x 64 tiled product, 16 x 16 threads a block")
    print(f"  Numba's simulator          {simulator:8.2f} s")
    first = f"({1e3 * machine['first']:.0f} ms the first time)"
    print(f"  SIMT machine, all checks   {1e3 * machine['best']:8.2f} ms   {first}")
    print(f"  ratio                      {ratio:8.0f} x    (goal: {GOAL} x)\n")

    print("growth of the product: best of 3 with all checks, and without; peak memory of the process with checks")
    for size in (64, 128, 256, 512):
        repeats = ("--repeats", 3 if size < 512 else 1)
        checked = in_own_process("machine", "matmul_square", size, size, size, *repeats)
        plain = in_own_process("machine", "matmul_square", size, size, size, *repeats, "--no-checks")
        print(
            f"  {size:>4}  {checked['best']:8.3f} s  {plain['best']:8.3f} s unchecked  {checked['peak']:7.0f} MB "
            f"(of which {checked['before']:.0f} before the launch)"
        )

    print(f"\nwhat the checks cost: a histogram of 2**20 values (goal: {CHECKS_GOAL} x at most)")
    for name in ("histogram_atomic", "histogram_shared"):
        checked = in_own_process("machine", name, 2**20, "--repeats", 5)["best"]
        plain = in_own_process("machine", name, 2**20, "--repeats", 5, "--no-checks")["best"]
        print(f"  {name}: {1e3 * checked:.1f} ms against {1e3 * plain:.1f} ms, {checked / plain:.1f} x")

    plain = in_own_process("machine", "vector_add", 2**22, "--repeats", 5, "--no-checks")["best"]
    numpys = in_own_process("numpy", 2**22)["seconds"]
    print(f"\nvector addition of 2**22 without checks: {1e3 * plain:.1f} ms, {plain / numpys:.0f} x NumPy's own")

    print(f"\na grid of {THREADS:,} threads (vector addition)")
    for label, flags in (("all checks", ()), ("no checks", ("--no-checks",))):
        grid = in_own_process("machine", "vector_add", THREADS, "--repeats", 1, *flags)
        print(f"  {label}: {grid['best']:.2f} s, peak {grid['peak']:.0f} MB, {grid['before']:.0f} before the launch")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="for the processes that this file starts itself")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--no-checks", action="store_true")
    options = parser.parse_args()
    if not options.what:
        main()
    elif options.what[0] == "numpy":
        print(json.dumps(in_numpy(int(options.what[1]))))
    elif options.what[0] == "simulator":
        print(json.dumps(on_simulator(int(options.what[1]))))
    else:
        sizes = tuple(map(int, options.what[2:]))
        print(json.dumps(on_machine(options.what[1], sizes, options.repeats, not options.no_checks)))
