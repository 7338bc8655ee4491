"""A report for a notebook: one block of HTML without scripts, readable on light and dark pages."""

from __future__ import annotations

from markupsafe import Markup

from .report import Fault, Figures, Report
from .text import columns_of, launch_line, shown_lines, summary_rows

STYLE = Markup("""<style>
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
</style>""")


def html(report: Report) -> Markup:
    """What was launched, faults, the launch's figures, and the source with each line's figures.

    A line's shade says how much of the launch's memory work (sectors and shared passes) is its own.
    """
    row = Markup('<tr><td class="name">{}</td><td class="text">{}</td></tr>')
    rows = [row.format(name, sentence) for name, sentence in summary_rows(report)]
    parts = [Markup("<h4>{}</h4>").format(launch_line(report)), _faults(report)]
    if rows:
        parts.append(Markup("<table>{}</table>").format(Markup().join(rows)))
    if report.by_line:
        parts.append(_lines(report))
    return STYLE + Markup('<div class="simt">{}</div>').format(Markup().join(parts))


def _faults(report: Report) -> Markup:
    if report.faults:
        return Markup().join(_fault(fault) for fault in report.faults)
    if report.checked:
        return Markup('<div class="good">no faults found</div>')
    return Markup("<div>not checked for faults (checks=False)</div>")


def _fault(fault: Fault) -> Markup:
    times = f" ({fault.count:,} times)" if fault.count > 1 else ""
    source = Markup("<pre>{}</pre>").format(fault.source) if fault.source else ""
    return Markup('<div class="fault"><b>{}</b>: {}{}{}</div>').format(fault.kind, fault.message, times, source)


def _work(figures: Figures) -> int:
    """Memory work of a line, in passes: sectors moved, and passes over shared memory."""
    return figures.global_sectors + figures.shared_wavefronts


def _lines(report: Report) -> Markup:
    columns = columns_of(report)
    largest = max(_work(figures) for figures in report.by_line.values()) or 1
    faulty = {line for fault in report.faults for line in fault.lines}
    headings = Markup().join(Markup("<th>{}</th>").format(column.heading) for column in columns)
    rows = [Markup('<tr><th>line</th><th class="source">source</th>{}</tr>').format(headings)]
    for number in shown_lines(report):
        figures = report.by_line.get(number, Figures())
        texts = (column.text(figures) if column.occurs(figures) else "" for column in columns)
        cells = Markup().join(Markup("<td>{}</td>").format(text) for text in texts)
        share = 0.85 * _work(figures) / largest
        row = Markup('<tr class="{}"><td>{}</td><td class="source" style="{}">{}</td>{}</tr>')
        shade = f"background: rgba(245, 166, 35, {share:.2f})" if share >= 0.01 else ""
        source = report.source.get(number, "").rstrip()
        rows.append(row.format("faulty" if number in faulty else "", number, shade, source, cells))
    return Markup("<table>{}</table>").format(Markup().join(rows))
