"""Faults as sentences: which thread of which block does what, at which line."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..state import Lanes, Mask, Threads
from .recorder import Recorder


class StepLimit(Exception):
    """The launch ends here: a loop that never ends, or ran past the step limit; a kernel that is not compiled."""


@dataclass(eq=False)
class Faults:
    """Enters faults into the recorder.

    checks : whether the launch looks for faults
    watch_float64 : whether arithmetic in float64 is one
    """

    recorder: Recorder
    threads: Threads
    lanes: Lanes
    checks: bool
    watch_float64: bool

    def of(self, kind: str, line: int, who: Mask | int, text: str, count: int | None = None, **more: Any) -> None:
        """`line 3: thread (1, 0, 0) of block (0, 0, 0) …`: of the first thread of a mask, or the one at a lane."""
        lane, lanes = (int(who.flat()[0]), who.lanes) if isinstance(who, Mask) else (who, 1)
        thread, block = self.threads.index_of(lane), self.threads.block_of(lane)
        self.recorder.fault(
            kind, line, threads=(thread,), blocks=(block,), count=lanes if count is None else count,
            message=f"line {line}: thread {thread} of block {block} {text}", **more)

    def active(self) -> dict[str, Any]:
        """The first active thread and its block as a `Fault` has them, and how many are active."""
        lane = self.lanes.mask.flat()[:1].tolist()
        return {"threads": tuple(map(self.threads.index_of, lane)), "blocks": tuple(map(self.threads.block_of, lane)),
                "count": self.lanes.mask.lanes}

    def float64(self, line: int) -> None:
        """Arithmetic in double precision where the kernel's arrays are float32."""
        if self.watch_float64:
            self.recorder.fault(
                "float64", line, **self.active(),
                message=f"line {line} computes in float64 although the kernel's arrays are float32: a bare 0.0, an "
                "integer beside a float32, a Python float argument, or int / int makes it so. Write float32(...) "
                "around the constant or the operand.")

    def hush(self, watch: bool = False) -> bool:
        """Report no float64 (or again, with what an earlier call gave): a library's function is not the student's."""
        before, self.watch_float64 = self.watch_float64, watch
        return before

    def unified(self, line: int, what: str, one: np.dtype, other: np.dtype) -> None:
        """uint64 and int64 in one variable."""
        if self.checks:
            self.recorder.fault(
                "float64", line, **self.active(),
                message=f"line {line}: {what} is {one} on one path (or before the loop) and {other} on another: Numba "
                "makes it float64, which holds integers up to 2**53 only. Cast the result of arithmetic back, as in "
                "uint64(...): what mixes uint64 with a signed integer is int64.")

    def raised(self, line: int, text: str) -> None:
        """`raise`, or an `assert` that fails: compiled without debug=True, the thread ends there and nobody is told."""
        if self.checks:
            self.of("exception", line, self.lanes.mask,
                    f"comes to {text}. On a GPU no exception reaches Python, unless the kernel is compiled with "
                    "debug=True: the thread ends there in silence.")


def show_index(index: tuple[int, ...]) -> str:
    """An index as a kernel writes it: 3 or (3, 4)."""
    return str(index[0]) if len(index) == 1 else str(index)
