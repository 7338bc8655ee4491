"""SimpleRNN, LSTM and GRU, and what they share: arguments, states from call to call, masks and dropout."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minidl import activations
from minidl import functional as F
from minidl.errors import ShapeError, unknown_name
from minidl.layers.base.kinds import Constraint, Initializer, Positive, Regularizer, Seed, Share, Unsaved
from minidl.layers.base.options import Kind, after
from minidl.layers.base.seeded import Seeded
from minidl.layers.base.spatial import check_channels, check_rank, who
from minidl.layers.base.symbolic import in_trial
from minidl.ops.common.cell_activations import CELL_ACTIVATIONS
from minidl.tensor import Tensor


def cell_activation(layer: Any, name: str, value: Any) -> Any:
    """Return the function of an activation, which must be one that can run inside the op."""
    function = activations.get(value)
    known = activations.serialize(function)
    if not isinstance(known, str) or known not in CELL_ACTIVATIONS:
        raise unknown_name(f"activation inside {who(layer)}", known, CELL_ACTIVATIONS)
    return function


CellActivation = Annotated[Any, Kind(cell_activation, activations.serialize)]


class Recurrent(Seeded):
    """Base of recurrent layers over sequences (N, T, D): one op runs all steps.

    Parameters
    ----------
    units : size of the state, U
    activation, recurrent_activation : names of activations; the second is that of the gates
    dropout : share of the inputs to drop in training, the same ones at every step
    recurrent_dropout : share of the state to drop on its way to the next step, the same ones at every step
    return_sequences : return the output of every step (N, T, U) instead of the last one's (N, U)
    return_state : return the last state, or states, too
    go_backwards : read the sequences from the end; the outputs then are in the order of reading
    stateful : begin every batch with the states that the last one ended with (until `reset_states`)
    unroll : accepted, and of no effect: the loop over steps is inside the op

    Shapes: kernel (D, G * U), recurrent_kernel (U, G * U), with G the number of gates.
    """

    supports_masking = True
    computes_in_floats = True
    gates = 1
    state_count = 1

    units: Positive
    activation: CellActivation = "tanh"
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: Share = 0.0
    recurrent_dropout: Share = 0.0
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    seed: Seed = None
    zero_output_for_mask: bool = False

    @classmethod
    def _of_today(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Leave out `implementation`, which chose among ways to compute the same in older Keras."""
        return {name: value for name, value in arguments.items() if name != "implementation"}

    def __post_init__(self) -> None:
        super().__post_init__()
        self.states: list[Any] | None = None

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent_kernel and bias."""
        check_rank(self, input_shape, 3)
        features = check_channels(self, input_shape)
        width = self.gates * self.units
        self.kernel = self.add_option_weight("kernel", (features, width))
        self.recurrent_kernel = self.add_option_weight("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self.add_option_weight("bias", self.bias_shape()) if self.use_bias else None
        for weight in self.weights:  # as Keras, whose weights belong to a cell inside the layer
            weight.path = f"{self.name}/{self.cell_name}/{weight.name}"

    def bias_shape(self) -> tuple[int, ...]:
        """Return the bias' shape."""
        return (self.gates * self.units,)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        """Run all steps; return the outputs, and the states with `return_state`.

        Parameters
        ----------
        sequences : (N, T, D)
        initial_state : the state before the first step, (N, U), or a list of them
        mask : bool (N, T), False where a step is padding: the state is carried past it
        """
        check_rank(self, sequences.shape, 3)
        states = _first_states(self, initial_state, sequences)
        steps = None if mask is None else Tensor.wrap(np.asarray(mask.numpy(), dtype=bool))
        x = _drop_inputs(self, sequences, training)
        if self.go_backwards:
            x = F.flip(x, 1)
            steps = None if steps is None else F.flip(steps, 1)
        outputs, *states = self.run(x, states, steps, _state_mask(self, sequences, training))
        if self.stateful and not in_trial():
            self.states = [state.detach() for state in states]
        result = _outputs(self, outputs, states, steps)
        return (result, *states) if self.return_state else result

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op; return its outputs: the sequence (N, T, U), then the last states."""
        raise NotImplementedError(f"{type(self).__name__} must define run(x, states, mask, recurrent_mask)")

    def reset_states(self) -> None:
        """Forget the states of a stateful layer: the next batch begins with zeros."""
        self.states = None

    reset_state = reset_states

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a configuration; what Keras 2 wrote of its ways of computing is left out."""
        return cls(**{key: value for key, value in config.items() if key not in ("implementation", "time_major")})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, units) or (batch, steps, units); with return_state a tuple, the states' shapes after it."""
        check_rank(self, input_shape, 3)
        batch, steps, _ = input_shape
        shape = (batch, steps, self.units) if self.return_sequences else (batch, self.units)
        return (shape, *[(batch, self.units)] * self.state_count) if self.return_state else shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask for every step's output, and None for the states."""
        mask = mask if self.return_sequences else None
        return [mask, *[None] * self.state_count] if self.return_state else mask


class SimpleRNN(Recurrent):
    """The simplest recurrent layer: h[t] = activation(x[t] kernel + h[t-1] recurrent_kernel + bias).

    Source: Elman, Cognitive Science 14 (1990).

    >>> SimpleRNN(4)(np.ones((2, 5, 3), np.float32)).shape
    (2, 4)
    """

    gates = 1
    cell_name = "simple_rnn_cell"

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op simple_rnn."""
        (h,) = states
        return F.simple_rnn(
            x, self.kernel, self.recurrent_kernel, self.bias, h, mask, recurrent_mask, **cell_names(self)
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

    recurrent_activation: CellActivation = after("activation", "sigmoid")
    unit_forget_bias: bool = after("bias_initializer", True)
    seed: Seed = after("recurrent_dropout", None)
    use_cudnn: Unsaved = after("unroll", "auto")

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
        return F.lstm(x, self.kernel, self.recurrent_kernel, self.bias, h, c, mask, recurrent_mask, **cell_names(self))


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

    recurrent_activation: CellActivation = after("activation", "sigmoid")
    seed: Seed = after("recurrent_dropout", None)
    reset_after: bool = after("unroll", True)
    use_cudnn: Unsaved = after("reset_after", "auto")

    def bias_shape(self) -> tuple[int, ...]:
        """Return (2, 3U) with reset_after, else (3U,)."""
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op gru."""
        (h,) = states
        return F.gru(
            x, self.kernel, self.recurrent_kernel, self.bias, h, mask, recurrent_mask,
            reset_after=self.reset_after, **cell_names(self),
        )  # fmt: skip


def _outputs(layer: Recurrent, outputs: Any, states: list[Any], mask: Any) -> Any:
    if not layer.return_sequences:
        # Where a sample is masked at every step its output is 0, though its state is the first one.
        return states[0] if mask is None else outputs[:, -1]
    if mask is not None and layer.zero_output_for_mask:
        return outputs * Tensor.wrap(mask.numpy()[..., None].astype(outputs.dtype))
    return outputs


def _first_states(layer: Recurrent, given: Any, sequences: Any) -> list[Any]:
    if given is None:
        kept = layer.states if layer.stateful and not in_trial() else None
        given = [None] * layer.state_count if kept is None else kept
    states = list(given) if isinstance(given, list | tuple) else [given]
    if len(states) != layer.state_count:
        raise ShapeError(f"{who(layer)}: initial_state must be {layer.state_count} tensors. Got {len(states)}.")
    for state in states:
        if state is not None and state.shape != (sequences.shape[0], layer.units):
            cause = "Is the last batch smaller? Call reset_states()." if layer.stateful else "Is the batch another?"
            raise ShapeError(
                f"{who(layer)}: a state must be (batch, units) = {(sequences.shape[0], layer.units)}. "
                f"Got {state.shape}. {cause}"
            )
    return states


def _drop_inputs(layer: Recurrent, x: Any, training: Any) -> Any:
    if not training or layer.dropout == 0:
        return x
    seed, offset = layer.generator.next()
    return F.dropout(x, layer.dropout, seed, offset, (None, 1, None))


def _state_mask(layer: Recurrent, x: Any, training: Any) -> Any:
    """Return what multiplies the state on its way to the next step: 0 or 1 / (1 - rate)."""
    if not training or layer.recurrent_dropout == 0:
        return None
    seed, offset = layer.generator.next()
    ones = F.broadcast_to(Tensor(1.0, x.dtype), (x.shape[0], layer.units))
    return F.dropout(ones, layer.recurrent_dropout, seed, offset)


def cell_names(layer: Recurrent) -> dict[str, Any]:
    """Return the activations as the op wants them: by name."""
    given = {name: getattr(layer, name) for name in ("activation", "recurrent_activation") if name in layer._options}
    return {name: activations.serialize(cell_activation(layer, name, value)) for name, value in given.items()}
