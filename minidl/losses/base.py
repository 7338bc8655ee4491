"""Loss: a function of (y_true, y_pred), weighted by sample and reduced over the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.functional.basic import tensor
from minidl.losses.functions import _as_dtype, _as_float, _label_tensor, same_rank
from minidl.registry import Configured, constructor, settings_of
from minidl.tensor import Tensor, as_array

REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight")


class Loss(Configured):
    """Base of losses. A loss of your own defines `call(y_true, y_pred)`: one value a sample.

    Parameters
    ----------
    name : shown in errors and configurations
    reduction : "sum_over_batch_size" (or "mean"), the mean over all values; "sum"; "mean_with_sample_weight", the sum
        divided by the sum of the weights; "none" or None, no reduction
    dtype : of the arithmetic; by default y_pred's, float32 at least

    >>> class Cubic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return (abs(y_true - y_pred) ** 3).mean(axis=-1)
    >>> Cubic()([[0.0], [1.0]], [[1.0], [3.0]]).item()
    4.5
    """

    # Integer labels stay integers, for losses that look them up.
    keeps_labels = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        if reduction is not None and reduction not in REDUCTIONS:
            raise unknown_name("reduction of a loss", reduction, REDUCTIONS)
        self.name = name or type(self).__name__
        self.reduction = reduction
        self.dtype = dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return one value a sample."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of a batch: a scalar tensor, or one value a sample where the reduction is "none".

        Parameters
        ----------
        y_true : targets, y_pred : predictions
        sample_weight : (N,), or a weight for each value of the unreduced loss
        """
        y_pred = _as_float(y_pred) if self.dtype is None else tensor(y_pred).astype(self.dtype)
        y_true = _label_tensor(y_true) if self.keeps_labels else _as_dtype(y_true, y_pred.dtype)
        values = tensor(self.call(y_true, y_pred))
        mask = joined_masks(y_pred, values)
        weights = _weights(sample_weight, mask, values, self.reduction)
        return reduce_values(values, weights, self.reduction)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {"name": self.name, "reduction": self.reduction}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} reduction={self.reduction}>"


class LossFunctionWrapper(Loss):
    """A loss from a function of (y_true, y_pred) that returns one value a sample.

    Parameters
    ----------
    fn : the function
    reduction, name, dtype : as for `Loss`
    kwargs : passed on to `fn`
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction, dtype)
        smoothing = kwargs.get("label_smoothing", 0.0)
        if not 0.0 <= smoothing <= 1.0:
            raise ArgumentError(f"{type(self).__name__}: label_smoothing must be between 0 and 1. Got {smoothing!r}.")
        self.fn = fn
        self.kwargs = kwargs

    @property
    def keeps_labels(self) -> bool:  # type: ignore[override]
        """Whether integer labels stay integers."""
        return getattr(self.fn, "__name__", "") == "sparse_categorical_crossentropy"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return the function's values."""
        return self.fn(*same_rank(y_true, y_pred), **self.kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.kwargs


class OfFunction(LossFunctionWrapper):
    """Base of the losses of one function of (y_true, y_pred), whose settings are the class's arguments.

    A subclass says in its head which function it is `of`; `name`, where the loss has another than the function's; and
    what it `takes`, where that comes in another order than the settings, reduction, name, dtype.
    """

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __init_subclass__(cls, of: Any = None, name: str = "", takes: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if of is not None:
            known = settings_of(of) | {"reduction": REDUCTIONS[0], "name": name or of.__name__, "dtype": None}
            arguments = {each: known[each] for each in takes.split() or known}
            cls.__init__ = constructor(  # type: ignore[method-assign]
                arguments, lambda self, **given: LossFunctionWrapper.__init__(self, of, **given)
            )


def reduce_values(values: Tensor, weights: np.ndarray | None, reduction: str | None) -> Tensor:
    """Weigh the values of an unreduced loss, and reduce them to one number.

    Parameters
    ----------
    values : (N, ...)
    weights : (N,), (N, 1) or (N, ...), or None
    reduction : one of `REDUCTIONS`, or None
    """
    if weights is not None:
        values = values * Tensor.wrap(_fit_weights(weights, values))
    if reduction in (None, "none") or values.ndim == 0:
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = float(weights.sum())
        return values.sum() * (1.0 / total if total else 0.0)
    return values.mean()


def _fit_weights(weights: np.ndarray, values: Tensor) -> np.ndarray:
    """Bring the weights to a shape that multiplies the values sample by sample."""
    if weights.ndim == 0:
        return weights
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.ndim == 1 and values.ndim > 1 and len(weights) == len(values):
        # Trap: (N,) times (N, T) would be matched with the last axis, not with the samples.
        weights = weights.reshape(-1, *([1] * (values.ndim - 1)))
    try:
        fits = np.broadcast_shapes(weights.shape, values.shape) == values.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"loss: sample_weight must have one weight a sample, or one for each value of the loss {values.shape}. "
            f"Got {weights.shape}."
        )
    return weights


def joined_masks(*tensors: Any) -> np.ndarray | None:
    """Return the mask of what the masks of all tensors keep; None if no tensor carries one."""
    joined = None
    for item in tensors:
        mask = getattr(item, "_keras_mask", None)
        if mask is not None:
            joined = as_array(mask) if joined is None else joined & as_array(mask)
    return joined


def _weights(sample_weight: Any, mask: np.ndarray | None, values: Tensor, reduction: str | None) -> np.ndarray | None:
    """Return one array of weights from sample weights and a mask, or None.

    Under a mean, the mask's kept values weigh total / kept, so that the mean is one over the kept values only.
    """
    dtype = values.dtype
    weights = None if sample_weight is None else as_array(sample_weight).astype(dtype, copy=False)
    if weights is not None and not np.isfinite(weights).all():
        raise ArgumentError("loss: sample_weight must be finite. Got NaN or infinity.")
    if mask is None:
        return weights
    kept = mask.astype(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        count = float(kept.sum())
        kept = kept * (math.prod(kept.shape) / count if count else 0.0)
    kept = kept.astype(dtype, copy=False)
    return kept if weights is None else _fit_weights(weights, values) * kept
