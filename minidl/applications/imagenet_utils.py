"""Images as a network trained on ImageNet wants them, and the names of its classes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, FileFormatError, ShapeError
from minidl.tensor import Tensor, convert_to_tensor

_CLASS_FILE = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_CLASS_HASH = "c2c37ea517e94d9795004a39431a14cb"
# Mean, and standard deviation where it is divided by, of ImageNet's images as red, green, blue.
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_TORCH_MEAN, TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Scale images with values 0 to 255 as the authors of a network did before they trained it.

    Parameters
    ----------
    x : (H, W, 3) or (N, H, W, 3), red first: an array (a new one is returned, in its floating dtype) or a tensor
    data_format : "channels_last" (the default) or "channels_first"
    mode : "caffe": blue first, ImageNet's mean subtracted, not scaled (VGG, ResNet); "tf": -1 to 1 (MobileNet,
        ResNetV2, Xception, InceptionV3); "torch": 0 to 1, then by ImageNet's mean and deviation (DenseNet)

    Raises
    ------
    ArgumentError : another mode or data format
    ShapeError : not three channels, where the mode asks for them

    >>> preprocess_input(np.array([[[0, 127.5, 255]]]), mode="tf").tolist()
    [[[-1.0, 0.0, 1.0]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ArgumentError(f"preprocess_input: mode is 'caffe', 'tf' or 'torch'. Got {mode!r}.")
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(
            f"preprocess_input: data_format is 'channels_last' or 'channels_first'. Got {data_format!r}."
        )
    if not isinstance(x, Tensor):
        given = np.asarray(x)
        x = given if np.issubdtype(given.dtype, np.floating) else given.astype(np.float32)
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = -3 if data_format == "channels_first" else -1
    if len(x.shape) < 3 or x.shape[axis] != 3:
        raise ShapeError(
            f"preprocess_input: mode {mode!r} wants 3 channels on axis {axis}. Got shape {tuple(x.shape)}."
        )

    def by_channel(values: tuple[float, ...]) -> Any:
        array = np.asarray(values, np.float32).reshape((3, 1, 1) if axis == -3 else (3,))
        return convert_to_tensor(array) if isinstance(x, Tensor) else array.astype(x.dtype)

    if mode == "torch":
        return (x / 255.0 - by_channel(_TORCH_MEAN)) / by_channel(TORCH_DEVIATION)
    return (x - by_channel(_CAFFE_MEAN))[(..., slice(None, None, -1), *(slice(None),) * (-axis - 1))]


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Name the likeliest of ImageNet's 1000 classes: for each image `top` tuples (WordNet's number, name, score).

    The names are a file of 35 kB from the web, fetched at the first call and cached.

    Raises
    ------
    ShapeError : `preds` is not (N, 1000)
    DownloadError : the file is not cached and cannot be fetched
    """
    from minidl.utils import get_file

    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ShapeError(
            f"decode_predictions: predictions of ImageNet's classes have shape (N, 1000). Got {preds.shape}."
        )
    path = get_file("imagenet_class_index.json", _CLASS_FILE, cache_subdir="models", file_hash=_CLASS_HASH)
    with open(path, encoding="utf-8") as file:
        try:
            classes = json.load(file)
        except ValueError as error:
            raise FileFormatError(
                f"decode_predictions: {path} is no JSON: {error}. Delete it to fetch it anew."
            ) from error
    best = np.argsort(preds, axis=1)[:, : -top - 1 : -1]
    return [[(*classes[str(k)], float(row[k])) for k in order] for row, order in zip(preds, best, strict=True)]
