"""Layers around a layer: the same at every step, or once in each direction."""

from __future__ import annotations

from dataclasses import InitVar
from typing import Annotated, Any

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import one_of
from minidl.layers.base.layer import Layer
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.recurrent import Recurrent
from minidl.registry import REGISTRIES, described


def from_description(value: Any) -> Any:
    """Return what a configuration has in a layer's place: the layer that it describes."""
    return REGISTRIES["layers"].deserialize(value) if isinstance(value, dict) else value


def inner_layer(layer: Any, name: str, value: Any) -> Any:
    """Return a layer, given as it is or by its configuration."""
    value = from_description(value)
    if not isinstance(value, Layer):
        given = f"the class; write {value.__name__}(…)" if isinstance(value, type) else repr(value)
        raise ArgumentError(f"{who(layer)}: a layer is needed. Got {given}.")
    return value


class TimeDistributed(OptionLayer):
    """Apply one layer to every step: x (N, T, …) -> (N, T, …).

    The steps are put beside the samples, (N * T, …), so that the layer runs once. Only a layer in which the samples of
    a batch meet (BatchNormalization) runs step by step.

    >>> import numpy as np
    >>> from minidl.layers import Conv2D
    >>> TimeDistributed(Conv2D(4, 3))(np.ones((2, 5, 8, 8, 1), np.float32)).shape
    (2, 5, 6, 6, 4)
    """

    supports_masking = True

    layer: Annotated[Any, Kind(inner_layer, described)]

    def _step_shape(self, shape: Any) -> tuple[int | None, ...]:
        if len(shape) < 3:
            raise ShapeError(f"{who(self)}: inputs must be (batch, steps, …), at least 3 axes. Got {tuple(shape)}.")
        return (shape[0], *shape[2:])

    def build(self, input_shape: Any) -> None:
        """Build the layer for one step."""
        if not self.layer.built:
            self.layer.build(self._step_shape(input_shape))
        for weight in self.layer.weights:
            weight.path = f"{self.name}/{weight.path}"

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return the layer's outputs of all steps."""
        self._step_shape(inputs.shape)
        if any(getattr(layer, "mixes_samples", False) for layer in self.layer._all_layers()):
            steps = [self._run(inputs[:, t], None if mask is None else mask[:, t], training)
                     for t in range(inputs.shape[1])]  # fmt: skip
            return F.stack(steps, 1)
        n, steps, *rest = inputs.shape
        y = self._run(
            F.reshape(inputs, (n * steps, *rest)),
            None if mask is None else F.reshape(mask, (n * steps, *mask.shape[2:])),
            training,
        )
        return F.reshape(y, (n, steps, *y.shape[1:]))

    def _run(self, x: Any, mask: Any, training: Any) -> Any:
        kwargs = {"mask": mask} if mask is not None and self.layer._accepts("mask") else {}
        return self.layer(x, training=training, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, steps, …)."""
        batch, *rest = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (batch, input_shape[1], *rest)


class Bidirectional(OptionLayer):
    """Run a recurrent layer forwards, and one like it backwards, and put their outputs together.

    Parameters
    ----------
    layer : SimpleRNN, LSTM or GRU; it is copied, as forward_layer and (go_backwards turned) backward_layer
    merge_mode : "concat" (U becomes 2U), "sum", "mul", "ave", or None for both outputs
    weights : first values, forward ones before backward ones
    backward_layer : another layer for the way back

    Weights: those of forward_layer, then those of backward_layer.

    >>> import numpy as np
    >>> from minidl.layers import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 5, 3), np.float32)).shape
    (2, 5, 8)
    """

    supports_masking = True

    layer: InitVar[Any]
    merge_mode: Annotated[str | None, one_of("concat", "sum", "mul", "ave", None)] = "concat"
    weights: InitVar[Any] = None
    backward_layer: InitVar[Any] = None

    def __post_init__(self, layer: Any, weights: Any, backward_layer: Any) -> None:
        layer, backward_layer = from_description(layer), from_description(backward_layer)
        for given in [layer] if backward_layer is None else [layer, backward_layer]:
            if not isinstance(given, Recurrent):
                raise ArgumentError(f"{who(self)}: a recurrent layer is needed, such as LSTM(8). Got {given!r}.")
        self.forward_layer = _renamed(layer, "forward")
        if backward_layer is None:
            backward_layer = _renamed(layer, "backward", go_backwards=not layer.go_backwards)
        self.backward_layer = backward_layer
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(self.forward_layer, name) != getattr(self.backward_layer, name):
                raise ArgumentError(f"{who(self)}: {name} must be the same in both layers.")
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ArgumentError(f"{who(self)}: go_backwards must differ between the two layers.")
        for each in (self.forward_layer, self.backward_layer):
            each.zero_output_for_mask = each.return_sequences
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        self.stateful = layer.stateful
        self._first_values = weights

    def build(self, input_shape: Any) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(input_shape)
            for weight in layer.weights:
                weight.path = f"{self.name}/{weight.path}"
        if self._first_values is not None:
            self.set_weights(self._first_values)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        """Run both layers; with return_state, the forward states and then the backward ones follow the outputs."""
        half = 0 if initial_state is None else len(initial_state) // 2
        first = (None, None) if not half else (list(initial_state[:half]), list(initial_state[half:]))
        kwargs = {"mask": mask, "training": training}
        forward = self.forward_layer(sequences, initial_state=first[0], **kwargs)
        backward = self.backward_layer(sequences, initial_state=first[1], **kwargs)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            backward = F.flip(backward, 1)  # from the order of reading to that of the sequence
        merged = self._merge(forward, backward)
        if self.merge_mode is None:
            return (*merged, *states)
        return (merged, *states) if states else merged

    def _merge(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            return F.concatenate([forward, backward], -1)
        if self.merge_mode == "mul":
            return forward * backward
        total = forward + backward
        return total * 0.5 if self.merge_mode == "ave" else total

    def reset_states(self) -> None:
        """Forget the states of both layers."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the merged output's shape, and with return_state those of all states."""
        shape = self.forward_layer.compute_output_shape(input_shape)
        shape, *states = shape if self.return_state else (shape,)
        if self.merge_mode is None:
            return (shape, shape, *states, *states)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], 2 * shape[-1])
        return (shape, *states, *states) if self.return_state else shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask for every step's output, and None for the states."""
        mask = mask if self.return_sequences else None
        outputs = 2 if self.merge_mode is None else 1
        if outputs == 1 and not self.return_state:
            return mask
        states = 2 * self.forward_layer.state_count if self.return_state else 0
        return [*[mask] * outputs, *[None] * states]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, both layers' configurations among them."""
        return {
            **super().get_config(),
            "layer": described(self.forward_layer),
            "backward_layer": described(self.backward_layer),
        }


def _renamed(layer: Any, prefix: str, **changes: Any) -> Any:
    """Return a new layer of the same configuration, "lstm" as "forward_lstm"."""
    config = {**layer.get_config(), **changes, "name": f"{prefix}_{layer.name.removeprefix(f'{prefix}_')}"}
    copy = type(layer).from_config(config)
    copy.backend = layer.backend
    return copy
