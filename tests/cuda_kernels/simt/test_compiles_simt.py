"""The examples and the bank are kernels that Numba compiles for a GPU, and its float64 is where the bank marks it.

Compiling to PTX needs NVVM and NVRTC (the extra `cuda13`), but no GPU and no driver.
"""

import functools
import re
from types import SimpleNamespace

import language
import numba
import numpy as np
import pytest
import test_machine_unsupported as unsupported
from bank import RIGHT, WRONG

from cuda_kernels._cuda import cuda
from tests.bank.examples import EXAMPLES

ARITHMETIC = re.compile(r"\b(?:add|sub|mul|div|fma|mad|sqrt|rcp)[.\w]*\.f64")
MEANT = {"float64_by_design"}  # its arrays are float64


def ptx_of(kernel, args):
    types = [numba.types.Array(numba.from_dtype(a.dtype), a.ndim, "C") if isinstance(a, np.ndarray) else
             numba.typeof(a) for a in args]
    # abi="numba", as a launch compiles: a kernel that raises returns a code, which C's void function cannot.
    return cuda.compile(kernel.py_func, numba.types.void(*types), cc=(9, 0), output="ptx", abi="numba")[0]


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


def typeof(value):
    """Numba's type of an argument."""
    from numba.cuda.typing.typeof import typeof as of_cuda

    return of_cuda(value)


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


def refusal(kernel, args):
    """What Numba refuses a kernel with; "" where it compiles it."""
    try:
        cuda.compile(kernel, tuple(typeof(a) for a in args), cc=(9, 0), device=False, abi="numba")
    except Exception as refused:  # noqa: BLE001 - every way to refuse, of which Numba has many
        return f"{type(refused).__name__}: {refused}"
    return ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_language_that_the_machine_runs_is_what_numba_compiles(tmp_path):
    kernels = language.module_of(tmp_path)
    args = language.arguments(kernels)
    refused = {name: why for name in language.BODIES if (why := refusal(getattr(kernels, f"k_{name}"), args))}
    assert refused == {}


# What Numba compiles and the machine does not run, saying so without naming Numba. (The last is a wrong count, which
# Numba meets only as the kernel runs.)
OF_THE_MACHINE = ("list", "string sum", "recursion", "unpack array")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_language_that_the_machine_refuses_is_what_numba_refuses(tmp_path):
    compiled = set()
    for k, (name, (body, _)) in enumerate(unsupported.BODIES.items()):
        module = unsupported.module_of(tmp_path / f"refused_{k}.py", body)
        if not refusal(module.kernel, [np.zeros(4, np.float32), 3]):
            compiled.add(name)
    assert compiled == set(OF_THE_MACHINE)
