"""Helpers with Keras' names: files, images, labels, sequences."""

from typing import Any

from minidl.config import set_random_seed
from minidl.data import PyDataset, Sequence, pack_x_y_sample_weight, unpack_x_y_sample_weight
from minidl.utils.files import atomic_write, get_file
from minidl.utils.images import (
    array_to_img,
    image_dataset_from_directory,
    img_to_array,
    load_img,
    save_img,
)
from minidl.utils.numerical import normalize, to_categorical
from minidl.utils.sequences import pad_sequences

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "atomic_write",
    "clear_session",
    "get_file",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "model_to_mermaid",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "save_img",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    # These stand above the models, which themselves use the helpers here: imported on first use.
    if name == "plot_model":
        from minidl.models.plotting import plot_model

        return plot_model
    if name == "model_to_mermaid":
        from minidl.models.plotting import to_mermaid

        return to_mermaid
    if name == "Progbar":
        from minidl.callbacks import Progbar

        return Progbar
    if name == "clear_session":
        from minidl.backend import clear_session

        return clear_session
    raise AttributeError(f"module 'minidl.utils' has no attribute {name!r}")
