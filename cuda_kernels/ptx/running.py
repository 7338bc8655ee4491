"""Launching compiled PTX: arguments in the order that Numba passes them, blocks over the cores, faults in words."""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..simt.limits import MAX_BLOCK, MAX_GRID
from . import crew, printing
from .arguments import parameters_of, ranges_of
from .faults import PtxFault, told
from .memory import CHUNK, ERROR_WORDS, EXTENTS, GOES_ON, LAST, LEFT, NEXT, ORDER, PRINTS, ROW_WORDS, STOP
from .native import Native

GARBAGE = 0xFF  # each byte of shared memory at first, where the order is random: as float32 a NaN
CHUNKS = 8  # portions of the grid a core: one that is done early takes another
WORTH = 150e-6  # seconds of work that are worth a second core
MAX_THREADS, MAX_SHARED = 1024, 227 * 1024
_ROW = struct.Struct(f"<{ROW_WORDS}q")


def _three(name: str, what: str, size: int | Sequence[int], limits: tuple[int, ...]) -> tuple[int, int, int]:
    numbers = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
    three = (*map(int, numbers), 1, 1)[:3]
    if not 1 <= len(numbers) <= 3 or any(not 1 <= n <= most for n, most in zip(three, limits, strict=True)):
        raise ValueError(f"{name}: a {what} has 1 to 3 sizes, from 1 to {limits}. Got {size}.")
    return three  # type: ignore[return-value]


def orders(count: int, rng: np.random.Generator) -> np.ndarray:
    """An order of a block's threads: its warps shuffled, and the lanes in each."""
    warps = [rng.permutation(np.arange(first, min(first + 32, count))) for first in range(0, count, 32)]
    full, rest = warps[: count // 32], warps[count // 32 :]  # a warp that is not full stays last: groups begin at 32 k
    return np.concatenate([*(full[k] for k in rng.permutation(len(full))), *rest]).astype(np.int32)


@dataclass
class Block:
    """A block whose threads may wait for those of another one: what it keeps until its next turn."""

    number: int
    memory: np.ndarray
    threads: np.ndarray | None  # the order in which they run
    begun: bool = False


def _resident(threads: int, shared_bytes: int) -> int:
    """How many such blocks a GPU holds at a time: the one that `simt.launch` takes too."""
    from ..simt.report.gpus import GPUS, resident_blocks

    return resident_blocks(GPUS["H100 SXM"], threads, shared_bytes)


def run(
    native: Native,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    args: Sequence[Any],
    *,
    dynamic_bytes: int = 0,
    order: int | None = None,
    name: str = "kernel",
    threads: int | None = None,
    limit: float = 30,
    trace: np.ndarray | None = None,
    further: Sequence[np.ndarray] = (),
) -> None:
    """Run a grid and wait for it.

    grid, block : as in `kernel[grid, block]`
    dynamic_bytes : of dynamic shared memory
    order : a seed: blocks, and the threads of a block between two barriers, run one after another in a random order,
        and shared memory begins with what no kernel can have meant; in turn, on all cores, without one
    threads : of the processor; all that this process may use without a number, where there is enough to do
    limit : seconds, after which a kernel is stopped, and the loop that it was in is named
    trace : for a traced build, what it is to note, and where: see the file of that name
    further : arrays that the kernel may use besides those of `args`, where these are addresses

    Raises
    ValueError, TypeError : a grid, block or shared memory that no GPU has; arguments of another kernel
    PtxFault : an access outside the arrays or not aligned, a trap, lanes that wait for ever, no end
    """
    code = native.code
    shape, size = _three(name, "grid", grid, MAX_GRID), _three(name, "block", block, MAX_BLOCK)
    count, blocks = math.prod(size), math.prod(shape)
    shared = -(-code.shared_bytes // 16) * 16 + dynamic_bytes
    if count > MAX_THREADS:
        raise ValueError(f"{name}: a block has at most {MAX_THREADS} threads. Got {block}, which is {count}.")
    if not 0 <= dynamic_bytes <= MAX_SHARED or shared > MAX_SHARED:
        raise ValueError(f"{name}: a block has at most {MAX_SHARED} bytes of shared memory. Got {shared}.")
    parameters, ranges = parameters_of(args), ranges_of((*args, *further))
    if len(parameters) != 8 * sum(-(-n // 8) for n in code.parameters):
        raise TypeError(f"{name}: compiled for {len(code.parameters)} parameters; these arguments are other ones")
    # One piece of memory: the row with the arrays of the pointers, the record of a fault, the parameters, all arrays.
    behind_row = EXTENTS + len(code.pointers)
    given = behind_row + ERROR_WORDS
    after = given + len(parameters) // 8
    words = np.zeros(after + len(ranges), np.int64)
    at = words.ctypes.data
    error = words[behind_row:given]
    worth = 1 + int(native.pace * count * blocks / WORTH) if native.pace else blocks
    cores = min(threads or crew.cores(), blocks, worth)
    places = (at + 8 * given, at + 8 * after, at + 8 * behind_row)
    _ROW.pack_into(
        words.data, 0,
        places[0], *size, *shape, dynamic_bytes, 0, places[1], len(ranges) // 2, places[2], shared, blocks,
        max(1, blocks // (cores * CHUNKS)), trace.ctypes.data if trace is not None else 0, *[0] * (ROW_WORDS - NEXT),
    )  # fmt: skip
    words[given:after] = np.frombuffer(parameters, np.int64)
    words[after:] = ranges
    begins = {first: last - first for first, last in sorted(zip(ranges[::2], ranges[1::2], strict=True))}
    for k, number in enumerate(code.pointers):
        pointer = int(words[given + sum(-(-n // 8) for n in code.parameters[:number])])
        words[EXTENTS + k] = begins.get(pointer, 0)
    notes = -(-16 * len(code.places) // 64) * 64 if code.checked else 0

    prints = printing.room() if code.prints else None
    words[PRINTS] = prints.ctypes.data if prints is not None else 0
    spent: list[float] = []

    size_of_memory = notes + shared + count * code.frame_bytes + 192

    def begun(memory: np.ndarray) -> np.ndarray:
        memory[:notes] = 0
        if order is not None:
            memory[notes : notes + shared] = GARBAGE
        return memory

    def call(row: int, memory: np.ndarray) -> None:
        begin = memory.ctypes.data
        native.blocks(row, begin + notes, -(-(begin + notes + shared) // 64) * 64, begin)

    def work() -> None:
        memory = begun(_scratch(size_of_memory))
        start = time.perf_counter()
        call(at, memory)
        spent.append(time.perf_counter() - start)

    rng = np.random.default_rng(order) if order is not None else None

    def in_random_order() -> None:
        assert rng is not None
        words[CHUNK] = 1
        for number in rng.permutation(blocks):
            in_turn = orders(count, rng)
            words[ORDER], words[NEXT], words[LAST] = in_turn.ctypes.data, number, number + 1
            work()

    def new_block(number: int) -> Block:
        memory = begun(_aligned(size_of_memory))
        return Block(number, memory, None if rng is None else orders(count, rng))

    def in_turns() -> None:
        row = words[:behind_row].copy()
        row[CHUNK] = 1
        while not error[0] and (block := turns.take()):
            row[ORDER] = 0 if block.threads is None else block.threads.ctypes.data
            row[NEXT], row[LAST], row[GOES_ON], row[LEFT] = block.number, block.number + 1, block.begun, 0
            call(row.ctypes.data, block.memory)
            block.begun = True
            turns.back(block, ended=not row[LEFT])

    def stop() -> None:
        error[STOP] = 1

    in_time = True
    if code.yields:
        numbers = range(blocks) if rng is None else rng.permutation(blocks)
        turns = crew.Turns(numbers, new_block, _resident(count, shared), rng)
        in_time = crew.run(in_turns, cores if rng is None else 1, limit, stop)
    elif order is None:
        if cores == 1 and native.pace and not code.loops:  # soon done: not worth waking another thread
            work()
        else:
            in_time = crew.run(work, cores, limit, stop)
        native.pace = sum(spent) / (count * blocks)
    else:
        in_time = crew.run(in_random_order, 1, limit, stop)
    if prints is not None:
        printing.show(prints)
    if error[0]:
        raise PtxFault(told(code, error, args, name))
    if not in_time:
        raise PtxFault(f"{name}: not done after {limit:g} seconds, and stopped. Is the grid {shape} meant?")


_local = threading.local()


def _scratch(size: int) -> np.ndarray:
    """Memory of this core's thread for shared arrays and frames, kept for the next launch, at a multiple of 64."""
    held = getattr(_local, "scratch", None)
    if held is None or held.size < size:
        _local.scratch = held = _aligned(size)
    return held


def _aligned(size: int) -> np.ndarray:
    """Memory that begins at a multiple of 64."""
    whole = np.empty(size + 64, np.uint8)
    return whole[-whole.ctypes.data % 64 :][:size]
