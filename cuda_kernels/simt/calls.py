"""The translator's calls: casts, math, cuda.*, device functions, registered intrinsics."""
from __future__ import annotations

import ast
import math
import random
from typing import Any

import numpy as np

from . import intrinsics, names, numeric
from .functions import math_arguments
from .parts import Part
from .unsupported import NO_RANDOM, NO_STRINGS

_DIRECT = {
    "builtin.min": "min_", "builtin.max": "max_", "builtin.abs": "abs_", "builtin.round": "round_",
    "builtin.int": "int_", "builtin.float": "float_", "builtin.bool": "bool_", "builtin.len": "len_",
    "builtin.pow": "pow", "builtin.print": "print_",
}
_NO_RESULT = ("syncthreads", "syncwarp", "threadfence", "threadfence_block", "threadfence_system", "nanosleep",
              "builtin.print")
_ADVICE = {
    "enumerate": "loop over range(n) and index", "zip": "loop over range(n) and index both",
    "sum": "add up in a loop", "sorted": "sort on the host", "list": "use cuda.local.array", "dict": "use an array",
    "set": "use an array of flags", "str": "a kernel has no strings", "any": "combine with `or` in a loop",
    "all": "combine with `and` in a loop", "map": "write a loop", "filter": "write a loop with if",
    "isinstance": "types are fixed when the kernel is compiled", "open": "a kernel cannot reach files",
    "input": "a kernel cannot ask", "reversed": "use range(n - 1, -1, -1)",
    "divmod": "use // and %", "tuple": "write the elements out",
}
_MATH_HINT = "compute it on the host and pass it, or write a loop"
_MATH_ADVICE = {
    "cbrt": "use cuda.cbrt", "fma": "use cuda.fma", "log": "write math.log(x) / math.log(base)",
    "isclose": "compare abs(a - b) with a tolerance", "isqrt": "use int32(math.sqrt(x))", "dist": "use math.hypot",
}


class Calls(Part):
    """Calls. Part of `FunctionTranslator`."""

    call_node: ast.AST

    def call(self, node: ast.Call, wanted: bool, hint: str = "") -> str:
        """Translate a call; returns the name of its result."""
        known = self.known(node)
        if known is not None:
            return self.literal(node, known[0])
        if isinstance(node.func, ast.Name) and node.func.id in self.nested:
            self.call_node = node
            name, callee = self.program.nested(self.nested[node.func.id], self)
            return self._call(node, name, callee, None)
        found = self._callee(node)
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
        function = names.python_function(found)
        library = (getattr(function, "__module__", "") or "").startswith(("numpy", "numba"))
        if function is not None and (function is not found or not library):  # what @cuda.jit marks is a device function
            return self._device_function(node, function)
        raise self.fail(node, self._advice(node, found))

    def is_pure(self, node: ast.Call) -> bool:
        """A cast, math.* or a builtin of numbers: its value depends on its arguments alone."""
        if isinstance(node.func, ast.Name) and node.func.id in self.nested:
            return False
        found = self.static(node.func)
        return names.as_dtype(found) is not None or (names.operation(found) or "").startswith(("math.", "builtin."))

    def _callee(self, node: ast.Call) -> Any:
        found = self.static(node.func)
        if isinstance(node.func, ast.Lambda):
            raise self.unsupported(node.func)
        owner = getattr(found, "__self__", None)
        if isinstance(owner, str):
            raise self.fail(node, NO_STRINGS)
        if isinstance(owner, random.Random | np.random.RandomState | np.random.Generator):
            raise self.fail(node, NO_RANDOM)
        if type(found) is object:
            if isinstance(node.func, ast.Attribute):
                raise self.fail(node, f"method .{node.func.attr}() of a value has no meaning in a kernel; write it "
                                "with arithmetic, loops and cuda.* functions")
            raise self.fail(node, f"{ast.unparse(node.func)} is not known before the kernel runs, so it cannot be "
                            "called")
        return found

    def _advice(self, node: ast.Call, found: Any) -> str:
        name = ast.unparse(node.func)
        if isinstance(found, np.ufunc) or (getattr(found, "__module__", "") or "").split(".")[0] == "numpy":
            return f"{name} is a NumPy function, which a kernel cannot call; use math.* on single numbers, or a loop"
        if name in _ADVICE:
            return f"{name}() has no meaning in a kernel; {_ADVICE[name]}"
        return (f"{name} is not known to the SIMT machine. If it is an intrinsic, give it a meaning with "
                "simt.register_intrinsic; if it is a function, define it with def")

    def positional(self, node: ast.Call, count: int | None = None) -> list[str]:
        """The values of a call's positional arguments."""
        if node.keywords:
            raise self.fail(node, f"{ast.unparse(node.func)} takes no keyword arguments in a kernel")
        if count is not None and len(node.args) != count:
            raise self.fail(node, f"{ast.unparse(node.func)} takes {count} argument{'s' * (count != 1)}, got "
                            f"{len(node.args)}")
        return [self.value(a) for a in node.args]

    def known_call(self, node: ast.Call) -> tuple[Any] | None:
        """float32(0), -math.inf, min(TILE, 8), math.sqrt(2.0), len(SIZES): constants."""
        if node.keywords or not node.args:
            return None
        found = self.static(node.func)
        if type(found) is object:
            return None
        arguments = [self.known(a) for a in node.args]
        if any(a is None or isinstance(a[0], np.ndarray) for a in arguments):
            return None
        values = [a[0] for a in arguments if a is not None]
        dtype = names.as_dtype(found)
        if dtype is not None and len(values) == 1 and not isinstance(values[0], tuple):
            with np.errstate(all="ignore"):
                return (numeric.cast(numeric.typed(values[0]), dtype),)
        operation = names.operation(found) or ""
        if operation in ("builtin.min", "builtin.max", "builtin.int", "builtin.abs", "builtin.len"):
            return (found(*values),)
        if (operation.startswith("math.") and len(values) in math_arguments(operation[5:])
                and all(isinstance(v, int | float) for v in values)):
            result = getattr(math, operation[5:])(*values)
            return (float(result) if isinstance(result, int) and not isinstance(result, bool) else result,) if (
                isinstance(result, int | float)) else None
        return None

    # -- operations of the machine ------------------------------------------------------------------------------------

    def _operation(self, node: ast.Call, operation: str, wanted: bool, hint: str) -> str:
        line = self.line(node)
        if operation in ("shared.array", "local.array"):
            return self._array(node, operation, hint)
        if operation == "const.array_like":
            if self.known(node.args[0]) is None:
                raise self.fail(node, "cuda.const.array_like takes a NumPy array of the kernel's globals")
            return self.value(node.args[0])
        if operation in ("grid", "gridsize"):
            known = self.known(node.args[0]) if len(node.args) == 1 else None
            if known is None or known[0] not in (1, 2, 3):
                raise self.fail(node, f"cuda.{operation} takes the constant 1, 2 or 3")
            return self.result(f"m.{operation}({line}, {known[0]})")
        if operation.startswith("atomic."):
            return self._atomic(node, operation[7:], wanted)
        if operation == "builtin.breakpoint":
            self.program.breakpoints = True
            self.emit(f"m.breakpoint({line}, {self.name!r}, locals())")
            return "none_"
        if operation == "builtin.range":
            raise self.fail(node, "range() can only be looped over")
        if operation == "literal_unroll":
            return self.positional(node, 1)[0]
        if operation == "builtin.print":
            return self._print(node)
        if operation == "builtin.pow" and len(node.args) != 2:
            raise self.fail(node, "pow takes two numbers in a kernel; write pow(a, b) % c for a remainder")
        if operation.startswith("math.") and len(node.args) not in math_arguments(operation[5:]):
            raise self.fail(node, f"math.{operation[5:]} with {len(node.args)} argument{'s' * (len(node.args) != 1)} "
                            f"is not part of numba.cuda; {_MATH_ADVICE.get(operation[5:], _MATH_HINT)}")
        arguments = "".join(", " + a for a in self.positional(node))
        if operation.startswith(("math.", "libdevice.")):
            kind, name = operation.split(".")
            return self.result(f"m.{kind}({line}, {name!r}{arguments})")
        method = _DIRECT.get(operation, operation)
        if operation in _NO_RESULT:
            self.emit(f"m.{method}({line}{arguments})")
            return "none_"
        return self.result(f"m.{method}({line}{arguments})")

    def _print(self, node: ast.Call) -> str:
        if node.keywords:
            raise self.fail(node, "print takes no sep, end or file in a kernel, only values")
        parts = [repr(a.value) if isinstance(a, ast.Constant) and isinstance(a.value, str) else self.value(a)
                 for a in node.args]
        self.emit(f"m.print_({self.line(node)}, {', '.join(parts)})")
        return "none_"

    def _array(self, node: ast.Call, operation: str, hint: str) -> str:
        given = dict(zip(("shape", "dtype", "alignment"), node.args, strict=False))
        given.update({k.arg: k.value for k in node.keywords if k.arg})
        if "shape" not in given or "dtype" not in given:
            raise self.fail(node, f"cuda.{operation} takes a constant shape and a dtype")
        shape = self.known(given["shape"])
        extent = () if shape is None else shape[0] if isinstance(shape[0], tuple) else (shape[0],)
        if not extent or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in extent):
            raise self.fail(node, f"the shape of cuda.{operation} must be a constant: a literal, a global or a closure "
                            "variable")
        dtype = names.as_dtype(self.static(given["dtype"]), text=True)
        if dtype is None:
            raise self.fail(node, f"cuda.{operation}: dtype {ast.unparse(given['dtype'])} is not a NumPy or Numba "
                            "number type")
        self.program.sites += 1
        self.own_arrays.add(hint)
        shape_text = repr(tuple(int(n) for n in extent))
        size = dtype.itemsize * math.prod(int(n) for n in extent)
        if operation == "local.array":
            self.program.local_bytes += size
        elif not size:
            self.program.dynamic_sites.setdefault(self.name, set()).add(self.program.sites)
        else:
            self.program.shared_bytes += size
        return self.result(f"m.{operation.replace('.', '_')}({self.line(node)}, {self.program.sites}, {shape_text}, "
                           f"{self.program.constant(dtype, 'dtype')}, {hint or operation!r})")

    def _atomic(self, node: ast.Call, name: str, wanted: bool) -> str:
        if node.keywords or not node.args:
            raise self.fail(node, f"cuda.atomic.{name} takes positional arguments")
        self.note_store(node.args[0])
        values = [self.base(node.args[0])] + [
            self.index(a) if k == 0 and name != "compare_and_swap" else self.value(a)
            for k, a in enumerate(node.args[1:])]
        if name == "compare_and_swap":
            values.insert(1, self.program.constant(np.int64(0)))
        expected = 4 if name in ("cas", "compare_and_swap") else 3
        if len(values) != expected:
            raise self.fail(node, f"cuda.atomic.{name} got {len(node.args)} arguments")
        call = f"m.atomic({self.line(node)}, {name!r}, {wanted}, {', '.join(values)})"
        if not wanted:
            self.emit(call)
            return "none_"
        return self.result(call)

    # -- functions ----------------------------------------------------------------------------------------------------

    def _intrinsic(self, node: ast.Call, meaning: Any) -> str:
        for argument in node.args:
            self.note_store(argument)
        constant = self.program.constant(meaning, "meaning")
        arguments = "".join(", " + a for a in self.positional(node))
        return self.result(f"m.intrinsic({self.line(node)}, {constant}{arguments})")

    def _device_function(self, node: ast.Call, function: Any) -> str:
        self.call_node = node
        name, callee = self.program.function(function, self)
        return self._call(node, name, callee, function.__defaults__)

    def _call(self, node: ast.Call, name: str, callee: Any, default_values: tuple | None) -> str:
        """Call a translated function; `default_values` is None where the defaults are still expressions."""
        shown, captured = callee.source.name, callee.source.captured
        own = callee.parameters[len(captured):]
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
        first_default = len(callee.parameters) - len(defaults)
        for k, parameter in enumerate(callee.parameters):
            if parameter in given:
                argument = given[parameter]
                if parameter in callee.stored or "*" in callee.stored:
                    self.note_store(argument)
                arguments.append(self.base(argument))
            elif k >= first_default:
                if default_values is None:
                    arguments.append(self.value(defaults[k - first_default]))
                    continue
                default = default_values[k - first_default]
                arguments.append("none_" if default is None else self.literal(node, default))
            else:
                raise self.fail(node, f"{shown}: argument {parameter!r} is missing")
        line = f"{self.line(node)}, " if callee.foreign else ""
        return self.result(f"{name}(m, {line}{', '.join(arguments)})")

    def range_arguments(self, node: ast.expr) -> list[str] | None:
        """(start, stop, step) of `range(…)`, or None where something else is looped over."""
        if not isinstance(node, ast.Call):
            return None
        found = self.static(node.func)
        if found is not range:
            name = ast.unparse(node.func)
            raise self.fail(node, f"a kernel loops over range() or a tuple; {name}() is not translated: "
                            f"{_ADVICE.get(name, 'use range()')}")
        values = self.positional(node)
        zero, one = self.program.constant(np.int64(0)), self.program.constant(np.int64(1))
        if len(values) == 1:
            return [zero, values[0], one]
        return [values[0], values[1], values[2] if len(values) == 3 else one]
