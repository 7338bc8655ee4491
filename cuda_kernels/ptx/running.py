"""Launching compiled PTX: arguments in the order that Numba passes them, blocks over the cores, faults in words."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from .native import Code, Native
from .schedule import ERROR_WORDS
from .thread import DYNAMIC, ERROR, NCTAID, NTID, ORDER, PARAMETERS, RANGE_COUNT, RANGES, SHARED_BYTES, STOP, TRACE

GARBAGE = 0xFF  # each byte of shared memory at first, where the order is random: as float32 a NaN
CHUNKS = 8  # portions of the grid a core: one that is done early takes another


class PtxFault(RuntimeError):
    """A compiled kernel did what a GPU answers with an error, or with wrong results: where, and what."""


def parameters_of(args: Sequence[Any]) -> Iterator[bytes]:
    """The kernel's parameters, as Numba's compiler takes an array apart: two owners, sizes, address, shape, strides."""
    for value in args:
        if isinstance(value, np.ndarray):
            yield from (
                word.to_bytes(8, "little")
                for word in (0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape)
            )
            yield from (stride.to_bytes(8, "little", signed=True) for stride in value.strides)
        elif isinstance(value, tuple):
            yield from parameters_of(value)
        elif isinstance(value, (complex, np.complexfloating)):
            part = np.float32 if isinstance(value, np.complex64) else np.float64
            yield from (part(value.real).tobytes(), part(value.imag).tobytes())
        elif isinstance(value, np.void):  # a record is passed by its address
            yield value.__array_interface__["data"][0].to_bytes(8, "little")
        elif isinstance(value, (bool, np.bool_)):
            yield bytes([bool(value)])
        elif isinstance(value, int) and not isinstance(value, np.generic):
            yield value.to_bytes(8, "little", signed=value < 2**63)
        elif isinstance(value, float) and not isinstance(value, np.generic):
            yield np.float64(value).tobytes()
        else:
            yield np.asarray(value).tobytes()


def arrays_in(args: Sequence[Any]) -> Iterator[np.ndarray]:
    """All arrays among the arguments, those in tuples too."""
    for value in args:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, tuple):
            yield from arrays_in(value)


def _three(size: int | Sequence[int]) -> tuple[int, int, int]:
    numbers = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
    return (*map(int, numbers), 1, 1)[:3]  # type: ignore[return-value]


def orders(count: int, rng: np.random.Generator) -> np.ndarray:
    """An order of a block's threads: its warps shuffled, and the lanes in each."""
    warps = [rng.permutation(np.arange(first, min(first + 32, count))) for first in range(0, count, 32)]
    full, rest = warps[: count // 32], warps[count // 32 :]  # a warp that is not full stays last: groups begin at 32 k
    return np.concatenate([*(full[k] for k in rng.permutation(len(full))), *rest]).astype(np.int32)


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
    threads : of the processor; all that this process may use without a number
    limit : seconds, after which a kernel with checks is stopped, and the loop that it was in is named
    trace : for a traced build, what it is to note, and where: see the file of that name
    further : arrays that the kernel may use besides those of `args`, where these are addresses

    Raises
    PtxFault : an access outside the arrays or not aligned, a trap, lanes that wait for ever, no end
    """
    code = native.code
    shape, size = _three(grid), _three(block)
    packed = b"".join(word + bytes(-len(word) % 8) for word in parameters_of(args))
    if len(packed) != 8 * sum(-(-n // 8) for n in code.parameters):
        raise TypeError(f"{name}: compiled for {len(code.parameters)} parameters; these arguments are other ones")
    memory = ctypes.create_string_buffer(packed, len(packed) or 8)
    arrays = [a for a in (*arrays_in(args), *further) if a.size]
    ranges = np.array([[a.ctypes.data + end for end in _extent(a)] for a in arrays], np.int64).reshape(-1, 2)
    error = np.zeros(ERROR_WORDS, np.int64)
    count = size[0] * size[1] * size[2]
    shared = -(-code.shared_bytes // 16) * 16 + dynamic_bytes
    row = np.zeros(16, np.int64)
    row[PARAMETERS], row[DYNAMIC], row[SHARED_BYTES] = ctypes.addressof(memory), dynamic_bytes, shared
    row[NTID : NTID + 3], row[NCTAID : NCTAID + 3] = size, shape
    row[RANGES], row[RANGE_COUNT], row[ERROR] = ranges.ctypes.data, len(ranges), error.ctypes.data
    row[TRACE] = trace.ctypes.data if trace is not None else 0
    blocks = shape[0] * shape[1] * shape[2]
    cores = min(threads or _cores(), blocks)
    notes = -(-16 * len(code.places) // 64) * 64 if code.checked else 0

    def portion_from(first: int, last: int) -> None:
        scratch = _scratch(notes + shared + count * code.frame_bytes + 192)
        scratch[:notes] = 0
        if order is not None:
            scratch[notes : notes + shared] = GARBAGE
        start = scratch.ctypes.data + notes
        frames = -(-(start + shared) // 64) * 64
        native.blocks(row.ctypes.data, first, last, start, frames)

    def in_random_order(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for number in rng.permutation(blocks):
            in_turn = orders(count, rng)
            row[ORDER] = in_turn.ctypes.data
            portion_from(int(number), int(number) + 1)

    if cores <= 1 and order is None and not code.checked:
        portion_from(0, blocks)
    elif order is not None:
        _wait([_pool(1).submit(in_random_order, order)], error, limit)
    else:
        portion = max(1, -(-blocks // (cores * CHUNKS)))
        _wait(
            [
                _pool(cores).submit(portion_from, first, min(first + portion, blocks))
                for first in range(0, blocks, portion)
            ],
            error,
            limit,
        )
    if error[0]:
        raise PtxFault(_told(code, error, args, name))


def _wait(jobs: list[Future[None]], error: np.ndarray, limit: float) -> None:
    """Wait for all portions. After `limit` seconds, or Ctrl-C, threads are told to stop: a checked build's do."""
    try:
        if wait(jobs, limit).not_done:
            error[STOP] = 1
        for job in jobs:
            job.result()
    except BaseException:
        error[STOP] = 1
        wait(jobs)
        raise


def _cores() -> int:
    """How many cores this process may use; where the system does not say, all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _extent(a: np.ndarray) -> tuple[int, int]:
    """The bytes that an array spans, from its address: before it where a stride is negative."""
    reach = [(n - 1) * s for n, s in zip(a.shape, a.strides, strict=True)]
    return sum(r for r in reach if r < 0), sum(r for r in reach if r > 0) + a.itemsize


_local = threading.local()


def _scratch(size: int) -> np.ndarray:
    """Memory of this core's thread for shared arrays and frames, kept for the next launch, at a multiple of 64."""
    held = getattr(_local, "scratch", None)
    if held is None or held.size < size:
        whole = np.empty(size + 64, np.uint8)
        _local.scratch = held = whole[-whole.ctypes.data % 64 :][:size]
    return held


_POOLS: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _pool(cores: int) -> ThreadPoolExecutor:
    key = (os.getpid(), cores)  # a forked process has no threads: it needs a pool of its own
    if key not in _POOLS:
        _POOLS[key] = ThreadPoolExecutor(cores, "ptx")
    return _POOLS[key]


def _told(code: Code, error: np.ndarray, args: Sequence[Any], name: str) -> str:
    """A fault in words: what, where in the kernel, which thread."""
    number, address = int(error[1]), int(error[2])
    thread, block = tuple(map(int, error[5:8])), tuple(map(int, error[8:11]))
    who = f"thread {thread} of block {block}"
    if number < 0:
        place = code.meetings[-2 - number]
        return (
            f"{name}, line {place.line}: {who} waits for ever at `{place.text}`: other lanes that it names have ended, "
            "wait at another place, or are not named by themselves."
        )
    place = code.places[number]
    where = f"{name}, line {place.line}: {who}, `{place.text}`"
    if place.text.startswith(("trap", "brkpt")):
        return f"{where}: the kernel stopped itself with an error."
    if place.text.startswith(("bra", "@")) and error[STOP]:
        return f"{where}: the kernel was still in this loop when its time was up. Does the loop end?"
    for k, a in enumerate(args):
        if isinstance(a, np.ndarray) and a.size:
            low, high = _extent(a)
            offset = address - a.ctypes.data
            if low <= offset < high:
                return f"{where}: an access that is not aligned, {offset} bytes into argument {k} of shape {a.shape}."
    near = min(
        (
            (min(abs(address - a.ctypes.data), abs(address - a.ctypes.data - _extent(a)[1])), k)
            for k, a in enumerate(args)
            if isinstance(a, np.ndarray) and a.size
        ),
        default=None,
    )
    said = "outside every array of the launch"
    if near is not None and near[0] < 1 << 24:
        a = args[near[1]]
        said += (
            f"; nearest is argument {near[1]} of shape {a.shape}, element "
            f"{(address - a.ctypes.data) // a.itemsize} of its memory, which has {a.size}"
        )
    return f"{where}: {said}."
