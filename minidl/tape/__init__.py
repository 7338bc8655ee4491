"""The tape: ops write down what they did, and gradients are walked back, of gradients too."""

from minidl.observers import takes_needs
from minidl.tape.tape import Entry, GradientTape, apply, layer_scope, leaves, no_grad, recording, where_it_lies
from minidl.tape.walk import run_backward

__all__ = [
    "Entry", "GradientTape", "apply", "layer_scope", "leaves", "no_grad", "recording", "run_backward", "takes_needs",
    "where_it_lies",
]  # fmt: skip
