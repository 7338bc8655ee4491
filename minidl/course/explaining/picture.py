"""The last verdict as a page: the sentence, the lines, and a picture of what went wrong. In a notebook, or as one file.

A race is two threads at a cell; a read outside an array its last cells and the thread beyond them; wrong values lie
beside the right ones, with a map of where they are; sectors and banks are the SIMT report's own pictures.
"""

from __future__ import annotations

import base64
import re
from os import PathLike
from typing import Any

import numpy as np
from markupsafe import Markup

from minidl.course.checker.results import MARKS, Failure, Result
from minidl.course.explaining import drawing
from minidl.course.explaining.maps import maps
from minidl.course.sentences import LANGUAGES
from minidl.markup import joined, replaced, write_page
from minidl.testing.agreement import wrong_cells
from minidl.testing.sentences import code_of

STYLE = Markup("""<style>
.minidl-course {font-family: system-ui, sans-serif; font-size: 14px; line-height: 1.45; color: #222; background: #fff;
  padding: 12px 16px; max-width: 1000px; overflow-x: auto}
.minidl-course h2 {font-size: 17px; margin: 0 0 4px; color: #222}
.minidl-course h2 span {font-weight: normal; color: #666}
.minidl-course .said {margin: 10px 0; font-size: 15px}
.minidl-course .case {color: #666; margin: 8px 0 0}
.minidl-course pre {background: #f7f7f7; color: #222; padding: 6px 8px; margin: 6px 0; font-size: 13px; overflow-x: auto}
.minidl-course pre b {background: #fdecea; font-weight: normal; display: inline-block; min-width: 100%}
.minidl-course .pair {display: flex; flex-wrap: wrap; gap: 20px; margin: 10px 0}
.minidl-course table {border-collapse: collapse; font-size: 11.5px; margin: 0}
.minidl-course caption {text-align: left; padding: 2px 0; color: #222}
.minidl-course td, .minidl-course th {border: 1px solid #ddd; padding: 2px 5px; text-align: right; background: #fff;
  color: #222; font-variant-numeric: tabular-nums}
.minidl-course th {color: #888; font-weight: normal; border-color: #fff}
.minidl-course td.bad {background: #fdecea; color: #a50f15; font-weight: 600}
.minidl-course td.good {background: #e5f5e0}
.minidl-course figure {margin: 0}
.minidl-course figure img {image-rendering: pixelated; border: 1px solid #ddd; display: block}
.minidl-course figcaption {font-size: 12px; color: #666}
.minidl-course img.plot {max-width: 100%}
</style>""")
WORDS = {
    "thread": ("thread {t} of block {b}", "块 {b} 的线程 {t}"),
    "of": ("thread {t}", "线程 {t}"),
    "line": ("line {L}: {does}", "第 {L} 行：{does}"),
    "read": ("reads", "读"),
    "write": ("writes", "写"),
    "both": ("reads, adds, writes", "读、加、写"),
    "first?": ("who comes first?", "谁先到？"),
    "nobody": ("nobody", "没有人"),
    "never": ("has written it", "写过它"),
    "what?": ("what is in it?", "里面是什么？"),
    "not-there": ("does not exist", "不存在"),
    "wait": ("{m} of {n} threads wait at the barrier on line {L}", "{n} 个线程中有 {m} 个在第 {L} 行的屏障等待"),
    "left": ("{k} never come", "{k} 个永远不来"),
    "work": ("{m} of {n} threads make all stores", "{n} 个线程中的 {m} 个完成全部写入"),
    "look-on": ("{k} look on", "{k} 个在旁观"),
    "absent": ("lane {lane} is asked, and is on another path", "被要值的通道 {lane} 在另一条路径上"),
    "unnamed": (
        "lane {lane} runs the shuffle, and the mask does not name it",
        "通道 {lane} 执行了 shuffle，掩码没有点到它",
    ),
    "right": ("right", "正确"),
    "got": ("got", "得到"),
    "wrong": ("wrong cells", "错误的格"),
    "nothing": ("Nothing to draw: it passed.", "没有可画的：已通过。"),
    "warp": (
        "How one warp reaches memory, in the case that the par is counted on:",
        "计算标准的那个用例中，一个 warp 怎样访问内存：",
    ),
}


def write(result: Result, path: str | PathLike[str], language: str = "en") -> None:
    """Write the verdict with its picture as one HTML file, which asks for nothing from elsewhere."""
    write_page(path, f"{result.number} {result.name}", picture(result, language), language)


def picture(result: Result, language: str = "en") -> Markup:
    """Return the verdict with its picture as HTML."""
    k = LANGUAGES.index(language)
    head = {"passed": f"{'★' * result.stars} passed", "failed": "✗", "not begun": "… not begun"}[result.state]
    stages = "   ".join(f"{stage} {MARKS[v]}" for stage, v in result.stages.items())
    parts = [Markup("<h2>{} {} {} <span>{}</span></h2><div>{}</div>").format(
        result.number, result.name, head, result.title, stages)]  # fmt: skip
    if result.summary:
        parts.append(Markup("<div class='case'>{}</div>").format(result.summary))
    told = [*([result.failure] if result.failure else []), *result.remarks]
    for found in told:
        parts += _told(found, result, k)
    if result.passed and not told:
        parts.append(Markup("<p>{}</p>").format(WORDS["nothing"][k]))
    if result.printed:
        parts.append(Markup("<pre>{}</pre>").format(result.printed))
    return STYLE + Markup("<div class='minidl-course'>{}</div>").format(joined(parts))


def _told(found: Failure, result: Result, k: int) -> list[Markup]:
    said = replaced(r"`([^`]+)`", r"<code>\1</code>", found.said[k])
    parts = [Markup("<p class='said'>{}</p>").format(said)]
    if found.case:
        parts.append(Markup("<div class='case'>{}</div>").format(found.case))
    parts.append(_source(result.source, found.lines))
    parts.append(drawn(found, result, k))
    return parts


def _source(source: str, lines: tuple[int, ...]) -> Markup:
    """The lines concerned with two about each; "⋮" where some are left out."""
    texts = source.splitlines()
    shown = sorted({n for line in lines for n in range(line - 2, line + 3) if 1 <= n <= len(texts)})
    rows, last = [], 0
    for n in shown:
        if last and n > last + 1:
            rows.append(Markup("   ⋮\n"))
        mark = Markup("<b>{:4d} | {}</b>\n") if n in lines else Markup("{:4d} | {}\n")
        rows.append(mark.format(n, texts[n - 1].rstrip()))
        last = n
    return Markup("<pre>{}</pre>").format(joined(rows)) if rows else Markup("")


def drawn(found: Failure, result: Result, k: int) -> Markup:
    """Return the picture of one failure or remark; nothing where words say it all."""
    code, facts = found.code, found.facts
    texts = dict(enumerate(result.source.splitlines(), 1))
    if code in MEETINGS:
        return _meeting(code, facts, texts, k)
    if code in ("F1", "F1n", "F2", "F3", "F3n"):
        return _outside(facts, texts, k)
    if code in ("F8", "F9"):
        m, n = int(facts["m"]), int(facts["n"])
        return drawing.share(m, n - m, _say("wait", k, m=m, n=n, L=facts["L"]), _say("left", k, k=n - m))
    if code in ("F14", "F15") and str(facts.get("lane", "")).isdigit():
        return drawing.lanes(int(facts["lane"]), _say("absent" if code == "F14" else "unnamed", k, **facts))
    if code == "F20":
        m, n = int(facts["m"]), int(facts["threads"])
        return drawing.share(m, n - m, _say("work", k, m=m, n=n), _say("look-on", k, k=n - m))
    if code_of(code) in ("F21", "F22"):
        return _plot(found, result, "banks" if code == "F22" else "sectors", facts.get("L") or None)
    return _maps(found, k)


def _say(name: str, k: int, /, **facts: Any) -> str:
    return WORDS[name][k].format(**facts)


MEETINGS = {  # what the first and the second thread of a fault do
    "F4": ("write", "read"), "F5": ("read", "write"), "F6": ("write", "write"), "F6s": ("write", "write"),
    "F7": ("both", "both"), "F7r": ("write", "read"), "F10": ("", "read"),
}  # fmt: skip


def _meeting(code: str, facts: dict[str, Any], texts: dict[int, str], k: int) -> Markup:
    cell = f"{facts.get('s') or facts.get('y')}[{facts['i']}]"
    if code == "F10":
        sides = [(WORDS["nobody"][k], WORDS["never"][k], "", ""),
                 _side(facts["t"], facts["b"], facts["L"], "read", texts, k)]  # fmt: skip
        return drawing.meeting(sides[0], sides[1], cell, WORDS["what?"][k])
    first, second = MEETINGS[code]
    one = _side(facts["t1"], facts["b1"], facts["L1"], first, texts, k)
    other = _side(facts["t2"], facts["b2"], facts["L2"], second, texts, k)
    return drawing.meeting(one, other, cell, WORDS["first?"][k])


def _side(t: Any, b: Any, line: int, does: str, texts: dict[int, str], k: int) -> drawing.Side:
    return (_say("thread", k, t=t, b=b), _say("line", k, L=line, does=WORDS[does][k]), texts.get(line, ""), does)


def _outside(facts: dict[str, Any], texts: dict[int, str], k: int) -> Markup:
    index, shape = ([int(n) for n in re.findall(r"-?\d+", str(facts.get(name, "")))] for name in ("i", "shape"))
    if len(shape) != len(index):
        return Markup("")
    axis = next((a for a, (i, n) in enumerate(zip(index, shape, strict=True)) if not 0 <= i < n), 0)
    before = index[axis] < 0
    there = range(min(4, shape[axis])) if before else range(max(0, shape[axis] - 4), shape[axis])

    def named(i: int) -> str:
        return ", ".join(str(i if a == axis else n) for a, n in enumerate(index))

    does = "write" if facts.get("verb") == "writes" else "read"
    who = _side(facts["t"], facts["b"], facts["L"], does, texts, k)
    array = f"{facts['a']}   {facts['shape']}"
    return drawing.outside(who, array, [named(i) for i in there], named(index[axis]), before, WORDS["not-there"][k])


def _plot(found: Failure, result: Result, what: str, line: int | None) -> Markup:
    """The SIMT report's own picture of the warp's access that the remark is about."""
    from cuda_kernels.simt.report.report import Report, WarpAccess

    kept = found.shown.ran.accesses if found.shown is not None else []
    space = "shared" if what == "banks" else "global"
    accesses = [WarpAccess(**{**a, "block": tuple(a["block"]), "addresses": tuple(a["addresses"]),
                              "sectors": tuple(a["sectors"])}) for a in kept if a["space"] == space]  # fmt: skip
    if line not in {a.line for a in accesses}:
        line = None
    if not accesses:
        return Markup("")
    source = dict(enumerate(result.source.splitlines(), 1))
    report = Report(found.shown.task.name, (1, 1, 1), (32, 1, 1), source=source, accesses=accesses)
    png = base64.b64encode(report.plot(what, line=line)._repr_png_()).decode()
    return Markup("<img class='plot' alt='{}' src='data:image/png;base64,{}'>").format(what, png)


def _maps(found: Failure, k: int) -> Markup:
    """Right and got of the result that is wrong, where the case has both."""
    one = found.shown
    if one is None or one.ran.outputs is None or found.stage not in ("machine", "values"):
        return Markup("")
    words = (WORDS["right"][k], WORDS["got"][k], WORDS["wrong"][k])
    for name, got, right in one.results:
        if (
            got.shape != right.shape
            or not np.size(right)
            or right.dtype.kind not in "iufb"
            or got.dtype.kind not in "iufb"
        ):
            continue
        wrong = wrong_cells(np.asarray(got), right, one.task.tolerance, one.case.kind == "extreme")
        if np.any(wrong):
            return maps(name, right, got, wrong, words)
    return Markup("")
