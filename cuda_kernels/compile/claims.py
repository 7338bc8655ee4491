"""Holding a compiled kernel to its claims."""
from __future__ import annotations

from cuda_kernels.ladder import Claims

from .build import Result
from .sass import FLOAT64


def failures(claims: Claims, result: Result) -> list[str]:
    """What does not hold, one sentence each."""
    found = []
    names = result.code.names()
    wide = sorted(name for name in names if FLOAT64.match(name))
    if wide and not claims.float64:
        found.append(f"computes in float64: {', '.join(f'{names[name]} {name}' for name in wide)}. A bare 0.0, an "
                     "integer beside a float32 or a math function of an integer makes it so")
    if result.registers > claims.registers:
        found.append(f"takes {result.registers} registers a thread; it claims at most {claims.registers}")
    if result.local_bytes > claims.local_bytes:
        found.append(f"takes {result.local_bytes} bytes of local memory a thread; it claims at most "
                     f"{claims.local_bytes}. Is an index of a local array no constant after unrolling?")
    found += [f"has no {prefix}, which it claims" for prefix in claims.contains if not result.code.has(prefix)]
    found += [f"has {prefix}, which it claims not to have" for prefix in claims.lacks if result.code.has(prefix)]
    if claims.loop is not None:
        prefix, share = claims.loop
        count, loop = result.code.main_loop(prefix)
        if count < share * loop.total():
            found.append(f"has {count} {prefix} among the {loop.total()} instructions of its main loop "
                         f"({count / loop.total():.0%}); it claims {share:.0%}")
        spills = [f"{n} {name}" for name, n in sorted(loop.items()) if name.startswith(("LDL", "STL"))]
        if spills:
            found.append(f"moves local memory in its main loop: {', '.join(spills)}")
    return found
