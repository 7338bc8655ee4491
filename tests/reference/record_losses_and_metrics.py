"""Record what Keras 3 computes for losses and metrics with every option, weight and mask.

    KERAS_BACKEND=torch python tests/reference/record_losses_and_metrics.py

It writes losses_and_metrics.npz beside itself: `values`, all numbers one after another as float32, and `index` (JSON)
with the cases, and for each name in `arrays` the dtype and shape of its numbers, in their order. A case has `class`,
`kwargs`, `data` (the name of its inputs), `weight` (None, "samples" (N,), "column" (N, 1) or "all"), and for losses
`mask`.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from keras.src.backend import set_keras_mask

Random = np.random.RandomState
Pair = tuple[np.ndarray, np.ndarray]


def probabilities(random: Random, *shape: int) -> np.ndarray:
    e = np.exp(random.randn(*shape))
    return (e / e.sum(axis=-1, keepdims=True)).astype("float32")


def normal(random: Random, *shape: int) -> np.ndarray:
    return random.randn(*shape).astype("float32")


def one_hot(random: Random, *shape: int) -> np.ndarray:
    return np.eye(shape[-1], dtype="float32")[random.randint(0, shape[-1], shape[:-1])]


def ignored(random: Random, mark: int, *shape: int) -> np.ndarray:
    labels = random.randint(0, 5, shape)
    return np.where(random.rand(*shape) < 0.4, mark, labels)


def classes_first(random: Random) -> np.ndarray:
    return np.moveaxis(probabilities(random, 2, 3, 4, 5), -1, 1).copy()


# Targets and predictions of one batch. Some classes have axes (N, T, C), which a mask (N, T) fits.
LOSS_DATA: dict[str, Callable[[Random], Pair]] = {
    "numbers": lambda r: (normal(r, 6, 3), normal(r, 6, 3)),
    "whole numbers": lambda r: (r.randint(0, 3, (6, 3)), r.randint(0, 3, (6, 3))),
    "steps": lambda r: (normal(r, 6, 4, 3), normal(r, 6, 4, 3)),
    "one number": lambda r: (normal(r, 6), normal(r, 6, 1)),
    "positive": lambda r: (np.abs(normal(r, 6, 4, 3)), np.abs(normal(r, 6, 4, 3)) + 0.1),
    "classes": lambda r: (one_hot(r, 6, 4, 5), probabilities(r, 6, 4, 5)),
    "class scores": lambda r: (one_hot(r, 6, 5), normal(r, 6, 5) * 4),
    "certain classes": lambda r: (one_hot(r, 6, 5), one_hot(r, 6, 5)),
    "yes or no": lambda r: (r.randint(0, 2, (6, 4, 3)), r.rand(6, 4, 3).astype("float32")),
    "yes or no scores": lambda r: (r.randint(0, 2, (6, 1)), normal(r, 6, 1) * 3),
    "labels": lambda r: (r.randint(0, 5, (6, 4)), probabilities(r, 6, 4, 5)),
    "label scores": lambda r: (r.randint(0, 5, (6, 1)), normal(r, 6, 5) * 4),
    "labels with 2": lambda r: (ignored(r, 2, 6, 4), probabilities(r, 6, 4, 5)),
    "labels with -1": lambda r: (ignored(r, -1, 6, 4), probabilities(r, 6, 4, 5)),
    "labels with 255": lambda r: (ignored(r, 255, 6, 1), normal(r, 6, 5) * 4),
    "only -1": lambda r: (np.full((6,), -1), probabilities(r, 6, 5)),
    "picture": lambda r: (ignored(r, -1, 2, 3, 4), probabilities(r, 2, 3, 4, 5)),
    "picture scores": lambda r: (ignored(r, -1, 2, 3, 4, 1), normal(r, 2, 3, 4, 5)),
    "classes first": lambda r: (r.randint(0, 5, (2, 3, 4)), classes_first(r)),
    "classes first with -1": lambda r: (ignored(r, -1, 2, 3, 4), classes_first(r)),
}  # fmt: skip
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def loss_cases() -> list[dict[str, Any]]:
    cases = []

    def add(cls: str, data: str, weight: str | None = None, mask: bool = False, **kwargs: Any) -> None:
        if weight == "column" and (mask or "ignore_class" in kwargs):
            return  # on PyTorch, Keras multiplies them in place, which fails
        cases.append({"class": cls, "kwargs": kwargs, "data": data, "weight": weight, "mask": mask})

    for reduction in REDUCTIONS:
        for weight in (None, "column", "all"):
            for mask in (False, True):
                add("MeanSquaredError", "steps", weight, mask, reduction=reduction)
                add("CategoricalCrossentropy", "classes", weight, mask, reduction=reduction)
                add("BinaryCrossentropy", "yes or no", weight, mask, reduction=reduction)
                add("SparseCategoricalCrossentropy", "labels", weight, mask, reduction=reduction)
                for mark in (2, -1):
                    add("SparseCategoricalCrossentropy", f"labels with {mark}", weight, mask, ignore_class=mark,
                        reduction=reduction)  # fmt: skip
            add("SparseCategoricalCrossentropy", "picture", weight and "all", ignore_class=-1, reduction=reduction)
        for weight in (None, "samples"):
            add("SparseCategoricalCrossentropy", "labels with 255", weight, ignore_class=255, from_logits=True,
                reduction=reduction)  # fmt: skip
            add("SparseCategoricalCrossentropy", "only -1", weight, ignore_class=-1, reduction=reduction)
        add("SparseCategoricalCrossentropy", "picture scores", ignore_class=-1, from_logits=True, reduction=reduction)
        add("SparseCategoricalCrossentropy", "classes first", axis=1, reduction=reduction)
        add("SparseCategoricalCrossentropy", "classes first with -1", axis=1, ignore_class=-1, reduction=reduction)
    for weight in (None, "column", "all"):
        for mask in (False, True):
            for cls in ("MeanAbsoluteError", "MeanAbsolutePercentageError", "Huber", "LogCosh", "CosineSimilarity"):
                add(cls, "steps", weight, mask)
            for cls in ("MeanSquaredLogarithmicError", "Poisson"):
                add(cls, "positive", weight, mask)
            for cls in ("Hinge", "SquaredHinge"):
                add(cls, "yes or no", weight, mask)
            for cls in ("KLDivergence", "CategoricalHinge"):
                add(cls, "classes", weight, mask)
        for cls in (
            "MeanSquaredError",
            "MeanAbsoluteError",
            "Huber",
            "LogCosh",
            "MeanSquaredLogarithmicError",
            "Hinge",
        ):
            if weight != "all":
                add(cls, "one number", weight)
                if cls != "Hinge":  # whose gradient at the kink is a matter of taste
                    add(cls, "whole numbers", weight)
    for weight in (None, "samples"):
        add("MeanSquaredError", "numbers", weight)
        add("Huber", "numbers", weight, delta=0.3)
        for smoothing in (0.0, 0.2):
            add("CategoricalCrossentropy", "class scores", weight, from_logits=True, label_smoothing=smoothing)
            add("CategoricalCrossentropy", "certain classes", weight, label_smoothing=smoothing)
            add("BinaryCrossentropy", "yes or no scores", weight, from_logits=True, label_smoothing=smoothing)
        add("SparseCategoricalCrossentropy", "label scores", weight, from_logits=True)
    add("BinaryCrossentropy", "yes or no", axis=1)
    add("BinaryCrossentropy", "yes or no", axis=1, label_smoothing=0.1)
    add("CategoricalCrossentropy", "classes", axis=1)
    add("CosineSimilarity", "numbers", axis=0)
    return cases


# Metrics see two batches. "0 and 1" are predictions like those of a hard classifier; "on thresholds" are k / 199.
METRIC_DATA: dict[str, Callable[[Random], Pair]] = {
    **LOSS_DATA,
    "chances": lambda r: (r.randint(0, 2, 9), r.rand(9).astype("float32")),
    "column of chances": lambda r: (r.randint(0, 2, (9, 1)), r.rand(9, 1).astype("float32")),
    "table of chances": lambda r: (r.randint(0, 2, (9, 3)), r.rand(9, 3).astype("float32")),
    "0 and 1": lambda r: (r.randint(0, 2, 9), r.randint(0, 2, 9)),
    "0.0 and 1.0": lambda r: (r.randint(0, 2, 9).astype("float32"), r.randint(0, 2, 9).astype("float32")),
    "table of 0 and 1": lambda r: (r.randint(0, 2, (9, 3)), r.randint(0, 2, (9, 3))),
    "true and false": lambda r: (r.rand(9) < 0.5, r.rand(9) < 0.5),
    "all right": lambda r: ((t := r.randint(0, 2, 9)), t.copy()),
    "all wrong": lambda r: ((t := r.randint(0, 2, 9)), 1 - t),
    "on thresholds": lambda r: (r.randint(0, 2, 9), (r.randint(0, 200, 9) / 199).astype("float32")),
    "tenths": lambda r: (r.randint(0, 2, (9, 3)), (r.randint(0, 11, (9, 3)) / 10).astype("float32")),
    "scores": lambda r: (r.randint(0, 2, (9, 3)), normal(r, 9, 3) * 3),
    "rows": lambda r: (one_hot(r, 9, 3), probabilities(r, 9, 3)),
    "rows of 0 and 1": lambda r: (one_hot(r, 9, 3), one_hot(r, 9, 3)),
    "whole rows": lambda r: (one_hot(r, 9, 3).astype(int), r.randint(0, 4, (9, 3))),
    "whole labels": lambda r: (r.randint(0, 3, 9), r.randint(0, 4, (9, 3))),
    "label column": lambda r: (r.randint(0, 3, (9, 1)), probabilities(r, 9, 3)),
    "sorted ids": lambda r: (r.randint(0, 3, 9), np.stack([r.permutation(3) for _ in range(9)])),
    "equal": lambda r: (r.randint(0, 3, 9), r.randint(0, 3, 9)),
}  # fmt: skip


def metric_cases() -> list[dict[str, Any]]:
    cases = []

    def add(cls: str, data: str, *weights: str | None, **kwargs: Any) -> None:
        for weight in (None, *weights):
            cases.append({"class": cls, "kwargs": kwargs, "data": data, "weight": weight})

    flat = ("chances", "0 and 1", "0.0 and 1.0", "true and false", "all right", "all wrong", "on thresholds")
    counts = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
    for cls in ("Precision", "Recall", *counts):
        for data in flat:
            add(cls, data, "samples")
        add(cls, "column of chances", "samples", "column")
        add(cls, "table of chances", "samples", "column", "all")
        add(cls, "tenths", "samples", thresholds=[0.0, 0.2, 0.5, 1.0])
        add(cls, "table of 0 and 1", "all", thresholds=[0.0, 1.0])
        add(cls, "chances", thresholds=0.3)
    for cls in ("Precision", "Recall"):
        add(cls, "table of chances", "samples", "column", class_id=1)
        add(cls, "rows", "samples", "column", "all", top_k=2)
        add(cls, "whole rows", "samples", top_k=1)
        add(cls, "rows", "samples", "column", class_id=2, top_k=1)
        add(cls, "tenths", "samples", class_id=0, thresholds=[0.1, 0.5])
        add(cls, "rows", top_k=2, thresholds=[0.2, 0.5])
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "minoring", "majoring"):
            for data in flat:
                add("AUC", data, "samples", curve=curve, summation_method=method)
            add("AUC", "tenths", "all", curve=curve, summation_method=method, num_thresholds=11)
            add("AUC", "tenths", "samples", curve=curve, summation_method=method, thresholds=[0.0, 0.1, 0.5, 1.0])
            add("AUC", "table of 0 and 1", "samples", "column", "all", curve=curve, summation_method=method,
                multi_label=True)  # fmt: skip
            add("AUC", "rows", "samples", curve=curve, summation_method=method, multi_label=True, num_labels=3,
                label_weights=[1.0, 2.0, 0.5])  # fmt: skip
    for method in ("interpolation", "minoring", "majoring"):
        add("AUC", "chances", "samples", curve="PRGAIN", summation_method=method)
        add("AUC", "tenths", "samples", curve="PRGAIN", summation_method=method, multi_label=True)
        add("AUC", "0 and 1", curve="prgain", summation_method=method)
    add("AUC", "scores", "samples", from_logits=True)
    add("AUC", "scores", "all", from_logits=True, multi_label=True)
    add("AUC", "table of chances", "samples", "column", "all")
    add("AUC", "table of chances", "samples", label_weights=[1.0, 2.0, 0.5])
    add("AUC", "column of chances", "samples", "column", num_thresholds=2)
    add("AUC", "column of chances", num_thresholds=3)
    for cls, kwargs in (("F1Score", {}), ("FBetaScore", {"beta": 0.5})):
        for average in (None, "micro", "macro", "weighted"):
            for data in ("rows", "rows of 0 and 1", "whole rows", "tenths"):
                add(cls, data, "samples", average=average, **kwargs)
            add(cls, "tenths", "samples", average=average, threshold=0.5, **kwargs)
            add(cls, "table of 0 and 1", average=average, threshold=1.0, **kwargs)
    for aggregation in (None, "uniform_average", "variance_weighted_average"):
        for data in ("numbers", "whole numbers"):
            add("R2Score", data, "samples", "column", "all", class_aggregation=aggregation)
            add("R2Score", data, class_aggregation=aggregation, num_regressors=2)
    for cls in ("MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError", "LogCoshError", "CosineSimilarity",
                "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Hinge", "SquaredHinge"):  # fmt: skip
        add(cls, "numbers", "samples")
        add(cls, "whole numbers", "samples", "column")
        add(cls, "steps", "samples", "column", "all")
        add(cls, "0 and 1")
    add("CosineSimilarity", "numbers", axis=0)
    for cls in ("KLDivergence", "Poisson", "CategoricalHinge", "CategoricalCrossentropy"):
        for data in ("classes", "rows of 0 and 1", "whole rows" if cls != "CategoricalCrossentropy" else "rows"):
            add(cls, data, "samples")
    add("CategoricalCrossentropy", "class scores", "samples", from_logits=True, label_smoothing=0.1)
    add("CategoricalCrossentropy", "classes", axis=1)
    add("SparseCategoricalCrossentropy", "labels", "samples", "all")
    add("SparseCategoricalCrossentropy", "label scores", "samples", from_logits=True)
    add("SparseCategoricalCrossentropy", "classes first", axis=1)
    add("SparseCategoricalCrossentropy", "labels with -1", "all", ignore_class=-1)
    add("SparseCategoricalCrossentropy", "labels with 255", "samples", ignore_class=255, from_logits=True)
    add("SparseCategoricalCrossentropy", "only -1", "samples", ignore_class=-1)
    add("SparseCategoricalCrossentropy", "picture", "all", ignore_class=-1)
    for data in ("yes or no", "table of 0 and 1"):
        add("BinaryCrossentropy", data, "samples")
    add("BinaryCrossentropy", "yes or no scores", "samples", from_logits=True, label_smoothing=0.1)
    for data in ("chances", "0 and 1", "0.0 and 1.0", "table of 0 and 1", "true and false", "tenths"):
        add("BinaryAccuracy", data, "samples")
        add("BinaryAccuracy", data, threshold=0.3)
        add("BinaryAccuracy", data, threshold=1)
    for data in ("equal", "0 and 1", "table of 0 and 1"):
        add("Accuracy", data, "samples")
    for data in ("rows", "rows of 0 and 1", "whole rows", "classes"):
        add("CategoricalAccuracy", data, "samples")
        add("TopKCategoricalAccuracy", data, "samples", k=2)
    for data in ("label column", "whole labels", "labels"):
        add("SparseCategoricalAccuracy", data, "samples")
        add("SparseTopKCategoricalAccuracy", data, "samples", k=2)
    add("SparseTopKCategoricalAccuracy", "sorted ids", "samples", k=2, from_sorted_ids=True)
    return cases


ARRAYS: dict[str, np.ndarray] = {}


def batch(case: dict[str, Any], step: int) -> list[Any]:
    """Return targets, predictions and weights (None without) of a case, and note them."""
    data, kind = f"{case['data']}/{step}", case["weight"]
    random = Random(zlib.crc32(data.encode()))
    true, pred = METRIC_DATA[case["data"]](random)
    ARRAYS[f"{data}/true"], ARRAYS[f"{data}/pred"] = true, pred
    if kind is None:
        return [true, pred, None]
    if kind == "all":
        deep = true.ndim > 2 and "Sparse" not in case["class"]
        shape = true.shape[:2] if deep else true.shape
    else:
        shape = (len(true),) if kind == "samples" else (len(true), 1)
    # Weights are eighths, so that their sums are exact in every order.
    ARRAYS[f"{data}/{kind}"] = (random.randint(0, 17, shape) / 8).astype("float32")
    return [true, pred, ARRAYS[f"{data}/{kind}"]]


LOSSES, METRICS = loss_cases(), metric_cases()
for place, case in enumerate(LOSSES):
    true, pred, weight = batch(case, 0)
    tensor = torch.tensor(pred.astype("float32"), requires_grad=True)
    if case["mask"]:
        ARRAYS[f"{case['data']}/mask"] = Random(9).rand(*true.shape[:2]) < 0.7
        set_keras_mask(tensor, torch.tensor(ARRAYS[f"{case['data']}/mask"]))
    value = getattr(keras.losses, case["class"])(**case["kwargs"])(true, tensor, sample_weight=weight)
    ARRAYS[f"loss{place}/value"] = value.detach().numpy()
    if not case["data"].startswith("picture"):  # PyTorch refuses these gradients, "not contiguous"
        value.sum().backward()
        ARRAYS[f"loss{place}/gradient"] = tensor.grad.numpy()
for place, case in enumerate(METRICS):
    metric = getattr(keras.metrics, case["class"])(**case["kwargs"])
    for step in range(2):
        true, pred, weight = batch(case, step)
        if case["class"] in ("LogCoshError", "MeanAbsolutePercentageError", "Poisson", "BinaryCrossentropy"):
            pred = pred.astype("float32")  # of whole numbers Keras' log(2) and epsilon are 0, or PyTorch refuses
        metric.update_state(true, pred, sample_weight=weight)
        ARRAYS[f"metric{place}/{step}"] = keras.ops.convert_to_numpy(metric.result())
    ARRAYS[f"metric{place}/variables"] = np.array(len(metric.variables))
index = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__},
    "losses": LOSSES, "metrics": METRICS,
    "arrays": {name: [array.dtype.name, array.shape] for name, array in ARRAYS.items()},
}  # fmt: skip
values = np.concatenate([array.astype("float32").ravel() for array in ARRAYS.values()])
np.savez_compressed(
    Path(__file__).parent / "losses_and_metrics.npz", index=np.array(json.dumps(index)), values=values
)  # fmt: skip
print(len(ARRAYS), "arrays")
