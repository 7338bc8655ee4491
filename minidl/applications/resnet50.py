"""A door to ResNet50, under the name of the module that older programs import."""

from minidl.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
