"""What recording costs a training step when nobody records: the step as it is, beside one without the code for it.

    python benchmarks/bench_overhead.py [--pairs 600] [--batch 32] [--limit 2.0]

The code that tells observers is cut out of the source of the tape (every `if OBSERVERS.get():`, with what it holds);
a NumPy step launches no kernels, so nothing else is there to cut. Both tapes run the same step of the same network, in
pairs whose order changes, so that what disturbs the machine disturbs both. The figure is the median of the pairs'
ratios; beside it stands what the ops' looks at that variable take by themselves. The network is small on purpose: in a
larger one the share is smaller still.
"""

from __future__ import annotations

import argparse
import ast
import gc
import statistics
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np

import minidl
from minidl import layers
from minidl.lens import machine
from minidl.tape import tape, walk

MODULES = (tape, walk)


class _Remove(ast.NodeTransformer):
    """Take every `if OBSERVERS.get():` out."""

    removed = 0

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if ast.unparse(node.test) == "OBSERVERS.get()":
            self.removed += 1
            return None
        return self.generic_visit(node)


Codes = dict[types.FunctionType, types.CodeType]


def codes_without_recording() -> Codes:
    """Compile the modules again without what tells observers; return the new code of each function that differs."""
    found: Codes = {}
    removed = 0
    for module in MODULES:
        remove = _Remove()
        tree = remove.visit(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
        code = compile(ast.fix_missing_locations(tree), str(module.__file__), "exec", dont_inherit=True)
        removed += remove.removed
        for part in code.co_consts:
            function = getattr(module, part.co_name, None) if isinstance(part, types.CodeType) else None
            if isinstance(function, types.FunctionType) and "OBSERVERS" in function.__code__.co_names:
                found[function] = part
    if not removed == len(found) == 3:
        raise SystemExit(f"expected three functions that tell observers. Got {removed} places in {list(found)}")
    return found


def network(batch: int) -> tuple[minidl.Sequential, np.ndarray, np.ndarray]:
    """A small CNN on 16 × 16 images: many ops that take little time, where overhead would show."""
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    return model, rng.random((batch, 16, 16, 3), np.float32), rng.integers(0, 10, batch)


def measure(pairs: int, batch: int) -> tuple[list[float], list[float]]:
    """Return seconds of processor time of the step with and without the recording code, pair by pair."""
    without_code = codes_without_recording()
    with_code: Codes = {function: function.__code__ for function in without_code}
    model, x, y = network(batch)

    def step(codes: Codes) -> float:
        for function, code in codes.items():
            function.__code__ = code
        started = time.process_time()  # not the wall's: another program's share of the processor is no overhead
        model.train_step((x, y))
        return time.process_time() - started

    for _ in range(10):
        step(with_code), step(without_code)
    found: tuple[list[float], list[float]] = ([], [])
    gc.disable()
    try:
        for pair in range(pairs):
            order = [(found[0], with_code), (found[1], without_code)]
            for samples, codes in order if pair % 2 else order[::-1]:
                samples.append(step(codes))
    finally:
        gc.enable()
        step(with_code)
    return found


def look_at_a_variable() -> float:
    """Seconds of one `if OBSERVERS.get():` with no observer."""
    from minidl.observers import OBSERVERS

    def loop(times: int, body: Callable[[], object]) -> float:
        started = time.perf_counter()
        for _ in range(times):
            body()
        return time.perf_counter() - started

    times = 200_000
    return max(0.0, min(loop(times, OBSERVERS.get) for _ in range(5)) / times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=600)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--limit", type=float, default=2.0, help="per cent that the overhead must stay below")
    options = parser.parse_args()
    with_code, without_code = measure(options.pairs, options.batch)
    ratios = [a / b for a, b in zip(with_code, without_code, strict=True)]
    ratio = statistics.median(ratios)
    low, high = np.percentile(ratios, (25, 75))
    error = 1.2533 * (high - low) / 1.349 / len(ratios) ** 0.5  # of a median, its spread told by the quartiles
    step_ms = statistics.median(without_code) * 1e3
    with minidl.lens.record() as recording:
        model, x, y = network(options.batch)
        model.train_step((x, y))
    looks = len(recording.ops) * look_at_a_variable() * 1e3
    print(f"{machine()}; batch {options.batch}, {options.pairs} pairs")
    print(f"step without the recording code   {step_ms:.3f} ms of processor time (median)")
    print(f"step with it, nobody recording    {statistics.median(with_code) * 1e3:.3f} ms of processor time (median)")
    print(f"ratio, median of the pairs        {ratio:.4f} ± {error:.4f} (quartiles {low:.3f} to {high:.3f})")
    print(
        f"by counting: {len(recording.ops)} ops look at a variable, {looks * 1e3:.1f} µs, {looks / step_ms:.3%} of it"
    )
    if ratio - 2 * error - 1 > options.limit / 100:
        raise SystemExit(f"the overhead is above {options.limit} %")
    if ratio + 2 * error - 1 > options.limit / 100:
        print(
            f"too noisy here to tell by the pairs that it is below {options.limit} %: close other programs, or --pairs"
        )


if __name__ == "__main__":
    main()
