"""How fast is every rung on this machine's GPU: `make gpu-bench`, or `python -m benchmarks.gpu.bench`.

Each rung is verified, then timed by CUDA events with a cold L2 cache, beside PyTorch (cuBLAS, cuDNN, its own kernels)
and CuPy in the same process: float32 beside float32 without TF32, TF32 beside TF32, bf16 beside bf16. The machine's
ceilings are measured first. After each family everything is written: docs/benchmarks/<device>.json and .md, and the
table in the ladder's README. What an earlier run measured stays until it is measured again, so that several short
runs (`--only`) make one report. Exit code 0: all that ran was right.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cuda_kernels import ladder

from . import jobs
from .bench_families import CEILINGS
from .environment import environment, lines
from .goals import goals
from .report import device_slug, markdown, merged, rewrite_between_markers, table, write_json
from .runner import Family, Outcome, run_families

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("ceilings", "gemm", "conv2d", "conv2d_backward_data", "conv2d_backward_weights", "training")
FAMILIES = (*FIRST, *(name for name in jobs.FAMILIES if name not in FIRST))  # most important first


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.rewrite:
        return rewrite(options)
    found = environment(options.on)
    print(f"gpu-bench on {options.on}\n{lines(found)}\n", flush=True)
    if options.on == "cuda" and str(found["gpu"]).startswith("none"):
        print("Nothing was run: there is no GPU. `--on simt` shows that the rungs are right, and times nothing.")
        return 2
    bench = Bench(found, options)
    deadline = time.monotonic() + 60 * options.minutes
    outcomes = []
    for name in FAMILIES:
        if options.only and name not in (*options.only, "ceilings"):
            bench.missing.setdefault(name, ["not asked for (--only)"])
            continue
        command = [sys.executable, "-m", "benchmarks.gpu.worker", "bench", name, "--on", options.on]
        left = max(0.0, deadline - time.monotonic()) / 60
        outcomes += run_families([Family(name, command, 60 * options.family_minutes, 150)], left)
        bench.take(outcomes[-1])
    print("\nGoals:\n" + "".join(f"  {line}\n" for line in goals(bench.families)))
    print("Not run:\n" + "".join(f"  {line}\n" for line in bench.not_run()))
    bad = sum(len(outcome.bad) for outcome in outcomes)
    refused = sum("refused" in record for outcome in outcomes for record in outcome.records)
    print(f"{bad} failed, {refused} refused. {bench.where()}")
    return 1 if bad or refused else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=("cuda", "simt"), default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="time budget for all (8)")
    parser.add_argument("--family-minutes", type=float, default=3.0, help="for one family at most (3)")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, help="these families alone (the ceilings always)")
    parser.add_argument(
        "--rewrite", type=Path, metavar="JSON", help="run nothing: write the page and the READMEs from a report"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs measured on this GPU")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the report")
    parser.add_argument("--kernels", type=Path, default=ROOT / "cuda_kernels", help="folder of the ladders' READMEs")
    return parser.parse_args(arguments)


def rewrite(options: argparse.Namespace) -> int:
    """Write the page, and the tables of the ladders' READMEs, from a report that another machine made."""
    given = json.loads(options.rewrite.read_text(encoding="utf-8"))
    bench = Bench(given["environment"], options, given)
    for family in bench.families:
        bench.write(family)
    print(bench.where())
    return 0


class Bench:
    """What has been measured so far, by this run and those before it, and the files that show it."""

    def __init__(
        self, found: dict[str, Any], options: argparse.Namespace, earlier: dict[str, Any] | None = None
    ) -> None:
        self.found, self.options = found, options
        self.base: Path = options.docs / device_slug(found["gpu"])
        earlier = earlier or {}
        if not earlier and options.on == "cuda" and not options.fresh:
            with contextlib.suppress(OSError, json.JSONDecodeError):
                earlier = json.loads(self.base.with_suffix(".json").read_text(encoding="utf-8"))
        self.families: dict[str, list[dict[str, Any]]] = earlier.get("families", {})
        self.ceilings: dict[str, Any] = earlier.get("ceilings", {})
        self.missing: dict[str, list[str]] = earlier.get("missing", {})  # of each family: what was not run, and why
        self.run: dict[str, Any] = {"date": datetime.date.today().isoformat(), "packages": found, "families": []}
        self.earlier_runs: list[dict[str, Any]] = earlier.get("runs", [])

    def take(self, outcome: Outcome) -> None:
        """Print a family's results, keep them, and write the files."""
        print(f"{outcome.name}: {outcome.seconds:.0f} s, {len(outcome.bad)} failed {outcome.not_run}", flush=True)
        for record in outcome.bad:
            print(f"  {record['status'].upper()} {record['case']}\n{record.get('why', '')}", flush=True)
        self.missing[outcome.name] = missing_of(outcome)
        if outcome.name == "ceilings":
            self.take_ceilings(outcome)
            return
        measured = [{**r, "date": self.run["date"]} for r in outcome.records if "op" in r and r["status"] == "passed"]
        bad = {record["case"] for record in outcome.bad}  # what is wrong now has no time any more
        earlier = [r for r in self.families.get(outcome.name, []) if f"{r['op']} {r['shape']} {r['rung']}" not in bad]
        self.families[outcome.name] = merged(earlier, measured)
        if self.options.on == "cuda":
            print(table(measured), flush=True)
            self.run["families"].append(outcome.name)
            self.write(outcome.name)
        else:
            print(f"  {len(measured)} right; no GPU: not timed", flush=True)

    def take_ceilings(self, outcome: Outcome) -> None:
        """Keep the ceilings, and hand them to the workers that follow; those of an earlier run if these failed."""
        for record in outcome.records:
            self.ceilings = record.get("ceilings", self.ceilings)
        numbers = {name: value for name, value in self.ceilings.items() if isinstance(value, float)}
        os.environ[CEILINGS] = json.dumps(numbers)
        print(lines(self.ceilings or {"ceilings": "not measured"}), flush=True)

    def not_run(self) -> list[str]:
        """Return a line for everything that was not timed, or not beside a peer, and why."""
        said = [f"{name}: {line}" for name in FAMILIES for line in self.missing.get(name, ["not begun yet"])]
        timed = {job.kernel for family in jobs.FAMILIES for job in jobs.jobs(family, "simt")}
        left = ", ".join(kernel for kernel in ladder.ops() if kernel not in timed)
        return [
            *said,
            f"kernels that have no job here (gpu-check holds them to NumPy): {left}",
            "first rungs at all but one shape of gemm and of each convolution: they would take the time of the others",
            "dilation, groups and float64: no job here",
        ]

    def report(self) -> dict[str, Any]:
        runs = [*self.earlier_runs, *([self.run] if self.run["families"] else [])]
        return {
            "environment": self.found, "runs": runs, "ceilings": self.ceilings, "goals": goals(self.families),
            "families": self.families, "not run": self.not_run(), "missing": self.missing,
        }  # fmt: skip

    def write(self, family: str) -> None:
        """Write the report as it stands, and the table of this family's ladder."""
        write_json(self.base.with_suffix(".json"), self.report())
        self.base.with_suffix(".md").write_text(markdown(self.report()), encoding="utf-8")
        folder = jobs.README.get(family, family)
        readme = self.options.kernels / folder / "README.md"
        timed = [r for name in self.families for r in self.families[name] if jobs.README.get(name, name) == folder]
        if readme.exists() and any("us" in record for record in timed):
            dates = " and ".join(sorted({record["date"] for record in timed}))
            said = f"Measured on {self.found['gpu']}, {dates}, by `make gpu-bench`:"
            rewrite_between_markers(readme, f"{said}\n\n{table(timed)}")

    def where(self) -> str:
        """Return where the report is."""
        if self.options.on != "cuda":
            return "Nothing was written: without a GPU there is nothing to report."
        return f"Report: {self.base}.md and .json"


def missing_of(outcome: Outcome) -> list[str]:
    """Return what a family's run did not time, or not beside PyTorch, each line once."""
    said = [outcome.not_run] if outcome.not_run else []
    for record in outcome.records:
        if record["status"] == "not run":
            said.append(f"{record['case']}: {record['why']}")
        elif record["status"] != "passed":
            said.append(f"{record['case']}: {record['status']}, not timed")
        if "no_peer" in record:
            said.append(f"{record['op']}: no time of a peer: {record['no_peer']}")
        if record.get("ceilings", {}).get("missing"):
            said.append(record["ceilings"]["missing"])
        if "refused" in record:
            said.append(f"{record['case']}: {record['refused']}")
    return list(dict.fromkeys(said))


if __name__ == "__main__":
    sys.exit(main())
