"""The translator: a kernel's Python source becomes, once, a Python program over arrays of threads.

`y[i] = a * x[i]` at line 12 becomes

    counter.at(12)
    t1 = arrays.index(12, v_x, v_i)
    t2 = numbers.mul(12, v_a, t1)
    arrays.store(12, v_y, v_i, t2)

where `counter`, `arrays` and `numbers` are parts of the machine, and each value stands for all threads at once. An `if`
runs both sides, each under the mask of the threads that take it; a loop runs until no thread is left in it; after a
statement that threads may leave by `return`, `break` or `continue`, the rest runs only if a thread is left.
`simt.translation(kernel)` shows the program of a kernel.
"""
from __future__ import annotations

import ast
import re

from ..errors import CONSTRUCT_ERRORS, not_runnable
from ..machine.machine import PARTS
from .assigned import UnsureReads
from .draft import Draft
from .ending import what_ends
from .expressions import Expressions, is_part, unsupported
from .source import escapes, leaves
from .statics import UNKNOWN, Statics

PARTS_A_LINE = 4


class Statements:
    """Translates a draft's statements."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.statics = Statics(draft)
        self.expressions = Expressions(draft, self.statics)
        self.loops: list[str] = []

    def translate(self) -> str:
        """The program's text for this function."""
        tree = self.draft.source.tree
        arguments = tree.args
        if arguments.kwarg or arguments.kwonlyargs or (arguments.vararg and self.draft.kernel):
            raise self.draft.fail(tree, "Numba takes no keyword-only arguments and no **kwargs, and a kernel no "
                                        "*args; name each argument")
        parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        parameters += [arguments.vararg.arg] if arguments.vararg else []
        self.draft.parameters = parameters
        self.draft.held = set(parameters)  # variables that are assigned so far
        self.draft.unsure = UnsureReads(tree, self.draft.variables, parameters, self.statics.known)
        locals_ = sorted(self.draft.variables - set(parameters))
        self.block(tree.body)
        if not self.draft.kernel:
            self.draft.lines += ["    lanes.exit(before)", "    return result"]
        given = ["m", *["line"] * self.draft.foreign, *("v_" + p for p in parameters)]
        head = [f"def {self.draft.name}({', '.join(given)}):"]
        head += parts_of_machine(self.draft.lines)
        if locals_:
            head.append("    " + " = ".join("v_" + n for n in locals_) + " = None")
        if self.draft.unsure.names:
            head.append("    " + " = ".join("w_" + n for n in sorted(self.draft.unsure.names)) + " = None")
        if not self.draft.kernel:
            head.append("    before, result = lanes.enter(), None")
        return "\n".join(head + (self.draft.lines or ["    pass"]))

    def block(self, statements: list[ast.stmt]) -> None:
        """Statements one after another; what follows a possible escape runs only if a thread is left."""
        depth = self.draft.indent
        for k, statement in enumerate(statements):
            self.statement(statement)
            if isinstance(statement, ast.Return | ast.Break | ast.Continue | ast.Raise):
                break
            if escapes(statement) and k + 1 < len(statements):
                if self.draft.indent > 80:
                    raise self.draft.fail(statement, "too many early exits in one function; use else branches")
                self.draft.emit("if lanes.mask.lanes:")
                self.draft.indent += 1
        if self.draft.indent > depth and self.draft.lines[-1].endswith("lanes.mask.lanes:"):
            self.draft.emit("pass")
        self.draft.indent = depth

    def statement(self, node: ast.stmt) -> None:
        method = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            raise unsupported(self.draft, node)
        silent = ast.Pass | ast.FunctionDef | ast.While  # a while counts each time its condition is tested
        if not isinstance(node, silent) and not _is_docstring(node):
            self.at(node)
        try:
            method(node)
        except CONSTRUCT_ERRORS as error:
            raise self.draft.fail(node, not_runnable(error)) from error

    def at(self, node: ast.AST) -> None:
        if self.draft.program.stepping:
            self.draft.do(node, "m.step", repr(self.draft.name), "locals()")
        self.draft.do(node, "counter.at")

    def body(self, statements: list[ast.stmt]) -> None:
        """An indented block that is never empty."""
        with self.draft.under():
            before = len(self.draft.lines)
            self.block(statements)
            if len(self.draft.lines) == before:
                self.draft.emit("pass")

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    def do_Expr(self, node: ast.Expr) -> None:
        if _is_docstring(node):
            return
        if not isinstance(node.value, ast.Call):
            self.expressions.value(node.value)
            return
        self.expressions.calls.call(node.value, wanted=False)

    def do_Assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and self._without_aliases(node.targets[0], node.value, node):
            return
        hint = next((t.id for t in node.targets if isinstance(t, ast.Name)), "")
        value = self.expressions.value(node.value, hint)
        for target in node.targets:
            self.expressions.assign(target, value, node)

    def _without_aliases(self, target: ast.expr, value: ast.expr, node: ast.AST) -> bool:
        """Assign all but aliases (t = cuda.threadIdx), which are replaced where they are read; False if none is."""
        if isinstance(target, ast.Name):
            return target.id in self.draft.once and self.statics.alias(target.id) is not UNKNOWN
        if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)):
            return False
        pairs = list(zip(target.elts, value.elts, strict=False))
        kept = [(t, v) for t, v in pairs if not self._without_aliases(t, v, node)]
        if len(kept) == len(pairs):
            return False
        values = [self.expressions.value(v) for _, v in kept]
        for (element, _), part in zip(kept, values, strict=True):
            self.expressions.assign(element, part, node)
        return True

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            hint = node.target.id if isinstance(node.target, ast.Name) else ""
            self.expressions.assign(node.target, self.expressions.value(node.value, hint), node)

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        operation, value = f"numbers.{self.statics.operator(node.op, node)}", self.expressions.value
        target = node.target
        if isinstance(target, ast.Name):
            old = self.expressions.variable(target)
            self.expressions.assign(target, self.draft.call(node, operation, old, value(node.value)), node)
            return
        field = target.attr if isinstance(target, ast.Attribute) else self.statics.static(target.slice)
        self.draft.note_store(target.value)
        read, write = "arrays.index", "arrays.store"
        if isinstance(target, ast.Attribute) or isinstance(field, str):
            base, place = value(target.value), repr(field)
            read, write = "arrays.attribute", "arrays.set_field"
        elif is_part(target.slice):
            raise self.draft.fail(node, "Numba has no operation on a part of an array; write a loop over its elements")
        else:
            base, place = value(target.value), self.expressions.index(target.slice)
        old = self.draft.call(node, read, base, place)
        self.draft.do(node, write, base, place, self.draft.call(node, operation, old, value(node.value)))

    def do_If(self, node: ast.If) -> None:
        known = self.statics.known(node.test)
        if known is not None:
            self.draft.emit("if True:")
            self.body(node.body if known[0] else node.orelse)
            return
        condition = self.expressions.value(node.test)
        saved, then, other = self.draft.fresh("s"), self.draft.fresh("b"), self.draft.fresh("e")
        left = escapes(node)
        self.draft.emit(f"{saved} = lanes.mask")
        self.draft.do(node, "control.branch", condition, to=f"{then}, {other}")
        for name in sorted(replaced(node.body) & replaced(node.orelse)):  # the type of what they held means nothing
            self.draft.emit(f"v_{name} = variables.replaced(v_{name})")
        for mask, statements in ((then, node.body), (other, node.orelse)):
            if not statements:
                continue
            with self.draft.under(f"if {mask}.lanes:"):
                self.draft.emit(f"lanes.mask = {mask}")
                self.block(statements)
                if left:
                    self.draft.emit(f"{mask} = lanes.mask")
        self.draft.emit(f"lanes.mask = lanes.union({then}, {other})" if left else f"lanes.mask = {saved}")

    def do_While(self, node: ast.While) -> None:
        loop = self.draft.fresh("loop")
        ending = what_ends(node, self.expressions.calls.is_pure)
        self.draft.program.loops = True
        self.draft.program.waits |= bool(ending.arrays)
        self.draft.program.polls |= ending.polls
        self.draft.do(node, "control.loop", leaves(node, (ast.Return,)),
                      self.draft.program.constant(ending, "ending"), to=loop)
        carried = self.carried(node)
        with self.draft.under(f"while control.again({loop}):"):
            self.carry(node, loop, carried)
            known = self.statics.known(node.test)
            self.at(node)
            if known is None or not known[0]:
                self.draft.emit(f"if not control.test({loop}, {self.expressions.value(node.test)}):")
                self.draft.emit("    break")
        self._loop_body(node, loop)
        self.carry(node, loop, carried)

    def _loop_body(self, node: ast.While | ast.For, loop: str) -> None:
        self.loops.append(loop)
        self.body(node.body)
        self.loops.pop()
        self.draft.emit(f"control.leave({loop})")
        if node.orelse:
            saved, left = self.draft.fresh("s"), escapes(ast.Module(node.orelse, []))
            self.draft.emit(f"{saved} = lanes.mask")
            self.draft.emit(f"lanes.mask = control.unbroken({loop})")
            self.draft.emit("if lanes.mask.lanes:")
            self.body(node.orelse)
            self.draft.emit(f"lanes.mask = control.rejoin({saved}, {loop})" if left else f"lanes.mask = {saved}")

    def do_For(self, node: ast.For) -> None:
        loop, turn = self.draft.fresh("loop"), self.draft.fresh("i")
        returns = leaves(node, (ast.Return,))
        arguments = self.expressions.calls.range_arguments(node.iter)
        if arguments is None:
            self.draft.do(node, "sequences.each", returns, self.expressions.value(node.iter), to=loop)
        else:
            self.draft.do(node, "control.range", returns, *arguments, to=loop)
        carried = self.carried(node)
        with self.draft.under(f"while ({turn} := control.next({loop})) is not None:"):
            self.carry(node, loop, carried)
            self.expressions.assign(node.target, turn, node)
        self._loop_body(node, loop)
        self.carry(node, loop, carried)

    def carried(self, node: ast.For | ast.While) -> list[str]:
        """Variables that a loop takes from before it, or from one turn to the next: they have one type for Numba.

        Only where 64-bit unsigned integers occur is that type another one than the machine's (uint64 and int64 are
        float64 together), so only there is it looked after.
        """
        if not self.draft.program.unsigned:
            return []
        test = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)} if isinstance(node, ast.While) else set()
        return sorted(assigned_in(node.body) & self.draft.held - (replaced(node.body) - test))

    def carry(self, node: ast.stmt, loop: str, names: list[str]) -> None:
        """The type of the variables at the beginning of each turn, and behind the loop."""
        if names:
            targets = ", ".join("v_" + n for n in names)
            self.draft.do(node, "variables.carry", loop, tuple(names), targets, to=targets + ",")

    def do_Break(self, node: ast.Break) -> None:
        self.draft.emit(f"control.break_({self.loops[-1]})")

    def do_Continue(self, node: ast.Continue) -> None:
        self.draft.emit(f"control.continue_({self.loops[-1]})")

    def do_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            if self.draft.kernel:
                raise self.draft.fail(node, "a kernel returns nothing; write the result into an array")
            self.draft.note_store(node.value)
            self.draft.emit(f"result = variables.merge({self.expressions.value(node.value)}, result)")
        self.draft.do(node, "lanes.leave_function", self.draft.kernel)

    def do_Raise(self, node: ast.Raise) -> None:
        """Compiled without debug=True, a raise ends its thread in silence; the machine says so."""
        if node.cause is not None:
            raise self.draft.fail(node, "Numba has no `raise ... from`; write raise alone")
        text = "raise" if node.exc is None else ast.unparse(node.exc)
        if node.exc is not None and any(isinstance(n, ast.JoinedStr | ast.Name | ast.Attribute | ast.Subscript)
                                        for a in getattr(node.exc, "args", ()) for n in ast.walk(a)):
            raise self.draft.fail(node, "the arguments of an exception must be constants in a kernel; write an "
                                        "error code into an array, or print the value")
        self.draft.do(node, "faults.raised", repr(text))
        self.draft.do(node, "lanes.leave_function", self.draft.kernel)

    def do_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.decorator_list:
            raise self.draft.fail(node, f"function {node.name!r} inside a kernel takes no decorator; define it "
                                        "outside, marked @cuda.jit(device=True)")
        self.draft.nested[node.name] = self.draft.source.inner(node, self.draft.variables)


def parts_of_machine(lines: list[str]) -> list[str]:
    """The lines that take out the parts which a program calls."""
    text = "\n".join(lines)
    used = [part for part in PARTS if re.search(rf"\b{part}\.", text)]
    return [f"    {', '.join(few)} = {', '.join('m.' + part for part in few)}"
            for few in (used[k:k + PARTS_A_LINE] for k in range(0, len(used), PARTS_A_LINE))]


def assigned_in(statements: list[ast.stmt]) -> set[str]:
    """Names that statements assign."""
    return {n.id for s in statements for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def replaced(statements: list[ast.stmt]) -> set[str]:
    """Variables that statements surely assign before they read them."""
    found: set[str] = set()
    read: set[str] = set()
    for statement in statements:
        read |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        if isinstance(statement, ast.Assign):
            found |= {t.id for t in statement.targets if isinstance(t, ast.Name)} - read
        else:
            read |= assigned_in([statement])  # perhaps
    return found


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
