"""Tensor: an array that ops take and return. Variable: a tensor that can be assigned, and trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import config
from minidl.backends.devices.arrays import device_of, to_host
from minidl.errors import ArgumentError, DTypeError, ShapeError, TapeError
from minidl.operators import Operators, arithmetic, compare


def as_array(value: Any, dtype: Any = None) -> np.ndarray:
    """Return `value` as a NumPy array; Python floats become `floatx`, Python ints int32. Does not copy an array.

    A tensor on a device is downloaded.

    >>> as_array([1.0, 2.0]).dtype, as_array([1, 2]).dtype, as_array(np.zeros(2)).dtype
    (dtype('float32'), dtype('int32'), dtype('float64'))
    """
    if isinstance(value, Tensor):
        array = to_host(value.data, "as_array()")
    elif isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        array = np.asarray(value)
        if array.dtype == object:
            raise DTypeError(
                f"tensor: values must be numbers in a rectangular array. Got {type(value).__name__} of "
                f"{_describe_first(value)}. Are the rows of different lengths?"
            )
        if dtype is None and array.dtype == np.float64:
            dtype = config.floatx()
        elif dtype is None and array.dtype == np.int64:
            dtype = np.int32
    if dtype is not None and array.dtype != dtype:
        array = array.astype(dtype)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"tensor: values must be numbers or booleans. Got dtype {array.dtype}.")
    return array


def _describe_first(value: Any) -> str:
    try:
        return f"{type(value[0]).__name__} elements"
    except (TypeError, KeyError, IndexError):
        return "no elements"


class Tensor(Operators):
    """An array that ops take and return.

    Parameters
    ----------
    data : array, number, nested lists, or Tensor. It is copied: a tensor owns its values.
    dtype : of the values; by default an array's own, float32 for Python floats, int32 for Python ints
    name : shown by the tape and in errors

    >>> x = Tensor([[1.0, 2.0], [3.0, 4.0]], name="x")
    >>> x
    <Tensor 'x' (2, 2) float32 [[1. 2.] [3. 4.]]>
    >>> (x * 2 + 1).sum().item()
    24.0
    """

    # `_version` counts changes in place; `_tracked` says that a gradient may flow to here (a trainable variable, a
    # watched tensor, or something computed from one under a tape).
    data: np.ndarray
    name: str | None
    _version: int
    _tracked: bool

    def __init__(self, data: Any, dtype: Any = None, name: str | None = None) -> None:
        values = data.data if isinstance(data, Tensor) else data
        if device_of(values) is not None and (dtype is None or values.dtype == dtype):
            self._set(values, name)  # nobody changes an array on a device, so it need not be copied
        else:
            self._set(np.array(as_array(data, dtype)), name)

    @classmethod
    def wrap(cls, array: np.ndarray, name: str | None = None) -> Tensor:
        """Return a tensor around `array` without copying: for results that nobody else holds."""
        tensor = cls.__new__(cls)
        tensor._set(array, name)
        return tensor

    def _set(self, array: np.ndarray, name: str | None) -> None:
        self.data = array
        self.name = name
        self._version = 0
        self._tracked = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        """NumPy dtype of the values."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return self.data.size

    @property
    def device(self) -> str:
        """Where the values are: "cpu", "cuda" (a GPU), "simt" (the SIMT machine), "ptx" (the processor, compiled)."""
        return device_of(self.data) or "cpu"

    @property
    def T(self) -> Tensor:
        """The transposed tensor, axes reversed."""
        return self.transpose()

    def numpy(self) -> np.ndarray:
        """Return the values as a read-only NumPy view (copy it to change it)."""
        view = to_host(self.data, "numpy()").view()
        view.flags.writeable = False
        return view

    def item(self) -> float | int | bool:
        """Return the one value as a Python number."""
        if self.data.size != 1:
            raise ShapeError(f"item: the tensor must hold one value. Got shape {self.shape}. Reduce it first: .mean().")
        return to_host(self.data, "item()").item()

    def detach(self) -> Tensor:
        """Return a tensor with the same values through which no gradient flows."""
        return Tensor.wrap(self.data, self.name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy or (dtype is not None and self.data.dtype != dtype):
            return np.array(self.numpy(), dtype=dtype)
        return self.numpy()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds: the values as an array of the host."""
        return {**self.__dict__, "data": to_host(self.data, "copy or pickle")}

    def __setitem__(self, key: Any, value: Any) -> None:
        """Change values in place. The tape notices, and refuses a gradient that needs the old ones.

        Raises
        ------
        TapeError : `value` is a tensor that a gradient could flow to, under a tape: through here it cannot
        """
        if isinstance(value, Tensor) and value._tracked:
            from minidl.tape import recording

            if recording():
                raise TapeError(
                    "x[...] = value: a tape records, and no gradient would flow back to `value`. Build the tensor from "
                    "its parts instead, with functional.where, concatenate or stack; or write a constant: "
                    "x[...] = value.detach()."
                )
        self.data = to_host(self.data, "x[...] = value")  # from a device a copy, which moves there when an op reads it
        self.data[key] = as_array(value) if isinstance(value, Tensor) else value
        self._version += 1

    def __len__(self) -> int:
        if not self.data.ndim:
            raise TypeError("len() of a tensor with no axes")
        return self.data.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ShapeError(
                f"bool: a tensor of shape {self.shape} is neither true nor false. Use .numpy().any() or .numpy().all()."
            )
        return bool(self.item())

    def __index__(self) -> int:
        if self.data.dtype.kind not in "iu" or self.data.ndim:
            raise TypeError(f"only an integer tensor without axes is an index. Got {self.dtype} {self.shape}")
        return int(self.item())

    def __eq__(self, other: object) -> Any:
        return compare("equal", self, other)

    __hash__ = object.__hash__

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).numpy().any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        values = np.array2string(to_host(self.data, "repr()"), threshold=12, edgeitems=2, precision=4).replace("\n", "")
        name = f" {self.name!r}" if self.name else ""
        return f"<{type(self).__name__}{name} {self.shape} {self.dtype} {values}>"


class Variable(Tensor):
    """A tensor whose value can be assigned: a weight, or a layer's state.

    Parameters
    ----------
    value : initial values, copied
    trainable : whether gradients flow to it and optimizers update it
    name : its short name, such as "kernel"
    path : its name in a model, such as "conv2d/kernel"
    regularizer, constraint : callables of the variable, or None

    >>> w = Variable([1.0, 2.0], name="w")
    >>> w.assign([3.0, 4.0]).numpy()
    array([3., 4.], dtype=float32)
    """

    def __init__(
        self,
        value: Any,
        dtype: Any = None,
        trainable: bool = True,
        name: str = "variable",
        path: str | None = None,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> None:
        super().__init__(value, dtype, name)
        self.path = path or name
        self.regularizer = regularizer
        self.constraint = constraint
        self.trainable = trainable

    @property
    def trainable(self) -> bool:
        """Whether gradients flow to this variable."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = self._tracked = bool(value)

    @property
    def value(self) -> Tensor:
        """The current value, as Keras names it."""
        return self

    def assign(self, value: Any) -> Variable:
        """Give the variable new values of the same shape; its dtype stays. Values on a device stay there.

        Raises
        ------
        ShapeError : another shape
        """
        array = value.data if isinstance(value, Tensor) else value
        if device_of(array) is None or array.dtype != self.dtype:
            array = np.asarray(to_host(array, f"assign to {self.path}"))
        if array.shape != self.shape:
            raise ShapeError(
                f"assign: variable {self.path!r} has shape {self.shape}. Got {array.shape}. "
                "Do these weights belong to another layer?"
            )
        self._replace(np.array(array, dtype=self.dtype) if device_of(array) is None else array)
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add `value` to the variable."""
        if self.device != "cpu":
            return self._changed("add", value)
        return self.assign(self.data + as_array(value))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract `value` from the variable."""
        if self.device != "cpu":
            return self._changed("subtract", value)
        return self.assign(self.data - as_array(value))

    def average_with(self, value: Tensor, momentum: float) -> Variable:
        """Become the moving average momentum * self + (1 - momentum) * value; nothing moves for it.

        >>> Variable([1.0]).average_with(Tensor([3.0]), momentum=0.75).numpy()
        array([1.5], dtype=float32)
        """
        if self.device == value.device == "cpu":
            return self.assign(self.data * momentum + value.data * (1 - momentum))
        from minidl.tape import where_it_lies

        with where_it_lies(self, value):
            return self.assign(self * momentum + value * (1 - momentum))

    def _changed(self, op: str, value: Any) -> Variable:
        """Take over the result of an op that runs on the device where the values are."""
        from minidl.tape import where_it_lies

        with where_it_lies(self):
            return self.assign(arithmetic(op, self, value))

    def _replace(self, array: np.ndarray) -> None:
        """Take over an array of the same shape and dtype, without a copy: for optimizers."""
        self.data = array
        self._version += 1


def convert_to_tensor(value: Any, dtype: Any = None) -> Tensor:
    """Return `value` as a Tensor; a Tensor of that dtype is returned as it is.

    >>> convert_to_tensor(3.0)
    <Tensor () float32 3.>
    """
    if isinstance(value, Tensor) and (dtype is None or value.dtype == dtype):
        return value
    if value is None:
        raise ArgumentError("convert_to_tensor: expected values. Got None. Did a function forget to return?")
    return Tensor(value, dtype)
