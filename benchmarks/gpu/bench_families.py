"""What the bench's workers run: each rung verified against NumPy, then timed beside PyTorch in the same process."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import minidl
from cuda_kernels import ladder
from minidl.backends import table
from minidl.backends.cuda import device as _uses_the_pools  # noqa: F401 - as in training: no allocation is timed

from . import ceilings, peers_torch, shapes
from .check_device import fetch, place
from .check_ops import compare
from .shapes import Job
from .worker import NotRun

BOUNDS = {"r8_tf32": "tf32", "r9_3xtf32": "", "r10_bf16": "bf16"}  # by tensor cores: another ceiling
TOLERANCE = {"r8_tf32": 5e-3, "r10_bf16": 3e-2, "r1_atomics": 2e-2}
ROWS = 64  # of a product that NumPy computes too
CEILINGS = "MINIDL_BENCH_CEILINGS"  # how the program hands them to its workers
Result = dict[str, Any] | None


def cases(family: str, on: str, subset: bool = False) -> Iterator[tuple[str, Callable[[], Result]]]:
    """Yield (name, function) for each rung of each job of a family."""
    if family == "ceilings":
        yield "ceilings", lambda: measure_ceilings(on)
    elif family == "training":
        for batch in (128, 32):
            yield f"CIFAR CNN, batch {batch}", functools.partial(training_step, batch, on)
    elif family == "recurrent":
        yield "recurrent", recurrent_is_left_out
    else:
        for job in shapes.jobs(family, on):
            shared: dict[str, Any] = {}  # inputs, NumPy's result and the peer's time, made by the first rung
            for rung in chosen(job):
                yield f"{job.op} {job.shape} {rung.name}", functools.partial(bench, job, rung, on, shared)


def chosen(job: Job) -> list[ladder.Rung]:
    """Return the rungs to time: the default first, then the others from last to first, as naive ones are slow."""
    best = ladder.rung(job.op)
    rest = [rung for rung in reversed(ladder.rungs(job.op)) if rung is not best]
    return [best, *rest] if job.all_rungs else [best]


def measure_ceilings(on: str) -> Result:
    if on != "cuda":
        raise NotRun("no GPU: not timed")
    from .timing import Clock

    return {"ceilings": ceilings.measure(Clock())}


def recurrent_is_left_out() -> Result:
    raise NotRun("the recurrent steps are gemm and fused gates; they are checked by gpu-check, and not timed here")


def bench(job: Job, rung: ladder.Rung, on: str, shared: dict[str, Any]) -> Result:
    """Verify one rung at one shape, then time it, and its peer once for the shape."""
    record = {"op": job.op, "shape": job.shape, "rung": rung.name, "optional": rung.optional}
    if not shared:
        shared["inputs"] = job.make()
        shared["expected"] = expected_of(job, shared["inputs"])
        shared["placed"] = [None if a is None else place(a, on) for a in shared["inputs"]]
    run = functools.partial(rung.run, *shared["placed"], *job.extra, **job.static, on=on)
    part, expected = shared["expected"]
    result = run()
    result = result[0] if isinstance(result, tuple) else result
    error = compare(f"{job.op}:{rung.name}", part(fetch(result)), expected, TOLERANCE.get(rung.name, 1e-4))
    del result
    record["error"] = error
    if on != "cuda":
        return {**record, "why": "no GPU: not timed"}
    from .timing import judge

    known = json.loads(os.environ.get(CEILINGS) or "{}")
    judge(record, clock().time(run), job.flops, job.nbytes, BOUNDS.get(rung.name, job.bound), known)
    if "peer" not in shared:
        shared["peer"] = peer_time(job, shared["inputs"])
    peer_us, why = shared["peer"]
    record.update({"peer": "PyTorch fp32", "peer_us": peer_us} if peer_us else {"no_peer": why})
    if peer_us and "us" in record:
        record["ratio"] = peer_us / record["us"]
    return record


@functools.cache
def clock() -> Any:
    from .timing import Clock

    return Clock()


def peer_time(job: Job, inputs: tuple[Any, ...]) -> tuple[float | None, str]:
    """Return the time of PyTorch's function, or None and why there is none."""
    if job.op == "conv2d_backward_data":
        inputs = (np.empty(job.extra[0], np.float32), inputs[1], inputs[0])  # x, w, dy
    elif job.op == "conv2d_backward_weights":
        inputs = (inputs[0], np.empty(job.extra[0], np.float32), inputs[1])
    if job.op in peers_torch.PEERS and peers_torch.torch_or_none() is None:
        return None, peers_torch.why_none()
    try:
        run = peers_torch.peer(job.op, inputs, job.static)
        return (clock().time(run).us, "") if run else (None, "PyTorch has no such function alone")
    except Exception as error:  # noqa: BLE001 - the peer's trouble must not lose our time
        return None, f"PyTorch: {type(error).__name__}: {error}"[:300]


def expected_of(job: Job, inputs: tuple[Any, ...]) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Return which part of the result is compared, and NumPy's values of that part, in float64 where that is quick."""
    if job.op == "gemm":
        a, b = inputs
        return (lambda c: c[:ROWS]), a[:ROWS].astype(np.float64) @ b.astype(np.float64)
    if job.op in ("conv2d", "depthwise_conv2d"):
        x, w = inputs
        y, _ = table.load(job.op, "numpy", "forward")(
            x[:1].astype(np.float64), w.astype(np.float64), None, **job.static
        )
        return (lambda found: found[:1]), y
    if job.op.startswith("conv2d_backward"):
        return gradient_of(job, inputs)
    if job.op == "sparse_softmax_crossentropy":
        labels, scores = inputs
        y, _ = table.load("sparse_categorical_crossentropy", "numpy", "forward")(
            labels, scores.astype(np.float64), from_logits=True
        )
        return (lambda found: found), y
    exact = inputs if job.op == "dropout" else tuple(
        a.astype(np.float64) if a is not None and a.dtype == np.float32 else a for a in inputs
    )  # fmt: skip
    y, *_ = table.load(job.op, "numpy", "forward")(*exact, **job.static)
    y = y[0] if isinstance(y, tuple) else y
    return (lambda found: found.reshape(np.shape(y))), y


def gradient_of(job: Job, inputs: tuple[Any, ...]) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Return NumPy's gradient: of the first image, or of all filters."""
    forward, backward = (table.load("conv2d", "numpy", direction) for direction in ("forward", "backward"))
    if job.op == "conv2d_backward_data":
        dy, w = (a.astype(np.float64) for a in (inputs[0][:1], inputs[1]))
        _, cache = forward(np.zeros((1, *job.extra[0][1:])), w, None, **job.static)
        return (lambda dx: dx[:1]), backward(dy, cache)[0]
    x, dy = inputs
    _, cache = forward(x, np.zeros(job.extra[0], np.float32), None, **job.static)
    return (lambda dw: dw), backward(dy, cache)[1]


def training_step(batch: int, on: str) -> Result:
    """One Adam step of the CIFAR CNN, from a batch on the host to the loss on the host, beside PyTorch eager's."""
    images = (batch, 32, 32, 3) if on == "cuda" else (2, 8, 8, 3)
    x = normal_images(images)
    labels = (np.arange(len(x)) % 10).astype(np.int64)
    layers = minidl.layers
    model = minidl.Sequential([
        layers.Input(images[1:]), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3 if on == "cuda" else 2, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dense(64, activation="relu"), layers.Dense(10),
    ])  # fmt: skip
    with minidl.using(on):
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss)
        first = float(np.ravel(model.train_on_batch(x, labels))[0])
        assert np.isfinite(first), f"the loss is {first}"
        record: dict[str, Any] = {"op": "training step", "shape": f"CIFAR CNN, batch {batch}", "rung": "defaults"}
        if on != "cuda":
            return {**record, "why": "no GPU: not timed"}
        from .host_timing import host_times, torch_step

        times = host_times(lambda: model.train_on_batch(x, labels))
    record.update(us=times.us, q1=times.q1, q3=times.q3, repeats=times.repeats)
    if peers_torch.torch_or_none() is None:
        return {**record, "no_peer": peers_torch.why_none()}
    peer = host_times(torch_step(peers_torch.torch_or_none(), x, labels))
    return {**record, "peer": "PyTorch eager", "peer_us": peer.us, "ratio": peer.us / times.us}


def normal_images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape, np.float32)
