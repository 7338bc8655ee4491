"""The translator: a kernel's Python source becomes, once, a Python program over arrays of threads.

`y[i] = a * x[i]` at line 12 becomes

    m.at(12)
    t1 = m.index(12, v_x, v_i)
    t2 = m.mul(12, v_a, t1)
    m.store(12, v_y, v_i, t2)

where `m` is the machine and each value stands for all threads at once. An `if` runs both sides, each under the mask of
the threads that take it; a loop runs until no thread is left in it; after a statement that threads may leave by
`return`, `break` or `continue`, the rest runs only if a thread is left. `simt.translation(kernel)` shows the program of
a kernel.
"""
from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..errors import CONSTRUCT_ERRORS, UnsupportedSyntax, not_runnable
from .assigned import UnsureReads
from .ending import what_ends
from .expressions import Expressions, is_part
from .source import Source, assigned_names, assignments, escapes, leaves
from .statics import UNKNOWN
from .unsupported import INSTEAD

if TYPE_CHECKING:
    from .program import Program


class FunctionTranslator(Expressions):
    """Translates one function; the statements are here, the expressions in `expressions.py`."""

    def __init__(self, program: Program, source: Source, kernel: bool = True, foreign: bool = False,
                 bound: dict[str, Any] | None = None, literals: dict[str, Any] | None = None) -> None:
        self.program = program
        self.source = source
        self.name = source.name
        self.kernel = kernel
        self.foreign = foreign
        self.bound = bound or {}  # parameters that are functions, known at each call
        self.variables = assigned_names(source.tree)
        self.values_of = assignments(source.tree)
        self.once = {name: values[0][0] for name, values in self.values_of.items() if len(values) == 1}
        self.aliases: dict[str, Any] = {}
        self.literals = literals or {}  # arguments that are literals at this call; a shape may be one
        self.literals_used = False
        self.nested: dict[str, Source] = {}
        self.lines: list[str] = []
        self.indent = 1
        self.temporaries = 0
        self.loops: list[str] = []
        self.stored: set[str] = set()  # names of arrays that are written to, or handed on
        self.own_arrays: set[str] = set()  # names of shared and local arrays
        self.parameters: list[str] = []
        self.constants: dict[str, Any] = {}
        self.returns_value = False
        self.call_node: ast.AST = source.tree

    def translate(self) -> str:
        """The program's text for this function."""
        tree = self.source.tree
        arguments = tree.args
        if arguments.kwarg or arguments.kwonlyargs or (arguments.vararg and self.kernel):
            raise self.fail(tree, "Numba takes no keyword-only arguments and no **kwargs, and a kernel no *args; name "
                            "each argument")
        parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        parameters += [arguments.vararg.arg] if arguments.vararg else []
        self.parameters = parameters
        self.held = set(parameters)  # variables that are assigned so far
        self.unsure = UnsureReads(tree, self.variables, parameters, self.known)
        locals_ = sorted(self.variables - set(parameters))
        self.block(tree.body)
        head = [f"def {self.name}(m, {'line, ' if self.foreign else ''}{', '.join('v_' + p for p in parameters)}):"]
        if locals_:
            head.append("    " + " = ".join("v_" + n for n in locals_) + " = None")
        if self.unsure.names:
            head.append("    " + " = ".join("w_" + n for n in sorted(self.unsure.names)) + " = None")
        if not self.kernel:
            head.append("    before, result = m.enter(), None")
            self.lines.append("    m.exit(before)")
            self.lines.append("    return result")
        return "\n".join(head + (self.lines or ["    pass"]))

    # -- helpers ------------------------------------------------------------------------------------------------------

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def fresh(self, prefix: str = "t") -> str:
        self.temporaries += 1
        return f"{prefix}{self.temporaries}"

    def line(self, node: ast.AST) -> str:
        return "line" if self.foreign else str(getattr(node, "lineno", self.source.first_line))

    def fail(self, node: ast.AST, message: str) -> UnsupportedSyntax:
        return self.source.fail(node, message)

    def fail_at_call(self, message: str) -> UnsupportedSyntax:
        return self.fail(self.call_node, message)

    def unsupported(self, node: ast.AST) -> UnsupportedSyntax:
        what = INSTEAD.get(type(node).__name__, f"{type(node).__name__}; write it with plain assignments, if and loops")
        return self.fail(node, "a kernel cannot contain " + what + ".")

    # -- statements ---------------------------------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> None:
        """Statements one after another; what follows a possible escape runs only if a thread is left."""
        depth = self.indent
        for k, statement in enumerate(statements):
            self.statement(statement)
            if isinstance(statement, ast.Return | ast.Break | ast.Continue | ast.Raise):
                break
            if escapes(statement) and k + 1 < len(statements):
                if self.indent > 80:
                    raise self.fail(statement, "too many early exits in one function; use else branches")
                self.emit("if m.mask.lanes:")
                self.indent += 1
        if self.indent > depth and self.lines[-1].endswith("m.mask.lanes:"):
            self.emit("pass")
        self.indent = depth

    def statement(self, node: ast.stmt) -> None:
        method = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            raise self.unsupported(node)
        silent = ast.Pass | ast.FunctionDef | ast.While  # a while counts each time its condition is tested
        if not isinstance(node, silent) and not _is_docstring(node):
            self.at(node)
        try:
            method(node)
        except CONSTRUCT_ERRORS as error:
            raise self.fail(node, not_runnable(error)) from error

    def at(self, node: ast.AST) -> None:
        if self.program.stepping:
            self.emit(f"m.step({self.line(node)}, {self.name!r}, locals())")
        self.emit(f"m.at({self.line(node)})")

    def body(self, statements: list[ast.stmt]) -> None:
        """An indented block that is never empty."""
        self.indent += 1
        before = len(self.lines)
        self.block(statements)
        if len(self.lines) == before:
            self.emit("pass")
        self.indent -= 1

    def do_Pass(self, node: ast.Pass) -> None:
        pass

    def do_Expr(self, node: ast.Expr) -> None:
        if _is_docstring(node):
            return
        if not isinstance(node.value, ast.Call):
            self.value(node.value)
            return
        self.call(node.value, wanted=False)

    def do_Assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and self._without_aliases(node.targets[0], node.value, node):
            return
        hint = next((t.id for t in node.targets if isinstance(t, ast.Name)), "")
        value = self.value(node.value, hint)
        for target in node.targets:
            self.assign(target, value, node)

    def _without_aliases(self, target: ast.expr, value: ast.expr, node: ast.AST) -> bool:
        """Assign all but aliases (t = cuda.threadIdx), which are replaced where they are read; False if none is."""
        if isinstance(target, ast.Name):
            return target.id in self.once and self.alias(target.id) is not UNKNOWN
        if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)):
            return False
        pairs = list(zip(target.elts, value.elts, strict=False))
        kept = [(t, v) for t, v in pairs if not self._without_aliases(t, v, node)]
        if len(kept) == len(pairs):
            return False
        values = [self.value(v) for _, v in kept]
        for (element, _), part in zip(kept, values, strict=True):
            self.assign(element, part, node)
        return True

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            hint = node.target.id if isinstance(node.target, ast.Name) else ""
            self.assign(node.target, self.value(node.value, hint), node)

    def assign(self, target: ast.expr, value: str, node: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.held.add(target.id)
            self.emit(f"v_{target.id} = m.put({value}, v_{target.id})")
            if target.id in self.unsure.names:
                self.emit(f"w_{target.id} = m.remember(w_{target.id})")
        elif isinstance(target, ast.Tuple | ast.List):
            parts = [self.fresh() for _ in target.elts]
            self.emit(f"{', '.join(parts)}{',' if len(parts) == 1 else ''} = m.unpack({self.line(node)}, {value}, "
                      f"{len(parts)})")
            for element, part in zip(target.elts, parts, strict=True):
                self.assign(element, part, node)
        elif isinstance(target, ast.Subscript):
            base, field = self.value(target.value), self.static(target.slice)
            self.note_store(target.value)
            if isinstance(field, str):
                self.emit(f"m.set_field({self.line(node)}, {base}, {field!r}, {value})")
                return
            kind = "store_part" if is_part(target.slice) else "store"
            self.emit(f"m.{kind}({self.line(node)}, {base}, {self.index(target.slice)}, {value})")
        elif isinstance(target, ast.Attribute):
            base = self.value(target.value)
            self.note_store(target.value)
            self.emit(f"m.set_field({self.line(node)}, {base}, {target.attr!r}, {value})")
        else:
            raise self.fail(node, "only variables, array elements and a record's fields can be assigned in a kernel")

    def do_AugAssign(self, node: ast.AugAssign) -> None:
        operation = self.operator(node.op, node)
        line = self.line(node)
        if isinstance(node.target, ast.Name):
            old = self.variable(node.target)
            result = self.fresh()
            self.emit(f"{result} = m.{operation}({line}, {old}, {self.value(node.value)})")
            self.assign(node.target, result, node)
            return
        target = node.target
        field = target.attr if isinstance(target, ast.Attribute) else self.static(target.slice)
        self.note_store(target.value)
        if isinstance(target, ast.Attribute) or isinstance(field, str):
            base, old, result = self.value(target.value), self.fresh(), self.fresh()
            self.emit(f"{old} = m.attribute({line}, {base}, {field!r})")
            self.emit(f"{result} = m.{operation}({line}, {old}, {self.value(node.value)})")
            self.emit(f"m.set_field({line}, {base}, {field!r}, {result})")
            return
        if is_part(target.slice):
            raise self.fail(node, "Numba has no operation on a part of an array; write a loop over its elements")
        base, index = self.value(target.value), self.index(target.slice)
        old, result = self.fresh(), self.fresh()
        self.emit(f"{old} = m.index({line}, {base}, {index})")
        self.emit(f"{result} = m.{operation}({line}, {old}, {self.value(node.value)})")
        self.emit(f"m.store({line}, {base}, {index}, {result})")

    def do_If(self, node: ast.If) -> None:
        known = self.known(node.test)
        if known is not None:
            self.emit("if True:")
            self.body(node.body if known[0] else node.orelse)
            return
        condition = self.value(node.test)
        saved, then, other = self.fresh("s"), self.fresh("b"), self.fresh("e")
        left = escapes(node)
        self.emit(f"{saved} = m.mask")
        self.emit(f"{then}, {other} = m.branch({self.line(node)}, {condition})")
        for name in sorted(replaced(node.body) & replaced(node.orelse)):  # the type of what they held means nothing
            self.emit(f"v_{name} = m.replaced(v_{name})")
        for mask, statements in ((then, node.body), (other, node.orelse)):
            if not statements:
                continue
            self.emit(f"if {mask}.lanes:")
            self.indent += 1
            self.emit(f"m.mask = {mask}")
            self.indent -= 1
            self.body(statements)
            if left:
                self.indent += 1
                self.emit(f"{mask} = m.mask")
                self.indent -= 1
        self.emit(f"m.mask = m.union({then}, {other})" if left else f"m.mask = {saved}")

    def do_While(self, node: ast.While) -> None:
        loop = self.fresh("loop")
        line, returns = self.line(node), leaves(node, (ast.Return,))
        ending = what_ends(node, self.is_pure)
        self.program.loops = True
        self.program.waits |= bool(ending.arrays)
        self.program.polls |= ending.polls
        self.emit(f"{loop} = m.loop({line}, {returns}, {self.program.constant(ending, 'ending')})")
        carried = self.carried(node)
        self.emit(f"while m.again({loop}):")
        self.carry(node, loop, carried)
        self.indent += 1
        known = self.known(node.test)
        self.at(node)
        if known is None or not known[0]:
            self.emit(f"if not m.test({loop}, {self.value(node.test)}):")
            self.emit("    break")
        self.indent -= 1
        self._loop_body(node, loop)
        self.carry(node, loop, carried, behind=True)

    def _loop_body(self, node: ast.While | ast.For, loop: str) -> None:
        self.loops.append(loop)
        self.body(node.body)
        self.loops.pop()
        self.emit(f"m.leave({loop})")
        if node.orelse:
            saved, left = self.fresh("s"), escapes(ast.Module(node.orelse, []))
            self.emit(f"{saved} = m.mask")
            self.emit(f"m.mask = m.unbroken({loop})")
            self.emit("if m.mask.lanes:")
            self.body(node.orelse)
            self.emit(f"m.mask = m.rejoin({saved}, {loop})" if left else f"m.mask = {saved}")

    def do_For(self, node: ast.For) -> None:
        loop, turn = self.fresh("loop"), self.fresh("i")
        returns = leaves(node, (ast.Return,))
        arguments = self.range_arguments(node.iter)
        if arguments is None:
            self.emit(f"{loop} = m.each({self.line(node)}, {returns}, {self.value(node.iter)})")
        else:
            self.emit(f"{loop} = m.range({self.line(node)}, {returns}, {', '.join(arguments)})")
        carried = self.carried(node)
        self.emit(f"while ({turn} := m.next({loop})) is not None:")
        self.carry(node, loop, carried)
        self.indent += 1
        self.assign(node.target, turn, node)
        self.indent -= 1
        self._loop_body(node, loop)
        self.carry(node, loop, carried, behind=True)

    def carried(self, node: ast.For | ast.While) -> list[str]:
        """Variables that a loop takes from before it, or from one turn to the next: they have one type for Numba.

        Only where 64-bit unsigned integers occur is that type another one than the machine's (uint64 and int64 are
        float64 together), so only there is it looked after.
        """
        if not self.program.unsigned:
            return []
        test = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)} if isinstance(node, ast.While) else set()
        return sorted(assigned_in(node.body) & self.held - (replaced(node.body) - test))

    def carry(self, node: ast.stmt, loop: str, names: list[str], behind: bool = False) -> None:
        """The type of the variables at the beginning of each turn, and behind the loop."""
        if names:
            targets = ", ".join("v_" + n for n in names)
            call = f"{targets}, = m.carry({self.line(node)}, {loop}, {tuple(names)}, {targets})"
            self.lines.append("    " * (self.indent + (not behind)) + call)

    def do_Break(self, node: ast.Break) -> None:
        self.emit(f"m.break_({self.loops[-1]})")

    def do_Continue(self, node: ast.Continue) -> None:
        self.emit(f"m.continue_({self.loops[-1]})")

    def do_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            if self.kernel:
                raise self.fail(node, "a kernel returns nothing; write the result into an array")
            self.note_escape(node.value)
            self.emit(f"result = m.merge({self.value(node.value)}, result)")
        self.emit(f"m.leave_function({self.line(node)}, {self.kernel})")

    def do_Raise(self, node: ast.Raise) -> None:
        """Compiled without debug=True, a raise ends its thread in silence; the machine says so."""
        if node.cause is not None:
            raise self.fail(node, "Numba has no `raise ... from`; write raise alone")
        text = "raise" if node.exc is None else ast.unparse(node.exc)
        if node.exc is not None and any(isinstance(n, ast.JoinedStr | ast.Name | ast.Attribute | ast.Subscript)
                                        for a in getattr(node.exc, "args", ()) for n in ast.walk(a)):
            raise self.fail(node, "the arguments of an exception must be constants in a kernel; write an error code "
                            "into an array, or print the value")
        self.emit(f"m.raised({self.line(node)}, {text!r})")
        self.emit(f"m.leave_function({self.line(node)}, {self.kernel})")

    def do_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.decorator_list:
            raise self.fail(node, f"function {node.name!r} inside a kernel takes no decorator; define it outside, "
                            "marked @cuda.jit(device=True)")
        self.nested[node.name] = self.source.inner(node, self.variables)


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
