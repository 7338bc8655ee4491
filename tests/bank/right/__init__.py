"""Kernels without a fault, some of which look wrong."""
from . import barriers, global_memory, lanes, language, numbers, shared, waiting  # noqa: F401  each fills the bank
