"""Kernels compiled, and on a GPU: what comes out is held against the reference, and what cannot be run is said."""

import numpy as np
import pytest
from numba import cuda

from cuda_kernels import ptx
from minidl.course import catalog
from minidl.course.checker import elsewhere
from minidl.course.checker.isolate import packed, unpacked
from minidl.course.checker.judging import Judge, check_source
from minidl.course.checker.running import Elsewhere, run

ADD = """
from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""


def judged(change, stage="compiled", missing=""):
    """Return the verdict where each of three runs of a case gave what `change(run, right)` says."""
    runs = run(catalog.load(13), ADD)
    other = Elsewhere(stage, missing)
    for k in range(3) if not missing else ():
        ran = run(catalog.load(13), ADD).ran[1]
        ran.outputs = [change(k, y) for y in ran.outputs]
        other.ran.append(ran)
    runs.elsewhere = [other]
    return Judge(catalog.load(13), ADD).verdict(unpacked(packed(runs)), 0)


@pytest.mark.parametrize("stage", ["compiled", "gpu"])
def test_results_from_elsewhere_are_held_against_the_reference(stage):
    assert judged(lambda k, y: y, stage).stages[stage] == "passed"
    always, sometimes = judged(lambda k, y: y + 1, stage), judged(lambda k, y: y + (k == 2), stage)
    for result, code in ((always, stage), (sometimes, f"{stage}-sometimes")):
        assert result.state == "failed" and result.stages[stage] == "failed" and result.failure.code == code
        assert "{" not in "".join(result.failure.said) and result.failure.case, result.text()


def test_what_cannot_be_run_is_said_in_words():
    result = judged(None, "gpu", "no GPU was found")
    assert result.passed and result.stages["gpu"] == "not run" and "gpu not run: no GPU was found" in result.text()


def test_a_gpu_is_given_copies_and_gives_them_back(monkeypatch):
    class There:
        def __init__(self, a):
            self.a = a.copy()

        def copy_to_host(self):
            return self.a

    class Doubles:
        def __getitem__(self, launch):
            self.launch = launch
            return lambda x, y, n: y.a.__setitem__(..., n * x.a)

    monkeypatch.setattr(cuda, "to_device", There)
    x, kernel = np.arange(6, dtype=np.float32)[::2], Doubles()
    y = np.zeros(3, np.float32)
    launches = list(elsewhere._on_gpu())
    launches[0](kernel, 1, 32, x, y, 2)
    assert len(launches) == 3 and y.tolist() == [0, 4, 8] and kernel.launch == (1, 32, 0, 0)


@pytest.mark.parametrize("number", [13, 35])
def test_compiled_kernels_run_with_and_without_drive(number):
    source = next(iter(catalog.bank(number).rights().values()))
    result = check_source(number, source, compiled=True)
    why = ptx.missing()
    assert result.passed, result.text()
    assert result.stages["compiled"] == ("not run" if why else "passed"), result.text()
    assert (why in result.text().replace("\n   ", " ")) if why else "compiled not run" not in result.text()


@pytest.mark.skipif(bool(ptx.missing()), reason=f"NOT RUN: {ptx.missing()}")
def test_what_numba_refuses_is_told():
    source = ADD.replace("a[i] + b[i]", "((a[i], b[i]) if i >= 0 else (a[i],))[0] + b[i]")
    failure = check_source(13, source, compiled=True).failure
    assert failure.code == "refused" and "Cannot unify" in failure.said[0], failure.said
