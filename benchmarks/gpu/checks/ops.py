"""Are the kernels right: every rung of every op, and every pair of backends, against NumPy in float64.

What a kernel was given must be unchanged afterwards; what it leaves unwritten reads as NaN; and a rung that claims to
be deterministic must give the same bits twice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cuda_kernels import launch
from cuda_kernels._cuda import cuda
from minidl.backends import table
from minidl.backends.devices import memory
from minidl.backends.devices.arrays import on_host
from minidl.backends.devices.facts import DEVICES

from ..cases import Case

EXACT = 5e-5  # float32 sums of up to a thousand products; |error| / (1 + the largest |value|)
# Operands of 10 and of 7 bits; half a million numbers added one after another.
ROUNDED = {"r8_tf32": 5e-3, "r10_bf16": 3e-2, "r1_atomics": 1e-3}
# These add with atomics, in whatever order: last digits may differ from run to run.
ANY_ORDER = {("reduce_sum", "r1_atomics"), ("reduce_mean", "r1_atomics"), ("embedding", "r1_one"), ("embedding", "")}


def fill_new_memory_with_nan() -> None:
    """Let every array that a kernel is given to write into hold NaN (integers: -1) beforehand."""
    for place in DEVICES:
        launch.set_allocator(functools.partial(_nan_filled, place), place)


def _nan_filled(place: str, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    array = memory.allocate(place, shape, dtype)
    if array.size and DEVICES[place].hosted:
        array.reshape(-1).view(np.uint8)[...] = 0xFF
    elif array.size:
        cuda.cudadrv.driver.device_memset(array, 0xFF, array.size * np.dtype(dtype).itemsize)
    return array


def op_cases(cases: list[Case], on: str) -> Iterator[tuple[str, Callable[[], dict[str, Any] | None]]]:
    """Yield (name, what to run) for each case: the matrix of backends, then each rung."""
    for k, (op, inputs, static) in enumerate(cases):
        shapes = " ".join("x".join(map(str, a.shape)) for a in inputs if a is not None)
        yield f"{op} #{k} {shapes}: numpy/{on} matrix", functools.partial(check_matrix, op, inputs, static, on)
        for rung in table.rungs(op):
            if rung.startswith(f"{on}:"):
                yield f"{op} #{k} {shapes}: {rung}", functools.partial(check_rung, op, inputs, static, rung)


def check_matrix(op: str, inputs: tuple[Any, ...], static: dict[str, Any], on: str) -> dict[str, Any]:
    """Run each forward with each backward of the two backends; all must agree with float64."""
    y, dy, gradients = reference(op, inputs, static)
    worst = 0.0
    for first in ("numpy", on):
        result, cache = loaded(op, first, "forward")(*inputs, **static)
        worst = max(worst, compare(f"{first} forward", result, y, EXACT))
        if dy is None:
            continue
        for second in ("numpy", on):
            kept = on_host(cache, "check") if second == "numpy" else cache
            found = loaded(op, second, "backward")(dy, kept)
            worst = max(worst, compare(f"{first} forward, {second} backward", found, gradients, EXACT))
    return {"error": worst}


def check_rung(op: str, inputs: tuple[Any, ...], static: dict[str, Any], rung: str) -> dict[str, Any]:
    """Run one rung, both directions, twice: right, the same twice, and its inputs as they were."""
    on, _, name = rung.partition(":")
    y, dy, gradients = reference(op, inputs, static)
    tolerance = ROUNDED.get(name, EXACT)
    forward, backward = (table.load(op, rung, direction) for direction in ("forward", "backward"))
    if forward is None and backward is None:
        raise AssertionError(f"{op} has no direction that runs by {rung}")
    before = [None if a is None else a.copy() for a in inputs]
    results = []
    for _ in range(2):
        result, cache = (forward or loaded(op, on, "forward"))(*inputs, **static)
        found = backward(dy, cache) if dy is not None and backward is not None else None
        worst = compare("forward", result, y, tolerance)
        worst = max(worst, 0.0 if found is None else compare("backward", found, gradients, tolerance))
        results.append(on_host((result, found) if found is not None else (result,), "check"))
    for k, (a, b) in enumerate(zip(inputs, before, strict=True)):
        assert a is None or np.array_equal(a, np.asarray(b), equal_nan=True), f"input {k} was changed"
    claims = (op, name) not in ANY_ORDER and (op != "embedding" or found is None)
    assert not claims or same_bits(*results), "two runs with the same inputs differ: a race?"
    return {"error": worst}


def loaded(op: str, backend: str, direction: str) -> Callable[..., Any]:
    """Return the function of an op for a direction that it has."""
    found = table.load(op, backend, direction)
    assert found is not None, f"{op} has no {direction} on {backend}"
    return found


def reference(op: str, inputs: tuple[Any, ...], static: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return y, a gradient for it in float32, and the gradients of the inputs, by NumPy in float64."""
    y, cache = loaded(op, "numpy", "forward")(*in_float64(inputs), **static)
    if op in table.NO_GRADIENT or op == "cast":
        return y, None, None
    dy = gradient_like(y)
    return y, dy, loaded(op, "numpy", "backward")(in_float64(dy), cache)


def in_float64(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(in_float64(part) for part in value)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def gradient_like(y: Any) -> Any:
    """Return other numbers for every cell, in float32."""
    if isinstance(y, tuple):
        return tuple(gradient_like(part) for part in y)
    return np.cos(np.arange(np.asarray(y).size, dtype=np.float32)).reshape(np.shape(y))


def compare(what: str, got: Any, expected: Any, tolerance: float) -> float:
    """Return the largest error, relative to 1 + the largest value. Raises AssertionError beyond the tolerance."""
    if isinstance(expected, tuple):
        assert isinstance(got, tuple) and len(got) == len(expected), f"{what}: {len(expected)} results were expected"
        pairs = enumerate(zip(got, expected, strict=True))
        return max((compare(f"{what}[{k}]", a, b, tolerance) for k, (a, b) in pairs), default=0.0)
    if expected is None:
        assert got is None, f"{what}: None was expected"
        return 0.0
    found, expected = np.asarray(on_host(got, "check")), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    if expected.dtype.kind != "f":
        wrong = int((found != expected).sum())
        assert not wrong, f"{what}: {wrong} of {expected.size} values differ"
        return 0.0
    scale = 1 + np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
    # What is infinite or NaN must be so in both; the rest is compared.
    strange = ~np.isfinite(expected)
    error = np.where(
        strange & ((found == expected) | (np.isnan(found) & np.isnan(expected))), 0, np.abs(found - expected)
    )
    bad = ~(error <= tolerance * scale)
    if bad.any():
        first = tuple(int(i[0]) for i in np.nonzero(bad)) if bad.ndim else ()
        unwritten = int(np.isnan(found).sum() - np.isnan(expected).sum())
        raise AssertionError(
            f"{what}: {int(bad.sum())} of {bad.size} values are wrong ({unwritten} NaN: never written?), the first at "
            f"{first}: {found[first]!r}, expected {expected[first]!r}. Tolerance {tolerance:g} of {scale:.3g}"
        )
    return float(error.max(initial=0.0) / scale)


def same_bits(a: Any, b: Any) -> bool:
    """Whether two results are equal to the last bit."""
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same_bits(x, y) for x, y in zip(a, b, strict=True))
    return a is b is None or np.asarray(a).tobytes() == np.asarray(b).tobytes()
