"""What `minidl.check` says to a student: the stage, and the words that name the slip."""

from __future__ import annotations

import re
import types

import numpy as np
import pytest
from numba import cuda, float32
from student_slips import SLIPS

import minidl
from cuda_kernels import ladder
from minidl.backends import unregister_kernel
from minidl.testing.kernels import fault_causes


def checked(kernel, given, **options):
    minidl.register_kernel(kernel, "slip", given, replace=True, **options)
    try:
        return minidl.check(f"{kernel}:slip")
    finally:
        unregister_kernel(kernel, "slip")


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_named(slip):
    result = checked(slip.kernel, slip.given, **slip.options)
    assert result.failed_stage is not None and re.fullmatch(slip.stage, result.failed_stage), result
    said = f"{result.explanation} {result.cause}".replace("\n", " ")
    assert re.search(slip.phrase, said), result


def test_every_kind_of_fault_has_a_sentence_or_a_cause():
    from cuda_kernels.simt import KINDS
    from minidl.testing.kernels.fault_causes import OF_KIND
    from minidl.testing.kernels.faults import TELLERS

    assert set(KINDS) == {*OF_KIND, *TELLERS} and set(OF_KIND) & set(TELLERS) == {"out-of-bounds"}


# -- right, but … ------------------------------------------------------------------------------------------------------


@cuda.jit
def right(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


@cuda.jit
def one_thread(x, y, size):
    if cuda.grid(1) == 0:
        for i in range(size):
            y[i] = max(x[i], float32(0))


@cuda.jit
def one_thread_a_block(x, y, size):
    if cuda.threadIdx.x == 0:
        for k in range(cuda.blockDim.x):
            i = cuda.blockIdx.x * cuda.blockDim.x + k
            if i < size:
                y[i] = max(x[i], float32(0))


@cuda.jit
def a_share_each(x, y, size):
    threads = cuda.gridDim.x * cuda.blockDim.x
    share = (size + threads - 1) // threads
    for i in range(cuda.grid(1) * share, min((cuda.grid(1) + 1) * share, size)):
        y[i] = max(x[i], float32(0))


@cuda.jit
def sum_in_global_memory(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        y[row] = float32(0)
        for col in range(cols):
            y[row] = y[row] + x[row, col]


@cuda.jit
def does_not_matter(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = x[i]


def computed_by_numpy(x, *, on=None):
    y = np.empty_like(x)
    does_not_matter[x.size // 64 + 1, 64](x.reshape(-1), y.reshape(-1))
    y[...] = np.maximum(x, 0)
    return y


def computed_by_the_ladder(x, *, on=None):
    return ladder.rung("relu").run(x, on=on)


@pytest.mark.parametrize(
    "kernel, given, options, remark",
    [
        ("relu", one_thread, {}, r"One thread makes all 1,031 elements, and 1,279 look on"),
        ("relu", one_thread_a_block, {}, r"In each block one thread of 256 makes all"),
        ("relu", a_share_each, {"threads": 32, "blocks": 1}, r"times the sectors of r1_scalar.*of what it moves, 12%"),
        ("relu", computed_by_numpy, {}, r"the same when no kernel runs: NumPy computes it"),
        ("relu", computed_by_the_ladder, {}, r"kernels of the ladder alone"),
        ("reduce_sum", sum_in_global_memory, {}, r"times the sectors of r1_"),
    ],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_a_right_kernel_that_is_slow_or_idle_is_remarked_on(kernel, given, options, remark):
    result = checked(kernel, given, **options)
    assert result.passed and any(re.search(remark, said) for said in result.remarks), result.remarks
    assert "Right, but: " in repr(result) and "<b>Right, but:</b>" in result._repr_html_()


def test_a_right_kernel_gets_no_remark():
    assert checked("relu", right).remarks == []
    assert "Right, but" not in repr(checked("relu", right))


def test_where_no_mistake_is_known_a_small_case_is_given_in_numbers():
    @cuda.jit
    def strange(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = max(x[i], float32(0)) * x[i] + float32(0.25)

    cause = checked("relu", strange).cause
    found = re.search(r"[bB]y hand: x = \[(.*)\] gives \[(.*)\], and should give \[(.*)\]", cause)
    assert found, cause
    assert "all cells are wrong" not in cause
    x, got, right_value = map(float, found.groups())
    assert right_value == pytest.approx(max(x, 0)) and got == pytest.approx(max(x, 0) * x + 0.25, rel=1e-3)


def test_a_kernel_that_prints_shows_its_first_lines(capsys):
    @cuda.jit
    def prints(x, y, size):
        i = cuda.grid(1)
        if i < size:
            print(i, x[i])
            y[i] = max(x[i], float32(0))

    assert checked("relu", prints).passed
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 and lines[0].startswith("0 ")
    assert re.fullmatch(r"\(\d+ more lines were printed, by other threads and in other cases\)", lines[-1])


@pytest.mark.parametrize("grid, block", [((2, 1), (4, 8)), ((1, 3), (8, 2)), ((3, 2), (2, 4)), ((1, 1), (5, 3))])
def test_a_grid_that_lies_across_is_told_by_the_cells_that_it_covers(grid, block):
    report = types.SimpleNamespace(grid=(*grid, 1), block=(*block, 1))
    across, down = grid[0] * block[0], grid[1] * block[1]
    cells = [(row, col) for row in range(13) for col in range(13)]
    for turned in (True, False):
        missing = np.ones((13, 13), bool)
        for row, col in cells:
            missing[row, col] = not (row < across and col < down if turned else row < down and col < across)
        assert fault_causes._is_transposed_grid(missing, report) is (turned or across == down)
    assert not fault_causes._is_transposed_grid(missing[0], report)
