"""`minidl evaluate` and `minidl predict`: a saved model at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minidl import lens
from minidl.cli.backend import selected
from minidl.cli.data import load
from minidl.cli.targets import check_file
from minidl.errors import ArgumentError, DataError, FileFormatError, ShapeError
from minidl.models import load_model
from minidl.picture import write_picture
from minidl.utils.files import PICTURES
from minidl.utils.files.packed import read_array


def run_evaluate(
    model_file: Path,
    data_name: str,
    data_path: Path | None,
    batch_size: int,
    confusion: Path | None,
    backend: list[str],
) -> None:
    """Print the loss and metrics on the test data."""
    check_file("--confusion", confusion, PICTURES)
    model = load_model(model_file)
    data = load(data_name, data_path)
    check_fits(model, data.x_test, data_name)
    if getattr(model, "loss", None) is None:
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    with selected(backend):
        scores = model.evaluate(data.x_test, data.y_test, batch_size=batch_size, verbose=0, return_dict=True)
        print(f"{model_file} on {len(data.x_test)} test images of {data_name}:")
        print("  " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
        if confusion is not None:
            predicted = model.predict(data.x_test, batch_size=batch_size, verbose=0).argmax(axis=-1)
            write_picture(lens.plot_confusion_matrix(data.y_test, predicted, data.class_names), confusion)
            print(f"  confusion matrix: {confusion}")


def run_predict(
    model_file: Path,
    images: list[Path],
    data_name: str | None,
    data_path: Path | None,
    index: list[int],
    top: int,
    invert: bool,
    backend: list[str],
) -> None:
    """Print the likeliest classes of image files, or of test images of a data set."""
    if bool(images) == bool(data_name):
        raise ArgumentError("predict: give image files, or --data with --index. Got both or neither.")
    model = load_model(model_file)
    names, truth = [str(i) for i in range(1000)], None
    if data_name:
        data = load(data_name, data_path)
        chosen = index or [0]
        beyond = [i for i in chosen if not 0 <= i < len(data.x_test)]
        if beyond:
            raise ArgumentError(f"predict: {data_name} has {len(data.x_test)} test images. Got --index {beyond[0]}.")
        x, truth = data.x_test[chosen], data.y_test[chosen]
        labels = [f"{data_name} test image {i}" for i in chosen]
        names = data.class_names
    else:
        read = [_read_image(path, model.input_shape, invert) for path in images]
        x = np.concatenate(read)
        labels = [str(path) if len(own) == 1 else f"{path} [{i}]" for path, own in zip(images, read, strict=True)
                  for i in range(len(own))]  # fmt: skip
        if not labels:
            raise DataError(f"predict: there is no image in {', '.join(map(str, images))}.")
    check_fits(model, x, data_name or "the images")
    with selected(backend):
        y = model.predict(x, verbose=0)
    for i, (label, probabilities) in enumerate(zip(labels, y, strict=True)):
        best = np.argsort(probabilities)[::-1][:top]
        said = ", ".join(f"{names[k]} {probabilities[k]:.1%}" for k in best)
        print(f"{label}: {said}" + ("" if truth is None else f"   (it is {names[truth[i]]})"))


def check_fits(model: Any, x: np.ndarray, what: str) -> None:
    """Raise `ShapeError` unless the model takes images like these."""
    expected = tuple(model.input_shape)
    if len(expected) != x.ndim or any(e not in (None, n) for e, n in zip(expected[1:], x.shape[1:], strict=False)):
        raise ShapeError(f"the model takes inputs of shape {expected}. Got {x.shape} from {what}. Another --data?")


def _read_image(path: Path, input_shape: Any, invert: bool) -> np.ndarray:
    """Return one image as (1, H, W, C) float32 in [0, 1], in the size that the model takes; of an .npy file, all."""
    if len(input_shape) != 4:
        raise ShapeError(f"predict: this model takes no images, but inputs of shape {tuple(input_shape)}.")
    _, height, width, channels = input_shape
    if not path.is_file():
        raise FileNotFoundError(f"image {str(path)!r} does not exist" + (": it is a folder." if path.is_dir() else "."))
    if path.suffix.lower() == ".npy":
        return _read_array(path, (height, width, channels))
    from minidl.utils import img_to_array, load_img

    image = load_img(path, color_mode="grayscale" if channels == 1 else "rgb", target_size=(height, width))
    white = 65535 if image.mode.startswith("I") else 255  # 16 bits keep their values
    pixels = np.asarray(img_to_array(image), np.float32)[None] / white
    return 1 - pixels if invert else pixels


def _read_array(path: Path, size: tuple[int, int, int]) -> np.ndarray:
    """Return the images of an .npy file, (N, H, W, C) float32, as they are."""
    array = read_array(path.read_bytes(), f"predict: {path}")
    if array.dtype.kind not in "fiub":
        raise FileFormatError(f"predict: {path} must hold an array of numbers. Got {array.dtype}.")
    expected = (size, size[:2]) if size[2] == 1 else (size,)
    if array.shape not in expected and array.shape[1:] not in expected:
        raise ShapeError(f"predict: {path} must hold images of {size}, one or (N, …). Got {array.shape}.")
    return np.asarray(array, np.float32).reshape(-1, *size)
