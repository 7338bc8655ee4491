"""Launches inside `simt.on()`: arguments in and out, signatures, configurations, options of `cuda.jit`."""
import numpy as np
import pytest
from numba import cuda, float32, int32, void

from cuda_kernels import simt


@cuda.jit
def scale(x, factor, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] * factor


@cuda.jit("void(float32[:], int32, float32[::1])")
def declared(x, k, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] * k


@cuda.jit(void(float32[:], int32, float32[::1]))
def declared_by_objects(x, k, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] * k


@cuda.jit(["void(float32[:])", "void(float64[:])", (int32[:],)])
def several(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = x[i] * x[i]


X = np.arange(5, dtype=np.float32)


def test_in_out_and_inout_say_what_is_copied():
    out, both, read = np.zeros(8, np.float32), np.ones(5, np.float32), X.copy()

    @cuda.jit
    def overwrite(a, b, c):
        i = cuda.grid(1)
        if i < a.size:
            b[i] = a[i]
            c[i] += 1
            a[i] = -1

    with simt.on() as session:
        overwrite[1, 32](cuda.In(read), cuda.Out(out), cuda.InOut(both))
    assert read.tolist() == X.tolist() and both.tolist() == [2] * 5
    assert out[:5].tolist() == X.tolist() and np.isnan(out[5:]).all()  # nobody wrote these: undefined on a GPU
    assert (session.transfers.total("up"), session.transfers.total("down")) == (40, 52)


@pytest.mark.parametrize("kernel", [declared, declared_by_objects])
def test_signature_converts_numbers_and_refuses_other_arrays(kernel):
    out = np.zeros(5, np.float32)
    with simt.on():
        kernel[1, 32](X, 3, out)
        assert out.tolist() == [0, 3, 6, 9, 12]
        kernel[1, 32](X[::-1], np.int8(2), cuda.to_device(out))
        for wrong in ((X.astype(np.float64), 3, out), (X, 2.5, out), (X, 3, np.zeros(10, np.float32)[::2]),
                      (X, 3, np.zeros((5, 1), np.float32)), (X, 3)):
            with pytest.raises(TypeError, match="No matching definition"):
                kernel[1, 32](*wrong)
        with pytest.raises(TypeError, match="float64, 1d, C.*would take the bytes"):
            kernel[1, 32](X.astype(np.float64), 3, out)


def test_list_of_signatures_picks_the_one_that_fits():
    with simt.on():
        for dtype in (np.float32, np.float64, np.int32):
            x = np.array([3], dtype)
            several[1, 1](x)
            assert x[0] == 9
        with pytest.raises(TypeError, match=r"array\(int64, 1d, C\).*is declared for"):
            several[1, 1](np.array([3]))


def test_two_signatures_that_fit_as_well_are_ambiguous():
    with simt.on():
        @cuda.jit(["(float64[:], float32, float64)", "(float64[:], float64, float32)"])
        def either(x, a, b):
            x[0] = a + b

        x = np.zeros(1)
        either[1, 1](x, np.float32(1), 2.0)
        assert x[0] == 3
        with pytest.raises(TypeError, match="Ambiguous overloading for either.*float64, float64"):
            either[1, 1](x, 1.0, 2.0)


def test_launch_bounds_hold():
    with simt.on():
        @cuda.jit(launch_bounds=(128, 2))
        def nothing():
            pass

        nothing[1, 128]()
        with pytest.raises(ValueError, match="allows blocks of 128 threads.*CUDA_ERROR_INVALID_VALUE"):
            nothing[1, (16, 16)]()


def test_signature_inside_a_session_and_for_simt_launch():
    with simt.on():
        @cuda.jit("(int32[:],)")
        def inside(x):
            x[cuda.grid(1)] = 4

        x = np.zeros(2, np.int32)
        inside[1, 2](x)
    assert x.tolist() == [4, 4] and list(inside.overloads)[0][0].ndim == 1
    y = np.zeros(2, np.int32)
    assert simt.launch(inside, 1, 2, y).faults == [] and y.tolist() == [4, 4]


def test_kernel_must_be_declared_void():
    with simt.on(), pytest.raises(TypeError, match="CUDA kernel must have void return type"):
        @cuda.jit("float32(float32[:])")
        def wrong(x):
            x[0] = 1


def test_device_functions_take_signatures_and_options():
    with simt.on():
        @cuda.jit("float32(float32, float32)", device=True, inline=True)
        def smaller(a, b):
            return a if a < b else b

        @cuda.jit(fastmath=True, max_registers=32, lineinfo=True, opt=True, cache=False)
        def kernel(x, y):
            i = cuda.grid(1)
            if i < x.size:
                x[i] = smaller(x[i], y[i])

        x = np.float32([1, 5])
        kernel[1, 32](x, np.float32([3, 4]))
    assert x.tolist() == [1, 4]


def test_device_function_converts_to_what_it_declares():
    with simt.on() as session:
        @cuda.jit("int32(float32, int32)", device=True)
        def scaled(x, k):
            return x * float32(k)

        @cuda.jit
        def kernel(out, x):
            i = cuda.grid(1)
            out[i] = scaled(x[i], 2.9) / 4

        out = np.zeros(2)
        kernel[1, 2](out, np.array([1.3, 16777217.0]))
    # Worked out by hand: float32(1.3) * 2 = 2.6 -> 2; float32(16777217) is 16777216, twice that is 33554432
    assert out.tolist() == [0.5, 8388608.0] and session.faults == []


@pytest.mark.parametrize(("grid", "block"), [(2, 32), ((2,), (32,)), ([2], [32]), (np.int64(2), np.int32(32)),
                                             ((2, 1, 1), (8, 4))])
def test_configurations_are_ints_tuples_or_numpy_ints(grid, block):
    with simt.on() as session:
        configured = scale[grid, block, cuda.stream(), 0]
        configured(X, 2, np.zeros(5, np.float32))
    assert session.report.grid == (2, 1, 1) and configured.griddim == (2, 1, 1)


def test_configurations_that_numba_refuses():
    with simt.on():
        with pytest.raises(TypeError, match=r"griddim must be a sequence of integers, got \[2.5\].*//"):
            scale[2.5, 32]
        with pytest.raises(ValueError, match="sequence of 1, 2 or 3 integers"):
            scale[(1, 1, 1, 1), 32]
        with pytest.raises(ValueError, match="at least the griddim and blockdim"):
            scale[(1,)]
        with pytest.raises(ValueError, match="None"):
            scale[None, 32]
        with pytest.raises(ValueError, match="launch configuration was not specified"):
            scale(X, 2, X)
        with pytest.raises(TypeError):
            scale[1, 32](X, factor=2, out=X)


def test_forall_covers_its_tasks():
    with simt.on() as session:
        out = np.zeros(300, np.float32)
        scale.forall(300)(np.ones(300, np.float32), 2, out)
        scale.forall(300, tpb=32, stream=cuda.stream())(np.ones(300, np.float32), 2, out)
        scale.forall(0)(X, 2, out)
        with pytest.raises(ValueError, match="negative task count"):
            scale.forall(-1)
    assert [r.grid[0] for r in session.reports] == [2, 10] and out.tolist() == [2] * 300


def test_defaults_are_filled_in_with_a_word_on_numba():
    @cuda.jit
    def fill(out, value=7):
        out[cuda.grid(1)] = value

    out = np.zeros(3)
    with simt.on(), pytest.warns(UserWarning, match="fill: .*value=7.*would refuse"):
        fill[1, 3](out)
    assert out.tolist() == [7, 7, 7]
    with simt.on(), pytest.raises(TypeError, match="takes 2 arguments"):
        fill[1, 3](out, 1, 2)


def test_what_only_a_compiler_knows_is_refused_with_the_way_to_know():
    with simt.on():
        scale[1, 32](X, 2, X.copy())
        for ask in (scale.get_regs_per_thread, scale.inspect_asm, scale.inspect_llvm, scale.inspect_types):
            with pytest.raises(NotImplementedError, match="compiles nothing.*compile_ptx"):
                ask()
        (compiled,) = declared.overloads.values()
        with pytest.raises(AttributeError, match="compiles nothing.*compile_ptx"):
            compiled.inspect_llvm()
        assert compiled.max_cooperative_grid_blocks(256) == 8 * 132
        assert compiled.max_cooperative_grid_blocks(100) == 16 * 132  # 100 threads are four warps
        assert scale.py_func.__name__ == scale.__name__ == "scale"
        assert scale.specialize(X, 2, X) is scale
        with pytest.raises(RuntimeError, match="already specialized"):
            declared.specialize(X, 2, X)


def test_views_of_one_device_array_are_arguments():
    with simt.on() as session:
        d = cuda.to_device(np.arange(6, dtype=np.float32))
        scale[1, 32](d[:3], np.float32(10), d[3:])
        assert d.copy_to_host().tolist() == [0, 1, 2, 0, 10, 20]
        matrix = d.reshape(2, 3)
        scale[1, 32](matrix[:, 0], np.float32(2), matrix[:, 1])
        assert d.copy_to_host().tolist() == [0, 0, 2, 0, 0, 20]
    assert session.faults == []


def test_device_arrays_of_the_surroundings_are_global_memory():
    with simt.on() as session:
        table, counts = cuda.to_device(np.arange(4.0)), cuda.to_device(np.zeros(2, np.int64))

        @cuda.jit(device=True)
        def looked_up(i):
            return table[i]

        @cuda.jit
        def kernel(out):
            i = cuda.grid(1)
            out[i] = looked_up(i % 4)
            cuda.atomic.add(counts, i % 2, 1)

        out = np.zeros(64)
        kernel[2, 32](out)
        table[0] = 9  # no constant: the next launch sees it
        kernel[2, 32](out)
        assert out.tolist() == [9, 1, 2, 3] * 16 and counts.copy_to_host().tolist() == [64, 64]
        assert session.faults == []

        @cuda.jit
        def racing():
            counts[0] = cuda.grid(1)

        racing[1, 32]()
    assert [f.kind for f in session.faults] == ["race"]


def test_device_arrays_are_arguments_of_simt_launch_too():
    with simt.on():
        d = cuda.to_device(X)
        assert simt.launch(several, 1, 32, d).faults == []
        assert d.copy_to_host().tolist() == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("function", [lambda a, b: a + b, lambda a, b: a if a > b else b])
@pytest.mark.parametrize("size", [1, 31, 128, 129, 1000, 9000])
def test_reduce_is_numbas_own(function, size):
    x = np.random.RandomState(size).randint(-50, 50, size)
    want = 0
    for value in x:
        want = function(want, int(value))
    with simt.on() as session:
        reduce = cuda.reduce(function)
        assert reduce(x) == want and cuda.Reduce(function)(cuda.to_device(x)) == want
        res = cuda.device_array(1, x.dtype)
        assert reduce(x, res=res) is None and res[0] == want
        assert reduce(x, size=1, init=60) == function(60, int(x[0])) if size > 1 else True
        assert reduce(x[:0], init=5) == 5
    assert session.faults == []


def test_lambdas_are_device_functions():
    two = 2
    pick, other = (cuda.jit(lambda a, b: a * two, device=True), cuda.jit(lambda a, b: b, device=True))  # on one line

    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        x[i] = pick(x[i], 5) + other(x[i], 100)

    x = np.arange(3)
    assert simt.launch(kernel, 1, 3, x).faults == [] and x.tolist() == [100, 102, 104]
