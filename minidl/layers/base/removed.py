"""Arguments that Keras had once, and what they are called now."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from minidl.errors import ArgumentError

REMOVED = {
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
    old = [name for name in arguments if name in REMOVED]
    if not old:
        return
    known = inspect.signature(layer_class.__init__).parameters  # type: ignore[misc]
    for name in old:
        if name not in known:
            raise ArgumentError(f"{layer_class.__name__}: {name} was removed from Keras; use {REMOVED[name]} instead.")
