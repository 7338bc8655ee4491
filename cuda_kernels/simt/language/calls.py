"""The translator's calls: casts, math, cuda.*, device functions, registered intrinsics."""
from __future__ import annotations

import ast
import math
import random
from typing import Any

import numpy as np

from .. import intrinsics
from ..host.signatures import scalars_declared
from ..machine import numeric
from ..machine.functions import math_arguments
from ..machine.ufuncs import NUMPY_METHODS, UFUNCS
from . import names
from .desugar import as_function
from .operations import ADVICE, Operations
from .source import Source
from .statics import UNKNOWN
from .unsupported import NO_RANDOM, NO_STRINGS

UNDECORATED = ("{0!r} is a plain Python function, which Numba refuses to call from a kernel (\"Untyped global name\"): "
               "mark it @cuda.jit(device=True)")


class Calls(Operations):
    """Calls. Part of `FunctionTranslator`."""

    call_node: ast.AST

    def call(self, node: ast.Call, wanted: bool, hint: str = "") -> str:
        """Translate a call; returns the name of its result."""
        known = self.known(node)
        if known is not None:
            return self.literal(node, known[0])
        nested = self._nested(node.func)
        if nested is not None:
            self.call_node = node
            name, callee = self.program.nested(nested, self)
            return self._call(node, name, callee, None)
        found = self.static(node.func)
        if isinstance(node.func, ast.Attribute) and (found is UNKNOWN or isinstance(
                self.static(node.func.value), np.ndarray | np.generic | complex)):
            return self._method(node, node.func.value, node.func.attr, node.args)
        found = self._callee(node, found)
        if found in (np.finfo, np.iinfo):
            return self.result(f"m.limits({self.line(node)}, {found.__name__!r}, {self.positional(node, 1)[0]})")
        dtype = names.as_dtype(found)
        if dtype == np.float32 and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp) and isinstance(
                node.args[0].op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            part = node.args[0]
            sides = (part.left, part.right)
            values = ", ".join(self.value(side) for side in sides)
            constants = tuple(self.known(side) is not None for side in sides)
            name = self.operator(part.op, part)
            return self.result(f"m.narrowed({self.line(part)}, {name!r}, {values}, {constants})")
        if dtype is not None:
            return self.result(f"m.cast({self.line(node)}, {self.program.constant(dtype, 'dtype')}, "
                               f"{', '.join(self.positional(node, 1))})")
        meaning = intrinsics.find(found)
        if meaning is not None:
            return self._intrinsic(node, meaning)
        operation = names.operation(found)
        if operation is not None:
            return self._operation(node, operation, wanted, hint)
        if isinstance(found, np.ufunc) and found.__name__ in UFUNCS:
            arguments = ", ".join([repr(found.__name__), *self.positional(node)])
            return self.result(f"m.ufunc({self.line(node)}, {arguments})")
        if found in NUMPY_METHODS and node.args:
            return self._method(node, node.args[0], NUMPY_METHODS[found], node.args[1:])
        if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
            given = "".join(f", {k.arg}={self.value(k.value)}" for k in node.keywords)
            return self.result(f"{self.program.constant(found, found.__name__)}({', '.join(map(self.value, node.args))}"
                               f"{given if node.args else given[2:]})")
        function = names.python_function(found)
        if function is not None and function is not found:  # what @cuda.jit or @njit marks is a device function
            return self._device_function(node, function, scalars_declared(found))
        if function is not None and (function.__module__ or "").split(".")[0] not in ("numpy", "numba", "numba_cuda"):
            raise self.fail(node, UNDECORATED.format(function.__name__))
        raise self.fail(node, self._advice(node, found))

    def is_pure(self, node: ast.Call) -> bool:
        """A cast, math.* or a builtin of numbers: its value depends on its arguments alone."""
        if self._nested(node.func) is not None:
            return False
        found = self.static(node.func)
        if found is UNKNOWN:
            return False
        operation = names.operation(found) or ""
        reads = operation == "builtin.next" or (len(node.args) == 1 and operation in (
            "builtin.sum", "builtin.min", "builtin.max"))  # of a whole array
        return names.as_dtype(found) is not None or (operation.startswith(("math.", "builtin.")) and not reads)

    def _nested(self, function: ast.expr) -> Any:
        """The source of a function that is defined in the kernel: def, lambda, or another name of one."""
        if isinstance(function, ast.Lambda):
            definition = ast.fix_missing_locations(as_function(self.fresh("lambda_"), function))
            return self.source.inner(definition, self.variables)
        seen: set[str] = set()
        while isinstance(function, ast.Name) and function.id not in seen:
            if isinstance(self.bound.get(function.id), Source):
                return self.bound[function.id]
            if function.id in self.nested:
                return self.nested[function.id]
            seen.add(function.id)
            function = self.once.get(function.id, function)
        return None

    def _method(self, node: ast.Call, owner: ast.expr, name: str, arguments: list[ast.expr]) -> str:
        """x.sum(), x.reshape(2, 3), z.conjugate(): what it means depends on the value."""
        if node.keywords:
            raise self.fail(node, f"{ast.unparse(node.func)} takes no keyword arguments in a kernel")
        if name in ("fill", "reshape", "view", "transpose"):  # the others only read
            self.note_store(owner)
        values = "".join(", " + self._argument(a) for a in arguments)
        return self.result(f"m.method({self.line(node)}, {self.base(owner)}, {name!r}{values})")

    def _callee(self, node: ast.Call, found: Any) -> Any:
        owner = getattr(found, "__self__", None)
        if isinstance(owner, str):
            raise self.fail(node, NO_STRINGS)
        if isinstance(owner, random.Random | np.random.RandomState | np.random.Generator):
            raise self.fail(node, NO_RANDOM)
        if found is UNKNOWN:
            raise self.fail(node, f"{ast.unparse(node.func)} is not known before the kernel runs, so it cannot be "
                            "called")
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

    def positional(self, node: ast.Call, count: int | None = None) -> list[str]:
        """The values of a call's positional arguments."""
        if node.keywords:
            raise self.fail(node, f"{ast.unparse(node.func)} takes no keyword arguments in a kernel")
        if count is not None and len(node.args) != count:
            raise self.fail(node, f"{ast.unparse(node.func)} takes {count} argument{'s' * (count != 1)}, got "
                            f"{len(node.args)}")
        return [self._argument(a) for a in node.args]

    def _argument(self, node: ast.expr) -> str:
        """An argument's value; `*t` hands on a tuple's elements one by one."""
        return "*" + self.value(node.value) if isinstance(node, ast.Starred) else self.value(node)

    def known_call(self, node: ast.Call) -> tuple[Any] | None:
        """float32(0), -math.inf, min(TILE, 8), math.sqrt(2.0), len(SIZES): constants."""
        if node.keywords or not node.args:
            return None
        found = self.static(node.func)
        if found is UNKNOWN:
            return None
        if len(node.args) == 1 and found in (float, len, ord):
            text = self.static(node.args[0])
            if isinstance(text, str):
                return (found(text),)
        arguments = [self.known(a) for a in node.args]
        if any(a is None or isinstance(a[0], np.ndarray) for a in arguments):
            return None
        values = [a[0] for a in arguments if a is not None]
        dtype = names.as_dtype(found)
        if dtype is not None and len(values) == 1 and not isinstance(values[0], tuple):
            with np.errstate(all="ignore"):
                return (numeric.cast(numeric.typed(values[0]), dtype),)
        operation = names.operation(found) or ""
        if operation == "builtin.complex" and all(isinstance(v, int | float) for v in values):
            return (complex(*values),)
        if operation in ("builtin.min", "builtin.max", "builtin.int", "builtin.abs", "builtin.len"):
            return (found(*values),)
        if (operation.startswith("math.") and len(values) in math_arguments(operation[5:])
                and all(isinstance(v, int | float) for v in values)):
            try:
                result = getattr(math, operation[5:])(*values)
            except (ValueError, OverflowError):  # nan or inf on a GPU
                return None
            return (float(result) if isinstance(result, int) and not isinstance(result, bool) else result,) if (
                isinstance(result, int | float)) else None
        return None

    # -- functions ----------------------------------------------------------------------------------------------------

    def _intrinsic(self, node: ast.Call, meaning: Any) -> str:
        for argument in node.args:
            self.note_store(argument)
        constant = self.program.constant(meaning, "meaning")
        arguments = "".join(", " + a for a in self.positional(node))
        return self.result(f"m.intrinsic({self.line(node)}, {constant}{arguments})")

    def _device_function(self, node: ast.Call, function: Any, declared: tuple[dict[int, Any], Any]) -> str:
        """A call of it; numbers become what its signature declares, and so does what it returns."""
        self.call_node = node
        code = function.__code__
        passed = {**dict(zip(code.co_varnames[:code.co_argcount], node.args, strict=False)),
                  **{k.arg: k.value for k in node.keywords if k.arg}}
        functions = {p: self.static(a) for p, a in passed.items()}
        bound = {p: f for p, f in functions.items() if names.operation(f) or names.python_function(f)}
        for parameter, argument in passed.items():
            nested = self._nested(argument)
            if nested is not None and nested.captured:
                raise self.fail(argument, "a function that is handed on cannot use variables of the kernel; give "
                                "them to it as arguments")
            bound.update({} if nested is None else {parameter: nested})
        literals = {p: known[0] for p, a in passed.items() if (known := self.known(a)) and type(known[0]) is int}
        name, callee = self.program.function(function, self, bound, literals)
        if (function.__module__ or "").endswith("cuda.random"):
            self.emit("quiet = m.hush()")
            result = self._call(node, name, callee, function.__defaults__)
            self.emit("m.hush(quiet)")
            return result
        types, returned = declared
        result = self._call(node, name, callee, function.__defaults__, types)
        return result if returned is None else self._as_declared(node, returned, result)

    def _as_declared(self, node: ast.Call, dtype: Any, value: str) -> str:
        return self.result(f"m.cast({self.line(node)}, {self.program.constant(dtype, 'dtype')}, {value})")

    def _call(self, node: ast.Call, name: str, callee: Any, default_values: tuple | None,
              types: dict[int, Any] | None = None) -> str:
        """Call a translated function; `default_values` is None where the defaults are still expressions."""
        shown, captured = callee.source.name, callee.source.captured
        own = callee.parameters[len(captured):]
        line = f"{self.line(node)}, " if callee.foreign else ""
        rest = callee.source.tree.args.vararg
        if any(isinstance(a, ast.Starred) for a in node.args):
            if captured or node.keywords or rest:
                raise self.fail(node, f"{shown}: write the elements of the tuple out")
            for argument in node.args:
                self.note_store(argument)
            return self.result(f"{name}(m, {line}{', '.join(map(self._argument, node.args))})")
        more: list[ast.expr] = []
        if rest:
            own = own[:-1]
            more = node.args[len(own):]
            node = ast.copy_location(ast.Call(node.func, node.args[:len(own)], node.keywords), node)
        given: dict[str, ast.expr] = {c: ast.Name(c, ast.Load()) for c in captured}
        given.update(zip(own, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in given or keyword.arg not in own:
                raise self.fail(node, f"{shown}: argument {keyword.arg!r} is given twice or does not exist")
            given[keyword.arg] = keyword.value
        if len(node.args) > len(own):
            raise self.fail(node, f"{shown} takes {len(own)} arguments, got {len(node.args)}")
        arguments = []
        defaults = callee.source.tree.args.defaults
        first_default = len(callee.parameters) - len(defaults) - bool(rest)
        for k, parameter in enumerate(callee.parameters):
            if rest and parameter == rest.arg:
                arguments.append("(" + "".join(self.base(a) + ", " for a in more).rstrip() + ")")
            elif parameter in callee.bound:
                arguments.append("none_")
            elif parameter in given:
                argument = given[parameter]
                if parameter in callee.stored or "*" in callee.stored:
                    self.note_store(argument)
                value = self.base(argument)
                dtype = types.get(k) if types else None
                arguments.append(value if dtype is None else self._as_declared(node, dtype, value))
            elif k >= first_default:
                if default_values is None:
                    arguments.append(self.value(defaults[k - first_default]))
                    continue
                default = default_values[k - first_default]
                arguments.append("none_" if default is None else self.literal(node, default))
            else:
                raise self.fail(node, f"{shown}: argument {parameter!r} is missing")
        return self.result(f"{name}(m, {line}{', '.join(arguments)})")

    def range_arguments(self, node: ast.expr) -> list[str] | None:
        """(start, stop, step) of `range(…)`, or None where something else is looped over."""
        if not isinstance(node, ast.Call):
            return None
        if self.static(node.func) is not range:
            return None
        values = self.positional(node)
        if not 1 <= len(values) <= 3:
            raise self.fail(node, f"range() takes one to three numbers, got {len(values)}")
        none = "none_"
        if len(values) == 1:
            return [none, values[0], none]
        return [values[0], values[1], values[2] if len(values) == 3 else none]
