"""SimpleRNN, LSTM and GRU. Their arguments are explained at `Recurrent`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import functional as F
from minidl.layers.recurrent import Recurrent


class SimpleRNN(Recurrent):
    """The simplest recurrent layer: h[t] = activation(x[t] kernel + h[t-1] recurrent_kernel + bias).

    Source: Elman, Cognitive Science 14 (1990).

    >>> SimpleRNN(4)(np.ones((2, 5, 3), np.float32)).shape
    (2, 4)
    """

    gates = 1
    cell_name = "simple_rnn_cell"

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep_recurrent(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            seed=seed,
            zero_output_for_mask=zero_output_for_mask,
        )

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op simple_rnn."""
        (h,) = states
        return F.simple_rnn(
            x, self.kernel, self.recurrent_kernel, self.bias, h, mask, recurrent_mask, **self.cell_names()
        )


class LSTM(Recurrent):
    """Long short-term memory: a state h and a memory c, which gates write, keep and read.

    i, f, o = recurrent_activation(x[t] kernel + h[t-1] recurrent_kernel + bias), g = activation(the same);
    c[t] = f * c[t-1] + i * g; h[t] = o * activation(c[t]). The blocks of the kernels are i, f, g, o.

    Parameters
    ----------
    unit_forget_bias : start the bias of f at 1, so that memory is kept at first
    use_cudnn : accepted for Keras' sake

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997).

    >>> outputs, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3), np.float32))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """

    gates = 4
    state_count = 2
    cell_name = "lstm_cell"

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep_recurrent(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            seed=seed,
            zero_output_for_mask=zero_output_for_mask,
        )

    def build(self, input_shape: Any) -> None:
        """Make the weights; the forget gate's bias starts at 1."""
        super().build(input_shape)
        if self.bias is not None and self.unit_forget_bias:
            bias = np.array(self.bias.numpy())
            bias[self.units : 2 * self.units] = 1
            self.bias.assign(bias)

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op lstm."""
        h, c = states
        return F.lstm(x, self.kernel, self.recurrent_kernel, self.bias, h, c, mask, recurrent_mask, **self.cell_names())


class GRU(Recurrent):
    """Gated recurrent unit: a state h that is a mixture of itself and a candidate g.

    z, r = recurrent_activation(x[t] kernel + h[t-1] recurrent_kernel + bias); h[t] = z * h[t-1] + (1 - z) * g.
    The blocks of the kernels are z, r, g.

    Parameters
    ----------
    reset_after : r multiplies h[t-1] after the recurrent kernel (as cuDNN does; the bias is (2, 3U), one for the inputs
        and one for the state) or before it (as the paper does; bias (3U,))
    use_cudnn : accepted for Keras' sake

    Source: Cho et al., arXiv:1406.1078.

    >>> GRU(4, return_sequences=True)(np.ones((2, 5, 3), np.float32)).shape
    (2, 5, 4)
    """

    gates = 3
    cell_name = "gru_cell"

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep_recurrent(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            reset_after=reset_after,
            seed=seed,
            zero_output_for_mask=zero_output_for_mask,
        )

    def bias_shape(self) -> tuple[int, ...]:
        """Return (2, 3U) with reset_after, else (3U,)."""
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op gru."""
        (h,) = states
        return F.gru(
            x, self.kernel, self.recurrent_kernel, self.bias, h, mask, recurrent_mask,
            reset_after=self.reset_after, **self.cell_names(),
        )  # fmt: skip
