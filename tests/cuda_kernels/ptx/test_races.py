"""The bank's kernels in random orders: a race that can change a result does, and no right kernel changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cuda_kernels import ptx
from tests.bank import RIGHT, WRONG

pytestmark = pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")

SEEDS = 20
RACES = [entry for entry in WRONG if any(kind == "race" for kind, _ in entry.expected())]
# Races of writers that all write the same: no order gives another result.
HARMLESS = {"stride_of_a_block", "one_dimensional_kernel_launched_2d", "halves_that_overlap"}
# Right kernels in which a thread waits for one of another block or warp, which runs only when this one is done: they
# are stopped, and told as a loop without an end.
WAITING = {"scan_by_looking_back", "barrier_of_the_grid", "one_warp_waits_for_another"}


def run(entry: Any, seed: int, limit: float = 30) -> tuple[Any, ...]:
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
    if entry.name in WAITING:
        with pytest.raises(ptx.PtxFault, match=r"line \d+: .*still in this loop when its time was up"):
            for seed in range(SEEDS):
                run(entry, seed, limit=0.5)
    else:
        for seed in range(4):
            assert entry.check(*run(entry, seed))


def test_there_are_as_many_races_as_the_page_says() -> None:
    assert len(RACES) == 29 and len(RIGHT) == 88
    assert {entry.name for entry in RACES} >= HARMLESS and {entry.name for entry in RIGHT} >= WAITING
