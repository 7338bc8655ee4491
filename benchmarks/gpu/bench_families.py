"""What the bench's workers run: each rung verified against NumPy, then timed beside its peers in the same process."""

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
from minidl.backends.devices.arrays import on_host

from . import ceilings, jobs
from .checks.device import place
from .checks.ops import loaded
from .peers import on_cupy, on_torch
from .reference import Reference, as_tuple, gradient_of_result
from .shapes import Job
from .worker import NotRun

BOUNDS = {"r8_tf32": "tf32", "r9_3xtf32": "", "r10_bf16": "bf16"}  # by tensor cores: another ceiling
KINDS = {"r8_tf32": "TF32", "r10_bf16": "bf16"}  # what the peer computes in beside these rungs; else fp32
CEILINGS = "MINIDL_BENCH_CEILINGS"  # how the program hands them to its workers
Result = dict[str, Any] | None


def cases(family: str, on: str, subset: bool = False) -> Iterator[tuple[str, Callable[[], Result]]]:
    """Yield (name, function) for each rung of each job of a family."""
    if family == "ceilings":
        yield "ceilings", lambda: measure_ceilings(on)
    elif family == "training":
        for batch in (128, 32):
            yield f"CIFAR CNN, batch {batch}", functools.partial(training_step, batch, on)
    else:
        for job in jobs.jobs(family, on):
            shared: dict[str, Any] = {}  # inputs, NumPy's results and the peers' times, made by the first rung
            for rung in chosen(job):
                yield f"{job.kernel} {job.shape} {rung.name}", functools.partial(bench, job, rung, on, shared)


def chosen(job: Job) -> list[ladder.Rung]:
    """Return the rungs to time: the default first, then the others from last to first, as naive ones are slow."""
    best = ladder.rung(job.kernel)
    rest = [rung for rung in reversed(ladder.rungs(job.kernel)) if rung is not best]
    return [best, *rest] if job.all_rungs else [best]


def measure_ceilings(on: str) -> Result:
    if on != "cuda":
        raise NotRun("no GPU: not timed")
    return {"ceilings": ceilings.measure(clock())}


@functools.cache
def clock() -> Any:
    from .timing import Clock

    return Clock()


def bench(job: Job, rung: ladder.Rung, on: str, shared: dict[str, Any]) -> Result:
    """Verify one rung at one shape, then time it, and its peers once for the shape."""
    record: dict[str, Any] = {"op": job.kernel, "shape": job.shape, "rung": rung.name, "optional": rung.optional}
    record["default"] = rung is ladder.rung(job.kernel)
    if not shared:
        shared.update(prepare(job, on))
    run = runner(job, rung.name, on, shared)
    result = run()
    found = on_host(result if job.direction == "backward" else result[0], "bench")
    record["error"] = shared["reference"].compare(rung.name, found)
    del result, found
    if on != "cuda":
        return {**record, "why": "no GPU: not timed"}
    from .timing import judge

    known = json.loads(os.environ.get(CEILINGS) or "{}")
    judge(record, clock().time(run), job.flops, job.nbytes, BOUNDS.get(rung.name, job.bound), known)
    kind = KINDS.get(rung.name, "fp32")
    if kind not in shared["peers"]:
        shared["peers"][kind] = peer_times(job, shared["inputs"], shared["dy"], kind)
    peers, why = shared["peers"][kind]
    record.update({"peers": peers} if peers else {})
    record.update({"no_peer": why} if why else {})
    if peers and "us" in record:
        record["ratio"] = next(iter(peers.values())) / record["us"]
    return record


def prepare(job: Job, on: str) -> dict[str, Any]:
    """Return the inputs here and on the device, and NumPy's results; for a backward what its forward kept."""
    inputs = job.make()
    placed = [None if a is None else place(a, on) for a in inputs]
    dy = cache = placed_dy = None
    if job.direction == "backward":
        result, cache = loaded(job.op, on, "forward")(*placed, **job.static)
        dy = gradient_of_result(result)
        parts = tuple(None if part is None else place(part, on) for part in as_tuple(dy))
        placed_dy = parts if isinstance(dy, tuple) else parts[0]
    return {"inputs": inputs, "placed": placed, "dy": dy, "placed_dy": placed_dy, "cache": cache,
            "reference": Reference(job, inputs, dy), "peers": {}}  # fmt: skip


def runner(job: Job, rung: str, on: str, shared: dict[str, Any]) -> Callable[[], Any]:
    """Return what is timed: one direction of the op, by this rung, on arrays of the device."""
    if job.alone:
        return functools.partial(ladder.rung(job.kernel, rung).run, *shared["placed"], on=on)
    run = table.load(job.op, f"{on}:{rung}", job.direction)
    if run is None:
        raise AssertionError(f"{job.op} has no {job.direction} by {rung}")
    if job.direction == "forward":
        return functools.partial(run, *shared["placed"], **job.static)
    needs = {"needs": job.needs} if job.needs else {}
    return functools.partial(run, shared["placed_dy"], shared["cache"], **needs)


def peer_times(job: Job, inputs: tuple[Any, ...], dy: Any, kind: str) -> tuple[dict[str, float], str]:
    """Return the microseconds of each peer by name, PyTorch first, and why one that is installed has none."""
    found: dict[str, float] = {}
    missing: list[str] = []
    for peers in (on_torch, on_cupy):
        if peers.why_none():
            continue  # said once, beside the ceilings
        try:
            run = peers.runner(job, inputs, dy, kind)
            if run is not None:
                found[f"{peers.NAME} {kind}"] = clock().time(run).us
            elif peers is on_torch:
                missing.append("PyTorch has no such function alone")
        except Exception as error:  # noqa: BLE001 - the peer's trouble must not lose our time
            missing.append(f"{peers.NAME}: {type(error).__name__}: {error}"[:300])
    return found, "; ".join(missing)


def training_images(batch: int, on: str) -> tuple[int, ...]:
    """Return the shape of a batch of CIFAR; a tiny one for the SIMT machine."""
    return (batch, 32, 32, 3) if on == "cuda" else (2, 10, 10, 3)


def training_step(batch: int, on: str) -> Result:
    """One Adam step of the CIFAR CNN, from a batch on the host to the loss on the host, beside PyTorch eager's."""
    images = training_images(batch, on)
    x = np.random.default_rng(3).standard_normal(images, np.float32)
    labels = (np.arange(len(x)) % 10).astype(np.int64)
    layers = minidl.layers
    model = minidl.Sequential([
        layers.Input(images[1:]), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
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
    if on_torch.why_none():
        return {**record, "no_peer": on_torch.why_none()}
    peer = host_times(torch_step(on_torch.torch(), x, labels))
    return {**record, "peers": {"PyTorch eager": peer.us}, "ratio": peer.us / times.us}
