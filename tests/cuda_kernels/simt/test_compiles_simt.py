"""The examples and the bank are kernels that Numba compiles for a GPU, and its float64 is where the bank marks it.

Compiling to PTX needs NVVM and NVRTC (the extra `cuda13`), but no GPU and no driver.
"""

import functools
import re
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from cuda_kernels._cuda import cuda
from cuda_kernels.simt.bank import RIGHT, WRONG
from cuda_kernels.simt.examples import EXAMPLES

ARITHMETIC = re.compile(r"\b(?:add|sub|mul|div|fma|mad|sqrt|rcp)[.\w]*\.f64")
MEANT = {"float64_by_design"}  # its arrays are float64


def ptx_of(kernel, args):
    types = [numba.types.Array(numba.from_dtype(a.dtype), a.ndim, "C") if isinstance(a, np.ndarray) else
             numba.typeof(a) for a in args]
    return cuda.compile(kernel.py_func, numba.types.void(*types), cc=(9, 0), output="ptx")[0]


@cuda.jit
def smallest(x):
    x[0] = x[1]


@functools.cache
def missing_compiler():
    """Why nothing can be compiled here, or an empty string."""
    if getattr(cuda, "implementation", "") != "NVIDIA":
        return "numba-cuda is not installed"
    try:
        ptx_of(smallest, [np.zeros(2, np.float32)])
    except (OSError, RuntimeError, ImportError) as missing:
        return str(missing).splitlines()[0]
    return ""


@pytest.fixture(autouse=True)
def compiler(monkeypatch):
    """Answers for the device that Numba asks about while typing; skips where the compiler is not installed."""
    if missing_compiler():
        pytest.skip(f"NOT RUN: needs numba-cuda, NVVM and NVRTC (extra cuda13): {missing_compiler()}")
    device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_compiles_without_float64(name):
    case = EXAMPLES[name]()
    assert ARITHMETIC.findall(ptx_of(case.kernel, case.args)) == []


@pytest.mark.slow
@pytest.mark.parametrize("entry", RIGHT + WRONG, ids=lambda entry: entry.name)
def test_kernel_of_the_bank_compiles_with_float64_where_it_is_marked(entry):
    found = ARITHMETIC.findall(ptx_of(entry.kernel, entry.args()))
    marked = any(kind == "float64" for kind, _ in entry.expected())
    assert bool(found) == (marked or entry.name in MEANT), found
