"""Helpers with Keras' names: files, images, labels, sequences."""

from minidl.data import PyDataset, Sequence, unpack_x_y_sample_weight
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
    "PyDataset",
    "Sequence",
    "array_to_img",
    "atomic_write",
    "get_file",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "pad_sequences",
    "save_img",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
