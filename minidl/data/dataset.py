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
from minidl.ops.common.philox import permutation

Batch = tuple[Any, Any, Any]  # x, y, sample_weight
_END: Any = object()  # instead of a batch, where there is none left


class PyDataset:
    """Base for data that is made batch by batch; a subclass defines `__len__` and `__getitem__`.

    `__len__()` is the number of batches, `__getitem__(index)` a batch: `x`, `(x, y)` or `(x, y,
    sample_weight)`. `on_epoch_begin()` and `on_epoch_end()` are called around each epoch. Batches are loaded one after
    another in this process: the arguments of Keras' class are taken, and kept as attributes, but start no workers.

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

    @property
    def num_batches(self) -> int:
        """The number of batches, as Keras names it."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Do what is to be done ahead of an epoch. By default nothing."""

    def on_epoch_end(self) -> None:
        """Do what is to be done between epochs, e.g. shuffle. By default nothing."""


Sequence = PyDataset  # Keras 2's name


class Dataset:
    """Data for training or evaluation: `epoch(k)` gives the batches of epoch k."""

    num_batches: int | None  # in an epoch; `None` where it is not known
    first_epoch = 0  # the one that begins with the first batch

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        """Yield `(x, y, sample_weight)` for every batch; y and sample_weight may be `None`."""
        raise NotImplementedError(f"{type(self).__name__} must define epoch(epoch).")


class SizedDataset(Dataset):
    """Base of data whose number of batches is known.

    With fewer steps an epoch than batches, the next epoch goes on with the rest, as in Keras; then the data begins
    anew: 5 batches in steps of 3 are 0 1 2, 3 4, 0 1 2, … Which ones an epoch gets depends on its number alone.

    Parameters
    ----------
    available : how many batches there are
    shuffle, seed : a new order in every pass over the data
    steps : batches in an epoch, by default all
    """

    def __init__(self, available: int, shuffle: bool, seed: int, steps: int | None, function: str) -> None:
        self.available, self.shuffle, self.seed, self.function = available, shuffle, seed, function
        self.num_batches: int = steps or available

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        epochs_a_pass = -(-self.available // self.num_batches)
        passes, part = divmod(epoch - self.first_epoch, epochs_a_pass)
        start = part * self.num_batches
        stop = min(start + self.num_batches, self.available)
        yield from map(_as_floatx, self.batches(self.first_epoch + passes, start, stop))
        if stop - start < self.num_batches:
            then = f"There are {self.available} batches in all; the next epoch begins with the first."
            _ran_out(self.function, stop - start, self.num_batches, then)

    def batches(self, passes: int, start: int, stop: int) -> Iterator[Batch]:
        """Yield the batches start, …, stop - 1 of a pass over the data."""
        raise NotImplementedError(f"{type(self).__name__} must define batches(passes, start, stop).")


class ArrayDataset(SizedDataset):
    """Arrays in memory, cut into batches."""

    def __init__(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int | None,
        shuffle: bool,
        seed: int,
        steps: int | None,
        function: str,
    ) -> None:
        self.data = _checked((x, y, sample_weight), function)
        self.num_samples = check_same_size(*self.data, function=function)
        # As in Keras, steps without a size of the batches share the samples out.
        self.batch_size = batch_size or (BATCH_SIZE if steps is None else -(-self.num_samples // steps))
        super().__init__(-(-self.num_samples // self.batch_size), shuffle, seed, steps, function)

    def batches(self, passes: int, start: int, stop: int) -> Iterator[Batch]:
        order = permutation(self.num_samples, self.seed, passes) if self.shuffle else None
        return _slices(self.data, start * self.batch_size, min(stop * self.batch_size, self.num_samples),
                       self.batch_size, order)  # fmt: skip


class SequenceDataset(SizedDataset):
    """A PyDataset, or anything else with `__len__` and `__getitem__`, whose items are batches."""

    def __init__(self, items: Any, shuffle: bool, seed: int, steps: int | None, function: str) -> None:
        self.items = items
        available = len(items)
        if available < 1:
            raise DataError(f"{function}: {type(items).__name__} has no batches: its __len__ is {available}.")
        super().__init__(available, shuffle, seed, steps, function)

    def batches(self, passes: int, start: int, stop: int) -> Iterator[Batch]:
        order = permutation(self.available, self.seed, passes) if self.shuffle else range(self.available)
        if hasattr(self.items, "on_epoch_begin"):
            self.items.on_epoch_begin()
        for index in order[start:stop]:
            yield _checked(unpack_x_y_sample_weight(self.items[int(index)]), self.function)
        if hasattr(self.items, "on_epoch_end"):
            self.items.on_epoch_end()


class IterableDataset(Dataset):
    """A generator, which runs once over all epochs, or an iterable that begins anew when it is through.

    Without `steps` an epoch is the whole iterable; with them the next epoch goes on where the last one stopped.
    """

    def __init__(self, items: Iterable[Any], steps: int | None, function: str) -> None:
        self.items, self.function, self.num_batches = items, function, steps
        self.runs_once = iter(items) is items
        self._running: Any = None
        self._given = 0  # batches in all epochs

    def epoch(self, epoch: int = 0) -> Iterator[Batch]:
        fresh = self._running is None or self.num_batches is None or epoch == self.first_epoch
        if fresh:
            self._running = iter(self.items)
        given = 0
        while given != self.num_batches:
            batch = next(self._running, _END)
            if batch is _END and not (given or fresh or self.runs_once):
                fresh, self._running = True, iter(self.items)  # the epoch before took the last one
                continue
            if batch is _END:
                self._running = None
                break
            yield _as_floatx(_checked(unpack_x_y_sample_weight(batch), self.function))
            given += 1
        self._given += given
        if not self._given:
            cause = "Was it used up before?" if self.runs_once else "Is it empty?"
            raise DataError(f"{self.function}: the {type(self.items).__name__} gave no batches. {cause}")
        if not given or (self.num_batches is not None and given < self.num_batches):
            then = "It begins anew in the next epoch."
            if self.runs_once:
                then = "A generator runs once over all epochs: let it loop for ever and give steps, or use a PyDataset."
            _ran_out(self.function, given, self.num_batches, then)


class _Passes:
    """What makes a Dataset of one's own an iterable: each time it is begun it gives its next epoch."""

    def __init__(self, data: Dataset) -> None:
        self.data, self.next = data, 0

    def __iter__(self) -> Iterator[Batch]:
        self.next += 1
        return self.data.epoch(self.next - 1)


def _ran_out(function: str, given: int, steps: int | None, what_then: str) -> None:
    wanted = "batches" if steps is None else f"of {steps} steps"
    warnings.warn(f"{function}: the data ran out after {given} {wanted} in this epoch. {what_then}", stacklevel=3)


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
    batch_size : for arrays only; by default 32, with `steps` the samples divided by them, rounded up
    shuffle : a new order in every epoch: of the samples of arrays, of the batches of a PyDataset
    seed : of the order
    steps : batches in an epoch; needed for a generator that never ends. With fewer than there are, the next epoch goes
        on with the rest; with more, an epoch ends with the data, and a warning
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
        batch_size = None if batch_size is None else positive_int(batch_size, "batch_size", function)
        return ArrayDataset(x, y, sample_weight, batch_size, shuffle, seed, steps, function)
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
        if value is not None:
            raise ArgumentError(f"{function}: {name} must not be given where x is a {kind}: its batches bring it.")
    if isinstance(x, Dataset):
        return x if steps is None else IterableDataset(_Passes(x), steps, function)
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
