"""Which arguments are outputs, and which of their elements were never written."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .checking import Recorder
from .language.program import Program
from .state import View


def root(name: str) -> str:
    """The parameter that an array belongs to: t of t[0] and of t.x."""
    return re.split(r"[.\[]", name, maxsplit=1)[0]


@dataclass(eq=False)
class Outputs:
    """The outputs of one launch.

    chosen : what the caller named as outputs; None: arrays that the kernel only stores to
    values : the arguments as the kernel has them, `views` the arrays among them
    """

    program: Program
    recorder: Recorder
    chosen: Iterable[Any] | None
    values: list[Any]
    views: dict[str, View]

    def check(self) -> None:
        """Report the elements that were never written."""
        for name, must in self._expected_outputs().items():
            for shown, view in self._pieces(name):
                if view.alloc.size and (must or _only_stored(view)):
                    self._check_output(shown, view)

    def _pieces(self, name: str) -> list[tuple[str, View]]:
        """The array; of records their fields that the kernel touched, each an array of its own."""
        whole = self.views[name]
        if not whole.alloc.dtype.names:
            return [(name, whole)]
        return [(f"{name}.{field}", View(part, whole.shape, whole.strides, whole.offset))
                for field, part in whole.alloc.fields.items()]

    def _check_output(self, name: str, view: View) -> None:
        alloc = view.alloc
        written = np.zeros(alloc.size, bool) if alloc.shadow is None else alloc.shadow.touched()
        addresses = np.full((), int(view.offset))
        for n, s in zip(view.shape, view.strides, strict=True):
            addresses = addresses[..., None] + np.arange(n) * s
        missing = ~written[addresses]
        count = int(np.count_nonzero(missing))
        if count:
            index = tuple(int(k) for k in np.unravel_index(int(missing.argmax()), missing.shape))
            shown = index[0] if len(index) == 1 else index
            self.recorder.fault(
                "unwritten-output", self._store_line(view), array=name, index=index, count=count, cells=missing,
                message=f"{count} of {missing.size} elements of output {name!r} are never written, the first at "
                f"index {shown}: does the grid cover the array, and does the guard let the last elements pass?")

    def _expected_outputs(self) -> dict[str, bool]:
        """Names of outputs, and whether the caller said so."""
        if self.chosen is None:
            return {n: False for n in self.views if root(n) in self.program.stored
                    and any(_only_stored(view) for _, view in self._pieces(n))}
        chosen: dict[str, bool] = {}
        given, parameters = self.chosen, self.program.parameters
        for item in given if isinstance(given, list | tuple | set) else (given,):
            for parameter, value in zip(parameters, self.values, strict=True):
                if isinstance(value, View) and (
                        (isinstance(item, str) and item == parameter)
                        or (isinstance(item, int) and not isinstance(item, bool) and parameters[item] == parameter)
                        or (isinstance(item, np.ndarray) and item.size and np.shares_memory(item, value.alloc.data))):
                    chosen[parameter] = True
                    break
            else:
                raise ValueError(f"simt.launch: outputs= names {item!r}, which is no array argument of "
                                 f"{self.program.source.name!r} ({', '.join(parameters)})")
        return chosen

    def _store_line(self, view: View) -> int:
        """The first line that stores to an array (0 if none does)."""
        times = view.alloc.shadow
        if times is not None and times.write_time.any():
            return self.recorder.line_of[int(times.write_time[times.write_time > 0].min())]
        return 0


def _only_stored(view: View) -> bool:
    return view.alloc.stored and not view.alloc.loaded
