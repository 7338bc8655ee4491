"""The networks of ImageNet against Keras' own: layers, outputs with the same weights, files of weights, images in."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from application_runs import NETWORKS, run

import minidl
from minidl import applications, layers, models
from minidl.errors import ArgumentError, DownloadError, FileFormatError, ShapeError

REFERENCE = Path(__file__).parent.parent / "reference"
RECORDED = np.load(REFERENCE / "applications.npz")
ROWS = json.loads(str(RECORDED["index"]))["layers"]
MODES = {
    "caffe": ("vgg16", "vgg19", "resnet", "resnet50"),
    "tf": ("mobilenet", "mobilenet_v2", "resnet_v2", "xception", "inception_v3"),
    "torch": ("densenet",),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_keras_own(name):
    rows, output = run(minidl, name)
    assert rows == ROWS[name]
    np.testing.assert_allclose(output, RECORDED[name], rtol=0, atol=2e-4 * np.abs(RECORDED[name]).max())


def test_the_larger_ones_have_the_published_number_of_weights():
    counts = {
        "ResNet152": 60_419_944,
        "ResNet152V2": 60_380_648,
        "DenseNet201": 20_242_984,
        "EfficientNetB4": 19_466_823,
    }
    for name, count in counts.items():  # Keras' documentation, keras.io/api/applications, and count_params() of Keras
        assert getattr(applications, name)(weights=None).count_params() == count, name


def test_transfer_learning_as_it_is_written():
    base = applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    base.trainable = False
    x = layers.Flatten()(base.output)
    model = models.Model(base.input, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    before = [w.numpy().copy() for w in model.weights]
    model.fit(np.random.default_rng(0).normal(size=(4, 32, 32, 3)), np.array([0, 1, 0, 1]), verbose=0)
    changed = [not np.array_equal(was, w.numpy()) for was, w in zip(before, model.weights, strict=True)]
    assert changed == [False] * 26 + [True] * 2


def test_a_network_begins_at_another_layer():
    image = layers.Input((40, 40, 1))
    colours = layers.Concatenate()([image, image, image])
    model = applications.MobileNetV2(weights=None, include_top=False, input_tensor=colours, alpha=0.35)
    assert model.input_shape == (None, 40, 40, 1)
    assert model.predict(np.ones((1, 40, 40, 1), np.float32), verbose=0).shape == (1, 2, 2, 1280)


def test_without_top_images_have_any_size():
    model = applications.DenseNet121(weights=None, include_top=False, pooling="avg")
    for sides in ((32, 47), (64, 33)):
        assert model.predict(np.zeros((1, *sides, 3), np.float32), verbose=0).shape == (1, 1024)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A cache that holds MobileNet's weights as Keras writes them; nothing can be fetched."""
    for variable in ("MINIDL_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "mobilenet_2_5_128_tf_no_top.h5"
    path.write_bytes(lzma.decompress((REFERENCE / "mobilenet_weights.h5.xz").read_bytes()))
    return path


def filled_in_order(model):
    return all((w.numpy() == k).all() for k, w in enumerate(model.weights))


def test_published_weights_come_from_the_cache_or_a_path(published):
    options = {"include_top": False, "alpha": 0.25}
    assert filled_in_order(applications.MobileNet((128, 128, 3), **options))
    model = applications.MobileNet((64, 64, 3), weights=published, **options)
    assert filled_in_order(model)
    with pytest.warns(UserWarning, match=r"square images of 128, 160, 192, 224; .*\(64, 64, 3\) those of 224"):
        with pytest.raises(DownloadError):
            applications.MobileNet((64, 64, 3), **options)


def test_weights_that_do_not_fit_are_refused(published):
    with pytest.raises(minidl.errors.MinidlError, match="MobileNet|mobilenet"):
        applications.MobileNet((64, 64, 3), weights=published, include_top=False, alpha=0.5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": "imagnet"}, "'imagnet', which is no file"),
        ({"classes": 10}, "1000 classes. Got classes=10"),
        ({"weights": None, "pooling": "mean"}, "None, 'avg' or 'max'. Got 'mean'"),
        ({"input_shape": (200, 200, 3)}, r"\(224, 224, 3\). Got \(200, 200, 3\)"),
        ({"input_shape": (64, 64, 1), "include_top": False}, "for 3 channels"),
        ({"weights": None, "input_shape": (31, 64, 3)}, "at least 32"),
        ({"weights": None, "input_shape": (64, 64)}, "height, width, channels"),
        ({"weights": None, "input_shape": (None, None, 3)}, "without None"),
        ({"classifier_activation": "sigmoid"}, "'softmax' or None"),
        ({"weights": None, "input_tensor": np.zeros((1, 32, 32, 3))}, "Got a ndarray"),
    ],
)
def test_arguments_that_do_not_go_together(options, said):
    with pytest.raises(ArgumentError, match=said):
        applications.VGG16(**options)
    with pytest.raises(ArgumentError, match=r"alpha"):
        applications.MobileNet(alpha=0.3)
    with pytest.raises(ArgumentError, match=r"alpha"):
        applications.MobileNetV2(alpha=0.3)


@pytest.mark.parametrize("mode", MODES)
def test_images_are_scaled_as_in_training(mode):
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3))
    right = np.empty(images.shape)
    for n, h, w, c in np.ndindex(*images.shape):  # by loops: scale, or mean and deviation of a channel
        if mode == "caffe":
            right[n, h, w, c] = images[n, h, w, 2 - c] - (103.939, 116.779, 123.68)[c]
        elif mode == "tf":
            right[n, h, w, c] = images[n, h, w, c] / 127.5 - 1
        else:
            right[n, h, w, c] = (images[n, h, w, c] / 255 - (0.485, 0.456, 0.406)[c]) / (0.229, 0.224, 0.225)[c]
    for module in MODES[mode]:
        scale = getattr(applications, module).preprocess_input
        for given in (
            images,
            images.astype(np.float32),
            images.astype(np.float64),
            minidl.convert_to_tensor(images, "float32"),
        ):
            before = np.array(given)
            np.testing.assert_allclose(np.asarray(scale(given)), right, rtol=0, atol=1e-4)
            assert np.array_equal(before, np.asarray(given))
        first = scale(images.transpose(0, 3, 1, 2).astype(np.float32), data_format="channels_first")
        np.testing.assert_allclose(first.transpose(0, 2, 3, 1), right, rtol=0, atol=1e-4)


def test_images_that_cannot_be_scaled():
    with pytest.raises(ShapeError, match="wants 3 channels on axis -1"):
        applications.vgg16.preprocess_input(np.zeros((4, 4, 1)))
    with pytest.raises(ArgumentError, match="'caffe', 'tf' or 'torch'"):
        applications.imagenet_utils.preprocess_input(np.zeros((4, 4, 3)), mode="keras")
    with pytest.raises(ArgumentError, match="channels_last"):
        applications.vgg16.preprocess_input(np.zeros((4, 4, 3)), data_format="NHWC")


def test_predictions_are_named(published, monkeypatch):
    from minidl.applications import imagenet_utils

    names = published.parent / "imagenet_class_index.json"
    names.write_text(json.dumps({str(k): [f"n{k:08d}", f"thing_{k}"] for k in range(1000)}))
    monkeypatch.setattr(imagenet_utils, "_CLASS_HASH", None)
    scores = np.zeros((2, 1000), np.float32)
    scores[0, 7], scores[0, 999], scores[1, 3] = 0.9, 0.1, 1.0
    first, second = applications.vgg16.decode_predictions(scores, top=2)
    assert first == [("n00000007", "thing_7", pytest.approx(0.9)), ("n00000999", "thing_999", pytest.approx(0.1))]
    assert second[0] == ("n00000003", "thing_3", 1.0) and len(second) == 2
    names.write_text("<html>")
    with pytest.raises(FileFormatError, match="is no JSON"):
        applications.resnet50.decode_predictions(scores)
    with pytest.raises(ShapeError, match=r"\(N, 1000\). Got \(1000,\)"):
        applications.vgg16.decode_predictions(scores[0])
