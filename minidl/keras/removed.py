"""What Keras had once, and what to use instead: arguments, methods, names of modules."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from minidl.errors import ArgumentError

# Arguments of layers, and of optimizers.
LAYER_ARGUMENTS = {
    "nb_filter": "filters=",
    "nb_filters": "filters=",
    "nb_row": "kernel_size=(rows, columns)",
    "nb_col": "kernel_size=(rows, columns)",
    "filter_length": "kernel_size=",
    "border_mode": "padding=",
    "subsample": "strides=",
    "subsample_length": "strides=",
    "atrous_rate": "dilation_rate=",
    "dim_ordering": "data_format='channels_last', the one layout of minidl",
    "pool_length": "pool_size=",
    "stride": "strides=",
    "output_dim": "units=",
    "init": "kernel_initializer=",
    "inner_init": "recurrent_initializer=",
    "forget_bias_init": "unit_forget_bias=True",
    "inner_activation": "recurrent_activation=",
    "bias": "use_bias=",
    "W_regularizer": "kernel_regularizer=",
    "U_regularizer": "recurrent_regularizer=",
    "b_regularizer": "bias_regularizer=",
    "W_constraint": "kernel_constraint=",
    "U_constraint": "recurrent_constraint=",
    "b_constraint": "bias_constraint=",
    "dropout_W": "dropout=",
    "dropout_U": "recurrent_dropout=",
    "beta_init": "beta_initializer=",
    "gamma_init": "gamma_initializer=",
    "p": "rate=",
    "sigma": "stddev=",
    "concat_axis": "axis=",
    "consume_less": "nothing: leave it out",
}
OPTIMIZER_ARGUMENTS = {
    "lr": "learning_rate=",
    "decay": "a schedule, learning_rate=schedules.InverseTimeDecay(initial_learning_rate, decay_steps, decay_rate),",
    "schedule_decay": "learning_rate= with a schedule",
}
METHODS = {
    "fit_generator": "model.fit, which takes generators,",
    "evaluate_generator": "model.evaluate, which takes generators,",
    "predict_generator": "model.predict, which takes generators,",
    "predict_classes": "model.predict(x).argmax(axis=-1)",
    "predict_proba": "model.predict(x)",
}
NAMES = {
    "backend.function": "a Model from the same inputs to the outputs you want",
    "backend.gradients": "GradientTape",
    "backend.learning_phase": "the argument training= of a layer's call",
    "backend.set_learning_phase": "the argument training= of a layer's call",
    "backend.get_session": "nothing: every op runs at once",
    "backend.set_session": "nothing: every op runs at once",
    "backend.set_image_data_format": "channels_last, the one layout of minidl",
    "utils.model_to_dot": "plot_model, which needs no graphviz, or model_to_mermaid for text,",
    "utils.print_summary": "model.summary()",
}


def refuse_removed(layer_class: type, arguments: Iterable[str]) -> None:
    """Raise for an argument that Keras removed and that the class does not take.

    Raises
    ------
    ArgumentError : the message says what to use instead

    >>> from minidl.layers import Conv2D
    >>> Conv2D(nb_filter=8, nb_row=3, nb_col=3)
    Traceback (most recent call last):
    ...
    minidl.errors.ArgumentError: Conv2D: nb_filter was removed from Keras; use filters= instead.
    """
    old = [name for name in arguments if name in LAYER_ARGUMENTS]
    if not old:
        return
    known = inspect.signature(layer_class.__init__).parameters  # type: ignore[misc]
    for name in old:
        if name not in known:
            raise ArgumentError(
                f"{layer_class.__name__}: {name} was removed from Keras; use {LAYER_ARGUMENTS[name]} instead."
            )


def removed_method(name: str) -> Any:
    """Return what stands in Model's class for a method that was removed: looking for it says what to use instead."""

    def raise_error(self: Any) -> Any:
        raise AttributeError(f"Model.{name} is no longer there; use {METHODS[name]} instead.")

    return property(raise_error, doc=f"Removed from Keras: use {METHODS[name]}.")


def absent(module: str, name: str) -> AttributeError:
    """Return (not raise) the error for a name that a module of minidl does not have.

    >>> print(absent("backend", "gradients"))
    minidl.backend.gradients does not exist; use GradientTape instead.
    """
    instead = NAMES.get(f"{module}.{name}")
    if instead is not None:
        return AttributeError(f"minidl.{module}.{name} does not exist; use {instead} instead.")
    return AttributeError(f"module 'minidl.{module}' has no attribute {name!r}")
