"""Matrix products: the ladder from one thread an element to tensor cores. README.md tells its story."""
from . import r1_naive

RUNGS = (r1_naive.RUNG,)
