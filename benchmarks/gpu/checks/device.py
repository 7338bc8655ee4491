"""The rest of the check: rungs called by themselves, a CNN's training, and what is said when something is wrong."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import minidl
from cuda_kernels import ladder, launch
from cuda_kernels.intrinsics import round_to_bf16, round_to_tf32
from minidl.backends import transfers

from ..worker import NotRun, gpu_is_usable
from .ops import loaded

ROUNDING = {"r8_tf32": round_to_tf32, "r10_bf16": round_to_bf16}
Cases = Iterator[tuple[str, Callable[[], dict[str, Any] | None]]]


def place(array: np.ndarray, on: str) -> Any:
    """Return the array where the rungs of `on` read it."""
    return launch.to_device(array) if on == "cuda" else array


def fetch(array: Any) -> np.ndarray:
    """Return what a rung wrote, on the host."""
    return array if isinstance(array, np.ndarray) else launch.to_host(array)


# ---- rungs by themselves: out=, rows that are not aligned, operands rounded as the rung rounds them


def direct_cases(on: str) -> Cases:
    """Yield gemm by every rung with `out=`, exact in its own rounding, and off 16 bytes."""
    sizes = [(37, 21, 45)] if on != "cuda" else [(37, 21, 45), (129, 67, 300), (256, 256, 256), (1, 1000, 513)]
    for rung in ladder.rungs("gemm"):
        for m, n, k in sizes:
            yield f"gemm {rung.name} {m} x {n} x {k} out=", functools.partial(check_gemm, rung, m, n, k, on)
        yield f"gemm {rung.name} off 16 bytes", functools.partial(check_gemm, rung, 40, 24, 16, on, 1)


def check_gemm(rung: ladder.Rung, m: int, n: int, k: int, on: str, skip: int = 0) -> dict[str, Any]:
    """One product into an output full of NaN, against float64 of the operands as this rung rounds them."""
    rng = np.random.default_rng(m + n + k)
    a, b = rng.standard_normal(m * k + skip, np.float32), rng.standard_normal((k, n), np.float32)
    rounded = ROUNDING.get(rung.name, lambda x: x)
    expected = rounded(a[skip:]).reshape(m, k).astype(np.float64) @ rounded(b).astype(np.float64)
    out = place(np.full((m, n), np.nan, np.float32), on)
    assert "out" in inspect.signature(rung.run).parameters
    given = place(a, on)[skip:].reshape(m, k)
    assert rung.run(given, place(b, on), out=out, on=on) is out, "out= was not what came back"
    error = np.abs(fetch(out) - expected)
    limit = 3e-7 * max(8, k) + 2e-6 * np.abs(expected)
    assert (error <= limit).all(), f"{int((~(error <= limit)).sum())} of {error.size} values are wrong"
    return {"error": float(error.max())}


# ---- training


def training_cases(on: str) -> Cases:
    """Yield the demo's CNN on digits: by the default rungs, and by the first ones."""
    yield "demo CNN, digits: losses and ledger", lambda: check_training(on, on)
    yield "demo CNN, digits, first rungs", lambda: check_training(on, f"{on}:first")


def check_training(on: str, backend: str) -> dict[str, Any]:
    """Train some steps on NumPy and on the device: the same losses; up goes the batch, down comes the loss."""
    steps, batch = (12, 32) if on == "cuda" else (2, 3)
    expected, _ = train("numpy", steps, batch)
    losses, ledgers = train(backend, steps, batch)
    difference = float(np.max(np.abs(losses - expected) / expected))
    assert difference < 2e-3, f"the losses differ by {difference:.2g} of NumPy's.\n{losses}\n{expected}"
    for step, ledger in enumerate(ledgers[1:], 2):  # the first step also moves the weights up
        up = [move.nbytes for move in ledger if move.direction == "up"]
        down = [(move.nbytes, move.cause) for move in ledger if move.direction == "down"]
        assert sorted(up) == sorted([4 * batch, 4 * batch * 64]), f"step {step} moved up more than the batch:\n{ledger}"
        assert down == [(4, "loss")], f"step {step} moved down more than the loss:\n{ledger}"
    return {"losses": [round(float(loss), 5) for loss in losses], "error": difference}


def train(backend: str, steps: int, batch: int) -> tuple[np.ndarray, list[Any]]:
    """Return the losses of some steps of the demo's CNN, and the ledger of each."""
    from minidl.cli.data import load
    from minidl.cli.networks import cnn

    minidl.utils.set_random_seed(4)
    data = load("digits")
    model = cnn(data.x_train.shape[1:], 10)
    losses, ledgers = [], []
    with minidl.using(backend):
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        for step in range(steps):
            part = slice(step * batch, (step + 1) * batch)
            with transfers() as ledger:
                result = model.train_on_batch(data.x_train[part], data.y_train[part])
            losses.append(float(np.ravel(result)[0]))
            ledgers.append(ledger)
    return np.array(losses), ledgers


# ---- what is said


def error_cases(on: str) -> Cases:
    """Yield wrong calls; each must say what is wrong, and leave the device usable."""
    a = np.ones((3, 4), np.float32)
    gemm = ladder.rung("gemm").run
    other = "cuda" if on != "cuda" else "simt"
    yield (
        "an array in the wrong place",
        lambda: must_say(
            on, TypeError, f"cannot launch on {other!r}", lambda: gemm(place(a, on), place(a.T.copy(), on), on=other)
        ),
    )
    yield "operands in two places", lambda: mixed(on, a)
    yield (
        "wrong dtype",
        lambda: must_say(
            on, TypeError, "must be float32", lambda: gemm(place(a.astype(np.float64), on), place(a.T.copy(), on))
        ),
    )
    yield (
        "not contiguous",
        lambda: must_say(on, ValueError, "C-contiguous", lambda: gemm(place(a, on)[:, 1:3], place(a.T.copy(), on)[:2])),
    )
    yield "shapes that do not fit", lambda: must_say(on, ValueError, "gemm", lambda: gemm(place(a, on), place(a, on)))
    yield (
        "empty",
        lambda: must_say(on, ValueError, "no elements", lambda: gemm(place(a[:0].copy(), on), place(a.T.copy(), on))),
    )
    yield "an op on float64", lambda: must_say(on, TypeError, "must be float32", lambda: gelu_of_float64(on))
    yield "out of device memory", lambda: out_of_memory(on)
    yield "out of device memory, through minidl", lambda: out_of_memory(on, through_minidl=True)


def gelu_of_float64(on: str) -> Any:
    """Call an op on float64 data on the device, through the table (tensors would be float32)."""
    return loaded("gelu", on, "forward")(np.ones(3))


def must_say(on: str, kind: type[Exception], said: str, call: Callable[[], Any]) -> dict[str, Any]:
    """The call must raise this kind of error with these words, and the device must work afterwards."""
    try:
        call()
    except kind as error:
        assert said in str(error), f"the message should say {said!r}. It says: {error}"
        assert on != "cuda" or gpu_is_usable(), "the device is not usable afterwards"
        return {"message": str(error)}
    raise AssertionError(f"no {kind.__name__} was raised")


def mixed(on: str, a: np.ndarray) -> dict[str, Any]:
    if on != "cuda":
        raise NotRun("needs a GPU: both kinds of arrays")
    gemm = ladder.rung("gemm").run
    return must_say(on, TypeError, "gemm", lambda: gemm(launch.to_device(a), a.T.copy()))


def out_of_memory(on: str, through_minidl: bool = False) -> dict[str, Any]:
    """Ask for four times what the GPU has, by arrays that are each within int32."""
    if on != "cuda":
        raise NotRun("needs a GPU: the others have the host's memory")
    from cuda_kernels._cuda import cuda

    total = int(cuda.current_context().get_memory_info().total)
    kept: list[Any] = []

    def ask() -> None:
        for _ in range(4 * total // 2**33 + 2):
            if through_minidl:
                kept.append(launch.empty((2**31 - 1,), np.float32, on="cuda"))
            else:
                kept.append(launch.new_device_array((2**31 - 1,), np.dtype(np.float32)))

    try:
        return must_say_after(kept, ask)
    finally:
        kept.clear()


def must_say_after(kept: list[Any], ask: Callable[[], None]) -> dict[str, Any]:
    """As `must_say` for memory: what was taken is let go before the device is tried."""
    try:
        ask()
    except MemoryError as error:
        kept.clear()
        assert "out of memory" in str(error) or "memory" in str(error).lower(), str(error)
        assert gpu_is_usable(), "the device is not usable afterwards"
        return {"message": str(error)}
    raise AssertionError("four times the GPU's memory was given out: no MemoryError")
