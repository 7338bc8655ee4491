"""The families of `make gpu-check`, most important first, and the cases of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..cases import GROUPS, group_of, large_cases, small_cases
from . import device, ops

FIRST = ("errors", "training", "gemm", "conv2d", "direct")
FAMILIES = (*FIRST, *(group for group in GROUPS if group not in FIRST))


def cases(family: str, on: str, subset: bool = False) -> Iterator[tuple[str, Callable[[], dict[str, Any] | None]]]:
    """Yield (name, function) for each case of a family. `subset`: the tiny cases' first two of each op."""
    if family == "training":
        yield from device.training_cases(on)
    elif family == "errors":
        yield from device.error_cases(on)
    elif family == "direct":
        yield from device.direct_cases(on)
    else:
        ops.fill_new_memory_with_nan()
        chosen = [case for case in small_cases() if group_of(case[0]) == family]
        if subset:
            named = dict.fromkeys(case[0] for case in chosen)
            chosen = [case for op in named for case in [c for c in chosen if c[0] == op][:1]]
        elif on == "cuda":
            chosen += [case for case in large_cases() if group_of(case[0]) == family]
        yield from ops.op_cases(chosen, on)
