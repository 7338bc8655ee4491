"""Compiled kernels on the processor: how fast they are, as ratios, each measured in one run with what it is held to.

    python benchmarks/bench_ptx.py            (or: make bench-ptx)

Needs NVIDIA's compilers (`pip install "minidl[ptx]"`). The sides of a ratio take turns of 0.2 s, and each counts
with its best time, so that a busy computer disturbs all alike; behind it stands the ratio of this process' own
processor time, which does not count what other programs took (but what NumPy's threads spend on waiting). Before each
turn is a rest: OpenBLAS' threads look for work for some 25 ms after a product, and would take a core from whoever comes
next. The first run compiles, for some minutes.

- gemm r7, its best float32 rung for one product of this size, 512 x 512 x 512: beside the SIMT machine without checks
  (once), and beside NumPy's `a @ b` with as many threads.
- The checked build beside the unchecked one: gemm, and LeNet's second convolution, forward and both gradients.
- Warm start: in a fresh process with everything imported, from the call that launches gemm r7 at 64 x 64 x 64 to its
  end; PTX and machine code come from the disk. Finding the kernel in the cache, loading it, threads, the launch itself:
  all counted. Importing Python modules is not.
- A training step, everything on `ptx` and everything on `numpy`: LeNet-5 with batch 32, and the CIFAR CNN of the
  articles (see bench_cpu.py) with batch 32; unchecked, and the checked build beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(CORES)  # before NumPy is imported
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run from a checkout, installed or not

import numpy as np  # noqa: E402

from cuda_kernels import ladder, ptx, simt  # noqa: E402

REST, TURN = 0.05, 0.2  # seconds: between two sides, until BLAS threads sleep; of a side
GOALS = {"simt": 200, "numpy": 0.25, "checked": 2, "warm": 20, "LeNet-5": 3, "CIFAR CNN": 4}


class Time(NamedTuple):
    """Seconds by the clock, and seconds of this process on all cores."""

    wall: float
    own: float


def timed(run: Callable[[], Any]) -> Time:
    wall, own = time.perf_counter(), time.process_time()
    run()
    return Time(time.perf_counter() - wall, time.process_time() - own)


def best(sides: dict[str, Callable[[], Any]], seconds: float = 6) -> dict[str, Time]:
    """Each side's shortest times: they take turns until the seconds are up, four turns at least."""
    for run in sides.values():
        run()
    found = dict.fromkeys(sides, Time(float("inf"), float("inf")))
    end, turns = time.monotonic() + seconds, 0
    while turns < 4 or time.monotonic() < end:
        turns += 1
        for name, run in sides.items():
            time.sleep(REST)
            turn = time.monotonic() + TURN
            while time.monotonic() < turn:
                found[name] = Time(*map(min, found[name], timed(run)))
    return found


def launches(run: Callable[[], Any]) -> list[tuple[Any, ...]]:
    """What a rung launches: kernel, grid, block, arguments, shared bytes of each."""
    original, seen = ptx.launch, []

    def note(kernel: Any, grid: Any, block: Any, *args: Any, shared_bytes: int = 0, **options: Any) -> None:
        seen.append((kernel, grid, block, args, shared_bytes))
        original(kernel, grid, block, *args, shared_bytes=shared_bytes, **options)

    ptx.launch = note
    try:
        run()
    finally:
        ptx.launch = original
    return seen


def again(seen: list[tuple[Any, ...]], checks: bool) -> Callable[[], None]:
    """These launches once more."""

    def run() -> None:
        for kernel, grid, block, args, shared in seen:
            ptx.launch(kernel, grid, block, *args, shared_bytes=shared, checks=checks)

    return run


def cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is run checked and unchecked: a name, and the rung's call."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(32, 12, 12, 6)).astype("f"), rng.normal(size=(5, 5, 6, 16)).astype("f")
    dy = rng.normal(size=(32, 8, 8, 16)).astype("f")
    calls = {
        "conv2d": (x, w),
        "conv2d_backward_data": (dy, w, x.shape),
        "conv2d_backward_weights": (x, dy, w.shape),
    }
    for op, args in calls.items():
        rung = ladder.rung(op)
        yield f"{op} {rung.name.split('_')[0]}", lambda rung=rung, args=args: rung.run(*args, on="ptx")


def gemm() -> None:
    n = 512
    a, b = np.random.default_rng(0).normal(size=(2, n, n)).astype("f")
    rung = ladder.rung("gemm", "r7")
    seen = launches(lambda: rung.run(a, b, on="ptx"))
    ((kernel, grid, block, args, _),) = seen
    times = best({"compiled": again(seen, False), "checked": again(seen, True), "numpy": lambda: a @ b})
    machine = timed(lambda: simt.launch(kernel, grid, block, *args, checks=False))
    row(f"gemm {rung.name.split('_')[0]} {n}^3, beside the SIMT machine", machine, times["compiled"], "simt", True)
    row("beside NumPy's a @ b", times["numpy"], times["compiled"], "numpy", True)
    row("checked beside unchecked", times["checked"], times["compiled"], "checked", False)
    print(f"  {2e-9 * n**3 / times['compiled'].wall:.0f} GFLOP/s; NumPy {2e-9 * n**3 / times['numpy'].wall:.0f}")


def row(name: str, other: Time, mine: Time, goal: str, at_least: bool) -> None:
    """One line: both times by the clock, their ratio, that of this process' own time, the goal."""
    ratio, own, aim = other.wall / mine.wall, other.own / mine.own, GOALS[goal]
    missed = "" if (ratio >= aim if at_least else ratio <= aim) else "  MISSED"
    sign = ">=" if at_least else "<="
    print(
        f"{name:52}{1e3 * other.wall:9.2f} /{1e3 * mine.wall:8.2f} ms = {ratio:7.2f}  (own time {own:7.2f})"
        f"  goal {sign} {aim}{missed}",
        flush=True,
    )


def checked() -> None:
    for name, run in cases():
        try:
            seen = launches(run)
        except Exception as error:
            print(f"{name:48} not measured: {type(error).__name__}: {str(error)[:60]}")
            continue
        times = best({"unchecked": again(seen, False), "checked": again(seen, True)}, 2)
        row(f"{name}, checked beside unchecked", times["checked"], times["unchecked"], "checked", False)


def warm(rounds: int) -> None:
    found = []
    for _ in range(rounds + 1):  # the first fills the cache
        done = subprocess.run([sys.executable, __file__, "--warm"], capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    wall, own = (min(f[k] for f in found[1:]) for k in ("wall", "own"))
    missed = "" if wall <= GOALS["warm"] else "  MISSED"
    name = "warm start of a cached kernel"
    print(f"{name:48}{wall:10.2f} ms ({own:.2f} of this process)   goal <= {GOALS['warm']}{missed}")


def warm_once() -> None:
    """What a fresh process needs from the launch to its end."""
    import cuda_kernels.compile.refusals  # noqa: F401

    rung = ladder.rung("gemm", "r7")
    a = np.ones((64, 64), "f")
    own, wall = time.process_time(), time.perf_counter()
    rung.run(a, a, on="ptx")
    print(json.dumps({"wall": 1e3 * (time.perf_counter() - wall), "own": 1e3 * (time.process_time() - own)}))


def steps() -> None:
    import minidl
    from cuda_kernels.launch import ptx_options
    from minidl import layers, models

    def cifar() -> Any:
        conv = {"activation": "relu"}
        return models.Sequential([
            layers.Input((32, 32, 3)), layers.Conv2D(32, 3, **conv), layers.MaxPooling2D(),
            layers.Conv2D(64, 3, **conv),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ])  # fmt: skip

    from minidl.applications import LeNet5

    rng = np.random.default_rng(0)
    for name, build, shape in (("LeNet-5", LeNet5, (28, 28, 1)), ("CIFAR CNN", cifar, (32, 32, 3))):
        x, y = rng.random((32, *shape), np.float32), rng.integers(0, 10, 32)

        def on(
            backend: str, checks: bool = False, build: Callable[[], Any] = build, x: Any = x, y: Any = y
        ) -> Callable[[], None]:
            with minidl.using(backend):
                model = build()
                model.compile("adam", "sparse_categorical_crossentropy")

            def run() -> None:
                with minidl.using(backend), ptx_options(checks=checks):
                    model.train_on_batch(x, y)

            return run

        times = best({"ptx": on("ptx"), "checked": on("ptx", checks=True), "numpy": on("numpy")}, 15)
        row(f"{name}, a step of 32 on ptx beside numpy", times["ptx"], times["numpy"], name, False)
        row(f"{name}, checked beside unchecked", times["checked"], times["ptx"], "checked", False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warm", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=("gemm", "checked", "warm", "steps"), help="one part alone")
    options = parser.parse_args()
    if ptx.missing():
        sys.exit(f"bench-ptx: {ptx.missing()}.")
    if options.warm:
        warm_once()
        return
    print(f"{CORES} cores")
    parts = {"gemm": gemm, "checked": checked, "warm": lambda: warm(8), "steps": steps}
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
