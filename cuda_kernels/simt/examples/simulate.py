"""Run the examples, tiny, on Numba's own simulator and write what they computed, to compare with.

    NUMBA_ENABLE_CUDASIM=1 python -m cuda_kernels.simt.examples.simulate results.npz

The file holds one array for each "example/output", and a list `left_out` of the examples the simulator
cannot run, with its own words.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numba import config

from cuda_kernels.simt.examples import EXAMPLES, TINY


def simulate(path: Path) -> None:
    """Run every example on the simulator and save the outputs to `path` (.npz)."""
    outputs: dict[str, Any] = {}
    left_out: list[str] = []
    for name, build in EXAMPLES.items():
        case = build(*TINY[name])
        try:
            case.kernel[case.grid, case.block](*case.args)
        except AttributeError as error:  # the simulator's name for an instruction that it does not have
            left_out.append(f"{name}: {error}")
            continue
        outputs |= {f"{name}/{output}": array for output, array in case.results().items()}
    np.savez(path, **outputs, left_out=np.array(left_out))


if __name__ == "__main__":
    if len(sys.argv) != 2 or not config.ENABLE_CUDASIM:
        sys.exit("usage: NUMBA_ENABLE_CUDASIM=1 python -m cuda_kernels.simt.examples.simulate results.npz")
    simulate(Path(sys.argv[1]))
