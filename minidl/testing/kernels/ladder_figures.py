"""Record what the ladders' rungs move, for the traffic table of `minidl.check`: counting them all takes a minute.

    python -m minidl.testing.kernels.ladder_figures          # writes ladder_figures.json beside this file

A call that is not recorded (inputs of one's own) is counted when it is asked for.
"""

from __future__ import annotations

import json
from typing import Any

from cuda_kernels import ladder
from minidl.testing.kernels.figures import FIGURES, rung_row, traffic_call
from minidl.testing.kernels.runs import described

Recorded = dict[str, dict[str, dict[str, Any]]]


def counted(kernel: str) -> Recorded:
    """Count all rungs of a kernel on the case that its table shows.

    >>> {call: list(rungs) for call, rungs in counted("relu").items()}
    {'relu(x (1031,))': ['r1_scalar', 'r2_wide']}
    """
    rungs = ladder.rungs(kernel)
    found = traffic_call(kernel, rungs[0].name)
    if found is None:
        return {}
    op, case, call = found
    where = described(kernel, call.arrays, call.static)
    return {where: {rung.name: rung_row(kernel, rung.name, op, case) for rung in rungs}}


def main() -> None:
    """Write the file."""
    figures = {kernel: counted(kernel) for kernel in sorted(ladder.ops())}
    rows = (
        f'"{kernel}": {{{json.dumps(call)}: {{\n'
        + ",\n".join(f"  {json.dumps(rung)}: {json.dumps(row)}" for rung, row in rungs.items()) + "\n}}"
        for kernel, calls in figures.items() for call, rungs in calls.items()
    )  # fmt: skip
    FIGURES.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
