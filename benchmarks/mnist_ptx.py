"""LeNet-5 on real MNIST, one epoch on NumPy and one with every op on CUDA kernels, compiled, without a GPU.

    python benchmarks/mnist_ptx.py [--data-path mnist.npz] [--samples 60000] [--picture docs/_static/mnist_ptx.png]

Both begin with the same weights and see the same batches, so that the two curves of the loss lie on each other until
rounding, which each step builds on, has grown into the digits that are seen. It prints both test accuracies, the
seconds of both epochs, and the first step's: that one compiles the kernels, or finds them compiled. It needs the extra
`ptx`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl.applications import LeNet5
from minidl.backends.devices.facts import DEVICES
from minidl.cli.data import ImageData, load
from minidl.lens.figures import new_figure
from minidl.lens.timing.machines import machine
from minidl.picture import write_picture

BATCH, RATE = 64, 0.002  # the rate falls to 0 along a cosine, so that the end is no chance of the last few batches
SMOOTHED = 50  # batches whose losses are averaged for a point of the curve


class Losses(minidl.callbacks.Callback):
    """The loss of each batch, out of the means of all so far that `fit` reports; and when it was done."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list[float] = []
        self.at: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.means.append(logs["loss"])
        self.at.append(time.perf_counter())

    @property
    def values(self) -> np.ndarray:
        return np.diff(np.arange(1, len(self.means) + 1) * np.array(self.means), prepend=0.0)


def epoch(backend: str, data: ImageData, samples: int) -> tuple[np.ndarray, float]:
    """Train for an epoch on a backend, and say how it went; return the losses and the test accuracy (on "cpu")."""
    minidl.utils.set_random_seed(0)
    model, losses = LeNet5(), Losses()
    rate = minidl.optimizers.schedules.CosineDecay(RATE, -(-len(data.x_train[:samples]) // BATCH))
    model.compile(minidl.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    started, used = time.perf_counter(), time.process_time()
    with minidl.using(backend):
        model.fit(data.x_train[:samples], data.y_train[:samples], batch_size=BATCH, verbose=0, callbacks=[losses])
    seconds, used = time.perf_counter() - started, time.process_time() - used
    accuracy = model.evaluate(data.x_test, data.y_test, verbose=0)[1]
    print(
        f"{backend}: {len(losses.at)} steps in {seconds:.0f} s ({used:.0f} s of processor time), the first after "
        f"{losses.at[0] - started:.1f} s, then {1e3 * np.median(np.diff(losses.at)):.0f} ms a step (median); "
        f"test accuracy {accuracy:.4f}",
        flush=True,
    )
    return losses.values, accuracy


def curves(found: dict[str, tuple[np.ndarray, float]]) -> Any:
    """Both losses over the batches, smoothed, and what lies between them."""
    figure = new_figure(8.0, 5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    smooth = {name: np.convolve(loss, np.ones(SMOOTHED) / SMOOTHED, "valid") for name, (loss, _) in found.items()}
    for (name, (_, accuracy)), style in zip(found.items(), ({"linewidth": 4, "alpha": 0.4}, {}), strict=True):
        above.plot(smooth[name], label=f"{name}: test accuracy {accuracy:.2%}", **style)
    above.set(ylabel=f"loss, mean of {SMOOTHED} batches", yscale="log")
    above.set_title(f"LeNet-5 on MNIST, batches of {BATCH}: NumPy, and {DEVICES['ptx'].runs_on}", fontsize=9)
    above.legend()
    first, second = smooth.values()
    below.plot(second - first, color="black", linewidth=0.8)
    below.set(xlabel="batch", ylabel="difference")
    return figure


def main() -> None:
    """Train twice, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-path", type=Path, help="an npz file or folder with MNIST; else its usual place")
    parser.add_argument("--samples", type=int, default=60000)
    parser.add_argument("--losses", type=Path, help="where to write the losses of all batches, as .npz")
    parser.add_argument("--picture", type=Path, help="where to write the curves")
    options = parser.parse_args()
    DEVICES["ptx"].require()
    data = load("mnist", options.data_path)
    print(machine(), flush=True)
    found = {backend: epoch(backend, data, options.samples) for backend in ("numpy", "ptx")}
    if options.losses:
        np.savez_compressed(options.losses, **{name: losses for name, (losses, _) in found.items()})
    if options.picture:
        write_picture(curves(found), options.picture)


if __name__ == "__main__":
    main()
