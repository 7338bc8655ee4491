"""`minidl demo`: a CNN on real handwritten digits, from the data to the gradients, in about a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from minidl import lens, utils
from minidl.cli.backend import selected
from minidl.cli.data import ImageData, load
from minidl.cli.networks import cnn
from minidl.cli.targets import check_folder
from minidl.picture import write_picture

INSTALL = 'pip install "minidl[ptx]"'  # not for macOS, for which there is no compiler


def run_demo(output: Path, epochs: int, backend: list[str], seed: int) -> None:
    """Train, evaluate, show one step op by op and on both sides, and write pictures."""
    check_folder("--output", output)
    started = time.perf_counter()
    utils.set_random_seed(seed)
    data = load("digits")
    size = " × ".join(str(n) for n in data.x_train.shape[1:3])
    print(f"Data: {len(data.x_train)} handwritten digits of {size} pixels to learn from, {len(data.x_test)} to test")
    print("      (E. Alpaydin & C. Kaynak, UCI Machine Learning Repository, doi 10.24432/C50P49)\n")
    model = cnn(data.x_train.shape[1:], 10)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    print()
    with selected(backend):
        # Every tenth training image is kept out, to see how the training goes; the test data is for the end.
        kept_out = np.arange(len(data.x_train)) % 10 == 0
        history = model.fit(
            data.x_train[~kept_out],
            data.y_train[~kept_out],
            epochs=epochs,
            batch_size=32,
            validation_data=(data.x_train[kept_out], data.y_train[kept_out]),
        )
        loss, accuracy = model.evaluate(data.x_test, data.y_test, verbose=0)
        predicted = model.predict(data.x_test, verbose=0).argmax(axis=-1)
        print(f"\nTest accuracy: {accuracy:.2%} of {len(data.y_test)} digits it has never seen (loss {loss:.4f})")
        show_step(model, data)
    show_both_sides(model, data)
    written = write_pictures(output, model, history, data, predicted)
    print("\nWritten: " + ", ".join(str(path) for path in written))
    print("step.html is the step to click through, in a browser.")
    print(f"Done in {time.perf_counter() - started:.1f} s.")


def show_step(model: Any, data: ImageData, batch: int = 32) -> None:
    """Print one training step, op by op, forward and backward."""
    lens.training_step(model, data.x_train[:batch], data.y_train[:batch])  # once unseen, so that nothing is first
    table = lens.training_step(model, data.x_train[:batch], data.y_train[:batch])
    print(f"\nOne training step on {batch} images, op by op (N first in every shape; ms of this one run):\n")
    print(table)


def show_both_sides(model: Any, data: ImageData, batch: int = 4) -> None:
    """Print the same step on NumPy and on kernels, value by value: on a GPU where there is one, else without."""
    from minidl.backends.devices.facts import DEVICES

    device = next(name for name in ("cuda", "ptx", "simt") if not DEVICES[name].why_not())
    where = DEVICES[device].runs_on + ("" if device == "cuda" else " (there is no GPU here)")
    print(
        f"\nThe same step on {batch} images, on NumPy and as GPU kernels on {where}.\n"
        "Free run: each side goes on with its own values. Op alone: both sides of an op are given the same.\n"
        "Tolerance: what rounding explains.\n"
    )
    if device == "ptx":
        print("The first time, the kernels are compiled; they are kept for the next.\n", flush=True)
    compared = str(lens.compare(model, data.x_train[:batch], data.y_train[:batch], "numpy", device))
    largest, _, every = compared.partition("\nall ")
    print(largest + f"\n({every.split()[0]} values were compared; lens.compare shows them all.)" if every else largest)
    if device == "simt" and INSTALL in (DEVICES["ptx"].why_not() or ""):
        print(f"\nThese kernels run compiled, some hundred times faster, after {INSTALL}")


def write_pictures(output: Path, model: Any, history: Any, data: ImageData, predicted: np.ndarray) -> list[Path]:
    """Write the training curves and the confusion matrix as PNGs, and one step as a page."""
    output.mkdir(parents=True, exist_ok=True)
    pictures = {
        "training_curves.png": lens.plot_history(history),
        "confusion_matrix.png": lens.plot_confusion_matrix(data.y_test, predicted, data.class_names),
    }
    for name, figure in pictures.items():
        write_picture(figure, output / name)
    lens.step(model, data.x_train[:4], data.y_train[:4]).save_html(output / "step.html")
    return [output / name for name in (*pictures, "step.html")]
