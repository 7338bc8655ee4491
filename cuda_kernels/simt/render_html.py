"""A report for a notebook: one block of HTML without scripts, readable on light and dark pages."""

from __future__ import annotations

from html import escape

from .render import columns_of, launch_line, shown_lines, summary_rows
from .report import Fault, Figures, Report

STYLE = """<style>
.simt {font-family: system-ui, sans-serif; font-size: 13px; color: #222; background: #fff; padding: 10px;
  border: 1px solid #ddd; border-radius: 4px; max-width: 100%; overflow-x: auto}
.simt h4 {margin: 0 0 6px; font: 600 13px monospace; color: #222}
.simt table {border-collapse: collapse; margin: 8px 0 0; background: #fff}
.simt td, .simt th {border: 0; padding: 1px 8px; text-align: right; color: #222; background: #fff;
  white-space: nowrap}
.simt th {font-weight: 600; border-bottom: 1px solid #bbb}
.simt td.source, .simt th.source {text-align: left; font-family: monospace; white-space: pre}
.simt td.name {text-align: left; color: #555}
.simt td.text {text-align: left}
.simt .fault {border-left: 4px solid #d62728; background: #fdecea; color: #222; padding: 4px 8px; margin: 4px 0}
.simt .fault pre {margin: 4px 0 0; padding: 0; background: none; color: #222; font-size: 12px}
.simt .good {color: #1b6e2c}
.simt tr.faulty td.source {box-shadow: inset 4px 0 #d62728}
</style>"""


def html(report: Report) -> str:
    """What was launched, faults, the launch's figures, and the source with each line's figures.

    A line's shade says how much of the launch's memory work (sectors and shared passes) is its own.
    """
    rows = "".join(
        f'<tr><td class="name">{escape(name)}</td><td class="text">{escape(sentence)}</td></tr>'
        for name, sentence in summary_rows(report)
    )
    parts = [f"<h4>{escape(launch_line(report))}</h4>", _faults(report), f"<table>{rows}</table>" if rows else ""]
    if report.by_line:
        parts.append(_lines(report))
    return f'{STYLE}<div class="simt">{"".join(parts)}</div>'


def _faults(report: Report) -> str:
    if report.faults:
        return "".join(_fault(fault) for fault in report.faults)
    if report.checked:
        return '<div class="good">no faults found</div>'
    return "<div>not checked for faults (checks=False)</div>"


def _fault(fault: Fault) -> str:
    times = f" ({fault.count:,} times)" if fault.count > 1 else ""
    source = f"<pre>{escape(fault.source)}</pre>" if fault.source else ""
    return f'<div class="fault"><b>{escape(fault.kind)}</b>: {escape(fault.message)}{times}{source}</div>'


def _work(figures: Figures) -> int:
    """Memory work of a line, in passes: sectors moved, and passes over shared memory."""
    return figures.global_sectors + figures.shared_wavefronts


def _lines(report: Report) -> str:
    columns = columns_of(report)
    largest = max(_work(figures) for figures in report.by_line.values()) or 1
    faulty = {line for fault in report.faults for line in fault.lines}
    headings = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    rows = [f'<tr><th>line</th><th class="source">source</th>{headings}</tr>']
    for number in shown_lines(report):
        figures = report.by_line.get(number, Figures())
        cells = "".join(f"<td>{column.text(figures) if column.occurs(figures) else ''}</td>" for column in columns)
        share = 0.85 * _work(figures) / largest
        shade = f' style="background: rgba(245, 166, 35, {share:.2f})"' if share >= 0.01 else ""
        source = f'<td class="source"{shade}>{escape(report.source.get(number, "").rstrip())}</td>'
        kind = ' class="faulty"' if number in faulty else ""
        rows.append(f"<tr{kind}><td>{number}</td>{source}{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"
