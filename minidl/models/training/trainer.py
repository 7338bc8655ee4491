"""Trainer: what makes a model learn: `compile`, `fit`, `evaluate`, `predict`, and the steps that they repeat."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np

from minidl import config, losses, metrics, optimizers
from minidl.backends.devices.arrays import to_host
from minidl.data import (
    as_dataset,
    class_weight_to_sample_weight,
    pack_x_y_sample_weight,
    split_validation,
    unpack_x_y_sample_weight,
)
from minidl.errors import ArgumentError, NotCompiledError
from minidl.keras.custom_objects import custom_object_scope
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import flatten, map_structure
from minidl.metrics import Mean, Metric
from minidl.models.training.checks import as_validation, build_from_data, check_labels_of, check_numbers, in_one_thread
from minidl.models.training.loops import as_numbers, run_epoch, run_fit, run_predict
from minidl.models.training.loss import CompileLoss
from minidl.models.training.metrics import CompileMetrics
from minidl.tape import GradientTape, no_grad
from minidl.tensor import Tensor


class Trainer(Layer):
    """A layer that learns. A model of your own may replace `train_step`, `test_step`, `predict_step`, or
    `compute_loss`, as in Keras.

    >>> import minidl
    >>> from minidl import layers
    >>> model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> history = model.fit(np.zeros((8, 2)), np.ones((8, 1)), epochs=3, verbose=0)
    >>> list(history.history), len(history.history["loss"])
    (['loss'], 3)
    """

    # A callback sets them to end the loop after the current batch.
    stop_training = stop_evaluating = stop_predicting = False
    history: Any = None
    _progress: Any = None  # set by BackupAndRestore, to go on where training was cut off

    compiled = False
    optimizer: Any = None
    loss: Any = None
    steps_per_execution = 1
    run_eagerly = False
    jit_compile: Any = "auto"
    _compile_loss: CompileLoss | None = None
    _compile_metrics: CompileMetrics | None = None
    _loss_tracker: Mean | None = None

    _COMPILE_KEYS = (
        "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
        "jit_compile",
    )  # fmt: skip

    # ---- compiling and metrics

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how the model is trained.

        Parameters
        ----------
        optimizer : name or Optimizer
        loss : name, Loss or function of (y_true, y_pred); for several outputs a list, or a dict by output name
        loss_weights : factors of the outputs' losses, in a list or dict
        metrics : list of names ("accuracy"), Metrics or functions; for several outputs a list of lists or a dict
        weighted_metrics : the same, for metrics that take sample and class weights into account
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss : kept for Keras' sake. minidl always runs
            step by step, as the code stands; they change nothing.

        Raises
        ------
        UnknownNameError : a name that does not exist, with the nearest that does
        """
        names = getattr(self, "output_names", None)
        self.optimizer = optimizers.get(optimizer)
        self._compile_loss = None if loss is None else CompileLoss(loss, loss_weights, names)
        watched = bool(metrics or weighted_metrics)
        self._compile_metrics = CompileMetrics(metrics, weighted_metrics, names) if watched else None
        self.loss = loss
        self.run_eagerly, self.jit_compile = run_eagerly, jit_compile
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self._loss_tracker = Mean("loss")
        self._compile_arguments = {
            "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self.compiled = True

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the loss and metrics since the last reset, by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    @property
    def metrics(self) -> list[Metric]:
        """Mean loss, compiled metrics, mean loss of each output, and metrics that are attributes of model or layers.

        What a model inside was compiled with is not among them.
        """
        found: list[Metric] = []
        if self.compiled:
            compiled = (self._loss_tracker, self._compile_metrics)
            found = [metric for metric in compiled if metric is not None]
            found += self._compile_loss.metrics if self._compile_loss is not None else []
        for layer in self._all_layers():
            found += [] if isinstance(layer, Trainer) and layer is not self else layer._metrics
        return list({id(metric): metric for metric in found}.values())

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in its order; those of the metrics are known after the first batch."""
        self._need_compiled("metrics_names")
        return self._order_of(self.get_metrics_result())

    def reset_metrics(self) -> None:
        """Start all metrics afresh."""
        for metric in self.metrics:
            metric.reset_state()

    def _need_compiled(self, function: str) -> None:
        if not self.compiled:
            raise NotCompiledError(
                f"{function}: the model must be compiled first: model.compile(optimizer='adam', loss='mse', "
                "metrics=['accuracy'])."
            )

    def _order_of(self, logs: dict[str, Any]) -> list[str]:
        """Return the names in Keras' order: loss, metrics of a single output, losses of outputs, the rest by name."""
        order = []
        for metric in self.metrics:
            known = [m.name for m in metric.metrics] if isinstance(metric, CompileMetrics) else [metric.name]
            order += [name for name in known if name in logs]
        return list(dict.fromkeys(order + sorted(logs)))

    def _as_list(self, logs: dict[str, Any]) -> Any:
        values = [logs[name] for name in self._order_of(logs)]
        return values[0] if len(values) == 1 else values

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile`, as a configuration in Keras' form; {} before it."""
        if not self.compiled:
            return {}
        written = dict(self._compile_arguments)
        written["loss"] = map_structure(losses.serialize, written["loss"])
        for name in ("metrics", "weighted_metrics"):
            written[name] = map_structure(metrics.serialize, written[name])
        return {"optimizer": optimizers.serialize(self.optimizer), **written}

    def compile_from_config(self, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> None:
        """Compile with such a configuration, and make the optimizer's state if the model is built."""
        known = {key: value for key, value in config.items() if key in self._COMPILE_KEYS}
        with custom_object_scope(custom_objects):
            known["optimizer"] = optimizers.deserialize(known["optimizer"])
            known["loss"] = _read(known.get("loss"), losses.deserialize)
            for name in ("metrics", "weighted_metrics"):
                known[name] = _read(known.get(name), metrics.deserialize)
            self.compile(**known)
        if self.built:
            self.optimizer.build(self.trainable_variables)

    # ---- the three steps

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learn from one batch: forward, loss, backward, update. Return the metrics so far, by name.

        Parameters
        ----------
        data : x, (x, y) or (x, y, sample_weight)
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        if self.optimizer is None:
            raise NotCompiledError("train_step: there is no optimizer. Give one: model.compile('adam', loss='mse').")
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._total_loss(x, y, y_pred, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        self._track_loss(loss, x)
        if variables:
            gradients = tape.gradient(scaled, variables)
            self.optimizer.apply(gradients, variables)
        else:
            warnings.warn("train_step: the model has no trainable weights. Are all layers frozen?", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Judge one batch. Return the metrics so far, by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._total_loss(x, y, y_pred, sample_weight, training=False)
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the predictions for one batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Return the total loss of a batch: the outputs' losses, regularizers', and what `add_loss` added."""
        total = self._compile_loss(y, y_pred, sample_weight) if self._compile_loss is not None else None
        for penalty in self.losses:
            penalty = penalty.sum() if penalty.ndim else penalty
            total = penalty if total is None else total + penalty
        if total is None:
            raise NotCompiledError("compute_loss: there is no loss. Give one: model.compile(optimizer, loss='mse').")
        return total

    def _total_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        """Call `compute_loss`; one of your own may do without `training`, as in Keras."""
        takes = type(self).compute_loss is Trainer.compute_loss
        if not takes:
            parameters = inspect.signature(self.compute_loss).parameters.values()
            takes = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)
        return self.compute_loss(x, y, y_pred, sample_weight, **({"training": training} if takes else {}))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Bring the compiled metrics up to date, and return all results by name."""
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _track_loss(self, loss: Tensor, x: Any) -> None:
        # Weighted by the batch's size, so that a smaller last batch counts less.
        if self._loss_tracker is not None:
            self._loss_tracker.update_state(to_host(loss.data, "loss"), len(flatten(x)[0]))

    # ---- loops

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train for some epochs.

        Parameters
        ----------
        x, y : arrays, or lists or dicts of them for several inputs or outputs; or x alone: a PyDataset, a generator
            or an iterable of batches (x, y) or (x, y, sample_weight)
        batch_size : samples in a batch, by default 32; with `steps_per_epoch` the samples divided by them, rounded up
        epochs : the number of the last epoch; initial_epoch : the one to begin with, for going on
        verbose : 0 silent, 1 a progress bar, 2 a line an epoch; "auto" is 1
        callbacks : list of Callbacks
        validation_split : share of the samples, from the end, that is set aside for validation
        validation_data : (x, y), (x, y, sample_weight), or anything that x may be
        shuffle : a new order in every epoch
        class_weight : weight of each class number; sample_weight : weight of each sample
        steps_per_epoch, validation_steps : batches in an epoch, for data that never ends. With fewer than there are,
            the next epoch trains on the rest; with more, an epoch ends with the data, and a warning
        validation_batch_size : by default batch_size
        validation_freq : validate every so many epochs, or in the epochs of a list (the first is 1)

        Returns
        -------
        History, whose `history` maps "loss", "val_loss" and the metrics' names to one number an epoch

        Raises
        ------
        NotCompiledError : before `compile`; DataError, ShapeError, ArgumentError : data or arguments that do not fit
        """
        self._need_compiled("fit")
        check_numbers(epochs, initial_epoch, validation_freq, class_weight, sample_weight)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_validation(x, y, sample_weight, validation_split, "fit")
        seed = config.next_seed() if shuffle else 0
        data = as_dataset(x, y, sample_weight, batch_size, bool(shuffle), seed, steps_per_epoch, "fit")
        data.first_epoch = initial_epoch
        validation = None
        if validation_data is not None:
            validation = as_validation(validation_data, validation_batch_size or batch_size, validation_steps)
        build_from_data(self, data)
        check_labels_of(self, data, "fit")

        def learn(batch: Any) -> dict[str, Any]:
            return self.train_step(_weighted(batch, class_weight))

        with in_one_thread(self, "fit"):
            return run_fit(self, data, learn, validation, epochs, initial_epoch, verbose, callbacks, validation_freq)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and metrics on data; the arguments are those of `fit`.

        Returns
        -------
        the loss, or a list of loss and metrics in the order of `metrics_names`, or with `return_dict` a dict
        """
        if kwargs:
            raise ArgumentError(f"evaluate: unknown arguments {sorted(kwargs)}.")
        self._need_compiled("evaluate")
        data = as_dataset(x, y, sample_weight, batch_size, False, 0, steps, "evaluate")
        build_from_data(self, data)
        check_labels_of(self, data, "evaluate")
        with in_one_thread(self, "evaluate"):
            logs = run_epoch(self, data, verbose, callbacks)
        return logs if return_dict else self._as_list(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the predictions for data, batch by batch, as arrays (N, ...) in the model's structure of outputs."""
        return run_predict(self, as_dataset(x, None, None, batch_size, False, 0, steps, "predict"), verbose, callbacks)

    # ---- one batch

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Learn from one batch, and return its loss and metrics (before the update)."""
        self._need_compiled("train_on_batch")
        if class_weight is not None and sample_weight is not None:
            raise ArgumentError("train_on_batch: give class_weight or sample_weight, not both.")
        return self._on_batch("train_on_batch", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch."""
        self._need_compiled("test_on_batch")
        return self._on_batch("test_on_batch", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the predictions for one batch, as arrays."""
        (batch,) = list(as_dataset(x, None, None, _size(x), False, 0, None, "predict_on_batch").epoch())
        with no_grad():
            return map_structure(lambda t: np.array(t.numpy()), self.predict_step(pack_x_y_sample_weight(*batch)))

    def _on_batch(self, function: str, x: Any, y: Any, weight: Any, class_weight: Any, return_dict: bool) -> Any:
        data = as_dataset(x, y, weight, _size(x), False, 0, None, function)
        build_from_data(self, data)
        (batch,) = list(data.epoch())
        with in_one_thread(self, function):
            self.reset_metrics()
            self.clear_losses()
            if function == "train_on_batch":
                logs = self.train_step(_weighted(batch, class_weight))
            else:
                with no_grad():
                    logs = self.test_step(pack_x_y_sample_weight(*batch))
            logs = as_numbers(logs)
        return logs if return_dict else self._as_list(logs)


def _read(written: Any, deserialize: Any) -> Any:
    """Read configurations in lists and dicts; names stay names."""
    if isinstance(written, dict) and "class_name" in written:
        return deserialize(written)
    if isinstance(written, dict):
        return {key: _read(value, deserialize) for key, value in written.items()}
    return [_read(value, deserialize) for value in written] if isinstance(written, list | tuple) else written


def _weighted(batch: Any, class_weight: Any) -> Any:
    """Return a batch as `train_step` takes it, with the class weights as sample weights."""
    x, y, sample_weight = batch
    if class_weight is not None:
        sample_weight = class_weight_to_sample_weight(y, class_weight, "fit")
    return pack_x_y_sample_weight(x, y, sample_weight)


def _size(x: Any) -> int:
    """Return the number of samples of one batch: all of them."""
    first = flatten(x)[0]
    return max(1, len(first if hasattr(first, "shape") else x))  # a list of numbers is one array
