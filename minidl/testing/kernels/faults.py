"""From a fault of the SIMT machine to its sentence: which of F1 to F18 it is, and the facts that fill it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels.simt import Fault, Report
from minidl.testing.kernels.fault_causes import Source, _condition, _is_transposed_grid
from minidl.testing.sentences import phrase

Told = tuple[str, dict[str, Any]]  # a code, and its facts


class Watched(NamedTuple):
    """A launch that has a fault.

    report : made with owners=True
    outputs : names of its outputs; where none is named, the arrays that the kernel stores to, the last first
    outside : what lies beyond the edge of an array that is read by windows, {"x": "0"}; {} where that is not known
    """

    report: Report
    outputs: Sequence[str] = ()
    outside: Mapping[str, str] = MappingProxyType({})


def tell(fault: Fault, report: Report, outputs: Sequence[str] = (), outside: Mapping[str, str] | None = None) -> Told:
    """Return the code of a fault and the facts for its sentence.

    report, outputs, outside : see `Watched`
    """
    named = outputs or [name for name in Source(report).stores() if name in report.arrays][::-1]
    teller = TELLERS.get(fault.kind)
    seen = Watched(report, named, outside or {})
    told = teller(fault, seen) if teller is not None and (fault.threads or fault.cells is not None) else None
    return told or ("machine", {"message": fault.message, "L": fault.lines[0] if fault.lines else 0})


def signature(faults: list[Fault], known: Collection[str]) -> str:
    """Return a launch's faults without anything that a student chooses: names of variables, and lines.

    known : names of arrays that a student does not choose
    """
    parts = [f"{f.kind} {f.array if f.array in known else '.'} {f.index} {f.count}" for f in faults[:4]]
    return "; ".join(parts)


def at(index: Any) -> str:
    """Return an index as it stands between brackets.

    >>> at((3,)), at((3, 4))
    ('3', '3, 4')
    """
    return ", ".join(map(str, index))


def thread(xyz: tuple[int, int, int]) -> str:
    """Return a thread's or block's number as short as it can be said.

    >>> thread((5, 0, 0)), thread((5, 2, 0))
    ('5', '(5, 2)')
    """
    x, y, z = xyz
    return str(x) if not (y or z) else f"({x}, {y})" if not z else f"({x}, {y}, {z})"


def _who(fault: Fault) -> dict[str, Any]:
    return {"t": thread(fault.threads[0]), "b": thread(fault.blocks[0]), "L": fault.lines[0] if fault.lines else 0}


def _outside(fault: Fault, seen: Watched) -> Told | None:
    if fault.index is None:
        return None
    report, outputs, outside = seen
    found = re.search(r"outside its shape \(([^)]*)\)", fault.message)
    shape = tuple(int(n) for n in (found[1] if found else "").replace(" ", "").split(",") if n)
    if fault.array in report.arrays:  # of shared memory only the message tells
        shape = tuple(report.arrays[fault.array][1])
    elif not shape and len(fault.index) == 1 and (other := re.search(r"takes (\d+), on the other side", fault.message)):
        shape = (int(other[1]) - fault.index[0],)
    verb = "writes" if " writes " in fault.message else "reads"
    facts = {**_who(fault), "a": fault.array, "i": at(fault.index), "shape": str(shape), "verb": verb}
    owned = report.owners.stores_of(fault.blocks[0], fault.threads[0]) if report.owners is not None else {}
    owned = {name: where for name, where in owned.items() if name in outputs and where}
    if owned:
        y, where = next(iter(owned.items()))
        axis = next((k for k, (i, n) in enumerate(zip(fault.index, shape, strict=False)) if not 0 <= i < n), 0)
        facts |= {"y": y, "own": at(where[0]), "i_k": fault.index[axis], "n_k": shape[axis] if shape else 0}
        if fault.array and fault.array in outside and (len(shape) < 4 or axis in (1, 2)):  # of images, rows and columns
            return "F3", {**facts, "empty": outside[fault.array]}
        is_before = fault.index[axis] < 0 and fault.array in report.arrays and not outside
        return ("F3n" if is_before else "F2"), facts
    output = next(iter(outputs), "")
    n = math.prod(report.arrays[output][1]) if output in report.arrays else 0
    threads = math.prod(report.grid) * math.prod(report.block)
    first = fault.blocks[0][0] * report.block[0] + fault.threads[0][0]
    one_axis = max(*report.grid[1:], *report.block[1:]) == 1
    of_the_first = one_axis and first < n  # it should have an element
    of_a_block = math.prod(report.grid) == n > 1  # a block has an element, and a thread is one of many at it
    folded = not one_axis and output in report.arrays and len(report.arrays[output][1]) > 2  # whose element is it?
    if fault.array not in report.arrays or threads <= n or of_the_first or of_a_block or folded:
        return "F1n", facts
    return "F1", {**facts, "y": output, "n": n, "threads": threads, "extra": threads - n}


def _race(fault: Fault, seen: Watched) -> Told:
    report = seen.report
    now, before = (fault.lines * 2)[:2]
    (t1, t2), (b1, b2) = (fault.threads * 2)[:2], (fault.blocks * 2)[:2]
    index = at(fault.index or ())
    text = report.source.get(now, "").strip()
    facts = {"t1": thread(t1), "t2": thread(t2), "b1": thread(b1), "b2": thread(b2), "i": index, "y": fault.array,
             "s": fault.array, "text": text, "L1": now, "L2": before, "L": now, "races": fault.count}  # fmt: skip
    earlier = re.search(r"block \([^)]*\) (reads|writes|updates)", fault.message)
    later = re.search(r"\) (reads|writes|updates)[^,]* it at line \d+, with", fault.message)
    was, is_now = (earlier[1] if earlier else "writes"), (later[1] if later else "writes")
    swapped = {**facts, "t1": facts["t2"], "t2": facts["t1"], "b1": facts["b2"], "b2": facts["b1"],
               "L1": before, "L2": now}  # fmt: skip
    if fault.array not in report.arrays:
        if is_now == "reads":
            return "F4", swapped
        return ("F5", swapped) if was == "reads" else ("F6s", facts)
    text_before = report.source.get(before, "").strip()
    updating = next((line for line in (text, text_before) if re.search(r"[-+*]= ", line)), "")
    if updating:
        return "F7", {**facts, "text": updating}
    if {"reads", "updates"} & {was, is_now}:
        return "F7r", facts if was in ("reads", "updates") else swapped
    return "F6", facts


def _barrier(fault: Fault, seen: Watched) -> Told | None:
    found = re.search(r"reached by (\d+) of (\d+)", fault.message)
    if found is None:
        return None
    facts = {**_who(fault), "m": found[1], "n": found[2]}
    if "returned early" in fault.message and len(fault.lines) > 1:
        return "F8", {**facts, "R": fault.lines[1]}
    return "F9", facts


def _uninitialised(fault: Fault, seen: Watched) -> Told:
    return "F10", {**_who(fault), "s": fault.array or "a variable", "i": at(fault.index or ())}


def _unwritten(fault: Fault, seen: Watched) -> Told:
    report = seen.report
    missing, source = np.asarray(fault.cells), Source(report)
    facts: dict[str, Any] = {"k": int(missing.sum()), "n": missing.size, "y": fault.array,
                             "L": fault.lines[0] if fault.lines else 0}  # fmt: skip
    condition = _condition(fault, source)
    if condition is not None:
        test, holds = condition
        return "F12", {**facts, "condition": ast.unparse(test), "holds": holds, "L": test.lineno}
    written = ~missing.reshape(-1)
    prefix = int(written.sum())
    if _is_transposed_grid(missing, report) and _runs_down(fault.array or "", report):
        r, c = np.argwhere(missing.reshape(-1, missing.shape[-1]))[0]
        facts["pattern"] = phrase("lies-across", r=int(r), c=int(c))
    elif not prefix:
        facts["pattern"] = phrase("nothing-written")
    elif np.array_equal(written, np.arange(written.size) < prefix):
        facts["pattern"] = phrase("all-from", i=at(np.argwhere(missing)[0]))
    else:
        facts["pattern"] = phrase("first-is", i=at(np.argwhere(missing)[0]))
    return "F11", facts


def _runs_down(output: str, report: Report) -> bool:
    """Whether a thread's neighbour in x has the element below, not the one beside."""
    owned = report.owners.stores_of((0, 0, 0), (1, 0, 0)) if report.owners is not None else {}
    return any(index[-2:] == (1, 0) for index in map(tuple, owned.get(output, ())))


def _float64(fault: Fault, seen: Watched) -> Told:
    report = seen.report
    line = fault.lines[0]
    text = report.source.get(line, "").strip()
    numbers = [t for t in re.findall(r"(?<![\w.])\d+\.\d*|(?<![\w.])\d*\.\d+", text) if f"float32({t})" not in text]
    token = numbers[0] if numbers else _wide(text, report) or _grown(text, report)
    return "F13", {**_who(fault), "token": token}


def _wide(text: str, report: Report) -> str:
    """What makes a line one of 64 bits, as it stands there; "" where the line does not show it.

    A whole number that meets a float32, or else a quotient, or else a parameter that is a number. What stands in an
    index meets nothing, nor does what stands in float32(…), but for a quotient.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a part of a statement
        found = re.search(r"[\w.\[\]]+ / [\w.\[\]]+(?!\()\b", text)
        return found[0] if found else ""
    indices = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
    wrapped = [c for c in ast.walk(tree) if isinstance(c, ast.Call) and ast.unparse(c.func).endswith("float32")]
    hidden = indices | {id(n) for call in wrapped for n in ast.walk(call) if n is not call}
    nodes = [n for n in ast.walk(tree) if id(n) not in hidden]
    pairs = [[n.left, n.right] for n in nodes if isinstance(n, ast.BinOp)]
    pairs += [n.args for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) in ("max", "min")]
    whole = [str(n.value) for pair in pairs for n in pair if isinstance(n, ast.Constant) and type(n.value) is int]
    quotients = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)
                 and id(n) not in indices and n.left not in wrapped and n.right not in wrapped]  # fmt: skip
    given = re.search(r"def \w+\(([^)]*)\)", "\n".join(report.source.values()))
    numbers = {name.strip() for name in (given[1] if given else "").split(",")} - set(report.arrays)
    parameters = [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in numbers]
    return next(iter([*whole, *quotients, *parameters]), "")


def _grown(text: str, report: Report) -> str | dict[str, Any]:
    """What is of 64 bits on a line that shows no number: a total that began as one elsewhere."""
    total = re.match(r"(\w+) (?:[-+*/]= |= (?:(?:max|min)\()?\1\b)", text)
    for line, begun in report.source.items():
        code = begun.partition("#")[0].strip()
        if total and (found := re.search(rf"\b{total[1]}\b(?: = \w+)* = (-?(?:\d*\.?\d+\.?|(?:math|np)\.\w+))$", code)):
            return phrase("began-as", total=total[1], number=found[1], line=line)
    return f"`{text}`"


def _lane(fault: Fault, seen: Watched) -> Told:
    lane = re.search(r"lane (\d+)", fault.message)
    facts = {**_who(fault), "lane": lane[1] if lane else "?"}
    return ("F15" if "not in its mask" in fault.message else "F14"), facts


def _endless(fault: Fault, seen: Watched) -> Told:
    return "F16", _who(fault)


TELLERS = {
    "out-of-bounds": _outside, "race": _race, "divergent-barrier": _barrier, "uninitialised-read": _uninitialised,
    "unwritten-output": _unwritten, "float64": _float64, "inactive-lane": _lane, "step-limit": _endless,
}  # fmt: skip
