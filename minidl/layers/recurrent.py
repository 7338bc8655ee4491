"""What SimpleRNN, LSTM and GRU share: arguments, states from call to call, masks and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import activations
from minidl import functional as F
from minidl.config import SeedGenerator
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import check_channels, check_rank, who
from minidl.layers.base.symbolic import INTEGERS, in_trial
from minidl.ops.common.cell_activations import CELL_ACTIVATIONS
from minidl.tensor import Tensor


class Recurrent(OptionLayer):
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

    def __init__(self, implementation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # `implementation` chose among ways to compute the same

    def keep_recurrent(
        self,
        units: int,
        *,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        zero_output_for_mask: bool = False,
        **arguments: Any,
    ) -> None:
        """Check and keep the arguments that all recurrent layers have."""
        if isinstance(units, bool) or not isinstance(units, INTEGERS) or units < 1:
            raise ArgumentError(f"{who(self)}: units must be a positive integer. Got {units!r}.")
        for name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0 <= rate <= 1:
                raise ArgumentError(f"{who(self)}: {name} must lie in [0, 1]. Got {rate!r}.")
        self.keep(
            units=units, **arguments, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed,
            zero_output_for_mask=zero_output_for_mask,
        )  # fmt: skip
        self.generator = SeedGenerator(seed)
        self.states: list[Any] | None = None
        for name in ("activation", "recurrent_activation"):
            if hasattr(self, name):
                self._cell_activation(getattr(self, name))

    def _cell_activation(self, function: Any) -> str:
        """Return the name of an activation that can run inside the op."""
        name = activations.serialize(function)
        if not isinstance(name, str) or name not in CELL_ACTIVATIONS:
            raise unknown_name(f"activation inside {who(self)}", name, CELL_ACTIVATIONS)
        return name

    def cell_names(self) -> dict[str, Any]:
        """Return the activations as the op wants them: by name."""
        names = ("activation", "recurrent_activation")
        return {name: self._cell_activation(getattr(self, name)) for name in names if hasattr(self, name)}

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
        states = self._first_states(initial_state, sequences)
        steps = None if mask is None else Tensor.wrap(np.asarray(mask.numpy(), dtype=bool))
        x = self._drop_inputs(sequences, training)
        if self.go_backwards:
            x = F.flip(x, 1)
            steps = None if steps is None else F.flip(steps, 1)
        outputs, *states = self.run(x, states, steps, self._state_mask(sequences, training))
        if self.stateful and not in_trial():
            self.states = [state.detach() for state in states]
        result = self._outputs(outputs, states, steps)
        return (result, *states) if self.return_state else result

    def run(self, x: Any, states: list[Any], mask: Any, recurrent_mask: Any) -> Any:
        """Run the op; return its outputs: the sequence (N, T, U), then the last states."""
        raise NotImplementedError(f"{type(self).__name__} must define run(x, states, mask, recurrent_mask)")

    def _outputs(self, outputs: Any, states: list[Any], mask: Any) -> Any:
        if not self.return_sequences:
            # Where a sample is masked at every step its output is 0, though its state is the first one.
            return states[0] if mask is None else outputs[:, -1]
        if mask is not None and self.zero_output_for_mask:
            return outputs * Tensor.wrap(mask.numpy()[..., None].astype(outputs.dtype))
        return outputs

    def _first_states(self, given: Any, sequences: Any) -> list[Any]:
        if given is None:
            kept = self.states if self.stateful and not in_trial() else None
            given = [None] * self.state_count if kept is None else kept
        states = list(given) if isinstance(given, list | tuple) else [given]
        if len(states) != self.state_count:
            raise ShapeError(f"{who(self)}: initial_state must be {self.state_count} tensors. Got {len(states)}.")
        for state in states:
            if state is not None and state.shape != (sequences.shape[0], self.units):
                cause = "Is the last batch smaller? Call reset_states()." if self.stateful else "Is the batch another?"
                raise ShapeError(
                    f"{who(self)}: a state must be (batch, units) = {(sequences.shape[0], self.units)}. "
                    f"Got {state.shape}. {cause}"
                )
        return states

    def _drop_inputs(self, x: Any, training: Any) -> Any:
        if not training or self.dropout == 0:
            return x
        seed, offset = self.generator.next()
        return F.dropout(x, self.dropout, seed, offset, (None, 1, None))

    def _state_mask(self, x: Any, training: Any) -> Any:
        """Return what multiplies the state on its way to the next step: 0 or 1 / (1 - rate)."""
        if not training or self.recurrent_dropout == 0:
            return None
        seed, offset = self.generator.next()
        ones = F.broadcast_to(Tensor(1.0, x.dtype), (x.shape[0], self.units))
        return F.dropout(ones, self.recurrent_dropout, seed, offset)

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
