"""Kernels with a fault, whose kind and line are marked in their text."""
from . import (  # noqa: F401  each fills the bank
    barriers,
    bounds,
    exceptions,
    float64,
    global_races,
    lanes,
    launches,
    memory,
    shared_races,
    waiting,
)
