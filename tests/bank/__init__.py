"""The bank: kernels with known faults and kernels without, on which the machine is judged.

    make bank

runs them all and prints how many of the wrong ones were reported with exactly the right kinds and lines,
and how many of the right ones without a false alarm.
"""

from . import right, wrong  # noqa: F401  each fills the bank
from .entry import ENTRIES, Entry
from .judge import Verdict, judge, summary

WRONG = tuple(entry for entry in ENTRIES if entry.is_wrong)
RIGHT = tuple(entry for entry in ENTRIES if not entry.is_wrong)

__all__ = ["RIGHT", "WRONG", "Entry", "Verdict", "judge", "summary"]
