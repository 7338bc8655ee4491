"""What is watched while a kernel runs: races, uninitialised reads, bounds, and the figures of each line."""
from .checker import Checker
from .counter import Counter, sample_access, timeline
from .faults import Faults, StepLimit
from .order import Order
from .recorder import Recorder
from .shadow import Shadow

__all__ = [
    "Checker", "Counter", "Faults", "Order", "Recorder", "Shadow", "StepLimit", "sample_access", "timeline",
]
