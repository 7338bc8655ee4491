"""The first stage: a file as text. Does it parse, is the function there, does it import only what it may?"""

from __future__ import annotations

import ast
import difflib
from typing import Any, NamedTuple

from minidl.course.exercise import Answers, Exercise, Kernel, Task

IMPORTS = ("numpy", "math", "numba", "__future__", "collections", "functools", "itertools", "dataclasses", "typing")
FORBIDDEN = ("open", "exec", "eval", "__import__", "compile", "getattr", "setattr", "globals", "locals", "vars",
             "breakpoint", "input", "exit", "quit")  # fmt: skip

# Names by which a module leads on to the interpreter, to files, or to the frames of who called.
OTHERS = {
    "sys", "os", "modules", "inspect", "importlib", "builtins", "ctypes", "ctypeslib", "subprocess", "gc", "course",
    "f_back", "f_globals", "f_locals", "f_builtins", "gi_frame", "cr_frame", "ag_frame", "tb_frame",
    "fromfile", "tofile", "loadtxt", "genfromtxt", "memmap", "DataSource",
}  # fmt: skip


class Refused(NamedTuple):
    """Why a file is not run: the sentence's name, its facts, and the line."""

    code: str
    facts: dict[str, Any]
    line: int = 0


def read(exercise: Exercise, source: str, starter: str = "", allow: tuple[str, ...] = ()) -> Refused | None:
    """Return what is wrong with a file as text, or None."""
    if not source.strip() or (starter and _same(source, starter)):
        return Refused("not-begun", {})
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        return Refused("syntax", {"L": line, "message": getattr(error, "msg", str(error))}, line)
    empty = _empty(tree)
    if empty:
        places = len(_empty(ast.parse(starter)))
        if len(empty) == places:
            return Refused("not-begun", {})
        return Refused("unfinished", {"k": len(empty), "n": max(places, len(empty)), "L": empty[0]}, empty[0])
    found = _names(tree)
    for task in exercise.tasks:
        if (refused := _task(task, tree, found)) is not None:
            return refused
    if (refused := _forbidden((*IMPORTS, *exercise.allow, *allow), tree)) is not None:
        return refused
    if exercise.most_changed is not None and starter:
        changed = lines_changed(starter, source)
        if changed > exercise.most_changed:
            return Refused("too-much-changed", {"n": changed, "most": exercise.most_changed})
    return None


def _lines(source: str) -> list[str]:
    return [line.rstrip() for line in source.splitlines() if line.strip()]


def _empty(tree: ast.Module) -> list[int]:
    """The lines on which `...`, or nbgrader's `raise NotImplementedError()`, still stands for what is to be written."""
    return [n.lineno for n in ast.walk(tree)
            if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) and n.value.value is ...
            or isinstance(n, ast.Raise) and ast.unparse(n) == "raise NotImplementedError()"]  # fmt: skip


def lines_changed(before: str, after: str) -> int:
    r"""Return how many lines of code were changed, added or taken away; comments, blank lines and texts do not count.

    >>> lines_changed("'A text.'\nx = 1\ny = 2", "x = 1  # one\n\ny = 3\nz = 4")
    2
    """
    found = difflib.SequenceMatcher(None, _code(before), _code(after), autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in found if tag != "equal")


def _code(source: str) -> list[str]:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()


def in_local_memory(source: str) -> list[int]:
    r"""Return the lines that index an array of the thread by what a compiler cannot know.

    Where each index is a number, or counts a loop of a fixed length that can be unrolled, the array lives in registers.

    >>> kernel = "def k(n):\n t = cuda.local.array(4, float32)\n for i in range({}):\n  t[i] = float32(0)"
    >>> in_local_memory(kernel.format(4)), in_local_memory(kernel.format("n"))
    ([], [4])
    """
    nodes = list(ast.walk(ast.parse(source)))
    bound: list[tuple[ast.AST, list[ast.expr]]] = []  # names, and what they are made of
    for n in nodes:
        if isinstance(n, ast.For):
            bound.append((n.target, n.iter.args if isinstance(n.iter, ast.Call) else [n.iter]))
        elif isinstance(n, ast.Assign):
            bound += [(target, [n.value]) for target in n.targets]
        elif isinstance(n, ast.AugAssign):
            bound.append((n.target, [n.value]))
    known = {name.id for target, _ in bound for name in ast.walk(target) if isinstance(name, ast.Name)}

    def is_known(node: ast.AST) -> bool:
        parts = list(ast.walk(node))
        return not any(isinstance(p, ast.Attribute | ast.Subscript | ast.Call) for p in parts) and all(
            p.id in known for p in parts if isinstance(p, ast.Name)
        )

    for _ in bound:
        known -= {t.id for t, values in bound if isinstance(t, ast.Name) and not all(map(is_known, values))}
    arrays = {t.id for t, (value, *_) in bound if isinstance(t, ast.Name) and "local.array(" in ast.unparse(value)}
    return sorted({n.lineno for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)
                   and n.value.id in arrays and not is_known(n.slice)})  # fmt: skip


def _same(source: str, starter: str) -> bool:
    return _lines(source) == _lines(starter)


def _names(tree: ast.Module) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({t.id: node for t in node.targets if isinstance(t, ast.Name)})
    return found


def _task(task: Task, tree: ast.Module, found: dict[str, ast.AST]) -> Refused | None:
    node = found.get(task.name)
    if node is None:
        near = difflib.get_close_matches(task.name, found, 1, 0.6)
        said = {"name": task.name, "signature": task.signature, "near": near[0] if near else "",
                "how": f": `def {task.signature}:`" if "(" in task.signature else ""}  # fmt: skip
        return Refused("near-name" if near else "no-function", said)
    if isinstance(task, Answers) or not isinstance(node, ast.FunctionDef) or "(" not in task.signature:
        return None
    given = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    least = len(given) - len(node.args.defaults)
    if not least <= len(task.parameters) <= len(given) and node.args.vararg is None:
        return Refused("parameters", {"signature": task.signature, "got": f"{node.name}({', '.join(given)})"},
                       node.lineno)  # fmt: skip
    wanted = list(task.parameters)
    if sorted(given[: len(wanted)]) == sorted(wanted) and given[: len(wanted)] != wanted:
        return Refused("parameters-order", {"signature": task.signature, "got": f"{node.name}({', '.join(given)})"},
                       node.lineno)  # fmt: skip
    if isinstance(task, Kernel) and task.drive is None:
        marks = [ast.unparse(mark) for mark in node.decorator_list]
        if not any("jit" in mark for mark in marks):
            return Refused("no-jit", {"name": node.name, "L": node.lineno}, node.lineno)
        if not any(mark.startswith("cuda.jit") for mark in marks):
            return Refused("other-jit", {"name": node.name, "mark": marks[0]}, node.lineno)
    return None


def _forbidden(allowed: tuple[str, ...], tree: ast.Module) -> Refused | None:
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = [f"{node.module}.{alias.name}" for alias in node.names]  # from a.b import c
            modules = parts if all(part in allowed for part in parts) else ["." if node.level else node.module or "."]
        else:
            modules = []
        for module in modules:
            here = any(module == name or module.startswith(f"{name}.") for name in allowed)
            if not here or module.startswith("minidl.course") and module not in allowed:  # references are no solutions
                return Refused("import", {"module": module, "L": line}, line)
        if isinstance(node, ast.Name) and node.id in FORBIDDEN:
            return Refused("forbidden", {"name": node.id, "L": line}, line)
        if isinstance(node, ast.Attribute):
            hidden = node.attr.startswith("__") and node.attr != "__init__"
            if hidden or node.attr in OTHERS:
                return Refused("forbidden", {"name": node.attr, "L": line}, line)
            if not isinstance(node.ctx, ast.Load) and ast.unparse(node).partition(".")[0] in imported:
                return Refused("patched", {"name": ast.unparse(node), "L": line}, line)
    return None
