"""Helpers with Keras' names: files, images, labels, sequences."""

import importlib
import sys
from typing import Any

from minidl.config import set_random_seed
from minidl.data import PyDataset, Sequence, pack_x_y_sample_weight, unpack_x_y_sample_weight
from minidl.keras import np_utils
from minidl.keras.removed import absent
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
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "atomic_write",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "model_to_mermaid",
    "normalize",
    "np_utils",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


# These stand above the helpers here, and use them: imported on first use. name -> (module, name there).
_LATER = {
    "Progbar": ("minidl.callbacks", "Progbar"),
    "clear_session": ("minidl.keras.backend", "clear_session"),
    "model_to_mermaid": ("minidl.models.plotting", "to_mermaid"),
    "plot_model": ("minidl.models.plotting", "plot_model"),
} | {
    name: ("minidl.saving", name)
    for name in (
        "CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
        "get_registered_name", "get_registered_object", "register_keras_serializable", "serialize_keras_object",
    )
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module, attribute = _LATER[name]
        return getattr(importlib.import_module(module), attribute)
    raise absent("utils", name)


sys.modules["minidl.utils.np_utils"] = np_utils  # as Keras' programs import it
