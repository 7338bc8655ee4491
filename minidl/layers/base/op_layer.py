"""The layer that an operator on symbolic tensors becomes."""

from __future__ import annotations

from typing import Any

from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import infer_by_trial
from minidl.tape import apply
from minidl.tensor import Tensor


class OpLayer(Layer):
    """One op in a functional model: `x + y` of two symbolic tensors is `OpLayer("add")([x, y])`.

    Parameters
    ----------
    op : name of the op
    static : its keyword arguments
    constants : inputs that are no symbolic tensors, by position: numbers, arrays, None
    """

    def __init__(
        self, op: str, static: dict[str, Any] | None = None, constants: dict[int, Any] | None = None, **kwargs: Any
    ) -> None:
        name = kwargs.pop("name", None) or self.unique_name((static or {}).get("function", op))
        kwargs["autocast"] = False  # an op computes in the dtypes that it is given, and promotes them itself
        super().__init__(name=name, **kwargs)
        self.op, self.static, self.constants = op, dict(static or {}), dict(constants or {})

    def call(self, inputs: Any) -> Any:
        """Run the op, the constants put back in their places."""
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        for position, value in sorted(self.constants.items()):
            tensors.insert(position, value)
        return apply(self.op, *tensors, **self.static)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Find the output's shape by running the op on zeros."""
        return infer_by_trial(lambda leaves: self.call(*leaves), args)

    def get_config(self) -> dict[str, Any]:
        """Return the op, its static arguments and its constants."""
        constants = {i: v.numpy().tolist() if isinstance(v, Tensor) else v for i, v in self.constants.items()}
        return {**super().get_config(), "op": self.op, "static": self.static, "constants": constants}
