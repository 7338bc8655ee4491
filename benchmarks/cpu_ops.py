"""Time the ops of `cpu` beside PyTorch's: convolutions, pooling and dense of the CIFAR CNN and LeNet-5.

    python benchmarks/cpu_ops.py [--batch 128 32] [--threads 2] [--repeats 15]

Each library runs in a process of its own, because the waiting threads of one disturb the other; rounds alternate, and
the median of all repeats is shown. Without PyTorch its columns stay empty. PyTorch gets its own layout, (N, C, H, W).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

Timed = tuple[str, Callable[[], object]]

# name, op, x without the batch, w (R, S, C, K) or (D, U), needs dx
CASES = [
    ("CIFAR conv 3→32", "conv2d", (32, 32, 3), (3, 3, 3, 32), False),
    ("CIFAR max pool 30", "max_pool2d", (30, 30, 32), None, True),
    ("CIFAR conv 32→64", "conv2d", (15, 15, 32), (3, 3, 32, 64), True),
    ("CIFAR max pool 13", "max_pool2d", (13, 13, 64), None, True),
    ("CIFAR dense 2304→64", "dense", (2304,), (2304, 64), True),
    ("LeNet conv 1→6", "conv2d", (28, 28, 1), (5, 5, 1, 6), False),
    ("LeNet average pool 24", "average_pool2d", (24, 24, 6), None, True),
    ("LeNet conv 6→16", "conv2d", (12, 12, 6), (5, 5, 6, 16), True),
    ("LeNet dense 256→120", "dense", (256,), (256, 120), True),
    ("depthwise 3×3, 32", "depthwise_conv2d", (32, 32, 32), (3, 3, 32, 1), True),
    ("transposed 32→16, stride 2", "conv2d_transpose", (16, 16, 32), (3, 3, 16, 32), True),
    ("conv 1×1, 64→64", "conv2d", (16, 16, 64), (1, 1, 64, 64), True),
]


def numpy_case(op: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...] | None, needs_dx: bool) -> list[Timed]:
    import numpy as np

    from minidl.backends.table import load

    rng = np.random.default_rng(0)
    forward, backward = load(op, "cpu", "forward"), load(op, "cpu", "backward")
    arrays = [rng.normal(size=x_shape).astype(np.float32)]
    if w_shape is not None:
        outputs = {"conv2d_transpose": w_shape[-2], "depthwise_conv2d": w_shape[-2] * w_shape[-1]}
        arrays.append(rng.normal(size=w_shape).astype(np.float32))
        arrays.append(np.zeros(outputs.get(op, w_shape[-1]), np.float32))
    static = {"strides": (2, 2)} if op == "conv2d_transpose" else {}
    y, cache = forward(*arrays, **static)
    dy = rng.normal(size=y.shape).astype(np.float32)
    options = {} if w_shape is None else {"needs": (needs_dx, True, True)}
    return [
        ("forward", lambda: forward(*arrays, **static)),
        ("backward", lambda: backward(dy, cache, **options)),
    ]


def torch_case(op: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...] | None, needs_dx: bool) -> list[Timed]:
    import torch
    import torch.nn.functional as F

    x = torch.randn(x_shape) if len(x_shape) == 2 else torch.randn(x_shape[0], x_shape[3], *x_shape[1:3])
    x.requires_grad_(needs_dx)
    parameters = []
    if op == "dense":
        parameters = [torch.randn(w_shape[::-1]), torch.zeros(w_shape[1])]
    elif op == "depthwise_conv2d":
        parameters = [torch.randn(w_shape[2] * w_shape[3], 1, *w_shape[:2]), torch.zeros(w_shape[2] * w_shape[3])]
    elif op == "conv2d_transpose":
        parameters = [torch.randn(w_shape[3], w_shape[2], *w_shape[:2]), torch.zeros(w_shape[2])]
    elif op == "conv2d":
        parameters = [torch.randn(w_shape[3], w_shape[2], *w_shape[:2]), torch.zeros(w_shape[3])]
    for parameter in parameters:
        parameter.requires_grad_()
    functions = {
        "conv2d": F.conv2d,
        "dense": F.linear,
        "conv2d_transpose": lambda *a: F.conv_transpose2d(*a, stride=2),
        "depthwise_conv2d": lambda *a: F.conv2d(*a, groups=x_shape[-1]),
        "max_pool2d": lambda a: F.max_pool2d(a, 2),
        "average_pool2d": lambda a: F.avg_pool2d(a, 2),
    }
    function = functions[op]
    y = function(x, *parameters)
    dy = torch.randn_like(y)
    inputs = [t for t in (x, *parameters) if t.requires_grad]
    return [
        ("forward", lambda: function(x, *parameters)),
        ("backward", lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)),
    ]


def measure(library: str, batch: int, threads: int, repeats: int) -> dict[str, list[float]]:
    """Return milliseconds by "case direction"."""
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
    make = torch_case if library == "torch" else numpy_case
    times: dict[str, list[float]] = {}
    for name, op, x_shape, w_shape, needs_dx in CASES:
        for direction, run in make(op, (batch, *x_shape), w_shape, needs_dx):
            for _ in range(2):
                run()
            found = times.setdefault(f"{name} {direction}", [])
            for _ in range(repeats):
                start = time.perf_counter()
                run()
                found.append((time.perf_counter() - start) * 1e3)
    return times


def run_child(library: str, batch: int, threads: int, repeats: int) -> dict[str, list[float]]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    project = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [project, environment.get("PYTHONPATH")]))
    command = [
        sys.executable, __file__, "--child", library,
        "--batch", str(batch), "--threads", str(threads), "--repeats", str(repeats),
    ]  # fmt: skip
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 32])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["numpy", "torch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.batch[0], options.threads, options.repeats)))
        return
    libraries = ["numpy", "torch"] if importlib.util.find_spec("torch") else ["numpy"]
    if len(libraries) == 1:
        print("PyTorch is not installed here: its columns stay empty.")
    for batch in options.batch:
        times: dict[str, dict[str, list[float]]] = {library: {} for library in libraries}
        for _ in range(options.rounds):
            for library in libraries:
                for name, found in run_child(library, batch, options.threads, options.repeats).items():
                    times[library].setdefault(name, []).extend(found)
        report(batch, options.threads, times)


def report(batch: int, threads: int, times: dict[str, dict[str, list[float]]]) -> None:
    print(f"\nbatch {batch}, float32, {threads} threads; milliseconds, median (best)")
    print(f"{'op':<38}{'minidl':>16}{'PyTorch':>16}{'ratio':>8}")
    for name, found in times["numpy"].items():
        mine = statistics.median(found)
        line = f"{name:<38}{f'{mine:.2f} ({min(found):.2f})':>16}"
        if "torch" in times:
            other = times["torch"][name]
            theirs = statistics.median(other)
            line += f"{f'{theirs:.2f} ({min(other):.2f})':>16}{mine / theirs:>8.2f}"
        print(line)


if __name__ == "__main__":
    main()
