"""Are the CUDA kernels right on this machine's GPU: `make gpu-check`, or `python -m benchmarks.gpu.check`.

Without a GPU, `--on ptx` runs the compiled kernels on the processor, and `--on simt` the SIMT machine.

Prints the versions, then one line a family of cases, failures in full, and at the end what was not run, and why. Writes
everything as JSON. Exit code 0: everything that ran passed, and something ran; 1: something failed; 2: nothing can run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from minidl.backends.devices.facts import DEVICES

from .checks.families import FAMILIES
from .environment import environment, lines
from .report import write_json
from .runner import Family, Outcome, run_families

# Calls that fail on purpose (the driver is asked what it has) are no findings; Python needs its time to begin.
SANITIZER_FLAGS = "--error-exitcode 9 --print-limit 5 --report-api-errors no --launch-timeout 100".split()
REFUSED = ("Device not supported", "is not supported on this", "terminated before first instrumented API call")
SANITIZED = ("gemm", "reduce", "softmax", "pool2d")  # one tiny case of each of their ops, under compute-sanitizer


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    began = time.monotonic()
    found = environment(options.on)
    print(f"gpu-check on {options.on}\n{lines(found)}\n", flush=True)
    problem = DEVICES[options.on].why_not()
    if problem:
        print(f"Nothing was run: {problem}. `--on simt` runs the same cases on the SIMT machine.")
        return 2
    families = planned(options)
    # What takes all of the GPU's memory runs by itself; then the rest, side by side.
    alone = [family for family in families if family.name == "errors"]
    outcomes = run_families(alone, options.minutes, 1, tell)
    left = options.minutes - (time.monotonic() - began) / 60
    outcomes += run_families([family for family in families if family not in alone], left, options.jobs, tell)
    missing = not_run(outcomes, options)
    print(f"\nNot run:{' nothing was left out' if not missing else ''}")
    print("".join(f"  {line}\n" for line in missing), end="")
    bad, passed = sum(len(o.bad) for o in outcomes), sum(o.count("passed") for o in outcomes)
    print(f"\n{passed} passed, {bad} failed, {time.monotonic() - began:.0f} s on {found['gpu']}")
    report = {"environment": found, "passed": passed, "failed": bad, "not run": missing,
              "families": {o.name: {"seconds": o.seconds, "records": o.records} for o in outcomes}}  # fmt: skip
    print(f"Report: {write_json(options.json, report)}")
    return 1 if bad or not passed else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=DEVICES, default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="time budget for all (8)")
    parser.add_argument("--only", nargs="+", choices=(*FAMILIES, "sanitizer"), help="these families alone")
    parser.add_argument(
        "--jobs", type=int, default=max(1, min(6, (os.cpu_count() or 2) // 2)), help="processes at once"
    )
    parser.add_argument("--no-sanitizer", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("build", "gpu_check.json"), help="the report")
    return parser.parse_args(arguments)


def planned(options: argparse.Namespace) -> list[Family]:
    """Return the families to run, most important first."""
    worker = [sys.executable, "-m", "benchmarks.gpu.worker", "check"]
    wanted = [name for name in FAMILIES if not options.only or name in options.only]
    families = [Family(name, [*worker, name, "--on", options.on]) for name in wanted]
    if why_no_sanitizer(options) is None:
        for tool in ("memcheck", "racecheck"):
            tool_command = [str(sanitizer()), "--tool", tool, *SANITIZER_FLAGS]
            families += [
                Family(f"{tool}:{name}", [*tool_command, *worker, name, "--on", "cuda", "--subset"], 240, 200)
                for name in SANITIZED
            ]
    return families


def sanitizer() -> str | None:
    """Return where compute-sanitizer is."""
    known = "/usr/local/cuda/bin/compute-sanitizer"
    return shutil.which("compute-sanitizer") or (known if os.path.exists(known) else None)


def why_no_sanitizer(options: argparse.Namespace) -> str | None:
    """Return why compute-sanitizer is not run, None if it is."""
    if options.on != "cuda":
        return "it needs a GPU (the other devices make their checks at every launch)"
    if options.no_sanitizer or (options.only and "sanitizer" not in options.only):
        return "it was not asked for"
    return None if sanitizer() else "it is not installed here (the wheel nvidia-cuda-sanitizer-api has it)"


def refused(outcome: Outcome) -> None:
    """Note it as not run where compute-sanitizer does not work on this machine: some virtual ones refuse it."""
    for record in outcome.bad:
        words = next((words for words in REFUSED if words in str(record.get("why", ""))), None)
        if words and outcome.name.startswith(("memcheck", "racecheck")):
            record.update(status="not run", why=f"compute-sanitizer does not work here: {words!r}")


def tell(outcome: Outcome) -> None:
    """Print a family's line, and its failures in full."""
    refused(outcome)
    worst = max((float(r.get("error", 0.0)) for r in outcome.records), default=0.0)
    print(
        f"{'FAILED' if outcome.bad else 'ok' if outcome.count('passed') else 'none':<7}{outcome.name:<22}"
        f"{outcome.count('passed'):>5} passed {len(outcome.bad):>3} failed  worst error {worst:.1e}  "
        f"{outcome.seconds:6.1f} s" + (f"  stopped: {outcome.not_run}" if outcome.not_run else ""),
        flush=True,
    )
    for record in outcome.bad:
        why = "\n".join(f"      {line}" for line in str(record.get("why", "")).splitlines())
        print(f"    {record['status'].upper()} {record['case']}\n{why}", flush=True)


def not_run(outcomes: list[Outcome], options: argparse.Namespace) -> list[str]:
    """Return a line for everything that did not run."""
    said = [f"{o.name}: {o.not_run}" for o in outcomes if o.not_run]
    said += [f"{o.name}: {r['case']}: {r['why']}" for o in outcomes for r in o.records if r["status"] == "not run"]
    said += [f"{name}: not asked for (--only)" for name in FAMILIES if options.only and name not in options.only]
    why = why_no_sanitizer(options)
    if options.on != "cuda":
        said.append(f"everything on a GPU: this ran on {DEVICES[options.on].runs_on}, and with the tiny cases alone")
    return [*said, f"compute-sanitizer: {why}"] if why else said


if __name__ == "__main__":
    sys.exit(main())
