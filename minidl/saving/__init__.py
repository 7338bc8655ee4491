"""Saving and loading models, in Keras' own formats.

| ending | holds | read and written by Keras |
|---|---|---|
| `.keras` | the whole model: layers, weights, training setup, optimizer's state | yes |
| `.h5`, `.hdf5` | the same in the older layout; or weights alone, loaded by their order | yes |
| `.weights.h5` | weights, and the optimizer's state | yes |
| `.safetensors`, `.npz` | weights by name | other tools |

Every file is written beside its target and renamed, so that an interrupted save loses nothing. Nothing is ever
pickled, and no code in a file is run. A file that is damaged or does not fit raises FileFormatError, and then the
model is as it was.
"""

from minidl.keras.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_object,
    register_keras_serializable,
)
from minidl.keras.custom_objects import registered_name as get_registered_name
from minidl.saving.api import load_model, load_weights, save_model, save_weights
from minidl.saving.config.model_json import clone_model, model_from_json
from minidl.saving.config.read_objects import deserialize as deserialize_keras_object
from minidl.saving.config.write_objects import serialize as serialize_keras_object

__all__ = [
    "CustomObjectScope", "clone_model", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights", "model_from_json",
    "register_keras_serializable",    "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip
