"""The ledger of every move between host and device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cuda_kernels.ledger import Ledger, Transfer
from minidl.scope import Scope

_LEDGERS: Scope[Ledger] = Scope("minidl_ledgers")


@contextmanager
def transfers() -> Iterator[Ledger]:
    """Write down every move between host and device inside the block; blocks nest."""
    with _LEDGERS.block(Ledger()) as ledger:
        yield ledger


def write_down(direction: str, array: Any, cause: str, started: float) -> None:
    """Note a move, which ends now, in every ledger that is open."""
    for ledger in _LEDGERS.get():
        nbytes = math.prod(array.shape) * np.dtype(array.dtype).itemsize
        ledger.append(Transfer(direction, nbytes, tuple(array.shape), cause, started, time.perf_counter()))
