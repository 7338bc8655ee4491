"""Preparing images and sequences, under the names that tutorials import them by."""

from minidl.preprocessing import image, sequence
from minidl.utils.images import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory", "sequence"]
