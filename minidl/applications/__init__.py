"""Well-known networks: LeNet-5 and ResNet-20, small enough to train on a laptop, and those trained on ImageNet.

The latter have Keras' names, arguments and layers, so that Keras' files of weights fit; each has its module with
`preprocess_input` and `decode_predictions`, as `minidl.applications.vgg16`.
"""

from minidl.applications import (
    densenet,
    efficientnet,
    imagenet_utils,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    resnet,
    resnet50,
    resnet_v2,
    vgg16,
    vgg19,
    xception,
)  # fmt: skip
from minidl.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from minidl.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)  # fmt: skip
from minidl.applications.inception_v3 import InceptionV3
from minidl.applications.lenet5 import LeNet5
from minidl.applications.mobilenet import MobileNet
from minidl.applications.mobilenet_v2 import MobileNetV2
from minidl.applications.resnet import ResNet50, ResNet101, ResNet152
from minidl.applications.resnet20 import ResNet20
from minidl.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from minidl.applications.vgg16 import VGG16
from minidl.applications.vgg19 import VGG19
from minidl.applications.xception import Xception

__all__ = [
    "DenseNet121", "DenseNet169", "DenseNet201", "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3",
    "EfficientNetB4", "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "InceptionV3", "LeNet5", "MobileNet",
    "MobileNetV2", "ResNet20", "ResNet50", "ResNet50V2", "ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2",
    "VGG16", "VGG19", "Xception", "densenet", "efficientnet", "imagenet_utils", "inception_v3", "mobilenet",
    "mobilenet_v2", "resnet", "resnet50", "resnet_v2", "vgg16", "vgg19", "xception",
]  # fmt: skip
