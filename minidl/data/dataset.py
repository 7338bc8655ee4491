"""One interface to all that `fit` takes: arrays, PyDatasets, generators, iterables of batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl import config
from minidl.data.batching import BATCH_SIZE, _slices, positive_int
from minidl.data.checks import check_finite, check_same_size
from minidl.data.structure import as_arrays, map_arrays
from minidl.errors import ArgumentError, DataError
from minidl.ops.philox import permutation

Batch = tuple[Any, Any, Any]  # x, y, sample_weight


class PyDataset:
    """Base for data that is made batch by batch; a subclass defines `__len__` and `__getitem__`.

    `__len__()` is the number of batches, `__getitem__(index)` a batch: `x`, `(x, y)` or `(x, y,
    sample_weight)`. `on_epoch_end()` is called after each epoch. Batches are loaded one after another in this
    process: the arguments of Keras' class are taken, and kept as attributes, but start no workers.

    >>> class Squares(PyDataset):
    ...     def __len__(self): return 2
    ...     def __getitem__(self, index): return np.full((4, 1), index), np.full((4, 1), index**2)
    >>> import numpy as np
    >>> [y[0, 0].item() for x, y in Squares()]
    [0, 1]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__: the number of batches.")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index): one batch.")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_end(self) -> None:
        """Do what is to be done between epochs, e.g. shuffle. By default nothing."""


Sequence = PyDataset  # Keras 2's name


class Dataset:
    """Data for training or evaluation: `epoch(k)` gives the batches of epoch k."""

    num_batches: int | None  # in an epoch; `None` where it is not known

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """Yield `(x, y, sample_weight)` for every batch; y and sample_weight may be `None`."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch(epoch).")


class ArrayDataset(Dataset):
    """Arrays in memory, cut into batches."""

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int,
        shuffle: bool,
        seed: int,
        steps: int | None,
        function: str,
    ) -> None:
        self.data = _checked((x, y, sample_weight), function)
        self.num_samples = check_same_size(*self.data, function=function)
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        available = -(-self.num_samples // batch_size)
        if steps is not None and steps > available:
            raise ArgumentError(
                f"{function}: {steps} steps were asked for, but {self.num_samples} samples make "
                f"{available} batches of {batch_size}. Leave the steps out, or make batch_size smaller."
            )
        self.num_batches = steps or available
        self.samples_used = min(self.num_samples, self.num_batches * batch_size)

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        order = permutation(self.num_samples, self.seed, epoch) if self.shuffle else None
        return map(_as_floatx, _slices(self.data, self.samples_used, self.batch_size, order))


class SequenceDataset(Dataset):
    """A PyDataset, or anything else with `__len__` and `__getitem__`, whose items are batches."""

    def __init__(self, batches: Any, shuffle: bool, seed: int, steps: int | None, function: str) -> None:
        self.batches, self.shuffle, self.seed, self.function = batches, shuffle, seed, function
        self.available = len(batches)
        if self.available < 1:
            raise DataError(f"{function}: {type(batches).__name__} has no batches: its __len__ is {self.available}.")
        if steps is not None and steps > self.available:
            raise ArgumentError(
                f"{function}: {steps} steps were asked for, but {type(batches).__name__} has {self.available} batches."
            )
        self.num_batches = steps or self.available

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        order = permutation(self.available, self.seed, epoch) if self.shuffle else range(self.available)
        for index in order[: self.num_batches]:
            yield _as_floatx(_checked(unpack_x_y_sample_weight(self.batches[int(index)]), self.function))
        if hasattr(self.batches, "on_epoch_end"):
            self.batches.on_epoch_end()


class IterableDataset(Dataset):
    """A generator, which runs once over all epochs, or an iterable that every epoch starts anew."""

    def __init__(self, batches: Iterable[Any], steps: int | None, function: str) -> None:
        self.batches, self.function, self.num_batches = batches, function, steps
        self.runs_once = iter(batches) is batches

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        iterator = iter(self.batches)
        given = 0
        while given != self.num_batches:
            try:
                batch = next(iterator)
            except StopIteration:
                break
            yield _as_floatx(_checked(unpack_x_y_sample_weight(batch), self.function))
            given += 1
        if given == 0:
            cause = (
                "A generator runs once: was it used up by the epoch before? Give steps_per_epoch= and let it "
                "loop for ever, or use a PyDataset."
                if self.runs_once
                else "Is it empty?"
            )
            raise DataError(f"{self.function}: the {type(self.batches).__name__} gave no batches. {cause}")
        if self.num_batches is not None and given < self.num_batches:
            warnings.warn(
                f"{self.function}: the data ran out after {given} of {self.num_batches} steps of this epoch.",
                stacklevel=2,
            )


def _checked(data: Batch, function: str) -> Batch:
    """Turn x, y and sample_weight into arrays, and check their sizes and values."""
    names = ("x", "y", "sample_weight")
    x, y, sample_weight = (as_arrays(part, name, function) for part, name in zip(data, names, strict=True))
    check_same_size(x, y, sample_weight, function=function)
    for part, name in zip((x, y, sample_weight), names, strict=True):
        check_finite(part, name, function)
    return x, y, sample_weight


def _as_floatx(batch: Batch) -> Batch:
    """Turn floats of another precision into `floatx`, as Keras does: they meet the model's own in formulas."""
    floatx = np.dtype(config.floatx())
    return map_arrays(lambda a: a.astype(floatx) if a.dtype.kind == "f" and a.dtype != floatx else a, batch)


def unpack_x_y_sample_weight(data: Any) -> Batch:
    """Take `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)` apart; what is absent is `None`.

    Raises
    ------
    DataError : a tuple or list of another length

    >>> unpack_x_y_sample_weight(("images", "labels"))
    ('images', 'labels', None)
    """
    if not isinstance(data, list | tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(
            f"a batch must be x, (x, y) or (x, y, sample_weight). Got a {type(data).__name__} of "
            f"{len(data)}. "
            "Several inputs go into one tuple: ((x1, x2), y)."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Put a batch together as a `train_step` of one's own takes it apart: `x`, `(x, y)` or `(x, y, sample_weight)`.

    >>> pack_x_y_sample_weight("images", "labels")
    ('images', 'labels')
    >>> pack_x_y_sample_weight(["left", "right"])  # several inputs alone would look like x and y
    (['left', 'right'],)
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, list | tuple) else x


def as_dataset(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    steps: int | None = None,
    function: str = "fit",
) -> Dataset:
    """Make a `Dataset` of whatever a user gives to `fit`, `evaluate` or `predict`.

    Parameters
    ----------
    x : one of
        an array (N, ...), or a list, tuple or dict of arrays (several inputs);
        an object with `__len__` and `__getitem__` whose items are batches (a PyDataset);
        a generator or another iterable of batches.
        Batches are `x`, `(x, y)` or `(x, y, sample_weight)`.
    y, sample_weight : as `x`, for arrays only; other data brings its own with every batch
    batch_size : for arrays only; by default 32
    shuffle : a new order in every epoch: of the samples of arrays, of the batches of a PyDataset
    seed : of the order
    steps : batches in an epoch; needed for a generator that never ends
    function : the name that errors begin with

    Raises
    ------
    DataError : empty, NaN or infinite, or sizes that differ
    ArgumentError : arguments that do not fit the kind of data

    Notes
    -----
    Arrays are checked here, once. Batches of generators and PyDatasets are checked as they come.
    """
    steps = None if steps is None else positive_int(steps, "steps", function)
    if x is None:
        raise DataError(f"{function}: there is no data: x is None.")
    if isinstance(x, list | tuple | dict) or hasattr(x, "__array__"):
        batch_size = BATCH_SIZE if batch_size is None else positive_int(batch_size, "batch_size", function)
        return ArrayDataset(x, y, sample_weight, batch_size, shuffle, seed, steps, function)
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
        if value is not None:
            raise ArgumentError(f"{function}: {name} must not be given where x is a {kind}: its batches bring it.")
    if isinstance(x, Dataset):
        return x
    if callable(x) and not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        raise ArgumentError(f"{function}: x is a function. To use what it yields, call it: {function}(x(), ...).")
    if hasattr(x, "__len__") and hasattr(x, "__getitem__") and not isinstance(x, str | bytes):
        return SequenceDataset(x, shuffle, seed, steps, function)
    if hasattr(x, "__iter__") and not isinstance(x, str | bytes):
        return IterableDataset(x, steps, function)
    raise ArgumentError(
        f"{function}: x must be arrays, a PyDataset, a generator or an iterable of batches. Got a {kind}."
    )


def as_batches(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
    steps: int | None = None,
    function: str = "fit",
) -> Iterator[Batch]:
    """Yield `(x, y, sample_weight)` for the batches of one epoch; the arguments are those of `as_dataset`.

    >>> import numpy as np
    >>> data = as_batches(np.zeros((3, 2)), [7, 8, 9], batch_size=2, shuffle=False)
    >>> [(x.shape, y.tolist(), weight) for x, y, weight in data]
    [((2, 2), [7, 8], None), ((1, 2), [9], None)]
    """
    return as_dataset(x, y, sample_weight, batch_size, shuffle, seed, steps, function).epoch(epoch)
