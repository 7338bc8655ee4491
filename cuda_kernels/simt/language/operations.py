"""The translator's calls of what the machine knows: cuda.*, math.*, builtins, shared and local arrays."""
from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..machine.machine import part_method
from ..machine.maths import math_arguments
from ..state import GridGroup
from . import names
from .draft import Draft
from .statics import UNKNOWN, Statics

if TYPE_CHECKING:
    from .expressions import Expressions

GRID = GridGroup()
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


@dataclass(eq=False)
class Operations:
    """Calls of the machine's operations."""

    draft: Draft
    statics: Statics
    expressions: Expressions

    def operation(self, node: ast.Call, operation: str, wanted: bool, hint: str) -> str:
        line = self.draft.line(node)
        if operation in ("shared.array", "local.array"):
            return self._array(node, operation, hint)
        if operation == "const.array_like":
            if self.statics.known(node.args[0]) is None:
                raise self.draft.fail(node, "cuda.const.array_like takes a NumPy array of the kernel's globals")
            return self.expressions.value(node.args[0])
        if operation in ("grid", "gridsize"):
            known = self.statics.constant_shape(node.args[0]) if len(node.args) == 1 else None
            if known is None or known[0] not in (1, 2, 3):
                raise self.draft.fail(node, f"cuda.{operation} takes the constant 1, 2 or 3")
            return self.draft.result(f"threads.{operation}({line}, {known[0]})")
        if operation.startswith("atomic."):
            return self._atomic(node, operation[7:], wanted)
        if operation == "builtin.breakpoint":
            self.draft.program.breakpoints = True
            self.draft.emit(f"m.breakpoint({line}, {self.draft.name!r}, locals())")
            return "none_"
        if operation == "builtin.isinstance":
            return self._isinstance(node)
        if operation == "cg.this_grid":
            self.draft.program.cooperative = True
            return self.draft.program.constant(GRID, "grid")
        if operation == "literal_unroll":
            return self.arguments(node, 1)[0]
        if operation == "builtin.print":
            return self._print(node)
        if operation == "builtin.pow" and len(node.args) != 2:
            raise self.draft.fail(node, "pow takes two numbers in a kernel; write pow(a, b) % c for a remainder")
        if operation.startswith("math.") and len(node.args) not in math_arguments(operation[5:]):
            raise self.draft.fail(
                node, f"math.{operation[5:]} with {len(node.args)} argument{'s' * (len(node.args) != 1)} is not part "
                f"of numba.cuda; {_MATH_ADVICE.get(operation[5:], _MATH_HINT)}")
        arguments = "".join(", " + a for a in self.arguments(node))
        if operation.startswith(("math.", "libdevice.", "cmath.")):
            kind, name = operation.split(".")
            return self.draft.result(f"maths.{kind}({line}, {name!r}{arguments})")
        kind, _, name = operation.rpartition(".")
        name += "_" * (kind == "builtin" and name != "pow")  # min is min_
        call = f"{part_method(name)}({line}{arguments})"
        if operation in _NO_RESULT:
            self.draft.emit(call)
            return "none_"
        return self.draft.result(call)

    def _print(self, node: ast.Call) -> str:
        if node.keywords:
            raise self.draft.fail(node, "print takes no sep, end or file in a kernel, only values")
        parts = [repr(a.value) if isinstance(a, ast.Constant) and isinstance(a.value, str) else
                 self.expressions.value(a) for a in node.args]
        self.draft.do(node, "builtins.print_", *parts)
        return "none_"

    def _array(self, node: ast.Call, operation: str, hint: str) -> str:
        given = dict(zip(("shape", "dtype", "alignment"), node.args, strict=False))
        given.update({k.arg: k.value for k in node.keywords if k.arg})
        if "shape" not in given or "dtype" not in given:
            raise self.draft.fail(node, f"cuda.{operation} takes a constant shape and a dtype")
        extent: Any = self.statics.constant_shape(given["shape"])
        if isinstance(given["shape"], ast.Attribute) and given["shape"].attr == "ndim" and extent is None:
            extent = self.expressions.value(given["shape"])
        if extent is None:
            raise self.draft.fail(node, f"the shape of cuda.{operation} is {ast.unparse(given['shape'])}, which is "
                                        "no constant for Numba: it takes literals, names of global or closure ints, "
                                        "tuples of these, and a variable that is assigned once from such, but "
                                        "computes nothing. Give the value a name at the top of the file (TILE1 = "
                                        "TILE + 1)")
        if isinstance(extent, tuple) and min(extent) < 1 and (extent, operation) != ((0,), "shared.array"):
            raise self.draft.fail(node, f"cuda.{operation} of shape {extent} has no elements, which Numba refuses; "
                                        "only cuda.shared.array(0, dtype) is something else: the launch's dynamic "
                                        "memory")
        dtype, element = self._element(node, operation, given["dtype"])
        self.draft.program.sites += 1
        self.draft.own_arrays.add(hint)
        size = (16 if dtype is None else dtype.itemsize) * (math.prod(extent) if isinstance(extent, tuple) else 4)
        if operation == "local.array":
            self.draft.program.local_bytes += size
        elif not size:
            self.draft.program.dynamic_sites.setdefault(self.draft.name, set()).add(self.draft.program.sites)
        else:
            self.draft.program.shared_bytes += size
        return self.draft.call(node, f"memory.{operation.replace('.', '_')}", self.draft.program.sites, extent, element,
                               repr(hint or operation))

    def _element(self, node: ast.Call, operation: str, given: ast.expr) -> tuple[np.dtype | None, str]:
        """(the dtype of a new array's elements, or None where it is another array's; what it is in the program)."""
        found = self.statics.static(given)
        if found is UNKNOWN and isinstance(given, ast.Name | ast.Attribute):
            return None, self.expressions.value(given)
        dtype = None if found in (float, int, bool, complex) else names.as_dtype(found, text=True)
        if dtype is None:
            raise self.draft.fail(node, f"cuda.{operation}: dtype {ast.unparse(given)} is not a NumPy or Numba "
                                        "number type; write numba.float32, np.float32 or another array's dtype")
        return dtype, self.draft.program.constant(dtype, "dtype")

    def _isinstance(self, node: ast.Call) -> str:
        value, kinds = node.args
        wanted = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
        found = [self.statics.static(k) for k in wanted]
        if UNKNOWN in found:
            raise self.draft.fail(node, "isinstance() compares with types that are written out")
        return self.draft.call(node, "builtins.isinstance_", self.expressions.base(value),
                               self.draft.program.constant(tuple(found), "kinds"))

    def _atomic(self, node: ast.Call, name: str, wanted: bool) -> str:
        if node.keywords or not node.args:
            raise self.draft.fail(node, f"cuda.atomic.{name} takes positional arguments")
        self.draft.note_store(node.args[0])
        values = [self.expressions.base(node.args[0])] + [
            self.expressions.index(a) if k == 0 and name != "compare_and_swap" else self.expressions.value(a)
            for k, a in enumerate(node.args[1:])]
        if name == "compare_and_swap":
            values.insert(1, self.draft.program.constant(np.int64(0)))
        expected = 4 if name in ("cas", "compare_and_swap") else 3
        if len(values) != expected:
            raise self.draft.fail(node, f"cuda.atomic.{name} got {len(node.args)} arguments")
        if wanted:
            return self.draft.call(node, "atomics.atomic", repr(name), wanted, *values)
        self.draft.do(node, "atomics.atomic", repr(name), wanted, *values)
        return "none_"

    def arguments(self, node: ast.Call, count: int | None = None) -> list[str]:
        """The values of a call's positional arguments."""
        if node.keywords:
            raise self.draft.fail(node, f"{ast.unparse(node.func)} takes no keyword arguments in a kernel")
        if count is not None and len(node.args) != count:
            raise self.draft.fail(node, f"{ast.unparse(node.func)} takes {count} argument{'s' * (count != 1)}, got "
                                        f"{len(node.args)}")
        return [self.argument(a) for a in node.args]

    def argument(self, node: ast.expr) -> str:
        """An argument's value; `*t` hands on a tuple's elements one by one."""
        value = self.expressions.value
        return "*" + value(node.value) if isinstance(node, ast.Starred) else value(node)
