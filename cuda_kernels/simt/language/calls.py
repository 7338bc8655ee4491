"""The translator's calls: casts, math, cuda.*, device functions, registered intrinsics."""
from __future__ import annotations

import ast
import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from ..machine import intrinsics
from ..machine.maths import UFUNCS
from ..machine.methods import NUMPY_METHODS
from . import names
from .desugar import as_function
from .draft import Draft
from .operations import ADVICE, Operations
from .source import Source
from .statics import UNKNOWN, Statics
from .unsupported import NO_RANDOM, NO_STRINGS

if TYPE_CHECKING:
    from .expressions import Expressions

UNDECORATED = ("{0!r} is a plain Python function, which Numba refuses to call from a kernel (\"Untyped global name\"): "
               "mark it @cuda.jit(device=True)")


class Calls:
    """Calls of functions."""

    def __init__(self, draft: Draft, statics: Statics, expressions: Expressions) -> None:
        self.draft = draft
        self.statics = statics
        self.expressions = expressions
        self.operations = Operations(draft, statics, expressions)

    def call(self, node: ast.Call, wanted: bool, hint: str = "") -> str:
        """Translate a call; returns the name of its result."""
        known = self.statics.known(node)
        if known is not None:
            return self.expressions.literal(node, known[0])
        nested = self._nested(node.func)
        if nested is not None:
            self.draft.call_node = node
            name, callee = self.draft.program.nested(nested, self.draft)
            return self._call(node, name, callee, None)
        found = self.statics.static(node.func)
        if isinstance(node.func, ast.Attribute) and (found is UNKNOWN or isinstance(
                self.statics.static(node.func.value), np.ndarray | np.generic | complex)):
            return self._method(node, node.func.value, node.func.attr, node.args)
        found = self._callee(node, found)
        if found in (np.finfo, np.iinfo):
            return self.draft.call(node, "builtins.limits", repr(found.__name__), self.operations.arguments(node, 1)[0])
        dtype = names.as_dtype(found)
        if dtype == np.float32 and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp) and isinstance(
                node.args[0].op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            part = node.args[0]
            sides = (part.left, part.right)
            values = [self.expressions.value(side) for side in sides]
            constants = tuple(self.statics.known(side) is not None for side in sides)
            name = self.statics.operator(part.op, part)
            return self.draft.call(part, "numbers.narrowed", repr(name), *values, constants)
        if dtype is not None:
            return self._cast(node, dtype, *self.operations.arguments(node, 1))
        if id(found) in names.vectors():
            vector, of = names.vectors()[id(found)]
            named = self.draft.program.constant(vector, vector.__name__), self.draft.program.constant(of, "dtype")
            return self.draft.call(node, "builtins.vector", *named, *self.operations.arguments(node))
        meaning = intrinsics.find(found)
        if meaning is not None:
            return self._intrinsic(node, meaning)
        operation = names.operation(found)
        if operation is not None:
            return self.operations.operation(node, operation, wanted, hint)
        if isinstance(found, np.ufunc) and found.__name__ in UFUNCS:
            return self.draft.call(node, "maths.ufunc", repr(found.__name__), *self.operations.arguments(node))
        if found in NUMPY_METHODS and node.args:
            return self._method(node, node.args[0], NUMPY_METHODS[found], node.args[1:])
        if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
            given = [f"{k.arg}={self.expressions.value(k.value)}" for k in node.keywords]
            kind = self.draft.program.constant(found, found.__name__)
            return self.draft.result(f"{kind}({', '.join([*map(self.expressions.value, node.args), *given])})")
        function = names.python_function(found)
        if function is not None and function is not found:  # what @cuda.jit or @njit marks is a device function
            declared = getattr(found, "_simt_declared", None)  # its signatures, see host/signatures.py
            return self._device_function(node, function, declared.scalars() if declared else ({}, None))
        if function is not None and (function.__module__ or "").split(".")[0] not in ("numpy", "numba", "numba_cuda"):
            raise self.draft.fail(node, UNDECORATED.format(function.__name__))
        raise self.draft.fail(node, self._advice(node, found))

    def is_pure(self, node: ast.Call) -> bool:
        """A cast, math.* or a builtin of numbers: its value depends on its arguments alone."""
        if self._nested(node.func) is not None:
            return False
        found = self.statics.static(node.func)
        if found is UNKNOWN:
            return False
        operation = names.operation(found) or ""
        reads = operation == "builtin.next" or (len(node.args) == 1 and operation in (
            "builtin.sum", "builtin.min", "builtin.max"))  # of a whole array
        return names.as_dtype(found) is not None or (operation.startswith(("math.", "builtin.")) and not reads)

    def _nested(self, function: ast.expr) -> Any:
        """The source of a function that is defined in the kernel: def, lambda, or another name of one."""
        if isinstance(function, ast.Lambda):
            definition = ast.fix_missing_locations(as_function(self.draft.fresh("lambda_"), function))
            return self.draft.source.inner(definition, self.draft.variables)
        seen: set[str] = set()
        while isinstance(function, ast.Name) and function.id not in seen:
            if isinstance(self.draft.bound.get(function.id), Source):
                return self.draft.bound[function.id]
            if function.id in self.draft.nested:
                return self.draft.nested[function.id]
            seen.add(function.id)
            function = self.draft.once.get(function.id, function)
        return None

    def _method(self, node: ast.Call, owner: ast.expr, name: str, arguments: list[ast.expr]) -> str:
        """x.sum(), x.reshape(2, 3), z.conjugate(): what it means depends on the value."""
        if node.keywords:
            raise self.draft.fail(node, f"{ast.unparse(node.func)} takes no keyword arguments in a kernel")
        if name in ("fill", "reshape", "view", "transpose"):  # the others only read
            self.draft.note_store(owner)
        values = [self.operations.argument(a) for a in arguments]
        return self.draft.call(node, "methods.call", self.expressions.base(owner), repr(name), *values)

    def _callee(self, node: ast.Call, found: Any) -> Any:
        owner = getattr(found, "__self__", None)
        if isinstance(owner, str):
            raise self.draft.fail(node, NO_STRINGS)
        if isinstance(owner, random.Random | np.random.RandomState | np.random.Generator):
            raise self.draft.fail(node, NO_RANDOM)
        if found is UNKNOWN:
            raise self.draft.fail(node, f"{ast.unparse(node.func)} is not known before the kernel runs, so it cannot "
                                        "be called")
        return found

    def _advice(self, node: ast.Call, found: Any) -> str:
        name = ast.unparse(node.func)
        if isinstance(found, np.ufunc) or (getattr(found, "__module__", "") or "").split(".")[0] == "numpy":
            instead = f"math.{found.__name__}" if hasattr(math, getattr(found, "__name__", " ")) else "math.*"
            return (f"{name} is a NumPy function that Numba does not compile for a GPU; use {instead} on single "
                    "numbers, or a loop")
        if name in ADVICE:
            return f"{name}() has no meaning in a kernel; {ADVICE[name]}"
        return (f"{name} is not known to the SIMT machine. If it is an intrinsic, give it a meaning with "
                "simt.register_intrinsic; if it is a function, define it with def")

    # -- functions ----------------------------------------------------------------------------------------------------

    def _intrinsic(self, node: ast.Call, meaning: Any) -> str:
        for argument in node.args:
            self.draft.note_store(argument)
        constant = self.draft.program.constant(meaning, "meaning")
        return self.draft.call(node, "m.intrinsic", constant, *self.operations.arguments(node))

    def _device_function(self, node: ast.Call, function: Any, declared: tuple[dict[int, Any], Any]) -> str:
        """A call of it; numbers become what its signature declares, and so does what it returns."""
        self.draft.call_node = node
        code = function.__code__
        passed = {**dict(zip(code.co_varnames[:code.co_argcount], node.args, strict=False)),
                  **{k.arg: k.value for k in node.keywords if k.arg}}
        functions = {p: self.statics.static(a) for p, a in passed.items()}
        bound = {p: f for p, f in functions.items() if names.operation(f) or names.python_function(f)}
        for parameter, argument in passed.items():
            nested = self._nested(argument)
            if nested is not None and nested.captured:
                raise self.draft.fail(argument, "a function that is handed on cannot use variables of the kernel; "
                                                "give them to it as arguments")
            bound.update({} if nested is None else {parameter: nested})
        literals = {p: known[0] for p, a in passed.items()
                    if (known := self.statics.known(a)) and type(known[0]) is int}
        name, callee = self.draft.program.function(function, self.draft, bound, literals)
        if (function.__module__ or "").endswith("cuda.random"):
            self.draft.emit("quiet = faults.hush()")
            result = self._call(node, name, callee, function.__defaults__)
            self.draft.emit("faults.hush(quiet)")
            return result
        types, returned = declared
        result = self._call(node, name, callee, function.__defaults__, types)
        return result if returned is None else self._cast(node, returned, result)

    def _cast(self, node: ast.Call, dtype: Any, value: str) -> str:
        return self.draft.call(node, "builtins.cast", self.draft.program.constant(dtype, 'dtype'), value)

    def _call(self, node: ast.Call, name: str, callee: Any, default_values: tuple | None,
              types: dict[int, Any] | None = None) -> str:
        """Call a translated function; `default_values` is None where the defaults are still expressions."""
        shown, captured = callee.source.name, callee.source.captured
        own = callee.parameters[len(captured):]
        line = f"{self.draft.line(node)}, " if callee.foreign else ""
        rest = callee.source.tree.args.vararg
        if any(isinstance(a, ast.Starred) for a in node.args):
            if captured or node.keywords or rest:
                raise self.draft.fail(node, f"{shown}: write the elements of the tuple out")
            for argument in node.args:
                self.draft.note_store(argument)
            return self.draft.result(f"{name}(m, {line}{', '.join(map(self.operations.argument, node.args))})")
        more: list[ast.expr] = []
        if rest:
            own = own[:-1]
            more = node.args[len(own):]
            node = ast.copy_location(ast.Call(node.func, node.args[:len(own)], node.keywords), node)
        given: dict[str, ast.expr] = {c: ast.Name(c, ast.Load()) for c in captured}
        given.update(zip(own, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in given or keyword.arg not in own:
                raise self.draft.fail(node, f"{shown}: argument {keyword.arg!r} is given twice or does not exist")
            given[keyword.arg] = keyword.value
        if len(node.args) > len(own):
            raise self.draft.fail(node, f"{shown} takes {len(own)} arguments, got {len(node.args)}")
        arguments = []
        defaults = callee.source.tree.args.defaults
        first_default = len(callee.parameters) - len(defaults) - bool(rest)
        for k, parameter in enumerate(callee.parameters):
            if rest and parameter == rest.arg:
                arguments.append("(" + "".join(self.expressions.base(a) + ", " for a in more).rstrip() + ")")
            elif parameter in callee.bound:
                arguments.append("none_")
            elif parameter in given:
                argument = given[parameter]
                if parameter in callee.stored or "*" in callee.stored:
                    self.draft.note_store(argument)
                value = self.expressions.base(argument)
                dtype = types.get(k) if types else None
                arguments.append(value if dtype is None else self._cast(node, dtype, value))
            elif k >= first_default:
                if default_values is None:
                    arguments.append(self.expressions.value(defaults[k - first_default]))
                    continue
                default = default_values[k - first_default]
                arguments.append("none_" if default is None else self.expressions.literal(node, default))
            else:
                raise self.draft.fail(node, f"{shown}: argument {parameter!r} is missing")
        return self.draft.result(f"{name}(m, {line}{', '.join(arguments)})")

    def range_arguments(self, node: ast.expr) -> list[str] | None:
        """(start, stop, step) of `range(…)`, or None where something else is looped over."""
        if not isinstance(node, ast.Call):
            return None
        if self.statics.static(node.func) is not range:
            return None
        values = self.operations.arguments(node)
        if not 1 <= len(values) <= 3:
            raise self.draft.fail(node, f"range() takes one to three numbers, got {len(values)}")
        none = "none_"
        if len(values) == 1:
            return [none, values[0], none]
        return [values[0], values[1], values[2] if len(values) == 3 else none]
