"""Numba's refusals in a student's words: asked of the compilers where they are installed (make check-gate), else not.

minidl.check runs here too: in the gate's environment its stage "compiles" decides.
"""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.compile.refusals import compiler_missing, refusal, types_of

needs_compiler = pytest.mark.skipif(bool(compiler_missing()), reason=f"NOT RUN: {compiler_missing()} (make check-gate)")
TILE = 16
TILE1 = TILE + 1


class Settings:
    """A Python object."""

    scale = 2.0


SETTINGS = Settings()


def leaky(v):
    return v if v > 0 else float32(0)


@cuda.jit
def shape_of_an_expression(x, y):
    tile = cuda.shared.array((TILE, TILE + 1), float32)
    i = cuda.threadIdx.x
    tile[0, i] = x[i]
    y[i] = tile[0, i]


@cuda.jit
def shape_of_a_variable(x, y):
    n = x.shape[0]
    tile = cuda.local.array(n, float32)
    tile[0] = x[0]
    y[0] = tile[0]


@cuda.jit
def helper_without_decorator(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = leaky(x[i])


@cuda.jit
def attribute_of_an_object(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * SETTINGS.scale


@cuda.jit
def minimum_of_a_condition(x, y):
    i = cuda.grid(1)
    y[i] = min(i > 3, 5)


@cuda.jit
def a_name_that_is_not_there(x, y):
    y[0] = nowhere(x[0])  # noqa: F821


@cuda.jit
def a_list(x, y):
    pair = [1.0, 2.0]
    y[0] = pair[0]


@cuda.jit
def a_file(x, y):
    y[0] = open("x")


@cuda.jit
def an_attribute_that_arrays_do_not_have(x, y):
    y[0] = x.length


@cuda.jit
def shift_of_a_float(x, y):
    y[0] = x[0] >> 1


@cuda.jit
def one_kind_of_exception(x, y):
    try:
        y[0] = x[0]
    except ValueError:
        y[0] = float32(0)


@cuda.jit
def right(x, y):
    tile = cuda.shared.array((TILE, TILE1), float32)
    i = cuda.threadIdx.x
    if i < x.size:
        tile[0, i] = x[i]
        y[i] = tile[0, i]


ARRAYS = (np.zeros(32, np.float32), np.zeros(32, np.float32))


@needs_compiler
@pytest.mark.parametrize(
    "kernel, reason, cure, text",
    [
        (shape_of_an_expression, "shape given to cuda.shared.array is worked out", "TILE1 = TILE \\+ 1", "TILE \\+ 1"),
        (shape_of_a_variable, "shape given to cuda.local.array is worked out", "global name", "local.array\\(n"),
        (helper_without_decorator, "'leaky' is a plain Python function", "device=True.*def leaky", "leaky\\("),
        (attribute_of_an_object, "'SETTINGS' is a Python object \\(of class Settings\\)", "global number", "scale"),
        (minimum_of_a_condition, "no min for these types: \\(bool", "float32|int32", "min\\("),
        (a_name_that_is_not_there, "name 'nowhere' is not defined", "misspelt", ""),
        (a_list, "no memory", "cuda.local.array", "pair"),
        (a_file, "'open' is a function of Python", "do without", "open\\("),
        (an_attribute_that_arrays_do_not_have, "no 'length'", "", "length"),
        (shift_of_a_float, "no rshift for these types: \\(float32, int", "float32|int32", ">>"),
        (one_kind_of_exception, "cannot catch", "beforehand", ""),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_refusal_is_said_in_words_with_its_line(kernel, reason, cure, text):
    import re

    refused = refusal(kernel, types_of(ARRAYS))
    assert refused is not None
    assert re.search(reason, refused.reason) and re.search(cure, refused.cure), refused
    assert re.search(text, refused.text) and (refused.line > 0 or not text), refused


@needs_compiler
def test_what_compiles_is_not_refused():
    assert refusal(right, types_of(ARRAYS)) is None
    assert refusal(right, types_of((np.zeros((2, 3), np.float32), np.int32(1)))) is not None  # of other types it may be


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


def checked(kernel):
    import minidl
    from minidl.backends import unregister_kernel

    minidl.register_kernel("relu", "compiled", kernel, replace=True)
    try:
        return minidl.check("relu:compiled")
    finally:
        unregister_kernel("relu", "compiled")


def test_a_check_asks_the_compiler_or_says_that_it_was_not_asked():
    result = checked(relu)
    assert result.passed
    stage = next(stage for stage in result.stages if stage.name == "compiles")
    if compiler_missing():
        assert stage.verdict == "not run"
        assert stage.text == 'not asked: no compiler installed; pip install "minidl[ptx]"'
    else:
        assert stage.verdict == "passed" and "1 signature" in stage.text


def test_what_the_compiler_refuses_fails_there(monkeypatch):
    """The compiler's word decides, also on what the SIMT machine would run; here the word is given."""
    from cuda_kernels.compile.refusals import Refusal
    from minidl.testing.kernels import check as kernel_check

    refused = Refusal("'leaky' is a plain Python function", "write @cuda.jit(device=True)", 7, "    y[i] = leaky(x[i])")
    monkeypatch.setattr(kernel_check, "compiler_missing", lambda: "")
    monkeypatch.setattr(kernel_check, "refusal", lambda kernel, types: refused)
    result = checked(relu)
    assert result.failed_stage == "compiles"
    assert "refuses to compile relu(array(float32, 1d, C), array(float32, 1d, C), int32): line 7" in result.explanation
    assert "leaky(x[i])" in result.source and "device=True" in result.cause
    assert [stage.verdict for stage in result.stages[-4:]] == ["not run"] * 4
