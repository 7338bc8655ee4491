"""The bank: kernels with known faults and kernels without, on which the machine is judged.

    python -m cuda_kernels.simt.bank

runs them all and prints how many of the wrong ones were reported with exactly the right kinds and lines,
and how many of the right ones without a false alarm.
"""

from cuda_kernels.simt.bank import (
    right_barriers,
    right_global,
    right_lanes,
    right_language,
    right_numbers,
    right_shared,
    right_waiting,
    wrong_barriers,
    wrong_bounds,
    wrong_exceptions,
    wrong_float64,
    wrong_global_races,
    wrong_lanes,
    wrong_launches,
    wrong_memory,
    wrong_shared_races,
    wrong_waiting,
)
from cuda_kernels.simt.bank.entry import ENTRIES, Entry
from cuda_kernels.simt.bank.judge import Verdict, judge, summary

WRONG = tuple(entry for entry in ENTRIES if entry.is_wrong)
RIGHT = tuple(entry for entry in ENTRIES if not entry.is_wrong)

__all__ = [
    "RIGHT",
    "WRONG",
    "Entry",
    "Verdict",
    "judge",
    "right_barriers",
    "right_global",
    "right_lanes",
    "right_language",
    "right_numbers",
    "right_shared",
    "right_waiting",
    "summary",
    "wrong_barriers",
    "wrong_bounds",
    "wrong_exceptions",
    "wrong_float64",
    "wrong_global_races",
    "wrong_lanes",
    "wrong_launches",
    "wrong_memory",
    "wrong_shared_races",
    "wrong_waiting",
]
