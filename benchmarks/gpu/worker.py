"""The process in which one family runs: `python -m benchmarks.gpu.worker check gemm --on simt --records FILE`.

Every case is written down before it runs and after it ended. When a kernel has brought the GPU's context down, nothing
would run in this process any more: it ends itself with code 3, and the runner starts a new one behind that case.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

CONTEXT_LOST = 3
FAMILIES = {"check": "benchmarks.gpu.checks.families", "bench": "benchmarks.gpu.bench_families"}
Case = tuple[str, Callable[[], dict[str, Any] | None]]


class NotRun(Exception):
    """Raised by a case that cannot run here; its message says why."""


def run_cases(cases: Iterable[Case], records: Any, after: int = 0, usable: Callable[[], bool] = lambda: True) -> bool:
    """Run the cases behind the first `after`, and write each down. Returns False when the GPU cannot be used any more.

    A case returns a dictionary of what it found, or None; it raises to fail, `NotRun` where it cannot run.
    """
    for k, (name, case) in enumerate(cases):
        if k < after:
            continue
        put(records, {"started": name})
        began = time.perf_counter()
        record: dict[str, Any] = {"case": name, "status": "passed"}
        try:
            record.update(case() or {})
        except NotRun as reason:
            record.update(status="not run", why=str(reason))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a case is the case's result
            why = str(error) if isinstance(error, AssertionError) else traceback.format_exc(limit=-6)
            record.update(status="failed", why=f"{type(error).__name__}: {why}"[:6000])
        record["seconds"] = round(time.perf_counter() - began, 3)
        put(records, record)
        if record["status"] == "failed" and not usable():
            return False
    return True


def put(records: Any, record: dict[str, Any]) -> None:
    """Write one line, out of this process at once."""
    records.write(json.dumps(record, default=float) + "\n")
    records.flush()


def gpu_is_usable() -> bool:
    """Whether memory can still be allocated, written and read."""
    from cuda_kernels.launch import to_device, to_host

    try:
        ones = np.ones(33, np.float32)
        return bool((to_host(to_device(ones)) == ones).all())
    except Exception:  # noqa: BLE001 - any error means the same
        return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=FAMILIES)
    parser.add_argument("family")
    parser.add_argument("--on", default="cuda")
    parser.add_argument("--records", required=True)
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("--subset", action="store_true", help="few and small cases, for compute-sanitizer")
    options = parser.parse_args()
    module = importlib.import_module(FAMILIES[options.program])
    cases = module.cases(options.family, options.on, options.subset)
    usable = gpu_is_usable if options.on == "cuda" else lambda: True
    with open(options.records, "a") as records:
        if not run_cases(cases, records, options.after, usable):
            sys.stdout.flush()
            os._exit(CONTEXT_LOST)  # the context's own clean-up would fail too


if __name__ == "__main__":
    from benchmarks.gpu import worker  # not this copy, which is called __main__: the families know the other NotRun

    worker.main()
