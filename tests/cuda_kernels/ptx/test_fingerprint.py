"""What tells compiled kernels apart on disk: all that their text depends on, and nothing that changes by itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.intrinsics import wide
from cuda_kernels.ptx.fingerprint import fingerprint

LADDERS = [
    (build.name, getattr(build.kernel, "py_func", build.kernel), build.args)
    for op in ladder.ops()
    for rung in ladder.rungs(op)
    for build in rung.builds
]


def test_every_kernel_of_the_ladders_has_one():
    assert [name for name, function, _ in LADDERS if fingerprint(function) is None] == []


def test_kernels_that_differ_by_an_intrinsic_or_what_it_closes_over_differ():
    def through(load):
        def kernel(x, y):
            y[0] = load(x, 0)

        return fingerprint(kernel)

    assert len({through(wide.ld1), through(wide.ld2), through(wide.ld4), through(wide.st1)}) == 4
    assert through(wide.ld4) == through(wide.ld4) is not None


def test_what_a_function_inside_takes_from_around_it_counts():
    def made(size):
        def kernel(x):
            def inner(i):
                return x[i] + TABLE[i]

            x[size] = inner(0)

        return kernel

    global TABLE
    TABLE = np.arange(3)
    before = fingerprint(made(1))
    TABLE = np.arange(1, 4)
    assert before != fingerprint(made(1)) is not None
    assert fingerprint(made(1)) != fingerprint(made(2))


def test_it_is_the_same_in_another_process():
    program = (
        "from cuda_kernels import ladder; from cuda_kernels.ptx.fingerprint import fingerprint\n"
        "import hashlib; build = ladder.rung('gemm').builds[0]\n"
        "print(hashlib.sha256(fingerprint(getattr(build.kernel, 'py_func', build.kernel)).encode()).hexdigest())"
    )
    found = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1
