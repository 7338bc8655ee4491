"""What `compile` sets: optimizer, loss and metrics; and their results by name."""

from __future__ import annotations

from typing import Any

from minidl import losses, metrics, optimizers
from minidl.errors import NotCompiledError
from minidl.keras.custom_objects import custom_object_scope
from minidl.layers.base.symbolic import map_structure
from minidl.metrics import Mean, Metric
from minidl.models.training.loss import CompileLoss
from minidl.models.training.metrics import CompileMetrics


class Compilation:
    """The part of a model that knows how it is trained."""

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

    # ---- metrics

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
        layers: list[Any] = list(self._all_layers())  # type: ignore[attr-defined]
        for layer in layers:
            found += [] if isinstance(layer, Compilation) and layer is not self else layer._metrics
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
        if self.built:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]


def _read(written: Any, deserialize: Any) -> Any:
    """Read configurations in lists and dicts; names stay names."""
    if isinstance(written, dict) and "class_name" in written:
        return deserialize(written)
    if isinstance(written, dict):
        return {key: _read(value, deserialize) for key, value in written.items()}
    return [_read(value, deserialize) for value in written] if isinstance(written, list | tuple) else written
