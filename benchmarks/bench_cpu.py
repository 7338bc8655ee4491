"""One training step of the CIFAR CNN on the CPU: minidl beside PyTorch and Keras on PyTorch, in one run.

    python benchmarks/bench_cpu.py            (or: make bench-cpu)

The network: Conv 32 3×3 relu, MaxPool 2, Conv 64 3×3 relu, MaxPool 2, Flatten, Dense 64 relu, Dense 10; Adam; input
32 × 32 × 3, float32, random images. Each framework runs in a process of its own, and the processes take turns, so that
a disturbance of the machine hits all alike. Printed: median ms a step with the quartiles, the ratio to PyTorch, and the
largest memory that the process ever held.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

FRAMEWORKS = ("minidl", "torch", "keras")
THREADS = "2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=12, help="turns of each framework")
    parser.add_argument("--steps", type=int, default=10, help="steps a turn")
    parser.add_argument("--worker", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.batches[0])
        return
    print(
        f"CIFAR CNN, one Adam step; {platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{THREADS} threads"
    )
    for batch in options.batches:
        compare(batch, options.rounds, options.steps)


def compare(batch: int, rounds: int, steps: int) -> None:
    """Let the frameworks take turns at one batch size, and print a row for each."""
    workers = {name: start(name, batch) for name in FRAMEWORKS}
    ready = {name: json.loads(worker.stdout.readline()) for name, worker in workers.items()}
    times: dict[str, list[float]] = {name: [] for name in FRAMEWORKS if "version" in ready[name]}
    for _ in range(rounds):
        for name in times:
            times[name] += ask(workers[name], steps)["ms"]
    print(f"\nbatch {batch}: {rounds * steps} steps each")
    print(f"  {'':16}{'ms a step':>10}{'quartiles':>18}{'x PyTorch':>11}{'peak memory':>14}")
    base = statistics.median(times["torch"]) if "torch" in times else float("nan")
    for name, worker in workers.items():
        if name not in times:
            print(f"  {name:16} not measured: {ready[name]['missing']}")
            continue
        peak = ask(worker, 0)["peak_mib"]
        low, middle, high = statistics.quantiles(times[name], n=4)
        label = f"{name} {ready[name]['version']}"
        print(f"  {label:16}{middle:10.2f}{f'{low:.2f} to {high:.2f}':>18}{middle / base:11.2f}{peak:10.0f} MiB")
        worker.stdin.close()
        worker.wait(timeout=30)


def start(name: str, batch: int) -> subprocess.Popen[str]:
    environment = {
        **os.environ, "OPENBLAS_NUM_THREADS": THREADS, "OMP_NUM_THREADS": THREADS, "MKL_NUM_THREADS": THREADS,
        "KERAS_BACKEND": "torch",
    }  # fmt: skip
    command = [sys.executable, __file__, "--worker", name, "--batches", str(batch)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(worker: subprocess.Popen[str], steps: int) -> dict:
    worker.stdin.write(f"{steps}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def work(name: str, batch: int) -> None:
    """The worker: warm up, then run as many steps as each line of the input says."""
    rng = np.random.default_rng(0)
    x = rng.random((batch, 32, 32, 3), np.float32)
    y = rng.integers(0, 10, batch)
    answers, sys.stdout = sys.stdout, sys.stderr  # a framework's chatter must not mix with the answers
    try:
        version, step = {"minidl": minidl_step, "torch": torch_step, "keras": keras_step}[name](x, y)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=answers, flush=True)
        return
    for _ in range(5):
        step()
    print(json.dumps({"version": version}), file=answers, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter()
            step()
            times.append((time.perf_counter() - started) * 1e3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        print(json.dumps({"ms": times, "peak_mib": peak}), file=answers, flush=True)


def keras_model(keras):
    """Return the network, with the names that minidl and Keras share."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def minidl_step(x, y):
    import minidl

    model = keras_model(minidl)
    return minidl.__version__, lambda: model.train_on_batch(x, y)


def keras_step(x, y):
    import keras

    model = keras_model(keras)
    return keras.__version__, lambda: model.train_on_batch(x, y)


def torch_step(x, y):
    import torch
    from torch import nn

    torch.set_num_threads(int(THREADS))
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 6 * 6, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters())
    loss_function = nn.CrossEntropyLoss()
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    labels = torch.from_numpy(y)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return torch.__version__.split("+")[0], step


if __name__ == "__main__":
    main()
