"""From what a user hands to `fit` to an iterator of batches `(x, y, sample_weight)`."""

from minidl.data.batching import batches
from minidl.data.checks import check_finite, check_labels, check_same_size, swapped_hint
from minidl.data.dataset import (
    Dataset,
    PyDataset,
    Sequence,
    as_batches,
    as_dataset,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from minidl.data.split import class_weight_to_sample_weight, split_validation
from minidl.data.structure import as_arrays

__all__ = [
    "Dataset",
    "PyDataset",
    "Sequence",
    "as_arrays",
    "as_batches",
    "as_dataset",
    "batches",
    "check_finite",
    "check_labels",
    "check_same_size",
    "class_weight_to_sample_weight",
    "pack_x_y_sample_weight",
    "split_validation",
    "swapped_hint",
    "unpack_x_y_sample_weight",
]
