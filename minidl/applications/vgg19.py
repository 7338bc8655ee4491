"""VGG19: VGG16 with four convolutions in each of its last three blocks."""

from __future__ import annotations

from minidl.applications.building import Options, Parts, network, published
from minidl.applications.imagenet_utils import decode_predictions, preprocess_input
from minidl.applications.vgg16 import vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

_HASHES = "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"


@network("vgg19", published("vgg19"), _HASHES)
def VGG19(options: Options) -> Parts:
    """VGG19, of 144 million weights.

    Source: Simonyan & Zisserman, arXiv:1409.1556, table 1, E

    >>> VGG19(weights=None, include_top=False, pooling="max", input_shape=(32, 32, 3)).output_shape
    (None, 512)
    """
    return vgg(options, (2, 2, 4, 4, 4))
