"""`keras.preprocessing`: preparing images and sequences, under the names that tutorials import them by."""

from minidl.keras import image
from minidl.utils import sequences as sequence
from minidl.utils.images import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory", "sequence"]
