"""AUC: the area under the ROC or the precision-recall curve, from counts at many thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.losses.functions import same_rank
from minidl.metrics.base import spread_weights
from minidl.metrics.confusion import COUNTS, CountingMetric, check_labels_and_predictions, count, ratio
from minidl.ops.activations import stable_sigmoid
from minidl.tensor import Tensor, as_array

CURVES = ("ROC", "PR", "PRGAIN")
# The height of the curve between two neighbouring points.
_HEIGHTS: dict[str, Any] = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}


class AUC(CountingMetric):
    """Area under a curve of rates that the threshold moves along: 1 is perfect, 0.5 (of ROC) is guessing.

    Parameters
    ----------
    num_thresholds : how many points the curve has
    curve : "ROC" (true over false positive rate), "PR" (precision over recall) or "PRGAIN" (their gains)
    summation_method : "interpolation", or "minoring" or "majoring" for the lower or upper sum
    thresholds : the points themselves, instead of evenly spread ones
    multi_label : one area a column of (N, C), and their mean
    num_labels : how many columns
    label_weights : of the columns: in the mean of the areas, or without `multi_label` of their predictions
    from_logits : predictions are scores, before sigmoid

    >>> metric = AUC(num_thresholds=3)
    >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    >>> float(metric.result())
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        if str(curve).upper() not in CURVES:
            raise unknown_name("curve of AUC", curve, CURVES)
        if num_labels and not multi_label:
            raise ArgumentError(f"AUC: num_labels goes with multi_label=True. Got num_labels={num_labels} without it.")
        if summation_method not in _HEIGHTS:
            raise unknown_name("summation_method of AUC", summation_method, _HEIGHTS)
        if thresholds is None and (not isinstance(num_thresholds, int) or num_thresholds < 2):
            raise ArgumentError(f"AUC: num_thresholds must be an integer of 2 or more. Got {num_thresholds!r}.")
        self.curve, self.summation_method, self.from_logits = curve.upper(), summation_method, from_logits
        self.multi_label, self.num_labels, self.label_weights = multi_label, num_labels, label_weights
        self._given = None if thresholds is None else sorted(float(t) for t in thresholds)
        inner = self._given
        if inner is None:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self.num_thresholds = len(inner) + 2
        # Just outside [0, 1], so that the ends of the curve are reached.
        self.thresholds = [-1e-7, *inner, 1.0 + 1e-7]
        self._made = not multi_label or bool(num_labels)
        if self._made:
            self.make_counts(self.num_thresholds, *([num_labels] if num_labels else []))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels 0 and 1, and predictions."""
        y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
        if self.from_logits:
            # Whole numbers are scores too.
            y_pred = stable_sigmoid(y_pred if np.issubdtype(y_pred.dtype, np.floating) else y_pred.astype(np.float32))
        check_labels_and_predictions(self.name, y_true, y_pred)
        weights = None if sample_weight is None else spread_weights(self.name, sample_weight, y_true.shape)
        if not self.multi_label:
            if self.label_weights is not None:
                weights = np.asarray(self.label_weights) * (np.ones(y_true.shape) if weights is None else weights)
            self.add_counts(count(y_true, y_pred, self.thresholds, weights))
            return
        if y_pred.ndim != 2 or y_pred.shape[1] != (self.num_labels or y_pred.shape[1]):
            raise ShapeError(
                f"{self.name}: with multi_label predictions are (N, {self.num_labels or 'C'}). Got {y_pred.shape}."
            )
        if not self._made:
            self.make_counts(self.num_thresholds, y_pred.shape[1])
            self._made = True
        columns = [
            (y_true[:, c], y_pred[:, c], None if weights is None else weights[:, c]) for c in range(len(y_pred.T))
        ]
        self.add_counts(np.stack([count(t, p, self.thresholds, w) for t, p, w in columns], axis=-1))

    def result(self) -> Tensor:
        """Return the area; 0 before any batch."""
        if not self._made:
            return self._tensor(0.0)
        tp, fp, tn, fn = (getattr(self, name).numpy() for name in COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(tp, fp, fn)
        else:
            x, y = _curve(self.curve, tp, fp, tn, fn)
            heights = _HEIGHTS[self.summation_method](y[:-1], y[1:])
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        if self.label_weights is None or not self.multi_label:
            return self._tensor(areas.mean())
        weights = np.asarray(self.label_weights, np.float64)
        return self._tensor((areas * weights).sum() / weights.sum())

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_thresholds": self.num_thresholds, "curve": self.curve, "summation_method": self.summation_method,
            "multi_label": self.multi_label, "num_labels": self.num_labels, "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }  # fmt: skip
        if self._given is not None:
            own["thresholds"] = self._given
        return super().get_config() | own


def _curve(kind: str, tp: np.ndarray, fp: np.ndarray, tn: np.ndarray, fn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the curve's points, one a threshold."""
    recall = ratio(tp, tp + fn)
    if kind == "ROC":
        return ratio(fp, fp + tn), recall
    if kind == "PR":
        return recall, ratio(tp, tp + fp)
    # Gains rescale both, so that always saying "positive" is at 0. Source: Flach & Kull, NeurIPS 2015.
    odds = ratio(tp + fn, tn + fp)
    recall_gain, precision_gain = 1 - odds * ratio(fn, tp), 1 - odds * ratio(fp, tp)
    return np.where(tp == 0, 0.0, np.maximum(recall_gain, 0)), np.where(tp == 0, 1.0, precision_gain)


def _interpolated_pr(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Return the area under the precision-recall curve, with TP and FP (not precision) straight between points.

    Between two thresholds TP = TP_b + slope (P - P_b), P being TP + FP, so precision is slope + intercept / P, whose
    integral has a logarithm. Source: Davis & Goadrich, ICML 2006, section 4.
    """
    positives = tp + fp
    step = tp[:-1] - tp[1:]
    slope = ratio(step, np.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    grown = np.divide(positives[:-1], positives[1:], out=np.ones_like(step), where=both)
    return ratio(slope * (step + intercept * np.log(grown)), np.maximum(tp[1:] + fn[1:], 0)).sum(axis=0)
