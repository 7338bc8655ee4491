"""Memory that is not written yet, in the lines of an op: marked until it is written, for one thread alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.lens.stepping.lines import describe
from minidl.lens.stepping.page import page_data
from minidl.lens.stepping.unwritten import fresh_memory_marked, unwritten

FRESH = "memory that is not written yet"


def mine(file):
    return file == __file__


def getattr_from_elsewhere():
    """np.empty and np.empty_like, as code of another file gets them."""
    scope = {"np": np}
    exec(compile("found = [np.empty, np.empty_like]", "elsewhere.py", "exec"), scope)
    return scope["found"]


def stepper(*made, shape=(6, 6, 2)):
    minidl.utils.set_random_seed(2)
    model = minidl.Sequential([layers.Input(shape), *made, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    return lens.step(model, rng.random((2, *shape), np.float32), np.zeros((2, 1), np.float32))


def told(lines, name):
    """What is said of a variable, each time that a line of the op's own function changes it."""
    places = [k for k, line in enumerate(lines.lines) if line.depth == 0 and name in line.changed]
    return [lines.goto(k).described(name).partition("), ")[2].partition(":")[0] for k in places]


def test_conv2d_marks_y_and_dw_until_both_groups_are_written():
    s = stepper(layers.Conv2D(4, 3, groups=2, padding="same", name="conv")).to_layer("conv")
    lines = s.into()
    assert told(lines, "y") == [FRESH, "144 of 288 cells written", ""]
    head = next(k for k in range(len(lines)) if lines.goto(k).text.startswith("for"))
    assert FRESH in lines.goto(head).described("y")
    np.testing.assert_array_equal(lines.result[0], s.now.outputs["y"])
    assert told(s.to_partner().into(), "dw") == ["", FRESH, "18 of 36 cells written", ""]
    (shown,) = [m for m in page_data(s)["moments"] if m["title"] == "conv2d backward · conv"]
    dw = [text for _, _, values in shown["lines"]["steps"] for name, text in values if name == "dw" and text != "None"]
    assert [FRESH in dw[0], "18 of 36" in dw[1]] == [True, True]


@pytest.mark.parametrize("layer", [layers.MaxPooling2D, layers.AveragePooling2D])
def test_pool2d_and_zeros_have_nothing_unwritten(layer):
    s = stepper(layer(2, name="pool"))
    for moment in s.moments:
        if moment.layer == "pool":
            lines = s.goto(moment.number).into()
            assert not any("written" in describe(v) for line in lines.lines for v in line.after.values())


def test_out_of_empty_like_is_written_by_the_same_line():
    s = stepper(layers.LeakyReLU(name="leaky")).to_layer("leaky")
    assert told(s.into(), "y") == [""]


def stepped(forward):
    op = minidl.register_op("stepper_fresh", forward, lambda dy, x: (dy,), replace=True)
    return stepper(layers.Lambda(op, name="fresh"), shape=(2,)).to_layer("fresh").into()


def test_tuples_views_and_out_are_marked():
    def forward(x):
        zeros, y = np.zeros_like(x), np.empty_like(x)
        row = y[1]
        np.negative(x[0], out=y[0])
        pair = (y, zeros)  # noqa: F841
        row[...] = 0
        return y, x

    lines = stepped(forward)
    assert told(lines, "y") == [FRESH, "2 of 4 cells written", ""] and told(lines, "row") == [FRESH, ""]
    assert told(lines, "zeros") == [""]
    assert "2 of 4 cells written" in lines.goto(3).described("pair")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "int16", "bool"])
def test_mark_of_each_dtype(dtype):
    with fresh_memory_marked(mine):
        y = np.empty((3, 4), dtype)
        copy = np.array(y[:, ::2])
    assert unwritten(y).all() and unwritten(copy).all()
    y[:2] = 1
    # Of small integers any may be meant: one cell written, and the whole counts as written.
    assert int(unwritten(y).sum()) == (0 if dtype in ("uint8", "int16") else 4)
    y[...] = np.float32(np.nan) if y.dtype.kind == "f" else 0
    assert not unwritten(y).any()


def test_mark_is_for_its_own_thread():
    plain, kind = [np.empty, np.empty_like], type(np)
    found = []

    def other():
        found.extend([np.empty, np.empty_like])

    with fresh_memory_marked(mine):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert np.empty is not plain[0]
        found.extend(getattr_from_elsewhere())
    assert found == plain * 2 and type(np) is kind
    with pytest.raises(ZeroDivisionError), fresh_memory_marked(mine):
        1 / 0  # noqa: B018
    assert [np.empty, np.empty_like] == plain and type(np) is kind


def test_op_that_compiles_a_helper_with_numba_is_stepped_into():
    import numba

    @numba.njit
    def two(x):
        return np.empty(2).size

    def forward(x):
        return x * two(x), x

    lines = stepped(forward)  # on read-only views, for which the helper is compiled anew
    np.testing.assert_array_equal(lines.result[0], 2 * lines.result[1])


def test_helpers_lines_that_change_nothing_are_left_out_and_steps_are_counted_once():
    s = stepper(layers.Conv2D(3, 3, padding="same", name="conv"))
    lines = s.to_layer("conv").into()
    helpers = [line for line in lines.lines if line.depth > 0]
    assert helpers and all(line.changed for line in helpers)
    assert sum(line.function == "window_view" for line in helpers) == 2
    last = len(lines) - 1
    assert f"step 0 of {last}" in str(lines) and f"step 0 of {last}" in repr(lines)
    assert f"0 of {len(s) - 1}" in repr(s)


def test_lines_say_that_they_are_numpys_where_something_else_ran():
    for backend in ("numpy", "cpu", "simt"):
        with minidl.using(backend):
            lines = stepper(layers.Conv2D(3, 3, name="conv")).to_layer("conv").into()
        note = f"NumPy's plain lines; in the step the op ran on {backend}"
        assert str(lines).count(note) == (backend != "numpy")


def test_prompt_prints_dashes_for_what_is_not_written():
    import io

    from minidl.lens.stepping.prompt import LinesPrompt

    def forward(x):
        y = np.empty_like(x)
        y[0] = 1
        y[1] = 2
        return y, x

    out = io.StringIO()
    LinesPrompt(stepped(forward), io.StringIO("n\np y\nq\n"), out, False).cmdloop()
    assert "[[1.0 1.0]\n [-- --]]" in out.getvalue()
