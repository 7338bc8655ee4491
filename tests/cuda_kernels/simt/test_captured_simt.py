"""What a kernel takes from around it is frozen at the first launch; its text is the one that was imported."""
import gc
import importlib
import sys
import types
import weakref

import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt

PRICES = np.array([10.0, 20.0])
SCALE = 3
PAIR = (1, 2)
settings_module = types.ModuleType("settings_module")
settings_module.offset = 5


@pytest.fixture(autouse=True)
def _surroundings():
    yield
    globals().update(PRICES=np.array([10.0, 20.0]), SCALE=3, PAIR=(1, 2))
    settings_module.offset = 5


@cuda.jit(device=True)
def price(i):
    return PRICES[i] * SCALE


def _result(kernel, kind=np.float64):
    out = np.zeros(2, kind)
    simt.launch(kernel, 1, 2, out)
    return out.tolist()


def test_arrays_and_numbers_of_every_kind_are_frozen():
    local, count = np.array([1.0, 2.0]), 4

    @cuda.jit
    def kernel(out):
        i = cuda.threadIdx.x
        out[i] = PRICES[i] + local[i] * count + PAIR[1] + settings_module.offset + price(i) + len(PAIR)

    first = _result(kernel)
    assert first == [10 + 4 + 2 + 5 + 30 + 2, 20 + 8 + 2 + 5 + 60 + 2]
    PRICES[:] = 99
    local[:] = 99
    count = 99
    globals().update(SCALE=99, PAIR=(99, 99, 99))
    settings_module.offset = 99
    assert _result(kernel) == first


def test_arguments_of_other_types_are_compiled_with_what_there_is_now():
    @cuda.jit
    def kernel(out):
        i = cuda.threadIdx.x
        out[i] = PRICES[i] + settings_module.offset

    assert _result(kernel) == [15, 25]
    PRICES[:] = 1
    settings_module.offset = 2
    assert _result(kernel, np.float32) == [3, 3]
    assert _result(kernel) == [15, 25]


def test_stepping_sees_the_frozen_array():
    @cuda.jit
    def kernel(out):
        price = PRICES[0]
        out[cuda.threadIdx.x] = price

    assert _result(kernel) == [10, 10]
    PRICES[:] = 99
    assert simt.step(kernel, 1, 2, np.zeros(2)).goto(1).value("price", block=0).tolist() == [10, 10]


def test_launched_kernel_can_be_forgotten():
    @cuda.jit
    def kernel(out):
        out[cuda.threadIdx.x] = PRICES[0]

    _result(kernel)
    gone = weakref.ref(kernel.py_func)
    del kernel
    gc.collect()
    assert gone() is None


HEAD = "from numba import cuda, float32\n"
DOUBLE = "@cuda.jit\ndef double(x, y):\n    i = cuda.grid(1)\n    if i < x.size:\n        y[i] = x[i] * float32(2)\n"
NINE = "@cuda.jit\ndef nine(x, y):\n    i = cuda.grid(1)\n    if i < x.size:\n        y[i] = float32(9)\n"
MADE = "def make(factor):\n" + "".join("    " + line + "\n" for line in DOUBLE.replace("2)", "factor)").splitlines())
MADE += "    return double\n\n\ndouble = make(2)\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(text, edited) imports a file with `text`, and then changes it."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def make(text, edited):
        name = f"edited_after_import_{len(names)}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        found = importlib.import_module(name)
        if edited is None:
            (tmp_path / f"{name}.py").unlink()
        else:
            (tmp_path / f"{name}.py").write_text(edited)
        return found

    yield make
    for name in names:
        sys.modules.pop(name)


def _doubled(kernel):
    y = np.zeros(4, np.float32)
    report = simt.launch(kernel, 1, 32, np.arange(4, dtype=np.float32), y)
    assert y.tolist() == [0, 2, 4, 6]
    return report


@pytest.mark.parametrize(
    ("text", "edited", "line"),
    [(HEAD + DOUBLE, HEAD + DOUBLE, 2), (HEAD + DOUBLE, HEAD + NINE + DOUBLE, 7),
     (HEAD + DOUBLE, HEAD + "S = 1\n" + DOUBLE, 3),
     (HEAD + DOUBLE, HEAD + DOUBLE + NINE, 2), (HEAD + MADE, HEAD + "\n\n" + NINE + MADE, 10),
     (HEAD + NINE + DOUBLE, HEAD + DOUBLE + NINE, 2), (HEAD + DOUBLE, HEAD + DOUBLE.replace("i = ", "i =  "), 2)],
    ids=["unchanged", "another above", "a line above", "another below", "closure", "swapped", "spaces"])
def test_kernel_runs_as_imported_though_its_file_changed(module, text, edited, line):
    assert _doubled(module(text, edited).double).first_line == line


@pytest.mark.parametrize("edited", [HEAD + DOUBLE.replace("2)", "100)"), HEAD + NINE, HEAD + "def double(:\n",
                                    "", HEAD + DOUBLE.replace("x.size", "y.size"),
                                    HEAD + DOUBLE.replace("double", "twice")])
def test_kernel_whose_text_is_gone_says_so(module, edited):
    with pytest.raises(simt.UnsupportedSyntax, match=r"has changed since 'double' was imported|cannot be read"):
        _doubled(module(HEAD + DOUBLE, edited).double)


def test_kernel_of_a_deleted_file_says_so(module):
    kernel = module(HEAD + DOUBLE, None).double
    with pytest.raises(simt.UnsupportedSyntax, match="cannot be read"):
        _doubled(kernel)


def test_device_function_of_an_edited_file_says_so(module):
    helper = module("from numba import cuda\n@cuda.jit(device=True)\ndef twice(v):\n    return v + v\n",
                    "from numba import cuda\n@cuda.jit(device=True)\ndef twice(v):\n    return v * v\n").twice

    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = helper(x[i]) + float32(0)

    with pytest.raises(simt.UnsupportedSyntax, match="has changed since 'twice' was imported"):
        _doubled(kernel)
