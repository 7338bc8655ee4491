"""Every exercise is held to its bank: wrong solutions fail at their stage with their sentence, right ones pass."""

import numpy as np
import pytest

from minidl.course import catalog, verify

FAST = (1, 13, 18, 24)
NUMBERS = [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in catalog.files()]


@pytest.mark.parametrize("number", NUMBERS)
def test_exercise_is_held_to_its_bank(number):
    rows = verify.verify(number)
    bad = [row for row in rows if row[-1]]
    assert bad == [] and len(rows) > 6, verify.table(bad)


def test_answers_of_count_sectors_are_what_the_machine_counts():
    from cuda_kernels import simt
    from cuda_kernels._cuda import cuda

    def copy(x, m, y):
        i = cuda.grid(1)
        y[i] = x[i]

    def shifted(x, m, y):
        i = cuda.grid(1)
        y[i] = x[i + 1]

    def strided(x, m, y):
        i = cuda.grid(1)
        y[i] = x[2 * i]

    def column(x, m, y):
        i = cuda.grid(1)
        y[i] = m[i, 0]

    def broadcast(x, m, y):
        i = cuda.grid(1)
        y[i] = x[0]

    def pairs(x, m, y):
        i = cuda.grid(1)
        y[i // 2] = x[i]

    def some(x, m, y):
        i = cuda.grid(1)
        if i < 20:
            y[i] = x[i]

    def backwards(x, m, y):
        i = cuda.grid(1)
        y[i] = x[31 - i]

    right = catalog.load(18).tasks[0].reference()
    arrays = np.ones(100, np.float32), np.ones((32, 33), np.float32), np.ones(100, np.float32)
    kernels = {"reversed": backwards} | {
        k.__name__: k for k in (copy, shifted, strided, column, broadcast, pairs, some)
    }
    counted = {
        name: simt.launch(kernel, 1, 32, *arrays, outputs=()).figures.global_sectors for name, kernel in kernels.items()
    }
    assert counted == right
