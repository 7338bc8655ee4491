"""Layers that draw random numbers: only in training, repeatable, with the right shares, and warps as Keras'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recorded_layers import DATA, TOLERANCE

import minidl
from minidl import layers
from minidl.layers.images.warping import affine_warp

IMAGES = np.random.default_rng(0).uniform(0, 1, (6, 9, 8, 2)).astype(np.float32)
RANDOM = {
    "Dropout": {"rate": 0.4},
    "SpatialDropout2D": {"rate": 0.4},
    "GaussianNoise": {"stddev": 0.3},
    "GaussianDropout": {"rate": 0.3},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.1},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
    "RandomContrast": {"factor": 0.4, "value_range": (0, 1)},
    "RandomCrop": {"height": 5, "width": 4},
}
EVERY = pytest.mark.parametrize("name", RANDOM)


def make(name: str, **more: Any) -> Any:
    return getattr(layers, name)(**RANDOM[name], **more)


@EVERY
def test_random_layer_repeats_with_its_seed_and_goes_on_from_call_to_call(name: str) -> None:
    first, second, other = make(name, seed=3), make(name, seed=3), make(name, seed=4)
    runs = [[layer(IMAGES, training=True).numpy() for _ in range(4)] for layer in (first, second, other)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert any(not np.array_equal(runs[0][0], later) for later in runs[0][1:])


@EVERY
def test_random_layer_repeats_after_set_random_seed(name: str) -> None:
    found = []
    for _ in range(2):
        minidl.config.set_random_seed(11)
        found.append(make(name)(IMAGES, training=True).numpy())
    np.testing.assert_array_equal(*found)


@EVERY
def test_random_layer_does_nothing_outside_training(name: str) -> None:
    layer = make(name, seed=3)
    y = layer(IMAGES, training=False).numpy()
    if name == "RandomCrop":  # the largest window of the same ratio, resized
        np.testing.assert_allclose(y.mean(), IMAGES.mean(), atol=0.05)
        assert y.shape == (6, 5, 4, 2)
    else:
        np.testing.assert_array_equal(y, IMAGES)
    model = minidl.Sequential([layers.Input(IMAGES.shape[1:]), layer])
    np.testing.assert_array_equal(model(IMAGES).numpy(), y)
    assert not np.array_equal(model(IMAGES, training=True).numpy(), y)


@EVERY
def test_random_layer_keeps_the_input_and_the_dtype(name: str) -> None:
    before = IMAGES.copy()
    y = make(name, seed=3, dtype="float64")(IMAGES, training=True)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(IMAGES, before)


@pytest.mark.parametrize("name", ["Dropout", "SpatialDropout2D", "SpatialDropout1D"])
def test_dropout_drops_its_share_and_keeps_the_mean(name: str) -> None:
    shape = (200, 40, 30) if name == "SpatialDropout1D" else (200, 6, 5, 40)
    y = getattr(layers, name)(0.3, seed=1)(np.ones(shape, np.float32), training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    np.testing.assert_allclose((y == 0).mean(), 0.3, atol=0.02)
    if name != "Dropout":
        np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1] if y.ndim == 3 else y[:, :1, :1], shape))


def test_dropout_gradient_goes_through_the_same_mask() -> None:
    x = minidl.Tensor(np.ones((4, 50), np.float32))
    layer = layers.Dropout(0.5, seed=2)
    with minidl.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = y.sum()
    np.testing.assert_array_equal(tape.gradient(loss, x).numpy(), y.numpy())


def test_gaussian_layers_have_their_mean_and_deviation() -> None:
    x = np.full((100, 100), 2.0, np.float32)
    noise = layers.GaussianNoise(0.5, seed=1)(x, training=True).numpy() - x
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 0.5], atol=0.02)
    factor = layers.GaussianDropout(0.2, seed=1)(x, training=True).numpy() / x
    np.testing.assert_allclose([factor.mean(), factor.std()], [1, 0.5], atol=0.02)


def test_random_flip_flips_about_half_and_only_its_way() -> None:
    x = np.arange(2 * 3, dtype=np.float32).reshape(1, 2, 3, 1).repeat(400, axis=0)
    for mode, flipped in (("horizontal", x[:, :, ::-1]), ("vertical", x[:, ::-1])):
        y = layers.RandomFlip(mode, seed=1)(x).numpy()
        mirrored = (y == flipped).all(axis=(1, 2, 3))
        assert (mirrored | (y == x).all(axis=(1, 2, 3))).all()
        np.testing.assert_allclose(mirrored.mean(), 0.5, atol=0.1)


def test_augmentation_takes_one_image_and_bytes() -> None:
    image = np.random.default_rng(1).integers(0, 256, (7, 6, 3), dtype=np.uint8)
    for name in RANDOM:
        if name.startswith("Random") and name != "RandomContrast":
            y = make(name, seed=1)(image)
            assert y.dtype == np.float32 and y.ndim == 3 and y.numpy().max() <= 255


def test_augmentation_called_alone_trains_as_in_keras() -> None:
    assert not np.array_equal(make("RandomRotation", seed=1)(IMAGES).numpy(), IMAGES)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("mode", ["reflect", "wrap", "constant", "nearest"])
def test_rotation_equals_keras(mode: str, interpolation: str) -> None:
    key = f"warp.{mode}.{interpolation}"
    x = DATA["warp.x"]
    layer = layers.RandomRotation(0.2, mode, interpolation, fill_value=0.5)
    matrices = layer.turns(np.deg2rad(DATA[f"{key}.angle"].astype(np.float64)), 5, 6)
    np.testing.assert_allclose(matrices.reshape(3, 6), DATA[f"{key}.matrix"][:, :6], rtol=1e-5, atol=1e-6)
    y = affine_warp(x, matrices, mode, interpolation, 0.5)
    np.testing.assert_allclose(y, DATA[f"{key}.y"], rtol=1e-4, atol=1e-5)


def test_translation_and_zoom_equal_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    x = DATA["warp.x"]

    def drawn(*columns: np.ndarray) -> Any:
        waiting = list(columns)
        return lambda count, low, high: waiting.pop(0)

    shift = layers.RandomTranslation(0.4, 0.3)
    dx, dy = DATA["warp.shift.translations"].T
    monkeypatch.setattr(shift, "uniform", drawn(dy / 5, dx / 6))
    np.testing.assert_allclose(shift(x).numpy(), DATA["warp.shift.y"], rtol=1e-4, atol=1e-5)
    zoom = layers.RandomZoom(0.4, 0.3)
    vertical, horizontal = DATA["warp.zoom.factors"].T
    monkeypatch.setattr(zoom, "uniform", drawn(vertical - 1, horizontal - 1))
    np.testing.assert_allclose(zoom(x).numpy(), DATA["warp.zoom.y"], rtol=1e-4, atol=1e-5)
    contrast = layers.RandomContrast(0.5, value_range=(-1, 1))
    monkeypatch.setattr(contrast, "uniform", drawn(DATA["warp.contrast.factors"].ravel()))
    np.testing.assert_allclose(contrast(x).numpy(), DATA["warp.contrast.y"], **TOLERANCE)


def test_random_crop_cuts_one_window_for_the_batch() -> None:
    x = np.arange(6 * 7, dtype=np.float32).reshape(1, 6, 7, 1).repeat(3, axis=0)
    layer = layers.RandomCrop(3, 4, seed=5)
    corners = set()
    for _ in range(60):
        y = layer(x).numpy()
        top, left = divmod(int(y[0, 0, 0, 0]), 7)
        np.testing.assert_array_equal(y, x[:, top : top + 3, left : left + 4])
        corners.add((top, left))
    assert {t for t, _ in corners} == {0, 1, 2, 3} and {c for _, c in corners} == {0, 1, 2, 3}


def test_turn_by_a_quarter_is_exact_on_a_square() -> None:
    x = np.random.default_rng(2).normal(size=(1, 4, 4, 1)).astype(np.float32)
    turned = affine_warp(x, layers.RandomRotation(0.25).turns(np.array([np.pi / 2]), 4, 4), "constant", "bilinear", 0.0)
    np.testing.assert_allclose(turned[0, :, :, 0], np.rot90(x[0, :, :, 0]), atol=1e-5)
