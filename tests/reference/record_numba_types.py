"""Record what type numba-cuda gives an expression of a kernel, or that it does not compile it.

    python tests/reference/record_numba_types.py

Needs numba-cuda with NVIDIA's compilers (extra cuda13), and no GPU. Writes numba_types.json beside itself:
{expression: {type, or "refused": "kinds of a, b, … as NumPy's letters, …"}}. An array's letter is followed by "[": with
"i[l" a is an array of int32 and b an int64.
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numba import cuda, from_dtype, types
from numba.cuda import dispatcher
from numba.cuda.compiler import compile_cuda

KINDS = "?bhilBHILefd"
COMMON = "?ilLfd"
OPERATORS = "+ - * / // % ** << >> & | ^ < ==".split()
ATOMICS = "add sub max min nanmax nanmin and_ or_ xor inc dec exch".split()
MATH1 = (
    "sqrt exp expm1 exp2 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh fabs "
    "floor ceil trunc degrees radians erf erfc gamma lgamma isnan isinf isfinite frexp modf"
).split()
MATH2 = "pow atan2 hypot copysign fmod remainder ldexp nextafter".split()
WARP = "all_sync any_sync eq_sync ballot_sync match_any_sync match_all_sync".split()


def expressions() -> list[tuple[str, str]]:
    """(expression, kinds of a, b, c) pairs to ask about."""
    ones = [f"math.{n}(a)" for n in MATH1]
    ones += [f"cuda.{n}(a)" for n in ("popc", "brev", "clz", "ffs", "cbrt")]
    ones += [f"cuda.{n}(0xffffffff, a)" for n in WARP] + [f"cuda.syncthreads_{n}(a)" for n in ("count", "and", "or")]
    ones += [f"cuda.shfl_{n}sync(0xffffffff, a, 1)" for n in ("", "up_", "down_", "xor_")]
    ones += ["cuda.all_sync(a, True)", "cuda.fma(a, a, a)", "cuda.selp(True, a, a)", "round(a, 2)"]
    ones += ["-a", "~a", "+a", "not a", "abs(a)", "round(a)", "int(a)", "float(a)", "bool(a)"]
    twos = [f"a {o} b" for o in OPERATORS] + [f"math.{n}(a, b)" for n in MATH2] + ["min(a, b)"]
    few = ["max(a, b)", "cuda.selp(True, a, b)", "cuda.fma(a, b, b)"]
    found = [(e, k) for e in ones for k in KINDS]
    found += [(e, a + b) for e in twos for a, b in itertools.product(KINDS, repeat=2)]
    found += [(e, a + b) for e in few for a, b in itertools.product(COMMON, repeat=2)]
    found += [(f"cuda.atomic.{n}(a, 0, b)", f"{k}[{k}") for n in ATOMICS for k in KINDS]
    found += [
        (f"cuda.atomic.{n}(a, 0, b)", f"{a}[{b}") for n in ("max", "exch") for a in "ilLfd" for b in COMMON if a != b
    ]
    found += [("cuda.atomic.cas(a, 0, b, b)", f"{k}[{k}") for k in KINDS]
    found += [("cuda.atomic.compare_and_swap(a, b, b)", f"{k}[{k}") for k in KINDS]
    return found + [("a[b]", f"i[{k}") for k in KINDS]


def numba_type(expression: str, kinds: str) -> str:
    """The type of an expression, as Numba writes it, or "refused"."""
    arguments = []
    for kind in kinds:
        if kind == "[":
            arguments[-1] = types.Array(arguments[-1], 1, "C")
        else:
            arguments.append(from_dtype(np.dtype(kind)))
    names = ", ".join("abc"[: len(arguments)])
    space = {"cuda": cuda, "math": math}
    exec(f"def f({names}):\n    return {expression}\n", space)
    try:
        return str(compile_cuda(space["f"], None, tuple(arguments), cc=(8, 0)).signature.return_type)
    except Exception:  # Numba says no by a dozen kinds of error
        return "refused"


def main() -> None:
    """Ask about all, and write the file."""
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(8, 0))
    found: dict[str, dict[str, list[str]]] = {}
    for expression, kinds in expressions():
        found.setdefault(expression, {}).setdefault(numba_type(expression, kinds), []).append(kinds)
    packed = {e: {t: " ".join(k) for t, k in by_type.items()} for e, by_type in found.items()}
    Path(__file__).with_name("numba_types.json").write_text(json.dumps(packed, indent=0) + "\n")


if __name__ == "__main__":
    main()
