"""Run the examples, tiny, on Numba's own simulator and write what they computed, to compare with.

    NUMBA_ENABLE_CUDASIM=1 python tests/cuda_kernels/simt/simulate_examples.py results.npz

The file holds one array for each "example/output", and a list `left_out` of the examples the simulator
cannot run, with its own words.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numba import config

from tests.bank.examples import EXAMPLES

# name -> arguments that make a launch small enough for Numba's simulator, whose threads are the system's
TINY: dict[str, tuple[int, ...]] = {
    "vector_add": (50,),
    "saxpy": (50, 1),
    "matmul_square": (16, 16, 16),
    "matmul_ragged": (5, 7, 9),
    "matmul_double_buffered": (16, 16, 48),
    "transpose_naive": (3, 5),
    "transpose_tiled": (3, 5),
    "transpose_padded": (3, 5),
    "sum_atomic": (50,),
    "sum_tree": (50,),
    "sum_shuffle": (50, 1),
    "scan_block": (50,),
    "add_block_sums": (50,),
    "histogram_atomic": (50,),
    "histogram_shared": (50, 1),
    "softmax_rows": (2, 5),
    "stencil_1d": (20,),
    "conv2d_direct": (1, 3, 3),
    "max_pool2d": (1, 5, 5, 2),
    "row_dots": (1, 2),
}


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
        sys.exit("usage: NUMBA_ENABLE_CUDASIM=1 python simulate_examples.py results.npz")
    simulate(Path(sys.argv[1]))
