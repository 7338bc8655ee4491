"""LeNet-5 and ResNet-20: sizes as published, and that they learn."""

from __future__ import annotations

import numpy as np

from minidl import utils
from minidl.applications import LeNet5, ResNet20


def test_lenet5_has_the_published_layers():
    model = LeNet5()
    shapes = [layer.output.shape[1:] for layer in model.layers]
    assert shapes[:4] == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)] and shapes[-3:] == [(120,), (84,), (10,)]


def test_resnet20_has_the_published_number_of_weights():
    model = ResNet20()
    # He et al., table 6: 0.27 M. Nineteen 3 × 3 convolutions, two 1 × 1 shortcuts, one dense layer.
    assert 265_000 < sum(w.size for w in model.trainable_weights) < 280_000
    assert sum(type(layer).__name__ == "Conv2D" for layer in model.layers) == 21


def test_resnet_learns_a_small_batch_by_heart():
    utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 8, 8, 3)).astype(np.float32), rng.integers(0, 4, 16)
    model = ResNet20((8, 8, 3), classes=4, blocks=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    first, *_, last = model.fit(x, y, epochs=25, batch_size=16, verbose=0).history["loss"]
    assert last < first / 4
