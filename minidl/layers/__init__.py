"""Layers, with Keras' names, arguments and defaults."""

import importlib
import inspect
import pkgutil
import sys

from minidl.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from minidl.layers.base.input import Input, InputLayer
from minidl.layers.base.layer import Layer
from minidl.layers.convolution.convolution import Conv1D, Conv2D
from minidl.layers.convolution.depthwise import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from minidl.layers.convolution.transpose import Conv1DTranspose, Conv2DTranspose
from minidl.layers.core import Dense
from minidl.layers.embedding import Embedding, Masking
from minidl.layers.images.augmentation import (
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from minidl.layers.images.resizing import CenterCrop, RandomCrop, Resizing
from minidl.layers.images.scaling import Normalization, Rescaling
from minidl.layers.lambda_layer import Lambda
from minidl.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from minidl.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from minidl.layers.padding import Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D
from minidl.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from minidl.layers.recurrent import GRU, LSTM, SimpleRNN
from minidl.layers.regularization import (
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from minidl.layers.reshaping import Flatten, Identity, Permute, RepeatVector, Reshape
from minidl.layers.wrappers import Bidirectional, TimeDistributed
from minidl.registry import Registry

# Keras' other names of the same layers.
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D

__all__ = [
    "ELU", "GRU", "LSTM", "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "AvgPool1D",
    "AvgPool2D", "BatchNormalization", "Bidirectional", "CenterCrop", "Concatenate", "Conv1D",
    "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Convolution1D", "Convolution1DTranspose",
    "Convolution2D", "Convolution2DTranspose", "Cropping1D", "Cropping2D", "Dense", "DepthwiseConv1D",
    "DepthwiseConv2D", "Dot", "Dropout", "Embedding", "Flatten", "GaussianDropout", "GaussianNoise",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAvgPool1D", "GlobalAvgPool2D",
    "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GroupNormalization",
    "Identity", "Input", "InputLayer", "Lambda", "Layer", "LayerNormalization", "LeakyReLU", "Masking", "MaxPool1D",
    "MaxPool2D", "MaxPooling1D", "MaxPooling2D", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU", "Permute",
    "RMSNormalization", "RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation",
    "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing", "SeparableConv1D", "SeparableConv2D",
    "SeparableConvolution1D", "SeparableConvolution2D", "SimpleRNN", "Softmax", "SpatialDropout1D",
    "SpatialDropout2D", "Subtract", "TimeDistributed", "UnitNormalization", "UpSampling1D", "UpSampling2D",
    "ZeroPadding1D", "ZeroPadding2D", "add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum",
    "multiply", "serialize", "subtract",
]  # fmt: skip


def _found() -> dict[str, type[Layer]]:
    """Return the layers of those files in this folder that are not named above: of a layer that was added.

    Raises ImportError where two files define a layer of one name.
    """
    found: dict[str, type[Layer]] = {}
    named = {name: item for name, item in globals().items() if isinstance(item, type) and issubclass(item, Layer)}
    files = [file.name for file in pkgutil.iter_modules(__path__, f"{__name__}.") if file.name not in sys.modules]
    for file in files:
        for item in vars(importlib.import_module(file)).values():
            if not isinstance(item, type) or not issubclass(item, Layer) or item.__module__ != file:
                continue
            name = item.__name__
            other = found.get(name) or named.get(name)
            if other is not None and other is not item:
                raise ImportError(
                    f"minidl.layers: a name stands for one layer. Got {name!r} in {inspect.getfile(other)} and in "
                    f"{inspect.getfile(item)}. Give one of the two another name."
                )
            found |= {} if name.startswith("_") else {name: item}
    return found


ADDED = _found()
globals().update(ADDED)
__all__.extend(ADDED)
registry = Registry("layer", globals(), (Layer,), "a layer", callables=False)
serialize, deserialize = registry.serialize, registry.deserialize
