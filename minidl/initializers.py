"""Initial values of weights: names, arguments and formulas as in Keras."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import config
from minidl.config import checked_seed
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.registry import Configured, Registry, described

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros", "compute_fans", "constant", "deserialize",
    "draw_truncated_normal", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity",
    "lecun_normal", "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip


class Initializer(Configured):
    """Base of initializers: called with a shape, returns an array.

    With `seed=None` every call draws new values (repeatable after `utils.set_random_seed`), with a number the same
    ones, with a SeedGenerator its next ones.
    """

    seed: Any = None

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Return an array of `shape`, of dtype float32 unless said otherwise."""
        seed = self.seed.next() if isinstance(self.seed, config.SeedGenerator) else self.seed
        rng = np.random.default_rng(config.next_seed() if seed is None else seed)
        return np.asarray(self.draw(rng, tuple(shape))).astype(dtype or config.floatx())

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return float64 values of `shape`; each initializer says how."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(rng, shape)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer."""
        own = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        return {k: described(v) if isinstance(v, config.SeedGenerator) else v for k, v in own.items()}

    def clone(self) -> Initializer:
        """Return an initializer with the same configuration."""
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """All 0."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """All 1."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return ones."""
        return np.ones(shape)


class Constant(Initializer):
    """All one value, or a given array."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return the value, broadcast to the shape."""
        return np.broadcast_to(np.asarray(self.value, dtype=np.float64), shape)


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return gain on the diagonal."""
        if len(shape) != 2:
            raise ShapeError(f"Identity: the shape must have two axes. Got {shape}.")
        return self.gain * np.eye(*shape)


class RandomNormal(Initializer):
    """Normal values."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, checked_seed(type(self).__name__, seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return normal values."""
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal values, those beyond two standard deviations drawn again."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return truncated normal values."""
        return self.mean + self.stddev * draw_truncated_normal(rng, shape)


class RandomUniform(Initializer):
    """Uniform values in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, checked_seed(type(self).__name__, seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return uniform values."""
        return rng.uniform(self.minval, self.maxval, shape)


class VarianceScaling(Initializer):
    """Values whose variance is scale / fan, so that signals neither grow nor fade from layer to layer.

    Parameters
    ----------
    scale : numerator of the variance
    mode : which fan divides: "fan_in" (inputs of a neuron), "fan_out", or "fan_avg"
    distribution : "truncated_normal", "untruncated_normal" or "uniform"
    input_axes, output_axes : axes whose sizes make up fan_in and fan_out; by default those of a convolution's kernel

    Source: Glorot & Bengio, AISTATS 2010; He et al., arXiv:1502.01852.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        if scale <= 0:
            raise ArgumentError(f"VarianceScaling: scale must be positive. Got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise unknown_name("VarianceScaling mode", mode, ["fan_in", "fan_out", "fan_avg"])
        known = ["normal", "truncated_normal", "untruncated_normal", "uniform"]
        if distribution not in known:
            raise unknown_name("VarianceScaling distribution", distribution, known)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.seed = checked_seed(type(self).__name__, seed)
        self._axes = (input_axes, output_axes)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return values of variance scale / fan."""
        fan_in, fan_out = compute_fans(shape, *self._axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0, math.sqrt(variance), shape)
        # Cutting a normal at two standard deviations leaves it this standard deviation.
        return draw_truncated_normal(rng, shape) * math.sqrt(variance) / 0.87962566103423978

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal initializer; the axes, which Keras knows since 3.15, if given."""
        axes = zip(("input_axes", "output_axes"), self._axes, strict=True)
        return super().get_config() | {name: given for name, given in axes if given is not None}


class _Scaled(VarianceScaling):
    """A VarianceScaling with fixed arguments, which its configuration leaves out."""

    arguments: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self.arguments, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        """Return the seed, and the axes if they were given."""
        fixed = ("scale", "mode", "distribution")
        return {key: value for key, value in super().get_config().items() if key not in fixed}


class GlorotUniform(_Scaled):
    """Uniform, variance 2 / (fan_in + fan_out): for tanh, sigmoid, softmax. Keras' default."""

    arguments = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal, variance 2 / (fan_in + fan_out)."""

    arguments = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform, variance 2 / fan_in: for relu."""

    arguments = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal, variance 2 / fan_in: for relu."""

    arguments = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform, variance 1 / fan_in: for selu."""

    arguments = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal, variance 1 / fan_in: for selu."""

    arguments = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times `gain`: keeps the length of a recurrent state.

    Source: Saxe et al., arXiv:1312.6120.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain, self.seed = gain, checked_seed(type(self).__name__, seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return the Q of a random matrix's QR, its signs made uniform by R's diagonal."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: the shape must have at least two axes. Got {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


def draw_truncated_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return standard normal values, drawing again those beyond ±2."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values


def compute_fans(shape: tuple[int, ...], input_axes: Any = None, output_axes: Any = None) -> tuple[float, float]:
    """Return (fan_in, fan_out): how many inputs one output sums, and how many outputs one input feeds.

    >>> compute_fans((3, 3, 16, 32)), compute_fans((20, 4, 8), [0], [1, 2])
    ((144.0, 288.0), (20.0, 32.0))
    """
    if input_axes is not None and output_axes is not None:
        return float(math.prod(shape[a] for a in input_axes)), float(math.prod(shape[a] for a in output_axes))
    if len(shape) == 0:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    window = math.prod(shape[:-2])
    return float(window * shape[-2]), float(window * shape[-1])


# Keras' lower-case names of the classes: initializers.he_normal(seed=1).
constant, identity, ones, zeros, orthogonal = Constant, Identity, Ones, Zeros, Orthogonal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

registry = Registry(
    "initializer", globals(), (Initializer,), "a name, an Initializer or a function of (shape, dtype)",
    also={"normal": RandomNormal, "uniform": RandomUniform, "zero": Zeros, "one": Ones},
)  # fmt: skip
serialize, deserialize = registry.serialize, registry.deserialize


def get(identifier: Any) -> Any:
    """Return the initializer of a name, class, configuration, array or number; None stays None. See `Registry.get`.

    >>> get("he_normal").get_config(), get(2.0).get_config()
    ({'seed': None}, {'value': 2.0})
    """
    return Constant(identifier) if isinstance(identifier, np.ndarray | int | float) else registry.get(identifier)
