"""How fast is every rung on this machine's GPU: `make gpu-bench`, or `python -m benchmarks.gpu.bench`.

Each rung is verified, then timed by CUDA events with a cold L2 cache, beside PyTorch (cuBLAS, cuDNN, its own kernels)
in the same process, TF32 off. The machine's ceilings are measured first. After each family everything is written:
docs/benchmarks/<device>.json and .md, and the table in the ladder's README. Exit code 0: all that ran was right.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from . import shapes
from .bench_families import CEILINGS
from .environment import environment, lines
from .goals import goals
from .report import device_slug, markdown, rewrite_between_markers, table, write_json
from .runner import Family, Outcome, run_families

ROOT = Path(__file__).resolve().parents[2]
# Most important first: what the goals are about.
FAMILIES = (
    "ceilings",
    "gemm",
    "conv2d",
    "training",
    *(name for name in shapes.FAMILIES if name not in ("gemm", "conv2d")),
)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
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
            bench.missing.append(f"{name}: not asked for (--only)")
            continue
        command = [sys.executable, "-m", "benchmarks.gpu.worker", "bench", name, "--on", options.on]
        left = max(0.0, deadline - time.monotonic()) / 60
        outcomes += run_families([Family(name, command, 60 * options.family_minutes, 150)], left)
        bench.take(outcomes[-1])
    print("\nGoals:\n" + "".join(f"  {line}\n" for line in goals(bench.families)))
    print("Not run:\n" + ("".join(f"  {line}\n" for line in bench.missing) or "  nothing was left out\n"))
    bad = sum(len(outcome.bad) for outcome in outcomes)
    refused = sum("refused" in record for records in bench.families.values() for record in records)
    print(f"{bad} failed, {refused} refused. {bench.where()}")
    return 1 if bad or refused else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=("cuda", "simt"), default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="time budget for all (8)")
    parser.add_argument("--family-minutes", type=float, default=3.0, help="for one family at most (3)")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, help="these families alone (the ceilings always)")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "benchmarks", help="folder of the report")
    parser.add_argument("--kernels", type=Path, default=ROOT / "cuda_kernels", help="folder of the ladders' READMEs")
    return parser.parse_args(arguments)


class Bench:
    """What has been measured so far, and the files that show it."""

    def __init__(self, found: dict[str, Any], options: argparse.Namespace) -> None:
        self.found, self.options = found, options
        self.families: dict[str, list[dict[str, Any]]] = {}
        self.ceilings: dict[str, Any] = {}
        self.missing: list[str] = []

    def take(self, outcome: Outcome) -> None:
        """Print a family's results, keep them, and write the files."""
        if outcome.not_run:
            self.missing.append(f"{outcome.name}: {outcome.not_run}")
        for record in outcome.records:
            if record["status"] == "not run":
                self.missing.append(f"{outcome.name}: {record['case']}: {record['why']}")
            if "no_peer" in record:
                self.missing.append(f"{record['op']} {record['shape']}: no time of a peer: {record['no_peer']}")
            if "ceilings" in record:
                self.ceilings = record["ceilings"]
                if self.ceilings.get("missing"):
                    self.missing.append(f"ceilings: {self.ceilings['missing']}")
                os.environ[CEILINGS] = json.dumps(
                    {name: value for name, value in self.ceilings.items() if isinstance(value, float)}
                )
        self.missing = list(dict.fromkeys(self.missing))
        print(f"{outcome.name}: {outcome.seconds:.0f} s, {len(outcome.bad)} failed {outcome.not_run}", flush=True)
        for record in outcome.bad:
            print(f"  {record['status'].upper()} {record['case']}\n{record.get('why', '')}", flush=True)
            self.missing.append(f"{outcome.name}: {record['case']}: {record['status']}, not timed")
        if outcome.name == "ceilings":
            print(lines(self.ceilings or {"ceilings": "not measured"}), flush=True)
            return
        measured = [r for r in outcome.records if "op" in r and r["status"] == "passed"]
        self.families[outcome.name] = measured
        print(
            table(measured) if self.options.on == "cuda" else f"  {len(measured)} right; no GPU: not timed", flush=True
        )
        if self.options.on == "cuda":
            self.write(outcome.name)

    def report(self) -> dict[str, Any]:
        return {
            "environment": self.found, "date": datetime.date.today().isoformat(), "ceilings": self.ceilings,
            "goals": goals(self.families), "families": self.families, "not run": self.missing,
        }  # fmt: skip

    def write(self, family: str) -> None:
        """Write the report as it stands, and the table of this family's ladder."""
        base = self.options.docs / device_slug(self.found["gpu"])
        write_json(base.with_suffix(".json"), self.report())
        base.with_suffix(".md").write_text(markdown(self.report()), encoding="utf-8")
        folder = shapes.README.get(family, family)
        readme = self.options.kernels / folder / "README.md"
        timed = [r for name in self.families for r in self.families[name] if shapes.README.get(name, name) == folder]
        if readme.exists() and any("us" in record for record in timed):
            said = f"Measured on {self.found['gpu']}, {datetime.date.today().isoformat()}, by `make gpu-bench`:"
            rewrite_between_markers(readme, f"{said}\n\n{table(timed)}")

    def where(self) -> str:
        """Return where the report is."""
        if self.options.on != "cuda":
            return "Nothing was written: without a GPU there is nothing to report."
        return f"Report: {self.options.docs / device_slug(self.found['gpu'])}.md and .json"


if __name__ == "__main__":
    sys.exit(main())
