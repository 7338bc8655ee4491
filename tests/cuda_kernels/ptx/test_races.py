"""The bank's kernels in random orders: a race that can change a result does, and no right kernel changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_kernels import ptx
from cuda_kernels._cuda import cuda
from cuda_kernels.simt.report.gpus import GPUS, resident_blocks
from tests.bank import RIGHT, WRONG

pytestmark = pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")

SEEDS = 20
RACES = [entry for entry in WRONG if any(kind == "race" for kind, _ in entry.expected())]
# Races of writers that all write the same: no order gives another result.
HARMLESS = {"stride_of_a_block", "one_dimensional_kernel_launched_2d", "halves_that_overlap"}
# Kernels whose loop has no end as Python, and has one as it is compiled: a step of 0 raises, and the thread ends.
# (What does not fit a T4 fits the GPU that is taken here; see the last test.)
ENDS = {"range_with_a_step_of_zero", "barrier_of_a_grid_that_does_not_fit"}
ENDLESS = [
    entry for entry in WRONG if any(kind == "step-limit" for kind, _ in entry.expected()) and entry.name not in ENDS
]


def run(entry: Any, seed: int | None, limit: float = 30) -> tuple[Any, ...]:
    """The arguments after a launch in the order of this seed."""
    args = entry.args()
    options = {key: value for key, value in entry.options.items() if key == "shared_bytes"}
    ptx.launch(entry.kernel, entry.grid, entry.block, *args, order=seed, limit=limit, **options)
    return args


def told(entry: Any) -> bool:
    """Does some order give another result than the first one?"""
    results = set()
    for seed in range(SEEDS):
        results.add(tuple(a.tobytes() for a in run(entry, seed) if isinstance(a, np.ndarray)))
        if len(results) > 1:
            return True
    return False


@pytest.mark.parametrize("entry", RACES, ids=lambda entry: entry.name)
def test_a_race_shows_in_some_order(entry: Any) -> None:
    assert told(entry) == (entry.name not in HARMLESS)


@pytest.mark.parametrize("entry", RIGHT, ids=lambda entry: entry.name)
def test_a_right_kernel_is_right_in_every_order(entry: Any) -> None:
    for seed in (None, *range(SEEDS)):
        assert entry.check(*run(entry, seed)), seed


@pytest.mark.parametrize("entry", ENDLESS, ids=lambda entry: entry.name)
def test_a_loop_without_an_end_is_told_in_every_order(entry: Any) -> None:
    lines = sorted(line for kind, line in entry.expected() if kind == "step-limit")
    said = "|".join(str(line + more) for line in lines for more in (0, 1))  # the loop's head or its first line
    for seed in (None, 0, 1):
        with pytest.raises(ptx.PtxFault, match=rf"line ({said}): .*still in this loop when its time was up"):
            run(entry, seed, limit=0.3)


@cuda.jit
def barrier_of_all_blocks(arrived, out):
    """Blocks count themselves, and wait until all have come."""
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(arrived, 0, 1)
        while cuda.atomic.add(arrived, 0, 0) < cuda.gridDim.x:
            pass
        out[cuda.blockIdx.x] = 1


def test_as_many_blocks_wait_for_each_other_as_a_gpu_holds() -> None:
    resident = resident_blocks(GPUS["H100 SXM"], 1024, 0)
    for seed in (None, 0, 1):
        out = np.zeros(resident, np.int32)
        ptx.launch(barrier_of_all_blocks, resident, 1024, np.zeros(1, np.int32), out, order=seed)
        assert out.all()
    with pytest.raises(ptx.PtxFault, match="still in this loop when its time was up"):
        out = np.zeros(resident + 1, np.int32)
        ptx.launch(barrier_of_all_blocks, resident + 1, 1024, np.zeros(1, np.int32), out, limit=1)


def test_there_are_as_many_races_as_the_page_says() -> None:
    assert len(RACES) == 29 and len(RIGHT) == 88
    assert {entry.name for entry in RACES} >= HARMLESS and {entry.name for entry in WRONG} >= ENDS
