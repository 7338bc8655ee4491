"""`minidl lens`: look into a saved model: one training step, on two backends, over time, and in pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl import lens
from minidl.cli.backend import parsed, selected
from minidl.cli.data import ImageData, load
from minidl.cli.targets import check_folder
from minidl.cli.use import check_fits
from minidl.errors import ArgumentError, MinidlError
from minidl.models import load_model
from minidl.picture import write_picture

ERRORS_AMONG = 2000  # test images that are searched for the worst errors


def run_lens(
    model_file: Path,
    data_name: str,
    data_path: Path | None,
    samples: int,
    output: Path,
    backend: list[str],
    against: str | None,
    prompt: bool,
) -> None:
    """Print a step op by op and on both sides, and write the stepper's page, a trace and pictures into a folder.

    Parameters
    ----------
    samples : of the training data, one batch
    against : the backend to compare with; None leaves the comparison out
    prompt : then walk through the step at a prompt
    """
    check_folder("--output", output)
    model, data = load_model(model_file), load(data_name, data_path)
    check_fits(model, data.x_test, data_name)
    if getattr(model, "loss", None) is None or model.optimizer is None:
        model.compile("sgd", "sparse_categorical_crossentropy")
        print(f"{model_file} is not compiled: the step is one of SGD on the cross-entropy.\n")
    if samples > len(data.x_train):
        raise ArgumentError(f"lens: {data_name} has {len(data.x_train)} training images. Got --samples {samples}.")
    x, y = data.x_train[:samples], data.y_train[:samples]
    with selected(backend):
        lens.record_step(model, x, y, update=False)  # once unseen, so that nothing is first
        recording = lens.record_step(model, x, y, update=False)
        print(lens.timeline(recording))
        if against is not None:
            print()
            print(lens.compare(model, x, y, _choices(backend), against))
        stepper = lens.step(model, x, y)
    written = _write(output, model, data, recording, stepper)
    print("\nWritten: " + ", ".join(str(path) for path in written))
    print(f"Open {output / 'step.html'} in a browser, and {output / 'trace.json'} at https://ui.perfetto.dev.")
    if prompt:
        stepper.run_prompt()


def _choices(backend: list[str]) -> dict[str, str]:
    general, choices = parsed(backend)
    return {"*": general or "cpu", **choices}


def _write(output: Path, model: Any, data: ImageData, recording: Any, stepper: Any) -> list[Path]:
    output.mkdir(parents=True, exist_ok=True)
    stepper.save_html(output / "step.html")
    recording.save_trace(output / "trace.json")
    pictures: dict[str, Callable[[], Any]] = {
        "timeline": lambda: lens.plot_timeline(recording),
        "graph": lambda: lens.plot_graph(model),
        "activations": lambda: lens.plot_activations(model, data.x_test[:1]),
        "filters": lambda: lens.plot_filters(model),
        "worst_errors": lambda: lens.plot_worst_errors(
            model, data.x_test[:ERRORS_AMONG], data.y_test[:ERRORS_AMONG], data.class_names
        ),
    }
    written = [output / "step.html", output / "trace.json"]
    for name, draw in pictures.items():
        try:
            figure = draw()
        except MinidlError as error:  # a model without filters, or without an error: that picture does not exist
            print(f"No {name}.png: {error}")
            continue
        write_picture(figure, output / f"{name}.png")
        written.append(output / f"{name}.png")
    return written
