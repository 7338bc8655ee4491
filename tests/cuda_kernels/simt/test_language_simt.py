"""The Python that Numba compiles for CUDA: on the machine it gives what Python gives, thread by thread."""
import cmath
import collections
import re
import types

import language
import numpy as np
import one_thread_at_a_time
import pytest
from numba import cuda, float32
from numba.cuda import random as cuda_random

from cuda_kernels import simt

THREADS = 16


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    return language.module_of(tmp_path_factory.mktemp("language"))


@pytest.mark.filterwarnings("ignore")  # division by zero, "is" with a literal
@pytest.mark.parametrize("name", language.BODIES)
def test_language_gives_what_python_gives(name, kernels):
    kernel = getattr(kernels, f"k_{name}")
    got, expected = language.arguments(kernels), language.arguments(kernels)
    faults = simt.launch(kernel, 1, THREADS, *got, outputs=()).faults
    records = [a.view(np.recarray) if isinstance(a, np.ndarray) and a.dtype.names else a for a in expected]
    one_thread_at_a_time.run(kernel, 1, THREADS, *records, **dict.fromkeys(language.DEVICE_FUNCTIONS, True))
    for a, b in zip(got, expected, strict=True):
        if isinstance(a, np.ndarray):
            assert (a == b).all() if a.dtype.names else np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True), (a, b)
    assert {f.kind for f in faults} <= {"race"}, faults  # many threads write the same


# -- values that Python cannot be asked for ---------------------------------------------------------------------------


STATES = np.zeros(64, cuda_random.xoroshiro128p_dtype)
cuda_random.init_xoroshiro128p_states_cpu(STATES, 7, 0)
GENERATORS = ("uniform_float32", "uniform_float64", "normal_float32", "normal_float64")


@pytest.mark.parametrize("name", GENERATORS)
def test_random_numbers_are_those_of_numba_bit_for_bit(name):
    draw = getattr(cuda_random, f"xoroshiro128p_{name}")

    def kernel(states, out):
        i = cuda.grid(1)
        for k in range(out.shape[1]):
            out[i, k] = draw(states, i)

    kind = np.float32 if name.endswith("32") else np.float64
    states, expected_states = STATES.copy(), STATES.copy()
    out = np.zeros((64, 3), kind)
    assert simt.launch(kernel, 2, 32, states, out, outputs=()).faults == []
    expected = np.array([[draw(expected_states, i) for _ in range(3)] for i in range(64)], kind)
    assert np.array_equal(states, expected_states)
    if name.startswith("uniform"):
        assert np.array_equal(out, expected)
    else:  # log and cos of NumPy and of the C library may differ in the last digit
        np.testing.assert_allclose(out, expected, rtol=1e-5 if kind == np.float32 else 1e-13, atol=1e-6)


def one_state_for_all(states, out):
    out[cuda.grid(1)] = cuda_random.xoroshiro128p_uniform_float32(states, 0)


def test_one_state_for_many_threads_is_a_race():
    report = simt.launch(one_state_for_all, 1, 32, STATES.copy(), np.zeros(32, np.float32))
    assert {(f.kind, f.array) for f in report.faults} == {("race", "states.s0"), ("race", "states.s1")}


POINT = np.dtype([("x", "f4"), ("tag", "i1"), ("y", "f8")], align=True)


def move(points, out):
    i = cuda.grid(1)
    points[i].x = i
    out[i] = points[(i + 1) % points.size].y


def test_fields_of_records_lie_at_their_bytes_and_do_not_race_with_each_other():
    points, out = np.zeros(32, POINT), np.zeros(32)
    points["y"] = np.arange(32)
    report = simt.launch(move, 1, 32, points, out)
    assert report.faults == [] and np.array_equal(points["x"], np.arange(32)) and out[0] == 1
    x_line, y_line = sorted(report.by_line)[1:3]
    stores, loads = report.by_line[x_line], report.by_line[y_line]
    assert (stores.global_store_bytes, stores.global_store_sectors) == (32 * 4, 16)  # a record of 16 bytes each
    assert (loads.global_load_bytes, loads.global_load_sectors) == (32 * 8, 16)


def neighbour_field(points):
    i = cuda.grid(1)
    points[i].x = points[(i + 1) % points.size].x


def test_race_on_a_field_names_it():
    report = simt.launch(neighbour_field, 1, 32, np.zeros(32, POINT))
    assert [(f.kind, f.array) for f in report.faults] == [("race", "points.x")]


def shared_records(out):
    t = cuda.threadIdx.x
    staged = cuda.shared.array(32, POINT)
    staged[t].x = t
    cuda.syncthreads()
    out[t] = staged[31 - t].x + staged[t].y


def test_field_that_nobody_wrote_is_reported():
    report = simt.launch(shared_records, 1, 32, np.zeros(32))
    assert {(f.kind, f.array) for f in report.faults} == {("uninitialised-read", "staged.y")}


def test_complex_elements_are_counted_with_their_bytes():
    def kernel(z, out):
        i = cuda.grid(1)
        out[i] = z[i] * z[i] + z[i]

    z = np.arange(32) * (1 + 2j)
    for kind in (np.complex64, np.complex128):
        given, out = z.astype(kind), np.zeros(32, kind)
        report = simt.launch(kernel, 1, 32, given, out)
        figures = report.figures
        assert report.faults == [] and np.allclose(out, z * z + z)
        assert figures.global_load_bytes == 3 * 32 * out.itemsize and figures.global_load_sectors == 3 * out.itemsize
        assert figures.flops == 32 * (6 + 2)


@pytest.mark.parametrize("name", "acos asin atan cos exp log sin sqrt tan tanh cosh sinh".split())
def test_cmath_is_that_of_python(name):
    function = getattr(cmath, name)

    def kernel(z, out):
        i = cuda.grid(1)
        out[i] = function(z[i])

    z, out = np.array([0.3 + 0.4j, -1.5 + 0.2j, 2j, 0.1 - 3j]), np.zeros(4, complex)
    assert simt.launch(kernel, 1, 4, z, out).faults == []
    np.testing.assert_allclose(out, [function(v) for v in z], rtol=1e-13)


def slice_store(x):
    i = cuda.grid(1)
    x[i:i + 2] = i


def slice_of_its_own(x):
    i = cuda.grid(1)
    x[2 * i:2 * i + 2] = i


def test_race_and_bounds_are_seen_in_slice_assignment():
    assert [f.kind for f in simt.launch(slice_store, 1, 32, np.zeros(40), outputs=()).faults] == ["race"]
    x = np.zeros(64)
    report = simt.launch(slice_of_its_own, 1, 32, x)
    assert report.faults == [] and np.array_equal(x, np.repeat(np.arange(32), 2))
    assert report.figures.global_stores == 64


def chosen(a, b, out):
    i = cuda.grid(1)
    source = a if i % 2 else b
    out[i] = source[i]


def test_an_array_chosen_by_each_thread_is_counted_and_checked():
    a, b, out = np.arange(40.0), -np.arange(31.0), np.zeros(32)
    assert simt.launch(chosen, 1, 32, a, b, out).faults == []
    assert np.array_equal(out, np.where(np.arange(32) % 2, np.arange(32), -np.arange(32)))
    report = simt.launch(chosen, 1, 32, a, b[:20], out)
    assert [(f.kind, f.array, f.count) for f in report.faults] == [("out-of-bounds", "b", 6)]


def of_tuples(arrays, point, out):
    i = cuda.grid(1)
    out[i] = arrays[0][i] * point.x + arrays[1][i] * point.y


def test_tuples_of_arrays_and_named_tuples_are_arguments():
    pair = collections.namedtuple("pair", "x y")
    a, b, out = np.arange(32.0), np.ones(32), np.zeros(32)
    report = simt.launch(of_tuples, 1, 32, (a, b), pair(2.0, 3.0), out)
    assert report.faults == [] and np.array_equal(out, 2 * a + 3) and list(report.arrays) == [
        "arrays[0]", "arrays[1]", "out"]
    with pytest.raises(TypeError, match="'point' must be a NumPy array"):
        simt.launch(of_tuples, 1, 32, (a, b), types.SimpleNamespace(x=1), out)


def checked(x, out):
    i = cuda.grid(1)
    assert x[i] < 5, "too large"
    out[i] = x[i]


def test_an_assertion_that_fails_ends_its_thread_and_is_reported():
    x, out = np.arange(8.0), np.full(8, -1.0)
    report = simt.launch(checked, 1, 8, x, out, outputs=())
    assert out.tolist() == [0, 1, 2, 3, 4, -1, -1, -1]
    (fault,) = report.faults
    assert (fault.kind, fault.threads, fault.count) == ("exception", ((5, 0, 0),), 3)
    assert "AssertionError('too large')" in fault.message and "debug=True" in fault.message


def complex_steps(z):
    i = cuda.grid(1)
    w = z[i] * 2
    z[i] = w


def test_stepping_shows_complex_numbers_and_records():
    steps = simt.step(complex_steps, 1, 2, np.array([1j, 2.0]))
    assert steps.forward(2).value("w", block=0).tolist() == [2j, 4]
    assert steps.value("z").tolist() == [1j, 2]
    assert steps.forward().value("z").tolist() == [2j, 4]
    points = np.zeros(2, POINT)
    steps = simt.step(neighbour_field, 1, 2, points)
    assert steps.value("points")["x"].tolist() == [0, 0]


def test_sources_are_found_through_complex_numbers():
    z, out = np.arange(4) + 1j, np.zeros(4, complex)

    def kernel(z, out):
        i = cuda.grid(1)
        out[i] = z[i] + z[3 - i]

    owners = simt.launch(kernel, 1, 4, z, out, owners=True).owners
    assert {s.index for s in owners.sources_of("out", 1)} == {(1,), (2,)}


def test_sources_are_found_through_parts_of_complex_numbers_and_numpy_functions():
    z, out = np.arange(4) + 1j, np.zeros(4)

    def kernel(z, out):
        i = cuda.grid(1)
        out[i] = np.sin(z[i].real) + abs(z[3 - i].conjugate())

    owners = simt.launch(kernel, 1, 4, z, out, owners=True).owners
    assert {s.index for s in owners.sources_of("out", 1)} == {(1,), (2,)}


def field_by_field(points):
    i = cuda.grid(1)
    points[i].x = i + 1
    if i > 0:
        points[i].y = 2


def test_stepping_goes_back_over_a_field_and_an_unwritten_field_is_named():
    points = np.zeros(2, POINT)
    steps = simt.step(field_by_field, 1, 2, points)
    assert steps.goto(1).value("points")["x"].tolist() == [0, 0]
    assert steps.goto(2).value("points")["x"].tolist() == [1, 2]
    assert steps.back().value("points")["x"].tolist() == [0, 0]
    report = simt.launch(field_by_field, 1, 2, points)
    assert [(f.kind, f.array, f.index) for f in report.faults] == [("unwritten-output", "points.y", (0,))]


def test_an_atomic_of_an_array_chosen_by_each_thread():
    def kernel(a, b):
        i = cuda.grid(1)
        bins = a if i % 4 else b
        cuda.atomic.add(bins, 0, 1)

    a, b = np.zeros(1, np.int32), np.zeros(1, np.int32)
    assert simt.launch(kernel, 1, 32, a, b).faults == [] and (a[0], b[0]) == (24, 8)


@cuda.jit(device=True)
def of_size(q, size):
    a = cuda.local.array(size, np.float64)
    for k in range(size):
        a[k] = q + k
    return a.sum()


def two_sizes(out):
    i = cuda.grid(1)
    out[i] = of_size(i, 2) + of_size(i, 3)


def test_a_literal_argument_may_be_a_shape():
    out = np.zeros(4)
    assert simt.launch(two_sizes, 1, 4, out).faults == []
    assert out.tolist() == [5 * i + 4 for i in range(4)]


def tile_of_a_local_constant(x, out):
    TPB = 16
    tile = cuda.shared.array(shape=(TPB, TPB), dtype=np.float32)
    t = cuda.threadIdx
    tile[t.y, t.x] = x[t.y, t.x]
    cuda.syncthreads()
    out[t.y, t.x] = tile[t.x, t.y]


def test_a_local_constant_is_a_shape():
    x, out = np.arange(256, dtype=np.float32).reshape(16, 16), np.zeros((16, 16), np.float32)
    assert simt.launch(tile_of_a_local_constant, 1, (16, 16), x, out).faults == []
    assert np.array_equal(out, x.T)


@cuda.jit
def vectors(x, out):
    i = cuda.grid(1)
    v = cuda.float32x4(1, 2.5, x[i], i)
    if i % 2:
        v = cuda.float4(cuda.float32x2(x[i], 2), v.y, -1)
    w = cuda.int32x3(v.z, 7.9, i)
    out[i] = v.x + v.y * v.z - v.w + float32(w.x + w.y + w.z)


def test_vectors_hold_numbers_of_their_type():
    x, out = np.linspace(-2, 3, 32, dtype=np.float32), np.zeros(32, np.float32)
    assert simt.launch(vectors, 1, 32, x, out).faults == []
    wanted = []
    for i in range(32):
        v = (x[i], 2, 2.5, -1) if i % 2 else (1, 2.5, x[i], i)
        wanted.append(v[0] + v[1] * v[2] - v[3] + int(v[2]) + 7 + i)
    np.testing.assert_allclose(out, wanted, rtol=1e-6)


def _adds_vectors(out):
    v = cuda.float32x2(1, 2)
    out[0] = (v + v).x


def _indexes_a_vector(out):
    v = cuda.float32x2(1, 2)
    out[0] = v[1]


def _assigns_to_a_vector(out):
    v = cuda.float32x2(1, 2)
    v.x = 3
    out[0] = v.x


def _gives_too_few(out):
    v = cuda.float32x4(cuda.float32x2(1, 2), 3)
    out[0] = v.x


@pytest.mark.parametrize("kernel, told", [
    (_adds_vectors, "operator 'add' needs numbers, got a cuda.float32x2"),
    (_indexes_a_vector, "a cuda.float32x2 cannot be indexed; take its .x"),
    (_assigns_to_a_vector, "only a record's field can be assigned"),
    (_gives_too_few, "cuda.float32x4 takes 4 numbers, or smaller vectors that have as many together, got 3"),
])
def test_vectors_are_refused_where_numba_refuses_them(kernel, told):
    with pytest.raises(simt.UnsupportedSyntax, match=re.escape(told)):
        simt.launch(kernel, 1, 1, np.zeros(1, np.float32))
