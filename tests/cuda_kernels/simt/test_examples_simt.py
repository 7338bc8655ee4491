"""The example kernels on the SIMT machine: equal to NumPy, without faults, and equal to Numba's simulator."""

import os
import subprocess
import sys

import numpy as np
import pytest
import simulate_examples

from cuda_kernels import simt
from tests.bank.examples import EXAMPLES
from tests.bank.examples.reduce import sum_shuffle
from tests.bank.examples.scan import THREADS, add_block_sums, scan_block

SIMULATOR_LACKS = {"sum_shuffle": "shfl_down_sync"}


def assert_expected(case):
    for name, result in case.results().items():
        np.testing.assert_allclose(result, case.expected[name], rtol=case.rtol, atol=case.atol, err_msg=name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_equals_numpy_and_has_no_fault(name):
    case = EXAMPLES[name]()
    report = simt.launch(case.kernel, case.grid, case.block, *case.args)
    assert [str(fault) for fault in report.faults] == []
    assert_expected(case)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_computes_the_same_without_checks(name):
    checked, unchecked = EXAMPLES[name](), EXAMPLES[name]()
    simt.launch(checked.kernel, checked.grid, checked.block, *checked.args)
    report = simt.launch(unchecked.kernel, unchecked.grid, unchecked.block, *unchecked.args, checks=False)
    assert not report.checked
    for output, result in unchecked.results().items():
        np.testing.assert_array_equal(result, checked.results()[output])


AWKWARD = [
    ("vector_add", (1,)),
    ("vector_add", (128,)),
    ("vector_add", (129,)),
    ("saxpy", (5, 1)),
    ("saxpy", (1000, 1)),
    ("matmul_square", (16, 16, 16)),
    ("matmul_ragged", (1, 1, 1)),
    ("matmul_ragged", (17, 33, 15)),
    ("matmul_ragged", (64, 3, 100)),
    ("matmul_double_buffered", (16, 48, 16)),
    ("transpose_naive", (1, 65)),
    ("transpose_tiled", (65, 1)),
    ("transpose_padded", (33, 31)),
    ("sum_atomic", (3,)),
    ("sum_tree", (129,)),
    ("sum_shuffle", (31, 2)),
    ("sum_shuffle", (4099, 5)),
    ("scan_block", (1,)),
    ("scan_block", (257,)),
    ("add_block_sums", (513,)),
    ("histogram_atomic", (1,)),
    ("histogram_shared", (17, 5)),
    ("softmax_rows", (1, 1)),
    ("softmax_rows", (3, 200)),
    ("stencil_1d", (2,)),
    ("stencil_1d", (65,)),
    ("conv2d_direct", (1, 3, 2)),
    ("conv2d_direct", (3, 8, 5)),
    ("max_pool2d", (1, 3, 3, 1)),
    ("max_pool2d", (3, 8, 11, 2)),
    ("row_dots", (1, 1)),
    ("row_dots", (7, 4)),
]


@pytest.mark.parametrize("name, sizes", AWKWARD)
def test_example_is_right_on_awkward_sizes(name, sizes):
    case = EXAMPLES[name](*sizes)
    report = simt.launch(case.kernel, case.grid, case.block, *case.args)
    assert [str(fault) for fault in report.faults] == []
    assert_expected(case)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """What Numba's simulator makes of the tiny examples, in a process of its own (it is chosen at import)."""
    path = tmp_path_factory.mktemp("simulator") / "results.npz"
    command = [sys.executable, simulate_examples.__file__, str(path)]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=environment, check=True, timeout=600)
    with np.load(path) as results:
        return {name: results[name] for name in results.files}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_equals_numbas_simulator(name, simulated):
    if name in SIMULATOR_LACKS:
        assert any(SIMULATOR_LACKS[name] in reason for reason in simulated["left_out"])
        pytest.skip(f"NOT RUN: Numba's simulator has no {SIMULATOR_LACKS[name]}")
    case = EXAMPLES[name](*simulate_examples.TINY[name])
    simt.launch(case.kernel, case.grid, case.block, *case.args)
    for output, result in case.results().items():
        foreign = simulated[f"{name}/{output}"]
        assert result.dtype == foreign.dtype
        np.testing.assert_allclose(result, foreign, rtol=case.rtol, atol=case.atol, err_msg=output)


def test_two_launches_make_a_scan_of_a_whole_vector():
    x = np.arange(1, 1001, dtype=np.float32) % 17
    out, block_sums = np.zeros_like(x), np.zeros(8, np.float32)
    simt.launch(scan_block, 8, THREADS, x, out, block_sums)
    simt.launch(add_block_sums, 8, THREADS, block_sums, out)
    np.testing.assert_array_equal(out, np.cumsum(x))


def test_kernels_launch_with_numbas_own_syntax():
    x, out = np.ones(1000, np.float32), np.zeros(1, np.float32)
    with simt.on():
        sum_shuffle[3, 128](x, out)
    assert out[0] == 1000
