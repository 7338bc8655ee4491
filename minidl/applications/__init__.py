"""Well-known networks, small enough to train on a laptop."""

from minidl.applications.lenet5 import LeNet5
from minidl.applications.resnet import ResNet20

__all__ = ["LeNet5", "ResNet20"]
