"""Variables that some threads read without having assigned them, and kernels that only look like it."""
import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt
from cuda_kernels.simt.launch import program_of

FLAG = True
OFF = False


def run(kernel, threads=32, blocks=1, size=None, **keywords):
    out = np.zeros(size or threads * blocks, np.float32)
    return simt.launch(kernel, blocks, threads, out, **keywords), out


def line_of(kernel, text):
    source = program_of(kernel).source.lines
    return next(number for number, shown in source.items() if text in shown)


def only_the_first_five(x):
    i = cuda.grid(1)
    if i < 5:
        v = 1
    x[i] = v


def test_read_without_assignment_names_variable_line_thread_and_block():
    report, out = run(only_the_first_five, 32, 2)
    (fault,) = report.faults
    assert (fault.kind, fault.array, fault.lines) == ("uninitialised-read", "v", (line_of(only_the_first_five, "= v"),))
    assert fault.threads == ((5, 0, 0),) and fault.blocks == ((0, 0, 0),)
    assert fault.count == 64 - 5
    assert "'v'" in fault.message and f"line {fault.lines[0]}" in fault.message
    assert out[:5].tolist() == [1] * 5


def test_later_block_alone_is_named():
    def kernel(x):
        if cuda.blockIdx.x < 2:
            v = 3
        x[cuda.grid(1)] = v

    report, _ = run(kernel, 48, 3)
    (fault,) = report.faults
    assert fault.blocks == ((2, 0, 0),) and fault.threads == ((0, 0, 0),) and fault.count == 48


def nobody_assigns(x):
    i = cuda.grid(1)
    if i > 100:
        v = float32(1)
    x[i] = v * float32(2)


def test_variable_that_no_thread_assigned_is_a_fault_and_no_crash():
    report, out = run(nobody_assigns)
    assert [(f.kind, f.array, f.count) for f in report.faults] == [("uninitialised-read", "v", 32)]
    assert not out.any()
    report, _ = run(nobody_assigns, checks=False)
    assert not report.faults


def test_strict_raises_at_the_read():
    with pytest.raises(simt.KernelFault, match="variable 'v'"):
        run(only_the_first_five, strict=True)


def after_a_loop_of_no_turns(x):
    i = cuda.grid(1)
    for k in range(i % 2):
        last = k
    x[i] = last


def updates_what_it_never_set(x):
    i = cuda.grid(1)
    if i % 2 == 0:
        total = float32(0)
    total += float32(1)
    x[i] = total


def left_by_break(x):
    i = cuda.grid(1)
    k = 0
    while True:
        if k == i:
            break
        v = k
        k += 1
        if k > 40:
            break
    x[i] = v


def returns_late(x):
    i = cuda.grid(1)
    if i < 20:
        if i < 10:
            v = 1
        else:
            x[i] = 2
    else:
        return
    x[i] = v


def unpacked(x):
    i = cuda.grid(1)
    if i < 30:
        a, (b, c) = i, (1, 2)
    x[i] = a + b + c


def in_a_condition(x):
    i = cuda.grid(1)
    if i < 3:
        v = 1
    if v > 0:
        x[i] = 1


@cuda.jit(device=True)
def helper(k):
    if k > 3:
        v = k
    return v


def in_a_device_function(x):
    i = cuda.grid(1)
    x[i] = helper(i)


@pytest.mark.parametrize("kernel, names, count", [
    (after_a_loop_of_no_turns, {"last"}, 16), (updates_what_it_never_set, {"total"}, 16), (left_by_break, {"v"}, 1),
    (returns_late, {"v"}, 10), (unpacked, {"a", "b", "c"}, 2), (in_a_condition, {"v"}, 29),
    (in_a_device_function, {"v"}, 4)])
def test_paths_without_an_assignment_are_found(kernel, names, count):
    report, _ = run(kernel, outputs=())
    assert {(f.kind, f.array, f.count) for f in report.faults} == {("uninitialised-read", n, count) for n in names}


def same_guard_twice(x):
    i = cuda.grid(1)
    if i < 5:
        v = i
    x[i] = 0
    if i < 5:
        x[i] = v


def guarded_by_and(x):
    i = cuda.grid(1)
    if i < 5:
        v = i
    if i < 5 and v > 2:
        x[i] = v
    x[i] = v if i < 5 else 0
    if 0 <= i < 5 and 0 < 1 < v:
        x[i] = 3


def both_sides(x):
    i = cuda.grid(1)
    if i < 5:
        v = 1
    elif i < 9:
        v = 2
    else:
        return
    x[i] = v


def loop_that_always_turns(x):
    i = cuda.grid(1)
    for k in range(i + 1):
        v = k
    x[i] = v


def first_turn_sets_it(x):
    i = cuda.grid(1)
    for k in range(4):
        if k == 0:
            v = i
        v += k
    x[i] = v


def endless_with_a_break(x):
    i = cuda.grid(1)
    k = 0
    while True:
        v = k
        if k >= i:
            break
        k += 1
    x[i] = v


def by_a_constant(x):
    i = cuda.grid(1)
    if FLAG:
        v = 1
    if OFF:
        x[i] = w_never  # noqa: F821
    x[i] = v


def one_warp_at_a_time(x):
    i = cuda.grid(1)
    for k in range(2):
        if i // 32 == k:
            v = i
    x[i] = v


@pytest.mark.parametrize("kernel", [same_guard_twice, guarded_by_and, both_sides, loop_that_always_turns,
                                    first_turn_sets_it, endless_with_a_break, by_a_constant, one_warp_at_a_time])
@pytest.mark.parametrize("threads", [32, 48, 64])
def test_right_kernels_pass_without_a_word(kernel, threads):
    report, _ = run(kernel, threads, outputs=())
    assert not report.faults


def test_results_are_those_of_the_paths_taken():
    _, out = run(guarded_by_and, outputs=())
    assert out.tolist() == [0, 1, 3, 3, 3] + [0] * 27
    _, out = run(first_turn_sets_it)
    assert out.tolist() == [i + 6 for i in range(32)]


@pytest.mark.parametrize("kernel", [both_sides, endless_with_a_break, by_a_constant])
def test_variables_that_every_path_assigns_are_not_watched(kernel):
    assert "remember" not in simt.translation(kernel) and "assured" not in simt.translation(kernel)
