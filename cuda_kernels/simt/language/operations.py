"""The translator's calls of what the machine knows: cuda.*, math.*, builtins, shared and local arrays."""
from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

from ..machine.functions import math_arguments
from ..machine.objects import GridGroup
from ..machine.parts import Part
from . import names
from .statics import UNKNOWN

GRID = GridGroup()
_DIRECT = {
    "builtin.min": "min_", "builtin.max": "max_", "builtin.abs": "abs_", "builtin.round": "round_",
    "builtin.int": "int_", "builtin.float": "float_", "builtin.bool": "bool_", "builtin.len": "len_",
    "builtin.pow": "pow", "builtin.print": "print_", "builtin.enumerate": "enumerate_", "builtin.zip": "zip_",
    "builtin.sum": "sum_", "builtin.divmod": "divmod_", "builtin.complex": "complex_", "builtin.tuple": "tuple_",
    "builtin.iter": "iter_", "builtin.next": "next_", "builtin.range": "range_",
    "numpy.ndindex": "ndindex", "numpy.ndenumerate": "ndenumerate", "numpy.nditer": "nditer", "builtin.slice": "slice_",
}
_NO_RESULT = ("syncthreads", "syncwarp", "threadfence", "threadfence_block", "threadfence_system", "nanosleep",
              "builtin.print")
ADVICE = {
    "sorted": "sort on the host", "list": "use cuda.local.array", "dict": "use an array",
    "set": "use an array of flags", "str": "a kernel has no strings", "any": "combine with `or` in a loop",
    "all": "combine with `and` in a loop", "map": "write a loop", "filter": "write a loop with if",
    "open": "a kernel cannot reach files",
    "input": "a kernel cannot ask", "reversed": "use range(n - 1, -1, -1)",
    "exec": "a kernel is compiled before it runs", "eval": "a kernel is compiled before it runs",
    "chr": "a kernel has no strings", "hex": "a kernel has no strings",
    "id": "compare indices", "hash": "write the hash out",
    "getattr": "write x.name", "setattr": "write x.name = value", "prange": "each thread is its own loop; use range()",
}
_MATH_HINT = "compute it on the host and pass it, or write a loop"
_MATH_ADVICE = {
    "cbrt": "use cuda.cbrt", "fma": "use cuda.fma", "log": "write math.log(x) / math.log(base)",
    "isclose": "compare abs(a - b) with a tolerance", "isqrt": "use int32(math.sqrt(x))", "dist": "use math.hypot",
}


class Operations(Part):
    """Calls of the machine's operations. Part of `FunctionTranslator`."""

    def _operation(self, node: ast.Call, operation: str, wanted: bool, hint: str) -> str:
        line = self.line(node)
        if operation in ("shared.array", "local.array"):
            return self._array(node, operation, hint)
        if operation == "const.array_like":
            if self.known(node.args[0]) is None:
                raise self.fail(node, "cuda.const.array_like takes a NumPy array of the kernel's globals")
            return self.value(node.args[0])
        if operation in ("grid", "gridsize"):
            known = self.constant_shape(node.args[0]) if len(node.args) == 1 else None
            if known is None or known[0] not in (1, 2, 3):
                raise self.fail(node, f"cuda.{operation} takes the constant 1, 2 or 3")
            return self.result(f"m.{operation}({line}, {known[0]})")
        if operation.startswith("atomic."):
            return self._atomic(node, operation[7:], wanted)
        if operation == "builtin.breakpoint":
            self.program.breakpoints = True
            self.emit(f"m.breakpoint({line}, {self.name!r}, locals())")
            return "none_"
        if operation == "builtin.isinstance":
            return self._isinstance(node)
        if operation == "cg.this_grid":
            self.program.cooperative = True
            return self.program.constant(GRID, "grid")
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
        if operation.startswith(("math.", "libdevice.", "cmath.")):
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
        extent: Any = self.constant_shape(given["shape"])
        if isinstance(given["shape"], ast.Attribute) and given["shape"].attr == "ndim" and extent is None:
            extent = self.value(given["shape"])
        if extent is None:
            raise self.fail(node, f"the shape of cuda.{operation} is {ast.unparse(given['shape'])}, which is no "
                            "constant for Numba: it takes literals, names of global or closure ints, tuples of these, "
                            "and a variable that is assigned once from such, but computes nothing. Give the value a "
                            "name at the top of the file (TILE1 = TILE + 1)")
        if isinstance(extent, tuple) and min(extent) < 1 and (extent, operation) != ((0,), "shared.array"):
            raise self.fail(node, f"cuda.{operation} of shape {extent} has no elements, which Numba refuses; only "
                            "cuda.shared.array(0, dtype) is something else: the launch's dynamic memory")
        dtype, element = self._element(node, operation, given["dtype"])
        self.program.sites += 1
        self.own_arrays.add(hint)
        size = (16 if dtype is None else dtype.itemsize) * (math.prod(extent) if isinstance(extent, tuple) else 4)
        if operation == "local.array":
            self.program.local_bytes += size
        elif not size:
            self.program.dynamic_sites.setdefault(self.name, set()).add(self.program.sites)
        else:
            self.program.shared_bytes += size
        return self.result(f"m.{operation.replace('.', '_')}({self.line(node)}, {self.program.sites}, {extent}, "
                           f"{element}, {hint or operation!r})")

    def _element(self, node: ast.Call, operation: str, given: ast.expr) -> tuple[np.dtype | None, str]:
        """(the dtype of a new array's elements, or None where it is another array's; what it is in the program)."""
        found = self.static(given)
        if found is UNKNOWN and isinstance(given, ast.Name | ast.Attribute):
            return None, self.value(given)
        dtype = None if found in (float, int, bool, complex) else names.as_dtype(found, text=True)
        if dtype is None:
            raise self.fail(node, f"cuda.{operation}: dtype {ast.unparse(given)} is not a NumPy or Numba number type; "
                            "write numba.float32, np.float32 or another array's dtype")
        return dtype, self.program.constant(dtype, "dtype")

    def _isinstance(self, node: ast.Call) -> str:
        value, kinds = node.args
        wanted = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
        found = [self.static(k) for k in wanted]
        if UNKNOWN in found:
            raise self.fail(node, "isinstance() compares with types that are written out")
        return self.result(f"m.isinstance_({self.line(node)}, {self.base(value)}, "
                           f"{self.program.constant(tuple(found), 'kinds')})")

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
