"""What is said of mistakes that no exercise names: of faults, wrong values, orders; in two languages, without holes."""

import numpy as np
import pytest

from minidl.course import Exercise, Function, Kernel, case, catalog, extreme
from minidl.course.checker import judging, running
from minidl.course.checker.judging import Judge, check_source
from minidl.course.sentences import FAULTS, GENERIC, PHRASES, STAGES, fill, holes

HEAD = "from numba import cuda, float32\n\n"


def exercise_of(*tasks, **more):
    return Exercise(title="T", tasks=tasks, says={}, hints=(("", ""),) * 3, name="some", number=99, **more)


def failure_of(monkeypatch, source, *tasks):
    """The failure of a file of an exercise that is in no folder."""
    monkeypatch.setattr(judging.catalog, "made", lambda number: {"starter": "", "mistakes": {}})
    exercise = exercise_of(*tasks)
    result = Judge(exercise, source).verdict(running.run(exercise, source), 0)
    assert result.failure is not None, result.text()
    assert not holes({**FAULTS, **STAGES, **GENERIC}[result.failure.code], result.failure.facts)
    return result.failure


def kernel(body):
    return HEAD + "@cuda.jit\ndef k(x, y):\n" + "".join(f"    {line}\n" for line in body.splitlines())


def doubled(cases, outputs=None, **more):
    more = {"outputs": outputs or {"y": lambda x: x.shape}, "reference": lambda x: 2 * x, "threads": 32, **more}
    return Kernel(signature="k(x, y)", cases=cases, **more)


def plain(d):
    yield case("", d(40))
    yield case("", d(70))


@pytest.mark.parametrize("number", [1, 13])
def test_parameters_in_another_order_are_named(number):
    right = next(iter(catalog.bank(number).rights().values()))
    task = catalog.load(number).tasks[0]
    turned = right.replace(f"({', '.join(task.parameters)})", f"({', '.join(task.parameters[::-1])})", 1)
    failure = check_source(number, turned).failure
    assert failure.code == "parameters-order" and task.signature in failure.said[1]


def test_results_in_another_order_are_named(monkeypatch):
    def cases(d):
        yield case("", d(3, 4), d(4, 5))

    task = Function(signature="f(a, b)", cases=cases, reference=lambda a, b: (a.sum(0), b.sum(0), b.sum(1)),
                    results="s t u")  # fmt: skip
    for given, order in (("b.sum(0), a.sum(0), b.sum(1)", "t, s, u"), ("a.sum(0), b.sum(1), b.sum(0)", "s, u, t")):
        failure = failure_of(monkeypatch, f"def f(a, b):\n    return {given}\n", task)
        assert failure.code == "results-order" and f"it returns {order}" in failure.said[0], failure.said


@pytest.mark.parametrize(
    ("given", "code"),
    [("-dw", "negated"), ("3 * dw", "scaled"), ("0 * dw", "zero"), ("dw[::-1]", "flipped"), ("dw / 0", "nan"),
     ("np.roll(dw, 1, 0)", "shifted")],
)  # fmt: skip
def test_general_sentences_name_the_result(monkeypatch, given, code):
    def cases(d):
        yield case("", d(5, 4))

    source = "import numpy as np\n\ndef f(x):\n    db, dw = x + 1, x * x + x\n    return db, {}\n"
    task = Function(signature="f(x)", cases=cases, reference=lambda x: (x + 1, x * x + x), results="db dw")
    failure = failure_of(monkeypatch, source.format(given), task)
    assert failure.code == code and all("dw" in said for said in failure.said), failure.said
    alone = Function(signature="f(x)", cases=cases, reference=lambda x: x * x + x)
    failure = failure_of(monkeypatch, source.replace("db, {}", "{}").format(given), alone)
    assert "the result" in failure.said[0] and "结果" in failure.said[1] and "result" not in failure.said[1]


def test_an_index_of_shared_memory_below_0_knows_where_it_ends(monkeypatch):
    body = (
        "s = cuda.shared.array(32, float32)\nt = cuda.threadIdx.x\ni = cuda.grid(1)\ns[t] = float32(0)\n"
        "if i < x.shape[0]:\n    s[t] = x[i]\ncuda.syncthreads()\nif i < x.shape[0]:\n    y[i] = s[t - 1] + s[t]"
    )
    failure = failure_of(monkeypatch, kernel(body), doubled(plain))
    assert failure.code in ("F1n", "F2") and "s[-1]" in failure.said[0] and "(32" in failure.said[0], failure.said


def test_a_load_at_another_place_is_not_said_to_be_no_missing_guard(monkeypatch):
    body = "i = cuda.grid(1)\nif i < y.shape[0]:\n    y[i] = x[i] + x[i + 1]"
    failure = failure_of(monkeypatch, kernel(body), doubled(plain))
    assert failure.code == "F2" and "no missing guard" not in failure.said[0] and "runs to 40" in failure.said[0]


@pytest.mark.parametrize(
    ("where", "lies_across"),
    [("row, col = cuda.grid(2)", True), ("col, row = cuda.threadIdx.x, cuda.grid(2)[1]", False)],
)
def test_a_grid_lies_across_only_where_threads_run_down(monkeypatch, where, lies_across):
    def cases(d):
        yield case("", d(5, 40))

    first = "" if lies_across else " and cuda.blockIdx.x == 0"  # the same cells are written, by other threads
    body = f"{where}\nif row < x.shape[0] and col < x.shape[1]{first}:\n    y[row, col] = x[row, col] + x[row, col]"
    failure = failure_of(monkeypatch, kernel(body), doubled(cases, threads=(16, 16)))
    assert failure.code == "F11" and ("lies across" in failure.said[0]) == lies_across, failure.said


def test_an_atomic_addition_to_nothing_is_told(monkeypatch):
    body = "i = cuda.grid(1)\nif i < x.shape[0]:\n    cuda.atomic.add(y, i, x[i] + x[i])"
    failure = failure_of(monkeypatch, kernel(body), doubled(plain))
    assert failure.code == "F18a" and "atomic addition on line 7" in failure.said[0], failure.said


@pytest.mark.parametrize(
    ("line", "token"),
    [("2 * x[i]", "2"), ("x[2 * i // 2] * 2", "2"), ("x[i] * 2.0", "2.0"), ("x[i] + x[i] + i * float32(0) / 3", "3"),
     ("float32(i + 1) * 0 + i / x.size", "0"), ("float32(i / x.size)", "i / x.size"),
     ("float32(i + 1) / (i + x.size)", "`y[i] = float32(i + 1) / (i + x.size)`")],
)  # fmt: skip
def test_a_number_of_64_bits_is_named(monkeypatch, line, token):
    body = f"i = cuda.grid(1)\nif i < x.shape[0]:\n    y[i] = {line}"
    failure = failure_of(monkeypatch, kernel(body), doubled(plain))
    assert failure.code == "F13" and f"float64: {token} is" in failure.said[0], failure.said


def test_a_parameter_of_64_bits_is_named(monkeypatch):
    def cases(d):
        yield case("", d(40), 1e-3)

    task = Kernel(signature="k(x, y, epsilon)", cases=cases, inputs="x epsilon", outputs={"y": lambda x: x.shape},
                  reference=lambda x, epsilon: x / x.size + epsilon)  # fmt: skip
    body = "i = cuda.grid(1)\nif i < x.shape[0]:\n    y[i] = x[i] / float32(x.size) + epsilon"
    failure = failure_of(monkeypatch, kernel(body).replace("k(x, y)", "k(x, y, epsilon)"), task)
    assert failure.code == "F13" and "float64: epsilon is" in failure.said[0], failure.said


def test_a_thread_of_a_block_that_has_an_element_is_none_too_many(monkeypatch):
    def cases(d):
        yield case("", d(5, 40))

    task = Kernel(signature="k(x, y)", cases=cases, reference=lambda x: x.sum(1), outputs={"y": lambda x: x.shape[:1]},
                  threads=64, grid=lambda x: x.shape[:1])  # fmt: skip
    body = "r, t = cuda.blockIdx.x, cuda.threadIdx.x\ntotal = x[r, t]\nif t == 0:\n    y[r] = total"
    failure = failure_of(monkeypatch, kernel(body), task)
    assert failure.code == "F1n" and "extra threads" not in failure.said[0], failure.said


@pytest.mark.parametrize(("wrong", "code"), [("3 * x", "scaled"), ("np.where(x[0] == x, 3 * x, x - 1)", "values")])
def test_a_factor_has_to_show_in_each_case(monkeypatch, wrong, code):
    def cases(d):
        yield case("rows alike", d(1, 2) + np.zeros((3, 1), np.float32))
        yield case("", d(3, 2))

    task = Function(signature="f(x)", cases=cases, reference=lambda x: x)
    assert failure_of(monkeypatch, f"import numpy as np\n\n\ndef f(x):\n    return {wrong}\n", task).code == code


def test_what_is_equal_all_along_is_not_reversed(monkeypatch):
    def cases(d):
        yield case("", d(5))

    task = Function(signature="f(x)", cases=cases, reference=lambda x: x * 0 + x.sum())
    wrong = (
        "import numpy as np\n\n\ndef f(x):\n    return (x * 0 + x.sum()) * (1 + 2e-4 * np.arange(5, dtype=x.dtype))\n"
    )
    assert failure_of(monkeypatch, wrong, task).code == "values"


def test_two_numbers_exchanged_are_named(monkeypatch):
    def cases(d):
        yield case("", d(5), 2, 7)

    task = Function(signature="f(x, a, b)", cases=cases, reference=lambda x, a, b: x**a + b)
    failure = failure_of(monkeypatch, "def f(x, a, b):\n    return x**b + a\n", task)
    assert failure.code == "swapped" and "with a and b exchanged" in failure.said[0], failure.said


def test_a_drive_without_outputs_has_a_first_fault(monkeypatch):
    def drive(module, launch, x):
        y = np.full(x.shape, np.nan, np.float32)
        launch(module.k, 2, 64, x, y)
        return y

    task = Kernel(signature="k(x, y)", cases=plain, reference=lambda x: 2 * x, drive=drive, inputs="x", results="y")
    failure = failure_of(monkeypatch, kernel("i = cuda.grid(1)\ny[i] = 2 * x[i]"), task)
    assert failure.code == "F1" and "y has size 40, and the grid 128 threads" in failure.said[0], failure.said


def test_small_values_are_compared(monkeypatch):
    def cases(d):
        yield case("", d(5, scale=1e-3))
        yield extreme("small", np.array([1e-3, 1.0], np.float32))

    task = Function(signature="f(x)", cases=cases, reference=lambda x: x * x)
    for wrong in ("np.where(abs(x) < 0.01, x * 0, x * x)", "np.where(x < 0.01, x * x * x, x * x)"):
        assert failure_of(monkeypatch, f"import numpy as np\n\ndef f(x):\n    return {wrong}\n", task).stage == "values"
    right = Judge(exercise_of(task), "def f(x):\n    return x * x\n")
    assert right.verdict(running.run(right.exercise, right.source), 0).passed


def test_every_task_says_its_figures():
    result = check_source(17, next(iter(catalog.bank(17).rights().values())))
    assert "add_bias: sectors" in result.summary and "bias_backward: atomics" in result.summary
    assert result.figures["add_bias.sectors"] == 960 and result.par["bias_backward.atomics"] == 256


def test_what_is_not_known_shows_no_braces():
    assert fill(("The last {k % 16} of {a}.", ""), {"a": 3}) == "The last … of 3." and holes(("{k}", "{m}"), {}) == [
        "k",
        "m",
    ]
    for name, sentence in {**FAULTS, **STAGES, **GENERIC, **PHRASES}.items():
        assert sentence[0] and any(ord(c) > 0x2E7F for c in sentence[1]) or name in ("or", "machine"), name


def test_whose_element_it_is_is_not_told_where_the_output_s_axes_are_folded():
    """46: a grid of k and m, y of four axes. That a thread has no element, and needs a guard, would be a guess."""
    wrong = [w for w in catalog.bank(46).wrong.values() if w.says.startswith("F1 ")]
    assert wrong
    for one in wrong:
        said = check_source(46, one.source).failure.said[0]
        assert "has no element" not in said and "outside" in said
