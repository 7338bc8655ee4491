"""The command line of the compile gate; see the package's text."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cuda_kernels import ladder
from cuda_kernels.ladder import Build, Rung

from . import packages, table
from .build import ARCHITECTURES, compile_build
from .claims import failures

RUNGS_A_PROCESS = 12  # a process takes a second or two to start, and then some seconds a rung
TABLE = Path(__file__).resolve().parents[2] / "docs" / "kernels" / "table.md"


def chosen(selection: list[str]) -> Iterator[tuple[Rung, Build]]:
    """The builds that "gemm", "gemm:r3" … name; all without names."""
    wanted = [name.split(":") for name in selection] or [[op] for op in ladder.ops()]
    for op, *which in wanted:
        for rung in (ladder.rung(op, which[0]),) if which else ladder.rungs(op):
            for build in rung.builds:
                yield rung, build


def compile_all(architecture: str, selection: list[str]) -> list[dict[str, Any]]:
    """One record for each build on one architecture."""
    records = []
    for rung, build in chosen(selection):
        record: dict[str, Any] = {"op": rung.op, "rung": rung.name, "build": build.name, "failures": []}
        records.append(record)
        if build.since > ARCHITECTURES[architecture][:2]:
            record["skipped"] = "needs sm_{}{}".format(*build.since)
            continue
        try:
            result = compile_build(build, architecture)
        except Exception as error:  # a compiler's errors are of many classes, and each is a failed build to report
            record["failures"] = [f"does not compile: {type(error).__name__}: {str(error).strip()[-800:]}"]
            continue
        record.update(registers=result.registers, local=result.local_bytes, shared=result.shared_bytes,
                      instructions=result.code.count, failures=failures(build.claims, result))
        if build.claims.loop is not None:
            count, loop = result.code.main_loop(build.claims.loop[0])
            record["loop"] = [build.claims.loop[0], count, loop.total()]
    return records


def compile_everywhere(architectures: list[str], selection: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The records of each architecture, made by as many processes at a time as there are processors."""
    rungs = list(dict.fromkeys(f"{rung.op}:{rung.name}" for rung, _ in chosen(selection)))
    portions = [rungs[k:k + RUNGS_A_PROCESS] for k in range(0, len(rungs), RUNGS_A_PROCESS)]
    jobs = [(architecture, portion) for architecture in architectures for portion in portions]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda job: in_process(*job), jobs))
    return {architecture: [record for (where, _), records in zip(jobs, done, strict=True) if where == architecture
                           for record in records] for architecture in architectures}


def in_process(architecture: str, selection: list[str]) -> list[dict[str, Any]]:
    """`compile_all` in a process of its own: Numba keeps a device function's code for the first GPU it meets."""
    command = [sys.executable, "-m", "cuda_kernels.compile", "--records", architecture, *selection]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"compile: the process for {architecture} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(records: dict[str, list[dict[str, Any]]]) -> int:
    """Print one line for each build and all failures; the number of failures."""
    failed = 0
    for rows in zip(*records.values(), strict=True):
        cells = "  ".join(f"{arch} {table.cell(row)}" for arch, row in zip(records, rows, strict=True))
        print(f"{rows[0]['op']}:{rows[0]['rung']} {rows[0]['build']}: {cells}")
        for arch, row in zip(records, rows, strict=True):
            for failure in row["failures"]:
                failed += 1
                print(f"    FAILED on {arch}: {failure}")
    count = sum(len(rows) for rows in records.values())
    left_out = sum("skipped" in row for rows in records.values() for row in rows)
    print(f"{count} builds ({left_out} left out, instructions younger than the GPU), {failed} failures")
    return failed


def main() -> int:
    """Parse the arguments and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cuda_kernels.compile", description="Compile every kernel without "
                                     "a GPU and check what it claims of its machine code.")
    parser.add_argument("selection", nargs="*", help="ops and rungs: gemm, gemm:r3; all if none is named")
    parser.add_argument("--arch", action="append", choices=list(ARCHITECTURES), help="only these architectures")
    parser.add_argument("--write", action="store_true", help="write docs/kernels/table.md")
    parser.add_argument("--check", action="store_true", help="fail if docs/kernels/table.md is not current")
    parser.add_argument("--sass", action="store_true", help="print the machine code")
    parser.add_argument("--records", metavar="ARCH", help=argparse.SUPPRESS)
    options = parser.parse_args()
    missing = packages.problems()
    if missing:
        print("The compile gate cannot run:", *missing, "Install the pinned packages: pip install --group gate",
              sep="\n  ", file=sys.stderr)
        return 2
    if options.records:
        print(json.dumps(compile_all(options.records, options.selection)))
        return 0
    architectures = options.arch or list(ARCHITECTURES)
    if options.sass:
        for _, build in chosen(options.selection):
            print(f"// {build.name}, {architectures[-1]}\n{compile_build(build, architectures[-1]).text}")
        return 0
    records = compile_everywhere(architectures, options.selection)
    failed = report(records)
    if (options.write or options.check) and (options.selection or options.arch):
        parser.error("--write and --check are for all kernels and all architectures")
    if options.write:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(table.render(records))
    if options.check and (not TABLE.is_file() or TABLE.read_text() != table.render(records)):
        print(f"{TABLE.relative_to(TABLE.parents[2])} is not current: run python -m cuda_kernels.compile --write")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
