"""AUC: the area under the ROC or the precision-recall curve, from counts at many thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, unknown_name
from minidl.metrics.accuracy import as_same_rank
from minidl.metrics.base import Metric
from minidl.metrics.confusion import _check_probabilities, count, ratio
from minidl.ops.activations import stable_sigmoid
from minidl.tensor import Tensor, as_array

CURVES = ("ROC", "PR")
# The height of the curve between two neighbouring points.
_HEIGHTS: dict[str, Any] = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}


class AUC(Metric):
    """Area under a curve of rates that the threshold moves along: 1 is perfect, 0.5 (of ROC) is guessing.

    Parameters
    ----------
    num_thresholds : how many points the curve has
    curve : "ROC" (true over false positive rate) or "PR" (precision over recall)
    summation_method : "interpolation", or "minoring" or "majoring" for the lower or upper sum
    thresholds : the points themselves, instead of evenly spread ones
    multi_label : one area a column of (N, C), and their mean
    num_labels, label_weights : how many columns, and their weights in the mean
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
        if curve not in CURVES:
            raise unknown_name("curve of AUC", curve, CURVES)
        if summation_method not in _HEIGHTS:
            raise unknown_name("summation_method of AUC", summation_method, _HEIGHTS)
        if thresholds is None and (not isinstance(num_thresholds, int) or num_thresholds < 2):
            raise ArgumentError(f"AUC: num_thresholds must be an integer of 2 or more. Got {num_thresholds!r}.")
        self.curve, self.summation_method, self.from_logits = curve, summation_method, from_logits
        self.multi_label, self.num_labels, self.label_weights = multi_label, num_labels, label_weights
        self._given = None if thresholds is None else sorted(float(t) for t in thresholds)
        inner = self._given
        if inner is None:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self.num_thresholds = len(inner) + 2
        # Just outside [0, 1], so that the ends of the curve are reached.
        self.thresholds = [-1e-7, *inner, 1.0 + 1e-7]
        self.reset_state()

    def reset_state(self) -> None:
        """Set all counts to 0."""
        self._counts: Any = np.zeros((4, self.num_thresholds, 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels 0 and 1, and predictions."""
        y_true, y_pred = as_same_rank(as_array(y_true), as_array(y_pred))
        if self.from_logits:
            y_pred = stable_sigmoid(y_pred)
        _check_probabilities(self.name, y_true, y_pred)
        weights = None if sample_weight is None else as_array(sample_weight)
        if not self.multi_label:
            columns = [(y_true, y_pred, weights)]
        else:
            columns = [(y_true[:, c], y_pred[:, c], weights) for c in range(y_pred.shape[1])]
        counts = [count(t, p, self.thresholds, w) for t, p, w in columns]
        self._counts = self._counts + np.stack(counts, axis=-1)

    def result(self) -> Tensor:
        """Return the area."""
        tp, fp, tn, fn = self._counts
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(tp, fp, fn)
        else:
            recall = ratio(tp, tp + fn)
            x, y = (ratio(fp, fp + tn), recall) if self.curve == "ROC" else (recall, ratio(tp, tp + fp))
            heights = _HEIGHTS[self.summation_method](y[:-1], y[1:])
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        if self.label_weights is None:
            return self._tensor(areas.mean())
        weights = np.asarray(self.label_weights, np.float64)
        return self._tensor((areas * weights).sum() / weights.sum())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {
            "num_thresholds": self.num_thresholds, "curve": self.curve, "summation_method": self.summation_method,
            "multi_label": self.multi_label, "num_labels": self.num_labels, "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }  # fmt: skip
        if self._given is not None:
            own["thresholds"] = self._given
        return super().get_config() | own


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
