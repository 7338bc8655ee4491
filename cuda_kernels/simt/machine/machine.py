"""The machine: the state of one batch of blocks, and the operations that a translated kernel calls.

The parts are mixed together from `control` (masks, branches, loops), `progress` (loops that do not end), `access`
(memory), `arrays` and `sequences` (parts of arrays, tuples, what is looped over), `checks` and `counting`, `barriers`,
`warp` (shuffles, votes), `atomics`, `functions` (math, casts, builtins) and `ufuncs` (NumPy's functions).
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..checking.checks import Checks
from ..checking.counting import Counting
from ..checking.recorder import Recorder
from ..errors import UnsupportedSyntax
from ..intrinsics import Context
from . import numeric
from .access import Access
from .arrays import Arrays
from .atomics import Atomics
from .barriers import Barriers
from .control import Control
from .functions import Functions
from .masks import WARP, Mask, empty
from .memory import Allocation, View
from .objects import Dim3
from .progress import Progress
from .sequences import Sequences
from .ufuncs import Ufuncs
from .warp import Warp

Value = Any
STEP_LIMIT = 100_000


class Machine(Control, Progress, Access, Arrays, Sequences, Checks, Counting, Barriers, Warp, Atomics, Functions,
              Ufuncs):
    """Runs one batch of blocks, `first_block` and the `blocks` - 1 after it, all threads in lockstep."""

    def __init__(self, recorder: Recorder, first_block: int, blocks: int, *, checks: bool, dynamic_bytes: int,
                 step_limit: int | None, watch_float64: bool) -> None:
        self.recorder = recorder
        self.lines = recorder.lines
        self.fences = recorder.fences
        self.checks = self.counting = checks
        self.watch_float64 = checks and watch_float64
        self.watching = checks and first_block == 0
        self.step_limit = STEP_LIMIT if step_limit is None else step_limit
        self.limit_is_default = step_limit is None
        self.observing = 0
        self.present = 0  # the line of the statement that runs
        self.cooperation: Any = None
        self.dynamic_bytes = dynamic_bytes
        self.first_block = first_block
        self.blocks = blocks
        bx, by, bz = recorder.block
        self.threads = bx * by * bz
        width = -(-self.threads // WARP) * WARP
        self.shape = (blocks, width)
        self.lanes = blocks * width
        self.lane_numbers = np.arange(self.lanes).reshape(self.shape)
        self.lane_in_block = np.tile(np.arange(width, dtype=np.int32), blocks)
        self.rows = np.arange(blocks)[:, None]
        self.none = empty(self.shape)
        within = np.arange(width)[None, :] < self.threads
        self.full_mask = Mask(None if width == self.threads else within, self.shape)
        self.mask = self.alive = self.remaining = self.full_mask
        self.depth = 0
        self.exits: list[tuple[Mask, int]] = []
        self.shared: dict[int, Allocation] = {}
        self.dynamic: dict[int, Allocation] = {}
        self.dynamic_memory: np.ndarray | None = None
        self.dynamic_writers: np.ndarray | None = None  # of each word: the site of the name that wrote it last
        self.local: dict[int, Allocation] = {}
        self.known_indices: dict[int, tuple[Value, Value, int]] = {}
        self.constants: dict[int, View] = {}
        self.shared_shadows: list[Any] = []
        self.barrier_times: Any = recorder.now
        self.least_barrier = recorder.now
        self.grid_time = 0  # of the last grid.sync()
        self.warp_sync: np.ndarray | None = None
        self.access_verb = ""
        self._indices()

    def _indices(self) -> None:
        """threadIdx, blockIdx, blockDim, gridDim and laneid, as int32 values."""
        bx, by, bz = self.recorder.block
        gx, gy, gz = self.recorder.grid
        t = np.arange(self.shape[1], dtype=np.int32)[None, :]
        b = np.arange(self.first_block, self.first_block + self.blocks, dtype=np.int64)[:, None]
        zero = np.int32(0)

        def axis(numbers: np.ndarray, step: int, size: int) -> Value:
            return (numbers // step % size).astype(np.int32) if size > 1 else zero

        self.threadIdx = Dim3(axis(t, 1, bx), axis(t, bx, by), axis(t, bx * by, bz))
        self.blockIdx = Dim3(axis(b, 1, gx), axis(b, gx, gy), axis(b, gx * gy, gz))
        if self.blocks == 1:
            self.blockIdx = Dim3(*(np.int32(np.ravel(i)[0]) for i in self.blockIdx))
        self.blockDim = Dim3(np.int32(bx), np.int32(by), np.int32(bz))
        self.gridDim = Dim3(np.int32(gx), np.int32(gy), np.int32(gz))
        self.laneid = t % WARP

    def grid(self, line: int, ndim: int) -> Value:
        """cuda.grid(ndim): blockIdx * blockDim + threadIdx, int64."""
        found = tuple(
            np.multiply(self.blockIdx[k], self.blockDim[k], dtype=np.int64) + self.threadIdx[k] for k in range(ndim))
        return found[0] if ndim == 1 else found

    def gridsize(self, line: int, ndim: int) -> Value:
        """cuda.gridsize(ndim): gridDim * blockDim, int64."""
        found = tuple(np.int64(self.gridDim[k]) * np.int64(self.blockDim[k]) for k in range(ndim))
        return found[0] if ndim == 1 else found

    def tick(self, line: int) -> int:
        """One more access: the time of this one."""
        self.recorder.line_of.append(line)
        self.recorder.now += 1
        return self.recorder.now

    def blocks_in_step(self) -> bool:
        """True while barriers and warp barriers were the same for every block."""
        return not isinstance(self.barrier_times, np.ndarray) and (
            self.warp_sync is None or self.warp_sync.shape[1] == 1)

    def row_lanes(self, mask: Mask) -> np.ndarray:
        """The active threads of a block, where all blocks agree."""
        if mask.bits is None:
            return self.lane_in_block[: self.shape[1]]
        return np.flatnonzero(np.broadcast_to(mask.bits[0], self.shape[1:])).astype(np.int32)

    # -- arithmetic: the types are Numba's (see numeric.py) -----------------------------------------------------------

    def neg(self, line: int, x: Value) -> Value:
        return numeric.negate(x)

    def invert(self, line: int, x: Value) -> Value:
        return numeric.invert(x)

    def pos(self, line: int, x: Value) -> Value:
        return numeric.plus(x)

    def not_(self, line: int, x: Value) -> Value:
        return np.logical_not(numeric.truth(x))

    def and_(self, line: int, a: Value, b: Value) -> Value:
        """`a and b` where `b` costs nothing to evaluate: `b` where `a` holds, else `a`."""
        if a.dtype.num == b.dtype.num == 0:
            return np.logical_and(a, b)
        return self.choose(a, b, a)

    def or_(self, line: int, a: Value, b: Value) -> Value:
        """`a or b` where `b` costs nothing to evaluate: `a` where it holds, else `b`."""
        if a.dtype.num == b.dtype.num == 0:
            return np.logical_or(a, b)
        return self.choose(a, a, b)

    def narrowed(self, line: int, name: str, a: Value, b: Value, constants: tuple[bool, bool]) -> Value:
        """float32(a / b) and the like, where Numba types a / b as float64 only because a constant is float64.

        If both are float32 values or constants that float32 holds exactly, the result is the same in float32, and the
        compiler (LLVM's InstCombine, visitFPTrunc) leaves no float64 instruction; so neither does the machine.
        """
        if all(v.dtype.num == 11 or (c and v.astype(np.float32) == v) for v, c in zip((a, b), constants, strict=True)):
            a, b = numeric.cast(a, numeric.FLOAT32), numeric.cast(b, numeric.FLOAT32)
        return self.cast(line, numeric.FLOAT32, getattr(self, name)(line, a, b))

    def intrinsic(self, line: int, meaning: Any, *arguments: Value) -> Any:
        """Call a registered intrinsic's meaning."""
        return meaning(Context(self, line), *arguments)

    def hush(self, watch: bool = False) -> bool:
        """Report no float64 (or again, with what an earlier call gave): a library's function is not the student's."""
        before, self.watch_float64 = self.watch_float64, watch
        return before

    def breakpoint(self, line: int, function: str, variables: dict[str, Value]) -> None:
        """breakpoint(): stops only in a recorded launch, see stepper.py."""

    def step(self, line: int, function: str, variables: dict[str, Value]) -> None:
        """A statement begins, in a program translated for stepping; see stepper.py."""


def _binary(name: str) -> Any:
    function, table, counts = numeric.BINARY[name]
    power = name == "pow"

    def method(self: Machine, line: int, a: Value, b: Value) -> Value:
        try:
            ta, tb = a.dtype, b.dtype
        except AttributeError:
            return self.operate_on_others(line, name, a, b)
        result = table[ta.num * 64 + tb.num]
        if result.kind in "fc" and self.counting:
            if counts:
                self.flop(line, result, 1 if result.kind == "f" else numeric.COMPLEX_OPERATIONS[name])
            elif result.num in (12, 15) and self.watch_float64:
                self.report_float64(line)
        if ta is result and tb is result and not power:
            return function(a, b)
        return numeric.binary(name, a, b)

    method.__name__ = name
    return method


def _compare(name: str) -> Any:
    function = numeric.COMPARE[name]
    ordered = name not in ("eq", "ne")

    def method(self: Machine, line: int, a: Value, b: Value) -> Value:
        try:
            kinds = a.dtype.num, b.dtype.num
        except AttributeError:
            return self.compare_others(line, name, a, b)
        if ordered and (kinds[0] in _COMPLEX or kinds[1] in _COMPLEX):
            raise UnsupportedSyntax("complex numbers have no order; compare abs(z) or z.real", line)
        if self.watch_float64 and kinds in _FLOAT32_AND_64:
            self.report_float64(line)
        return function(a, b)

    method.__name__ = name
    return method


_COMPLEX = (14, 15)
_FLOAT32_AND_64 = ((11, 12), (12, 11))
for _name in numeric.BINARY:
    setattr(Machine, _name, _binary(_name))
for _name in numeric.COMPARE:
    setattr(Machine, _name, _compare(_name))
