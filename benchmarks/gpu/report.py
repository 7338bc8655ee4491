"""Writes what was measured: JSON, Markdown for `docs/benchmarks`, and the tables in the ladders' READMEs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Record = dict[str, Any]
BEGIN = "<!-- measured: written by `make gpu-bench` -->"
END = "<!-- end of measured -->"
NOT_RUN = re.compile("not run on hardware|has run on a GPU")  # what a README says until there is a table
HEAD = (
    "| op | shape | rung | µs, median | quartiles | GFLOP/s | GB/s | of the ceiling | peers, µs | peer / ours |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def write_json(path: Path, report: dict[str, Any]) -> Path:
    """Write the report whole, or leave the file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
    return part.replace(path)


def device_slug(name: str) -> str:
    """Return a file name for a device.

    >>> device_slug("NVIDIA H100 80GB HBM3")
    'nvidia-h100-80gb-hbm3'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "device"


def table(records: list[Record]) -> str:
    """Return the timed records as a Markdown table; what was refused says why in its row."""
    rows = [*HEAD]
    for r in records:
        head = f"| {r['op']} | {r['shape']} | {r['rung']} |"
        if "us" not in r:
            rows.append(f"{head} {r.get('refused') or r.get('why', 'not timed').splitlines()[0]} | | | | | | |")
            continue
        peer = ", ".join(f"{name} {us:.1f}" for name, us in r.get("peers", {}).items()) or "none"
        ratio = f"{r['ratio']:.2f}" if r.get("ratio") else ""
        share = f"{r['share']:.0%} ({r['ceiling']})" if r.get("share") is not None else ""
        rows.append(
            f"{head} {r['us']:.1f} | {r['q1']:.1f} to {r['q3']:.1f} | {number(r.get('gflops'))} | "
            f"{number(r.get('gbs'))} | {share} | {peer} | {ratio} |"
        )
    return "\n".join(rows)


def number(value: float | None) -> str:
    """Return a rate with three figures, or nothing."""
    return "" if not value else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def markdown(report: dict[str, Any]) -> str:
    """Return a whole page: the machine, the ceilings, the goals, a table a family, and what was not run."""
    found = report["environment"]
    parts = [f"# On {found['gpu']}\n", "Written by `make gpu-bench`. Each family was measured in one process.\n"]
    parts.append("".join(f"- {name}: {value}\n" for name, value in found.items()))
    parts.append("## Runs\n\n" + "".join(f"- {run['date']}: {said(run)}\n" for run in report["runs"]))
    parts.append("## Ceilings\n\n" + "".join(f"- {ceiling(*item)}\n" for item in report["ceilings"].items()))
    parts.append("## Goals\n\n" + "".join(f"- {line}\n" for line in report["goals"]))
    parts.append(
        "## Every rung\n\nA time is the median of several, each with a cold L2 cache; the quartiles show the spread. "
        "*Peer / ours* (the times, the first peer's) above 1 means that ours is faster.\n"
    )
    parts += [f"### {family}\n\n{table(records)}\n" for family, records in report["families"].items() if records]
    parts.append("## Not run\n\n" + ("".join(f"- {line}\n" for line in report["not run"]) or "Nothing was left out.\n"))
    return "\n".join(parts)


def ceiling(name: str, value: float | str) -> str:
    """Return a ceiling with its unit.

    >>> ceiling("fp32", 51234.5), ceiling("copy", 4301.2)
    ('fp32: 51234 GFLOP/s', 'copy: 4301 GB/s')
    """
    if isinstance(value, str):
        return f"{name}: {value}"
    return f"{name}: {number(value)} {'GFLOP/s' if name in ('fp32', 'tf32', 'bf16') else 'GB/s'}"


def said(run: dict[str, Any]) -> str:
    """Return what one run measured, and by which packages."""
    packages = ", ".join(f"{name} {run['packages'].get(name, 'not known')}" for name in ("numba-cuda", "torch"))
    return f"{', '.join(run['families']) or 'the ceilings'} ({packages})"


def merged(before: list[Record], now: list[Record]) -> list[Record]:
    """Return the records of an earlier run with those of this one: one for each op, shape and rung, the new one first.

    >>> old = [{"op": "a", "shape": "s", "rung": "r1", "us": 2}, {"op": "b", "shape": "s", "rung": "r1", "us": 3}]
    >>> [r["us"] for r in merged(old, [{"op": "a", "shape": "s", "rung": "r1", "us": 1}])]
    [1, 3]
    """
    found = {(r["op"], r["shape"], r["rung"]): r for r in now}
    for record in before:
        found.setdefault((record["op"], record["shape"], record["rung"]), record)
    return list(found.values())


def rewrite_between_markers(readme: Path, text: str) -> None:
    """Put `text` between the markers of a README; one without markers gets them, in "Speed" or at the end."""
    before = readme.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{text.strip()}\n{END}"
    if BEGIN in before and END in before:
        head, rest = before.split(BEGIN, 1)
        after = head + block + rest.split(END, 1)[1]
    elif section := re.search(r"^## Speed\n(?s:.*?)(?=^## |\Z)", before, re.MULTILINE):
        paragraphs = section.group().removeprefix("## Speed\n").strip().split("\n\n")
        kept = [text for text in paragraphs if not NOT_RUN.search(text)]
        after = (
            before[: section.start()] + "\n\n".join(["## Speed\n" + block, *kept]) + "\n\n" + before[section.end() :]
        )
    else:
        after = f"{before.rstrip()}\n\n## Speed\n{block}\n"
    if after != before:
        readme.write_text(after.rstrip() + "\n", encoding="utf-8")
