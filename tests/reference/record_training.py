"""Record what Keras 3 computes for losses, metrics, optimizers, schedules, training loops and callbacks.

Run it where Keras and PyTorch are installed; minidl does not need them:

    KERAS_BACKEND=torch python tests/reference/record_training.py

It writes training.npz beside itself: arrays by name, and `index` (JSON), which lists the cases with their arguments
and the versions. Everything runs on the CPU in float32, without shuffling.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

RNG = np.random.default_rng(20260102)
ARRAYS: dict[str, np.ndarray] = {}
INDEX: dict[str, Any] = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__},
    "losses": [], "metrics": [], "optimizers": [], "schedules": [], "steps": [], "fits": [], "callbacks": [],
}  # fmt: skip


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype("float32")


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def put(name: str, value: Any) -> str:
    ARRAYS[name] = np.asarray(value)
    return name


# ---- losses


def loss_case(cls: str, y_true: np.ndarray, y_pred: np.ndarray, weight: Any = None, **kwargs: Any) -> None:
    name = f"loss{len(INDEX['losses'])}"
    loss = getattr(keras.losses, cls)(**kwargs)
    pred = torch.tensor(y_pred, requires_grad=True)
    value = loss(y_true, pred, sample_weight=weight)
    value.sum().backward()
    put(f"{name}/true", y_true)
    put(f"{name}/pred", y_pred)
    put(f"{name}/value", value.detach().numpy())
    put(f"{name}/gradient", pred.grad.numpy())
    if weight is not None:
        put(f"{name}/weight", weight)
    INDEX["losses"].append({"name": name, "class": cls, "kwargs": kwargs, "weighted": weight is not None})


def losses() -> None:
    p, logits, labels = softmax(normal(7, 5)), normal(7, 5) * 3, RNG.integers(0, 5, 7)
    one_hot = np.eye(5, dtype="float32")[labels]
    a, b, w = normal(7, 3), normal(7, 3), RNG.random(7).astype("float32")
    binary = RNG.integers(0, 2, (7, 1))
    chance = RNG.random((7, 1)).astype("float32")
    for reduction in ("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight"):
        loss_case("CategoricalCrossentropy", one_hot, p, w, reduction=reduction)
        loss_case("MeanSquaredError", a, b, w, reduction=reduction)
    loss_case("CategoricalCrossentropy", one_hot, logits, from_logits=True, label_smoothing=0.1)
    loss_case("CategoricalCrossentropy", one_hot, p, label_smoothing=0.2)
    loss_case("SparseCategoricalCrossentropy", labels, p)
    loss_case("SparseCategoricalCrossentropy", labels[:, None], p, w)
    loss_case("SparseCategoricalCrossentropy", labels, logits, from_logits=True)
    loss_case("SparseCategoricalCrossentropy", labels, logits, from_logits=True, ignore_class=2)
    loss_case("SparseCategoricalCrossentropy", RNG.integers(0, 5, (3, 4)), softmax(normal(3, 4, 5)), w[:3, None])
    loss_case("BinaryCrossentropy", binary, chance, w)
    loss_case("BinaryCrossentropy", binary[:, 0], chance, w)
    loss_case("BinaryCrossentropy", binary, chance[:, 0])
    loss_case("BinaryCrossentropy", binary, normal(7, 1), from_logits=True, label_smoothing=0.1)
    loss_case("BinaryCrossentropy", RNG.integers(0, 2, (7, 4)), RNG.random((7, 4)).astype("float32"))
    for cls in ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh", "MeanAbsolutePercentageError"):
        loss_case(cls, a, b)
        loss_case(cls, a[:, 0], b[:, :1], w)
    loss_case("Huber", a, b * 3, delta=0.5)
    loss_case("MeanSquaredError", normal(3, 4, 2), normal(3, 4, 2), w[:3, None])
    loss_case("MeanSquaredLogarithmicError", np.abs(a), np.abs(b))
    loss_case("CosineSimilarity", a, b)
    loss_case("KLDivergence", softmax(a), softmax(b))
    loss_case("Poisson", np.floor(np.abs(a) * 3), np.abs(b) + 0.1)
    loss_case("Hinge", binary, normal(7, 1))
    loss_case("Hinge", binary * 2 - 1, normal(7, 1))
    loss_case("SquaredHinge", binary, normal(7, 1))
    loss_case("CategoricalHinge", one_hot, logits)


# ---- metrics


def metric_case(cls: str, batches: list[tuple[Any, ...]], **kwargs: Any) -> None:
    name = f"metric{len(INDEX['metrics'])}"
    metric = getattr(keras.metrics, cls)(**kwargs)
    for place, batch in enumerate(batches):
        metric.update_state(*batch[:2], sample_weight=batch[2] if len(batch) > 2 else None)
        for part, value in zip(("true", "pred", "weight"), batch, strict=False):
            put(f"{name}/{place}/{part}", value)
        put(f"{name}/{place}/result", keras.ops.convert_to_numpy(metric.result()))
    INDEX["metrics"].append({"name": name, "class": cls, "kwargs": kwargs, "batches": len(batches)})


def metrics() -> None:
    sizes = (7, 4)
    labels = [RNG.integers(0, 5, n) for n in sizes]
    scores = [softmax(normal(n, 5)) for n in sizes]
    one_hot = [np.eye(5, dtype="float32")[t] for t in labels]
    weights = [RNG.random(n).astype("float32") for n in sizes]
    binary = [RNG.integers(0, 2, (n, 1)) for n in sizes]
    chance = [RNG.random((n, 1)).astype("float32") for n in sizes]
    a, b = [normal(n, 3) for n in sizes], [normal(n, 3) for n in sizes]

    def both(cls: str, true: Any, pred: Any, **kwargs: Any) -> None:
        metric_case(cls, list(zip(true, pred, strict=True)), **kwargs)
        metric_case(cls, list(zip(true, pred, weights, strict=True)), **kwargs)

    both("CategoricalAccuracy", one_hot, scores)
    both("SparseCategoricalAccuracy", labels, scores)
    both("SparseCategoricalAccuracy", [t[:, None] for t in labels], scores)
    both("TopKCategoricalAccuracy", one_hot, scores, k=2)
    both("SparseTopKCategoricalAccuracy", labels, scores, k=3)
    both("BinaryAccuracy", binary, chance)
    metric_case("BinaryAccuracy", list(zip([t[:, 0] for t in binary], chance, strict=True)), threshold=0.3)
    both("Accuracy", labels, [t.copy() % 4 for t in labels])
    for cls in ("MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError", "LogCoshError", "CosineSimilarity"):
        both(cls, a, b)
    metric_case("R2Score", [(a[0][:, :1], b[0][:, :1]), (a[1][:, :1], b[1][:, :1])])
    both("CategoricalCrossentropy", one_hot, scores)
    both("SparseCategoricalCrossentropy", labels, scores)
    both("BinaryCrossentropy", binary, chance)
    both("KLDivergence", one_hot, scores)
    for cls in ("Precision", "Recall", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "AUC"):
        both(cls, [t[:, 0] for t in binary], [p[:, 0] for p in chance])
    metric_case("Precision", list(zip(one_hot, scores, strict=True)), top_k=2)
    metric_case("Recall", list(zip(one_hot, scores, strict=True)), class_id=1, thresholds=0.2)
    metric_case("Precision", list(zip(binary, chance, strict=True)), thresholds=[0.2, 0.5, 0.8])
    metric_case("AUC", list(zip(binary, chance, strict=True)), curve="PR")
    metric_case("AUC", list(zip(binary, chance, strict=True)), curve="PR", summation_method="minoring")
    metric_case("AUC", list(zip(binary, chance, strict=True)), summation_method="majoring", num_thresholds=10)
    metric_case("AUC", list(zip(one_hot, scores, strict=True)), multi_label=True)
    for average in (None, "micro", "macro", "weighted"):
        metric_case("F1Score", list(zip(one_hot, scores, strict=True)), average=average)
    metric_case("FBetaScore", list(zip(one_hot, scores, strict=True)), beta=2.0, threshold=0.25, average="macro")
    values = [(a[0], None), (b[1], None)]
    for cls in ("Mean", "Sum"):
        metric = getattr(keras.metrics, cls)()
        for value, _ in values:
            metric.update_state(value)
        put(f"{cls}/result", float(metric.result()))
    put("values/0", a[0])
    put("values/1", b[1])


# ---- optimizers and schedules


def schedule(spec: dict[str, Any]) -> Any:
    return getattr(keras.optimizers.schedules, spec["class"])(**spec["kwargs"])


def optimizer_case(cls: str, steps: int = 6, spec: Any = None, **kwargs: Any) -> None:
    name = f"optimizer{len(INDEX['optimizers'])}"
    layer = keras.layers.Dense(4, name="dense", kernel_initializer="glorot_uniform", bias_initializer="ones")
    layer.build((None, 3))
    layer.kernel.assign(normal(3, 4))
    put(f"{name}/start0", layer.kernel.numpy())
    put(f"{name}/start1", layer.bias.numpy())
    extra = {} if spec is None else {"learning_rate": schedule(spec)}
    optimizer = getattr(keras.optimizers, cls)(**kwargs, **extra)
    for step in range(steps):
        grads = [normal(3, 4), normal(4)]
        put(f"{name}/grad{step}/0", grads[0])
        put(f"{name}/grad{step}/1", grads[1])
        optimizer.apply([torch.tensor(g) for g in grads], layer.trainable_variables)
        put(f"{name}/after{step}/0", layer.kernel.numpy())
        put(f"{name}/after{step}/1", layer.bias.numpy())
    for place, variable in enumerate(optimizer.variables):
        put(f"{name}/state{place}", variable.numpy())
    INDEX["optimizers"].append(
        {"name": name, "class": cls, "kwargs": kwargs, "schedule": spec, "steps": steps,
         "variables": [v.name for v in optimizer.variables]}
    )  # fmt: skip


SCHEDULES: list[dict[str, Any]] = [
    {"class": "ExponentialDecay", "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}},
    {"class": "ExponentialDecay",
     "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}},
    {"class": "InverseTimeDecay", "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}},
    {"class": "InverseTimeDecay",
     "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}},
    {"class": "PiecewiseConstantDecay", "kwargs": {"boundaries": [2, 5], "values": [1.0, 0.5, 0.1]}},
    {"class": "PolynomialDecay", "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 5, "power": 2.0}},
    {"class": "PolynomialDecay",
     "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 4, "end_learning_rate": 0.01, "cycle": True}},
    {"class": "CosineDecay", "kwargs": {"initial_learning_rate": 0.1, "decay_steps": 6, "alpha": 0.1}},
    {"class": "CosineDecay",
     "kwargs": {"initial_learning_rate": 0.01, "decay_steps": 6, "warmup_target": 0.2, "warmup_steps": 4}},
]  # fmt: skip


def optimizers() -> None:
    for place, spec in enumerate(SCHEDULES):
        rates = [float(schedule(spec)(step)) for step in range(16)]
        INDEX["schedules"].append(spec | {"name": put(f"schedule{place}", np.array(rates))})
    optimizer_case("SGD")
    optimizer_case("SGD", learning_rate=0.1, momentum=0.9)
    optimizer_case("SGD", learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.02)
    optimizer_case("SGD", learning_rate=0.1, clipnorm=0.5)
    optimizer_case("SGD", learning_rate=0.1, clipvalue=0.3)
    optimizer_case("SGD", learning_rate=0.1, global_clipnorm=0.7)
    optimizer_case("SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3)
    optimizer_case("SGD", learning_rate=0.1, momentum=0.5, gradient_accumulation_steps=3, steps=9)
    optimizer_case("SGD", spec=SCHEDULES[0], momentum=0.9)
    optimizer_case("RMSprop")
    optimizer_case("RMSprop", learning_rate=0.01, momentum=0.9)
    optimizer_case("RMSprop", learning_rate=0.01, momentum=0.9, centered=True, rho=0.8)
    optimizer_case("RMSprop", learning_rate=0.01, centered=True, weight_decay=0.1)
    optimizer_case("Adam")
    optimizer_case("Adam", learning_rate=0.05, amsgrad=True)
    optimizer_case("Adam", learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3, weight_decay=0.05)
    optimizer_case("Adam", learning_rate=0.05, gradient_accumulation_steps=2)
    optimizer_case("AdamW", learning_rate=0.05)
    optimizer_case("AdamW", learning_rate=0.05, weight_decay=0.2, global_clipnorm=0.9)
    optimizer_case("Adagrad", learning_rate=0.1)
    optimizer_case("Adagrad", learning_rate=0.1, initial_accumulator_value=0.5, weight_decay=0.1)


# ---- ten training steps


def mlp() -> keras.Model:
    return keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(5, activation="tanh"),
         keras.layers.Dense(4, activation="softmax")]
    )  # fmt: skip


def cnn() -> keras.Model:
    return keras.Sequential(
        # Without bias: in front of a batch norm its gradient is rounding noise, which Adam would blow up.
        [keras.Input((7, 8, 2)), keras.layers.Conv2D(4, 3, padding="same", use_bias=False),
         keras.layers.BatchNormalization(), keras.layers.Activation("relu"), keras.layers.MaxPooling2D(2),
         keras.layers.Conv2D(5, 3, strides=2),
         keras.layers.Flatten(), keras.layers.Dense(4)]
    )  # fmt: skip


def steps() -> None:
    for kind, make, shape in (("mlp", mlp, (6,)), ("cnn", cnn, (7, 8, 2))):
        x, y = normal(10, 9, *shape), RNG.integers(0, 4, (10, 9))
        put(f"{kind}/x", x)
        put(f"{kind}/y", y)
        for optimizer, kwargs in (
            ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
            ("Adam", {"learning_rate": 0.01}),
            ("RMSprop", {}),
        ):
            name = f"{kind}/{optimizer}"
            model = make()
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=kind == "cnn")
            model.compile(getattr(keras.optimizers, optimizer)(**kwargs), loss, metrics=["accuracy"])
            for place, weight in enumerate(model.get_weights()):
                put(f"{name}/start{place}", weight)
            values = [model.train_on_batch(x[step], y[step], return_dict=True)["loss"] for step in range(10)]
            put(f"{name}/losses", np.array(values))
            put(f"{name}/prediction", model.predict(x[0], verbose=0))
            INDEX["steps"].append(
                {"name": name, "kind": kind, "optimizer": optimizer, "kwargs": kwargs,
                 "weights": len(model.get_weights())}
            )  # fmt: skip


# ---- fit


def fit_case(
    name: str, model: keras.Model, x: Any, y: Any, compile_args: dict[str, Any], fit_args: dict[str, Any]
) -> None:
    for place, weight in enumerate(model.get_weights()):
        put(f"{name}/start{place}", weight)
    model.compile(**compile_args)
    history = model.fit(x, y, shuffle=False, verbose=0, **fit_args).history
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    as_list = model.evaluate(x, y, verbose=0)
    INDEX["fits"].append(
        {"name": name, "keys": list(history), "history": history, "evaluate": evaluated,
         "evaluate_list": as_list if isinstance(as_list, list) else [as_list], "metrics_names": model.metrics_names,
         "weights": len(model.get_weights())}
    )  # fmt: skip


def two_headed() -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(keras.layers.Concatenate()([a, b]))
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
    size = keras.layers.Dense(1, name="size")(hidden)
    return keras.Model([a, b], [kind, size])


def fits() -> None:
    x, y = normal(23, 6), RNG.integers(0, 4, 23)
    weight = RNG.random(23).astype("float32")
    put("fit/x", x)
    put("fit/y", y)
    put("fit/weight", weight)
    base = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    fit_case("plain", mlp(), x, y, base, {"epochs": 3, "batch_size": 5})
    fit_case("split", mlp(), x, y, base, {"epochs": 2, "batch_size": 5, "validation_split": 0.3})
    fit_case("class_weight", mlp(), x, y, base | {"weighted_metrics": ["accuracy", "mse"][:1]},
             {"epochs": 2, "batch_size": 4, "class_weight": {0: 1.0, 1: 5.0, 2: 0.5, 3: 2.0}})  # fmt: skip
    fit_case("sample_weight", mlp(), x, y, base | {"weighted_metrics": ["sparse_categorical_crossentropy"]},
             {"epochs": 2, "batch_size": 4, "sample_weight": weight, "validation_split": 0.25})  # fmt: skip
    decayed = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.1))]
    )
    fit_case("regularized", decayed, x, np.eye(4, dtype="float32")[y],
             {"optimizer": keras.optimizers.Adam(0.01), "loss": "categorical_crossentropy", "metrics": ["acc", "mae"]},
             {"epochs": 2, "batch_size": 6, "validation_data": (x[:9], np.eye(4, dtype="float32")[y[:9]])})  # fmt: skip
    binary = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
    fit_case("binary", binary, x, y % 2,
             {"optimizer": "rmsprop", "loss": "binary_crossentropy",
              "metrics": ["accuracy", keras.metrics.AUC(name="auc")]},
             {"epochs": 2, "batch_size": 6, "validation_split": 0.2, "validation_freq": 2})  # fmt: skip
    a, b, kind, size = normal(11, 3), normal(11, 2), RNG.integers(0, 3, 11), normal(11, 1)
    for part, array in zip(("a", "b", "kind", "size"), (a, b, kind, size), strict=True):
        put(f"two/{part}", array)
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    named = {"kind": ["accuracy"], "size": ["mae", "mse"]}
    fit_case("two_dicts", two_headed(), {"a": a, "b": b}, {"kind": kind, "size": size},
             {"optimizer": "sgd", "loss": losses, "loss_weights": {"kind": 1.0, "size": 0.3}, "metrics": named},
             {"epochs": 2, "batch_size": 4, "validation_split": 0.2})  # fmt: skip
    fit_case("two_lists", two_headed(), [a, b], [kind, size],
             {"optimizer": "sgd", "loss": list(losses.values()), "loss_weights": [0.5, 2.0],
              "metrics": [["accuracy"], ["mae"]]},
             {"epochs": 2, "batch_size": 4})  # fmt: skip
    # Last, so that the cases above keep their numbers: padded sequences, whose padding must not count.
    words = np.where(np.arange(6) < RNG.integers(1, 7, (13, 1)), RNG.integers(1, 9, (13, 6)), 0)
    tags = RNG.integers(0, 3, (13, 6))
    put("masked/words", words)
    put("masked/tags", tags)
    tagger = keras.Sequential(
        [keras.Input((6,)), keras.layers.Embedding(9, 4, mask_zero=True),
         keras.layers.LSTM(5, return_sequences=True), keras.layers.Dense(3, activation="softmax")]
    )  # fmt: skip
    fit_case("masked", tagger, words, tags,
             {"optimizer": keras.optimizers.SGD(0.5), "loss": "sparse_categorical_crossentropy",
              "metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_crossentropy"]},
             {"epochs": 2, "batch_size": 5, "validation_split": 0.3})  # fmt: skip
    fit_case("two_lists_plain", two_headed(), [a, b], [kind, size],
             {"optimizer": "sgd", "loss": list(losses.values())}, {"epochs": 2, "batch_size": 4})  # fmt: skip


# ---- callbacks on given logs


def stub() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse", metrics=["mae"])
    return model


def early_stopping(values: list[float], **kwargs: Any) -> None:
    model = stub()
    callback = keras.callbacks.EarlyStopping(**kwargs)
    callback.set_model(model)
    callback.on_train_begin()
    seen = 0
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), epoch), np.zeros(1)])
        callback.on_epoch_end(epoch, {kwargs.get("monitor", "val_loss"): value})
        seen += 1
        if model.stop_training:
            break
    callback.on_train_end()
    INDEX["callbacks"].append(
        {"class": "EarlyStopping", "kwargs": kwargs, "values": values, "epochs": seen,
         "stopped_epoch": int(callback.stopped_epoch), "best": float(callback.best),
         "weight": float(np.ravel(model.get_weights()[0])[0])}
    )  # fmt: skip


def reduce_lr(values: list[float], **kwargs: Any) -> None:
    model = stub()
    callback = keras.callbacks.ReduceLROnPlateau(**kwargs)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {kwargs.get("monitor", "val_loss"): value})
        rates.append(float(model.optimizer.learning_rate.numpy()))
    INDEX["callbacks"].append({"class": "ReduceLROnPlateau", "kwargs": kwargs, "values": values, "rates": rates})


def callbacks() -> None:
    falling = [1.0, 0.8, 0.81, 0.79, 0.795, 0.79, 0.9, 0.95, 0.5, 0.6]
    for kwargs in (
        {}, {"patience": 2}, {"patience": 1, "min_delta": 0.05},
        {"patience": 2, "restore_best_weights": True},
        {"patience": 3, "baseline": 0.7, "restore_best_weights": True},
        {"patience": 1, "start_from_epoch": 4}, {"patience": 1, "mode": "max"},
        {"monitor": "mae", "mode": "min", "patience": 2}, {"patience": 0, "mode": "min"},
    ):  # fmt: skip
        early_stopping(falling, **kwargs)
    early_stopping([1.0, 0.9, 0.8], patience=1, restore_best_weights=True)
    for kwargs in (
        {"patience": 1}, {"patience": 2, "factor": 0.5}, {"patience": 1, "cooldown": 2},
        {"patience": 1, "min_lr": 0.05}, {"patience": 1, "mode": "max"}, {"patience": 1, "min_delta": 0.2},
    ):  # fmt: skip
        reduce_lr(falling, **kwargs)


if __name__ == "__main__":
    keras.utils.set_random_seed(7)
    for make in (losses, metrics, optimizers, steps, fits, callbacks):
        make()
    path = Path(__file__).with_name("training.npz")
    np.savez_compressed(path, index=json.dumps(INDEX), **ARRAYS)
    print(f"{path.name}: {len(ARRAYS)} arrays, {path.stat().st_size / 1024:.0f} KiB")
