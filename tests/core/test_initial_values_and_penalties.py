"""Initializers, regularizers and constraints: ranges, moments, fans, seeds, axes."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import constraints, initializers, layers, regularizers
from minidl.errors import ArgumentError, ShapeError

# Kernels of dense, convolution, depthwise and transposed convolution, an embedding, a bias; with fan_in and fan_out.
FANS = {
    (300, 200): (300, 200), (3, 3, 40, 60): (360, 540), (5, 30, 200): (150, 1000), (3, 3, 300, 2): (2700, 18),
    (2, 3, 4, 10, 100): (240, 2400), (7000,): (7000, 7000), (1, 60000): (1, 60000), (60000, 1): (60000, 1),
}  # fmt: skip
SCALED = {
    "GlorotUniform": (1, "avg", "uniform"), "GlorotNormal": (1, "avg", "truncated"), "HeUniform": (2, "in", "uniform"),
    "HeNormal": (2, "in", "truncated"), "LecunUniform": (1, "in", "uniform"), "LecunNormal": (1, "in", "truncated"),
}  # fmt: skip
CUT = 0.87962566103423978  # what is left of the standard deviation of a normal cut at two of it


def check(values: np.ndarray, mean: float, deviation: float, low: float, high: float, where: str) -> None:
    """Compare moments (within five of their own deviations) and the ends (reached, and not passed)."""
    n, values = values.size, values.astype(float)
    assert abs(values.mean() - mean) < 5 * deviation / math.sqrt(n), where
    assert abs(values.std() - deviation) < 5 * deviation / math.sqrt(n), where
    if math.isfinite(high):
        width, rounding = high - low, 1e-6 * max(abs(low), abs(high))
        assert low - rounding <= values.min() < low + width / 50, where
        assert high - width / 50 < values.max() <= high + rounding, where
    else:
        assert values.max() > mean + 3.2 * deviation and values.min() < mean - 3.2 * deviation, where


def check_scaled(values: np.ndarray, variance: float, distribution: str, where: str) -> None:
    deviation = math.sqrt(variance)
    end = {"uniform": math.sqrt(3) * deviation, "untruncated_normal": math.inf}.get(distribution, 2 * deviation / CUT)
    check(values, 0, deviation, -end, end, where)


@pytest.mark.parametrize("shape", FANS, ids=str)
def test_scaled_initializers_have_the_variance_and_range_of_their_fans(shape: tuple[int, ...]) -> None:
    fan_in, fan_out = FANS[shape]
    fans = {"in": fan_in, "out": fan_out, "avg": (fan_in + fan_out) / 2}
    for name, (scale, mode, distribution) in SCALED.items():
        check_scaled(getattr(initializers, name)(seed=3)(shape), scale / fans[mode], distribution, name)
    for mode in fans:
        for distribution in ("truncated_normal", "untruncated_normal", "uniform"):
            made = initializers.VarianceScaling(3.0, f"fan_{mode}", distribution, seed=5)
            check_scaled(made(shape), 3 / fans[mode], distribution, f"{mode} {distribution}")


@pytest.mark.parametrize("mean,deviation", [(0.0, 0.05), (5.0, 2.0), (-3.0, 0.5)])
def test_truncated_normal_is_cut_at_two_deviations_from_its_mean(mean: float, deviation: float) -> None:
    values = initializers.TruncatedNormal(mean, deviation, seed=1)((200, 200))
    check(values, mean, deviation * CUT, mean - 2 * deviation, mean + 2 * deviation, "truncated")
    drawn = minidl.random.truncated_normal((200, 200), mean, deviation, seed=1).numpy()
    check(drawn, mean, deviation * CUT, mean - 2 * deviation, mean + 2 * deviation, "random.truncated_normal")
    check(initializers.RandomNormal(mean, deviation, seed=1)((200, 200)), mean, deviation, -math.inf, math.inf, "")
    values = initializers.RandomUniform(mean, mean + deviation, seed=1)((200, 200))
    check(values, mean + deviation / 2, deviation / math.sqrt(12), mean, mean + deviation, "uniform")


def test_axes_of_fans_can_be_said() -> None:
    made = initializers.VarianceScaling(seed=1, input_axes=[0], output_axes=[1, 2])
    assert made((20, 30, 40)).std() == pytest.approx(math.sqrt(1 / 20), rel=0.02)
    assert made.get_config()["input_axes"] == [0]
    again = initializers.get(initializers.serialize(initializers.HeNormal(seed=2, input_axes=[0], output_axes=[1])))
    assert again.get_config() == {"seed": 2, "input_axes": [0], "output_axes": [1]}


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 2, 3, 4), (1, 5)])
def test_orthogonal_is_gram_schmidt_of_a_random_matrix(shape: tuple[int, ...]) -> None:
    rows, columns = math.prod(shape[:-1]), shape[-1]
    a = np.random.default_rng(3).normal(size=(max(rows, columns), min(rows, columns)))
    q = np.zeros_like(a)
    for k in range(a.shape[1]):  # no sign is flipped: column k has a positive part along column k of `a`
        rest = a[:, k] - q[:, :k] @ (q[:, :k].T @ a[:, k])
        q[:, k] = rest / np.linalg.norm(rest)
    expected = (q if rows >= columns else q.T).reshape(shape)
    found = initializers.Orthogonal(gain=2.0).draw(np.random.default_rng(3), shape)
    np.testing.assert_allclose(found, 2 * expected, atol=1e-12)


@pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal", "RandomUniform", "GlorotUniform", "Orthogonal"])
def test_seeds_are_numbers_generators_or_none(name: str) -> None:
    make: Any = getattr(initializers, name)
    fixed, running = make(seed=np.int64(4)), make(seed=minidl.random.SeedGenerator(4))
    np.testing.assert_array_equal(fixed((3, 2)), fixed((3, 2)))
    first, second = running((3, 2)), running((3, 2))
    assert (first != second).any()
    again = initializers.get(json.loads(json.dumps(initializers.serialize(running))))
    np.testing.assert_array_equal(again((3, 2)), first)
    for wrong in (1.5, "a", -1, True):
        with pytest.raises(ArgumentError, match=f"{name}: seed must be a whole number of 0 or more, a SeedGenerator"):
            make(seed=wrong)


def test_model_with_a_seed_generator_in_an_initializer_is_saved(tmp_path: Any) -> None:
    kernel = initializers.HeNormal(seed=minidl.random.SeedGenerator(3))
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2, kernel_initializer=kernel)])
    model.save(tmp_path / "model.keras")
    again = minidl.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_orthogonal_regularizer_adds_up_absolute_cosines() -> None:
    x = np.random.RandomState(0).randn(3, 4).astype("float32")
    for mode, rows in (("rows", x), ("columns", x.T)):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        pairs = [abs(unit[i] @ unit[j]) for i in range(len(rows)) for j in range(i)]
        found = regularizers.OrthogonalRegularizer(0.5, mode)(minidl.Variable(x)).item()
        assert found == pytest.approx(0.5 * np.mean(pairs), rel=1e-5)
    assert regularizers.OrthogonalRegularizer()(minidl.Variable(np.ones((1, 3)))).item() == 0
    with pytest.raises(ShapeError, match="x must be a matrix"):
        regularizers.OrthogonalRegularizer()(minidl.Variable(np.ones((2, 2, 2))))


def test_names_of_regularizers_mean_their_usual_strengths() -> None:
    assert regularizers.get("l1").get_config() == {"l1": 0.01}
    assert regularizers.get("l2").get_config() == {"l2": 0.01}
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get("L1L2").get_config() == {"l1": 0.0, "l2": 0.0}  # as in Keras
    assert regularizers.l1_l2(l1=0.1).get_config() == {"l1": 0.1, "l2": 0.0}


def each_slice(w: np.ndarray, axes: tuple[int, ...], change: Any) -> np.ndarray:
    """Return `w`, every part along `axes` times change(its length)."""
    done = w.astype(float).copy()
    others = [range(n) if a not in axes else [slice(None)] for a, n in enumerate(w.shape)]
    for place in np.stack(np.meshgrid(*[np.arange(len(o)) for o in others], indexing="ij"), -1).reshape(-1, w.ndim):
        index = tuple(o[p] for o, p in zip(others, place, strict=True))
        done[index] *= change(math.sqrt((done[index] ** 2).sum()))
    return done


@pytest.mark.parametrize("axis", [0, 1, -1, [0, 1], [0, 1, 2]], ids=str)
def test_constraints_measure_lengths_along_their_axes(axis: Any) -> None:
    w = np.random.RandomState(1).randn(3, 4, 2).astype("float32")
    axes = tuple(a % 3 for a in (axis if isinstance(axis, list) else [axis]))
    rules = {
        constraints.MaxNorm(1.5, axis=axis): lambda n: min(n, 1.5) / n,
        constraints.UnitNorm(axis=axis): lambda n: 1 / n,
        constraints.MinMaxNorm(1.0, 1.5, 0.5, axis=axis): lambda n: (0.5 * min(max(n, 1.0), 1.5) + 0.5 * n) / n,
    }
    for constraint, change in rules.items():
        np.testing.assert_allclose(constraint(w), each_slice(w, axes, change), rtol=1e-5, atol=1e-6)
