"""The networks of ImageNet, run alike by minidl and by Keras: `run(keras, name)`."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPE, CLASSES = (75, 93, 3), 7
NETWORKS: dict[str, dict[str, Any]] = {
    "VGG16": {"include_top": False, "pooling": "max"},
    "VGG19": {"include_top": False},
    "MobileNet": {"alpha": 0.5, "depth_multiplier": 2},
    "MobileNetV2": {"alpha": 0.35},
    "ResNet50": {},
    "ResNet101": {"include_top": False, "pooling": "avg"},
    "ResNet50V2": {},
    "DenseNet121": {},
    "EfficientNetB0": {},
    "EfficientNetB2": {"include_top": False, "pooling": "avg"},
    "Xception": {},
    "InceptionV3": {},
}


def draw(weights: list[Any]) -> list[np.ndarray]:
    """Weights that keep values near one through many layers; each by its place and shape alone."""
    drawn = []
    for place, weight in enumerate(weights):
        random = np.random.default_rng(place)
        shape, name = tuple(weight.shape), weight.path.rpartition("/")[2]
        if name in ("gamma", "moving_variance", "variance"):
            value = random.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            fan = shape[0] * shape[1] if "depthwise" in name else np.prod(shape[:-1])
            value = random.normal(0, np.sqrt(2 / fan), shape)
        else:
            value = random.normal(0, 0.1, shape)
        drawn.append(value.astype(weight.dtype if isinstance(weight.dtype, str) else weight.dtype.name))
    return drawn


def run(keras: Any, name: str) -> tuple[list[list[Any]], np.ndarray]:
    """Return the layers (class, name, shapes of weights) and the output for two images."""
    keras.backend.clear_session()
    options = {"input_shape": SHAPE, "weights": None, **NETWORKS[name]}
    if options.get("include_top", True):
        options |= {"classes": CLASSES, "classifier_activation": None}
    model = getattr(keras.applications, name)(**options)
    model.set_weights(draw(model.weights))
    rows = [[type(layer).__name__, layer.name, [list(w.shape) for w in layer.weights]] for layer in model.layers]
    images = np.random.default_rng(1).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    module = {"MobileNetV2": "mobilenet_v2", "ResNet50V2": "resnet_v2", "InceptionV3": "inception_v3"}.get(name, "")
    module = module or {"ResNet": "resnet", "DenseN": "densenet", "Effici": "efficientnet"}.get(name[:6], name.lower())
    images = getattr(keras.applications, module).preprocess_input(images.copy())
    return rows, np.asarray(model.predict(images, verbose=0))
