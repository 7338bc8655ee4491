"""Normalization over the batch, the sample, groups of channels; by the root of the mean square; to length 1."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.elementwise import Elementwise
from minidl.layers.base.kinds import Constraint, Initializer, Regularizer, one_or, share
from minidl.layers.base.options import Kind
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS, in_trial
from minidl.tensor import Tensor


def one_axis(layer: Any, name: str, axis: Any) -> int:
    """Return one axis, of an integer or (as old Keras files have it) a list of one."""
    if isinstance(axis, list | tuple) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, INTEGERS):
        raise ArgumentError(f"{who(layer)}: {name} must be one integer. Got {axis!r}.")
    return int(axis)


class BatchNormalization(Elementwise):
    """Give every channel mean 0 and variance 1, then a scale gamma and a shift beta that are trained.

    Training: mean and variance are those of the batch, and their moving averages are updated,
    moving = momentum * moving + (1 - momentum) * batch. Inference: the moving averages are used.
    A frozen layer (`trainable = False`) works as in inference even while the rest trains, and its averages stay.

    Parameters
    ----------
    axis : the channels; -1 is the last
    momentum : how much of the moving averages is kept at each batch
    epsilon : added to the variance, against a division by 0
    center, scale : whether there is a beta, and a gamma
    renorm, synchronized : only False is supported

    Weights: gamma (C,), beta (C,), moving_mean (C,), moving_variance (C,). A mask (N, T) leaves steps out of the
    batch's mean and variance.

    Source: Ioffe & Szegedy, arXiv:1502.03167.

    >>> layer = BatchNormalization(epsilon=0.0)
    >>> layer([[1.0], [3.0]], training=True).numpy().ravel(), layer.moving_mean.numpy()
    (array([-1.,  1.], dtype=float32), array([0.02], dtype=float32))
    """

    computes_in_floats = True
    # TimeDistributed may not put steps and samples together for a layer in which the samples of a batch meet.
    mixes_samples = True

    axis: Annotated[int, Kind(one_axis)] = -1
    momentum: Annotated[float, Kind(lambda *given: float(share().read(*given)))] = 0.99
    epsilon: Annotated[float, Kind(lambda layer, name, value: float(value))] = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    moving_mean_initializer: Initializer = "zeros"
    moving_variance_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None
    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: float = 0.99
    synchronized: bool = False

    def __post_init__(self) -> None:
        if self.renorm or self.synchronized:
            raise ArgumentError(f"{who(self)}: renorm and synchronized must be False; neither is supported.")

    def build(self, input_shape: Any) -> None:
        """Make gamma, beta and the moving averages, one number a channel."""
        channels = known_size(self, input_shape, self.axis)
        self.gamma = self.add_option_weight("gamma", (channels,)) if self.scale else None
        self.beta = self.add_option_weight("beta", (channels,)) if self.center else None
        self.moving_mean = self.add_weight(
            (channels,), self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            (channels,), self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return gamma * (inputs - mean) / sqrt(variance + epsilon) + beta."""
        axis = self.axis % inputs.ndim
        last = inputs.ndim - 1
        order = [*(i for i in range(inputs.ndim) if i != axis), axis]
        x = inputs if axis == last else F.transpose(inputs, order)
        if not (training and self.trainable):
            y = F.batch_norm_inference(x, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon)
        elif mask is None:
            y, mean, variance = F.batch_norm(x, self.gamma, self.beta, self.epsilon)
            self._average(mean, variance)
        else:
            weights = np.broadcast_to(mask.numpy()[..., None], inputs.shape).transpose(order)
            y = self._masked(x, Tensor.wrap(weights.astype(x.dtype)))
        return y if axis == last else F.transpose(y, np.argsort(order).tolist())

    def _masked(self, x: Any, weights: Any) -> Any:
        """Normalise by mean and variance of the steps that the mask lets through."""
        axes = tuple(range(x.ndim - 1))
        count = Tensor.wrap(np.maximum(weights.numpy().sum(axis=axes), 1).astype(x.dtype))
        mean = F.reduce_sum(x * weights, axes) / count
        variance = F.reduce_sum(F.square(x - mean) * weights, axes) / count
        self._average(mean, variance)
        return F.batch_norm_inference(x, self.gamma, self.beta, mean, variance, self.epsilon)

    def _average(self, mean: Any, variance: Any) -> None:
        """Move the moving averages; this is state, which the tape does not see."""
        if in_trial():
            return
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.average_with(batch, self.momentum)


class LayerNormalization(Elementwise):
    """Give every sample mean 0 and variance 1 over `axis`, then scale by gamma and shift by beta.

    Parameters
    ----------
    axis : one axis or several
    epsilon : added to the variance, against a division by 0
    center, scale : whether there is a beta, and a gamma

    Weights: gamma and beta, of the sizes of `axis`. Source: Ba, Kiros & Hinton, arXiv:1607.06450.

    >>> LayerNormalization(epsilon=0.0)([[1.0, 3.0], [10.0, 30.0]]).numpy().tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    computes_in_floats = True

    axis: Annotated[Any, one_or(list)] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None

    @classmethod
    def _of_today(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Take `rms_scaling`, which Keras writes into configurations of old; True was another layer."""
        if arguments.pop("rms_scaling", False):
            raise ArgumentError("LayerNormalization: rms_scaling must be False; use an RMS normalization of your own.")
        return arguments

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras writes them."""
        return super().get_config() | {"rms_scaling": False}

    def build(self, input_shape: Any) -> None:
        """Make gamma and beta."""
        rank = len(input_shape)
        self.axes = sorted([self.axis] if isinstance(self.axis, int) else self.axis, key=lambda axis: axis % rank)
        shape = tuple(known_size(self, input_shape, a) for a in self.axes)
        self.gamma = self.add_option_weight("gamma", shape) if self.scale else None
        self.beta = self.add_option_weight("beta", shape) if self.center else None

    def call(self, inputs: Any) -> Any:
        """Return gamma * (inputs - mean) / sqrt(variance + epsilon) + beta."""
        return F.layer_norm(inputs, self.gamma, self.beta, self.epsilon, tuple(self.axes))


def known_size(layer: Any, shape: Any, axis: int) -> int:
    """Return the size of an axis that a weight depends on.

    Raises
    ------
    ShapeError : no such axis, the batch axis, or a size that is not known
    """
    if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
        raise ShapeError(
            f"{who(layer)}: axis must be one of the input's, and not the batch axis. Got {axis} for {shape}."
        )
    size = shape[axis]
    if size is None:
        raise ShapeError(f"{who(layer)}: the size of axis {axis} must be known to make the weights. Got {shape}.")
    return int(size)


class GroupNormalization(Elementwise):
    """Give the channels of every sample, group by group, mean 0 and variance 1, then scale by gamma and shift by beta.

    Parameters
    ----------
    groups : into how many the channels are divided; -1 for one each (instance normalization)
    axis : the channels
    epsilon : added to the variance, against a division by 0
    center, scale : whether there is a beta, and a gamma

    Weights: gamma and beta, (C,). Source: Wu & He, arXiv:1803.08494.

    >>> GroupNormalization(groups=2, epsilon=0.0)([[1.0, 3.0, 10.0, 30.0]]).numpy().tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    computes_in_floats = True

    groups: int = 32
    axis: Annotated[int, Kind(one_axis)] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None

    def build(self, input_shape: Any) -> None:
        """Make gamma and beta, one number a channel."""
        channels = known_size(self, input_shape, self.axis)
        if self.groups == -1:
            self.groups = channels
        if self.groups < 1 or channels % self.groups:
            raise ArgumentError(
                f"{who(self)}: groups must divide the channels, or be -1. Got groups={self.groups} for {channels} "
                f"channels, axis {self.axis} of {tuple(input_shape)}."
            )
        self.gamma = self.add_option_weight("gamma", (channels,)) if self.scale else None
        self.beta = self.add_option_weight("beta", (channels,)) if self.center else None

    def call(self, inputs: Any) -> Any:
        """Return gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, mean and variance of each group."""
        axis, last = self.axis % inputs.ndim, inputs.ndim - 1
        order = [*(i for i in range(inputs.ndim) if i != axis), axis]
        x = inputs if axis == last else F.transpose(inputs, order)
        channels = x.shape[-1]
        grouped = F.reshape(x, (-1, *x.shape[1:-1], self.groups, channels // self.groups))
        axes = (*range(1, last), last + 1)
        y = F.reshape(F.layer_norm(grouped, None, None, self.epsilon, axes), (-1, *x.shape[1:]))
        y = y if self.gamma is None else y * self.gamma
        y = y if self.beta is None else y + self.beta
        return y if axis == last else F.transpose(y, np.argsort(order).tolist())


class RMSNormalization(Elementwise):
    """Divide by the root of the mean square over `axis`, then scale; no mean is subtracted.

    Parameters
    ----------
    axis : one axis or several
    epsilon : added to the mean square, against a division by 0

    Weights: scale, of the sizes of `axis`. Source: Zhang & Sennrich, arXiv:1910.07467.

    >>> RMSNormalization(epsilon=0.0)([[3.0, 3.0], [1.0, -1.0]]).numpy().tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """

    computes_in_floats = True

    axis: Annotated[Any, one_or(list)] = -1
    epsilon: float = 1e-6

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        self.axes = sorted(axis % len(input_shape) for axis in axes)
        shape = tuple(known_size(self, input_shape, axis) for axis in self.axes)
        self.scale = self.add_weight(shape, "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        """Return scale * inputs / sqrt(mean of squares + epsilon)."""
        axes = tuple(self.axes)
        root = F.sqrt(F.reduce_mean(F.square(inputs), axes, True) + self.epsilon)
        along = [inputs.shape[axis] if axis in axes else 1 for axis in range(inputs.ndim)]
        return inputs / root * F.reshape(self.scale, along)


class UnitNormalization(Elementwise):
    """Give every sample the length 1 over `axis`: x / sqrt(sum of squares). A zero stays zero.

    Parameters
    ----------
    axis : one axis or several

    >>> UnitNormalization()([[3.0, 4.0], [0.0, 0.0]]).numpy()
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """

    computes_in_floats = True

    axis: Annotated[Any, one_or(list)] = -1

    def call(self, inputs: Any) -> Any:
        """Return inputs / their length."""
        axes = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        return inputs / F.sqrt(F.maximum(F.reduce_sum(F.square(inputs), axes, True), 1e-24))
