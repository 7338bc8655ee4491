"""`lens.compare`: planted wrong kernels are found, with the thread that is at fault; right ones raise no alarm."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

import minidl
from cuda_kernels._cuda import cuda, float32
from cuda_kernels.conv2d.backward_bias import r2_parts
from cuda_kernels.conv2d.backward_data import r1_direct as data_r1
from cuda_kernels.conv2d.backward_weights import r1_direct as weights_r1
from cuda_kernels.pool2d import r1_direct as pool_r1
from cuda_kernels.reduce import r2_shared_tree
from cuda_kernels.softmax import r1_three_passes
from minidl import layers, lens
from minidl.applications import LeNet5
from minidl.backends import unregister_kernel
from minidl.errors import ArgumentError, BackendError, NotCompiledError
from minidl.lens.comparing.comparison import _given
from minidl.lens.comparing.patterns import patterns
from minidl.lens.comparing.sides import choices_of
from minidl.observers import run_op
from minidl.ops.activations import relu_forward

CHANNELS, WARPS = r2_parts.CHANNELS, r2_parts.WARPS
THREADS, HALF = r2_shared_tree.THREADS, r2_shared_tree.HALF


@pytest.fixture
def batch():
    rng = np.random.default_rng(5)
    return rng.normal(size=(3, 10, 9, 2)).astype(np.float32), rng.integers(0, 4, 3)


def small_cnn():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            layers.Input((10, 9, 2)),
            layers.Conv2D(3, 3, name="first"),
            layers.Conv2D(5, 3, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def global_index(found):
    """The number of the thread at fault in a one-dimensional launch."""
    return found.blame.owner.block[0] * found.blame.block[0] + found.blame.owner.thread[0]


# ---- planted wrong kernels: copies of the naive rungs with one index flipped


@functools.cache
def wrong_weights(window, groups):
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def conv2d_backward_weights_direct(x, dy, dw, size):
        height, width = x.shape[1], x.shape[2]
        group_c, channels = dw.shape[2], dw.shape[3]
        index = cuda.grid(1)
        if index < size:
            k = index % channels
            c = index // channels % group_c
            s = index // channels // group_c % dw.shape[1]
            r = index // channels // group_c // dw.shape[1]
            total = float32(0)
            for n in range(dy.shape[0]):
                for i in range(dy.shape[1]):
                    row = i * si + r * di - top
                    for j in range(dy.shape[2]):
                        col = j * sj + r * dj - left  # planted: r for s
                        if row >= 0 and row < height and col >= 0 and col < width:
                            total += x[n, row, col, c] * dy[n, i, j, k]
            dw[r, s, c, k] = total

    return conv2d_backward_weights_direct


@functools.cache
def wrong_data(window, groups, has_bias):
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def conv2d_backward_data_direct(dy, w, b, dx, size):
        rows, cols = dy.shape[1] * si, dy.shape[2] * sj
        channels = dx.shape[3]
        index = cuda.grid(1)
        if index < size:
            c = index % channels
            w_pixel = index // channels % dx.shape[2]
            h_pixel = index // channels // dx.shape[2] % dx.shape[1]
            n = index // channels // dx.shape[2] // dx.shape[1]
            total = float32(0)
            for r in range(w.shape[0]):
                i_strides = h_pixel + top - r * di
                for s in range(w.shape[1]):
                    j_strides = w_pixel + left - s * dj
                    inside = i_strides >= 0 and i_strides < rows and j_strides >= 0 and j_strides < cols
                    if inside and i_strides % si == 0 and j_strides % sj == 0:
                        for k in range(w.shape[3]):
                            total += dy[n, i_strides // si, j_strides // sj, k] * w[s, r, c, k]  # planted: s, r
            dx[n, h_pixel, w_pixel, c] = total

    return conv2d_backward_data_direct


@functools.cache
def wrong_pool(window, sizes=None):
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), _ = window

    @cuda.jit
    def max_pool2d_backward_direct(x, y, dy, dx, size):
        channels = x.shape[3]
        index = cuda.grid(1)
        if index < size:
            c = index % channels
            col = index // channels % x.shape[2]
            row = index // channels // x.shape[2] % x.shape[1]
            n = index // channels // x.shape[2] // x.shape[1]
            total = float32(0)
            i, j = (row + top) // si, (col + left) // sj
            if i < y.shape[1] and j < y.shape[2]:
                if x[n, row, col, c] == y[n, i, j, c]:
                    total = dy[n, i, y.shape[2] - 1 - j, c]  # planted: the columns the other way round
            dx[n, row, col, c] = total

    return max_pool2d_backward_direct


def wrong_mean(op, kept, reduced):
    @cuda.jit
    def reduce_shared_tree(x, y, scale, count):
        thread, first = cuda.threadIdx.x, kept(cuda.blockIdx.x)
        totals = cuda.shared.array(THREADS, float32)
        total = float32(0)
        for r in range(thread, count, THREADS):
            total += x[first + reduced(max(r - 1, 0))]  # planted: the element before
        totals[thread] = total
        cuda.syncthreads()
        half = HALF
        while half > 0:
            if thread < half:
                totals[thread] += totals[thread + half]
            cuda.syncthreads()
            half //= 2
        if thread == 0:
            y[cuda.blockIdx.x] = totals[0] * scale

    return reduce_shared_tree


@cuda.jit
def wrong_bias_parts(dy, partial, rows, channels, share):
    lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
    k = cuda.blockIdx.y * CHANNELS + lane
    begin = cuda.blockIdx.x * share
    sums = cuda.shared.array((WARPS, CHANNELS), float32)
    total = float32(0)
    if k < channels:
        for row in range(begin + warp, min(begin + share, rows), WARPS):
            total += dy[row * channels + (channels - 1 - k if row == 7 else k)]  # planted, in one row
    sums[warp, lane] = total
    cuda.syncthreads()
    if warp == 0 and k < channels:
        for other in range(1, WARPS):
            total += sums[other, lane]
        partial[cuda.blockIdx.x * channels + k] = total


@functools.cache
def wrong_softmax(log):
    @cuda.jit
    def softmax_three_passes(x, y, rows, classes, step):
        row = cuda.grid(1)
        if row < rows:
            first = row * classes
            largest = x[first]
            for c in range(1, classes):
                largest = max(largest, x[first + c])
            total = float32(0)
            for c in range(classes):
                total += cuda.libdevice.expf(x[first + c] - largest)
            for c in range(classes):
                y[first + c] = cuda.libdevice.expf(x[first + classes - 1 - c] - largest) / total  # planted

    return softmax_three_passes


def test_flipped_index_in_weight_gradient_is_found(batch, monkeypatch):
    monkeypatch.setattr(weights_r1, "make_kernel", wrong_weights)
    result = lens.compare(small_cnn(), *batch, "numpy", {"*": "simt", "conv2d_backward": "simt:r1_direct"})
    found = result.divergence
    assert (found.row.op, found.row.direction, found.row.value, found.row.layer) == ("conv2d", "backward", "dw", "conv")
    db = result.rows[result.rows.index(found.row) + 1]  # of the same op: it was run, but nothing is said of it
    assert (db.op, db.value, db.forced, db.relative) == ("conv2d", "db", None, None)
    assert found.blame.kernel == "conv2d_backward_weights_direct" and found.culprit != "numpy"
    assert np.unravel_index(global_index(found), found.row.shape) == found.index
    assert found.wrong[found.index] and not found.wrong[0, 0].any() and not found.wrong[1, 1].any()  # where r == s
    assert "dw[r, s, c, k] = total" in found.blame.owner.text
    assert abs(found.got - found.exact) > 100 * abs(found.expected - found.exact)
    assert str(result).startswith("FIRST DIVERGENCE in the backward of conv2d")
    assert all(name in str(result) for name in ("FIRST DIVERGENCE", "conv2d_backward_weights_direct", "layer 'conv'"))


def test_flipped_index_in_data_gradient_is_found(batch, monkeypatch):
    monkeypatch.setattr(data_r1, "make_kernel", wrong_data)
    found = lens.compare(small_cnn(), *batch, "numpy", "simt:r1").divergence
    assert (found.row.op, found.row.direction, found.row.value) == ("conv2d", "backward", "dx")
    assert found.blame.kernel == "conv2d_backward_data_direct"
    assert np.unravel_index(global_index(found), found.row.shape) == found.index and found.wrong[found.index]
    assert len([r for r in found.blame.read if r.startswith("w[")]) == 5 * 9  # its channel of all taps, transposed


def test_flipped_index_in_pooling_gradient_is_found(batch, monkeypatch):
    monkeypatch.setattr(pool_r1, "make_max_backward", wrong_pool)
    found = lens.compare(small_cnn(), *batch, "numpy", {"max_pool2d": "simt:r1_direct"}).divergence
    assert (found.row.op, found.row.direction, found.row.layer) == ("max_pool2d", "backward", "pool")
    assert found.blame.kernel == "max_pool2d_backward_direct"
    assert np.unravel_index(global_index(found), found.row.shape) == found.index and found.wrong[found.index]
    assert found.blame.read and all("dy[" in r for r in found.blame.read)


def test_flipped_index_in_a_mean_is_found(batch, monkeypatch):
    monkeypatch.setattr(r2_shared_tree, "make_kernel", wrong_mean)
    result = lens.compare(small_cnn(), *batch, "numpy", {"reduce_mean_forward": "simt:r2_shared_tree"})
    found = result.divergence
    assert (found.row.op, found.row.direction, found.row.value) == ("reduce_mean", "forward", "y")
    assert found.blame.kernel == "reduce_shared_tree" and found.index == ()
    assert found.blame.owner.thread == (0, 0, 0) and found.blame.owner.block == (0, 0, 0)
    behind = result.rows[result.rows.index(found.row) + 1 :]
    assert {(row.forced, row.relative, row.verdict) for row in behind} == {(None, None, "")}


def test_fault_in_the_first_of_two_kernels_is_not_blamed_on_the_second(batch, monkeypatch):
    monkeypatch.setattr(r2_parts, "bias_parts", wrong_bias_parts)
    monkeypatch.setattr(r2_parts.split, "parts_for", lambda across, rows: 3)  # a small sum would be made in one part
    found = lens.compare(small_cnn(), *batch, "numpy", {"conv2d_backward": "simt:r2_parts"}).divergence
    assert (found.row.op, found.row.value) == ("conv2d", "db")
    assert found.blame.chain == ("add_parts", "wrong_bias_parts") and found.blame.kernel == "wrong_bias_parts"
    owner, channels = found.blame.owner, found.row.shape[0]
    # Row 7 is read by warp 7 of the first part, each lane for its own channel: the wrong one.
    assert owner.thread == (found.index[0], 7, 0) and owner.block[0] == 0
    assert found.wrong[found.index] and f"{channels - 1 - found.index[0]}]" in found.blame.why


def test_flipped_index_in_softmax_is_found(batch, monkeypatch):
    monkeypatch.setattr(r1_three_passes, "make_forward", wrong_softmax)
    found = lens.compare(small_cnn(), *batch, "numpy", {"softmax": "simt:r1_three_passes"}).divergence
    assert (found.row.op, found.row.direction, found.row.layer) == ("softmax", "forward", "out")
    assert found.blame.kernel == "softmax_three_passes"
    assert global_index(found) == found.index[0] and found.wrong[found.index[0]].any()
    assert any("reversed along axis 1" in text for text in found.patterns)


def test_backend_in_numpy_gives_op_and_index_without_a_kernel(batch):
    def backward(dy, cache):
        dx = np.where(cache.y > 0, dy, 0)
        dx[-1] = 2 * dx[-1]  # planted: the last sample
        return (dx,)

    minidl.register_backend("relu", "student", backward=backward)
    found = lens.compare(small_cnn(), *batch, "numpy", "student").divergence
    assert (found.row.op, found.row.direction, found.backend, found.blame) == ("relu", "backward", "student", None)
    assert found.index[0] == 2 and found.got == pytest.approx(2 * found.expected)
    assert found.patterns[0] == "every wrong cell is 2 times the right value"
    assert any("last index (index 2 of axis 0)" in text for text in found.patterns)
    assert "no kernel ran" in str(found)


@pytest.fixture
def every16th():
    """The name of a rung that is gone after the test."""
    yield "every16th"
    unregister_kernel("relu", "every16th")


def test_kernel_of_ones_own_is_found_with_what_the_machine_has_against_it(batch, every16th):
    @cuda.jit
    def my_relu(x, y):
        i = cuda.grid(1)
        if i <= y.size:  # planted: one too many
            y[i] = max(x[i], float32(0)) if i % 16 != 15 else float32(0)  # planted: every 16th

    minidl.register_kernel("relu", every16th, my_relu, threads=48)
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential([layers.Input((6,)), layers.Dense(32, activation="relu", name="hidden"), layers.Dense(3)])
    model.compile("sgd", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32) ** 2
    found = lens.compare(model, x, batch[1][:2] % 3, "numpy", {"relu": "simt:every16th"}).divergence
    assert (found.row.op, found.row.direction, found.blame.kernel) == ("relu", "forward", "my_relu")
    assert found.index[1] % 16 == 15 and global_index(found) == found.index[0] * 32 + found.index[1]
    assert found.patterns[0].startswith("every wrong cell is 0") and "out-of-bounds" in found.faults[0]


def test_wrong_reference_is_named_as_the_wrong_side(batch):
    def forward(x):
        y, cache = relu_forward(x)
        return y + np.float32(0.01), cache

    minidl.register_backend("relu", "shifted", forward=forward)
    found = lens.compare(small_cnn(), *batch, "shifted", "numpy").divergence
    assert found.culprit == "shifted" and found.backend == "shifted" and found.row.op == "relu"


def test_wrong_cache_is_found_though_the_output_is_right(batch):
    def forward(x):
        y, _ = relu_forward(x)
        return y, SwishLike(x * 0)

    from typing import NamedTuple

    class SwishLike(NamedTuple):
        x: np.ndarray

    def right(x):
        return relu_forward(x)[0], SwishLike(x)

    def backward(dy, cache):
        return (dy * (cache.x > 0),)

    minidl.register_backend("relu", "kept", forward=right, backward=backward)
    minidl.register_backend("relu", "kept_wrong", forward=forward, backward=backward)
    result = lens.compare(small_cnn(), *batch, "kept", "kept_wrong")
    found = result.divergence
    assert (found.row.value, found.row.direction, found.row.op) == ("cache.x", "forward", "relu")
    assert found.row in result.rows


# ---- right kernels


def with_batch_norm():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            layers.Input((10, 9, 2)),
            layers.Conv2D(5, 3, padding="same", name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3, name="drop"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, (3, 10, 9, 2), 4


def with_lstm():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential([layers.Input((4, 3)), layers.LSTM(5, name="lstm"), layers.Dense(3, name="out")])
    model.compile("rmsprop", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, (3, 4, 3), 3


def with_lenet():
    minidl.utils.set_random_seed(1)
    model = LeNet5((16, 16, 1), filters=(3, 5))
    model.compile(minidl.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model, (2, 16, 16, 1), 10


@pytest.mark.parametrize(
    "make",
    [
        with_batch_norm,
        pytest.param(with_lstm, marks=pytest.mark.slow),
        pytest.param(with_lenet, marks=pytest.mark.slow),
    ],
)
def test_right_kernels_raise_no_alarm_and_nothing_is_changed(make):
    model, shape, classes = make()
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=shape).astype(np.float32), rng.integers(0, classes, shape[0])
    before = [v.numpy().copy() for v in model.weights]
    result = lens.compare(model, x, y, "numpy", "simt")
    assert result.ok, str(result)
    assert {row.direction for row in result.rows} == {"forward", "backward", "update"}
    assert all(row.forced is not None and row.forced <= row.tolerance for row in result.rows)
    assert result.losses[0] == pytest.approx(result.losses[1], rel=1e-5)
    assert all(np.array_equal(a, v.numpy()) and v.device == "cpu" for a, v in zip(before, model.weights, strict=True))
    assert lens.compare(model, x, y, "numpy", "numpy").ok  # the same masks of dropout: seeds are as before


def test_two_sides_of_one_backend_differ_by_nothing(batch):
    result = lens.compare(small_cnn(), *batch, "numpy", "numpy")
    assert result.ok and all(row.free == row.forced == 0 for row in result.rows)


def test_tolerance_can_be_given(batch):
    result = lens.compare(small_cnn(), *batch, "numpy", {"*": "numpy", "conv2d_forward": "simt"}, tolerance=0.0)
    assert not result.ok and result.divergence.row.tolerance == 0
    assert lens.compare(small_cnn(), *batch, "numpy", {"conv2d_forward": "simt"}, tolerance=1e-3).ok


def test_table_html_and_picture_show_every_row(batch):
    result = lens.compare(small_cnn(), *batch, "numpy", {"dense": "simt"})
    text, html = repr(result), result._repr_html_()
    assert all(row.op in text and row.op in html for row in result.rows) and "agree" in text
    lines = text.splitlines()
    assert lines[0].startswith("numpy and dense=simt agree") or " agree: " in lines[0]  # the verdict leads
    assert sum(line.startswith("direction") for line in lines) == 2  # a short table, and the whole one
    assert "op alone   the second side's op is given the first side's inputs" in text
    assert html.startswith("<pre>") and "<details>" in html
    axes = result.plot().axes[0]
    assert axes.get_yscale() == "log" and len(axes.get_xticks()) == len(result.rows)


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_legend_of_the_picture_is_not_cut_off(depth):
    """On a narrow figure it stands in two lines."""
    minidl.register_backend("relu", "half", forward=lambda x: (relu_forward(x)[0] / 2, relu_forward(x)[1]))
    model = minidl.Sequential([layers.Input((4,)), *(layers.Dense(3, activation="relu") for _ in range(depth))])
    model.compile("adam", "mse")
    x, y = np.ones((2, 4), np.float32), np.ones((2, 3), np.float32)
    figure = lens.compare(model, x, y, "numpy", "half").plot()
    figure.canvas.draw()
    (legend,) = figure.legends
    extent = legend.get_window_extent()
    assert 0 <= extent.x0 and extent.x1 <= figure.bbox.x1 and len(legend.get_texts()) == 4


def test_a_model_without_an_optimizer_is_compared_up_to_its_gradients(batch):
    model = small_cnn()
    model.compile(None, "sparse_categorical_crossentropy")
    result = lens.compare(model, *batch, "numpy", "numpy")
    assert result.ok and {row.direction for row in result.rows} == {"forward", "backward"}
    assert model.optimizer is None and len(lens.training_step(model, *batch)) == 2 * 9


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_several_inputs_come_in_lists_tuples_and_dicts(kind):
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    model = minidl.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).random((4, 3)).astype(np.float32)
    given = {"a": x, "b": x} if kind is dict else kind([x, x])
    result = lens.compare(model, given, np.ones((4, 2), np.float32), "numpy", "numpy")
    assert result.ok and [row.value for row in result.rows if row.op == "concatenate"][:1] == ["y"]
    assert len(lens.training_step(model, given, np.ones((4, 2), np.float32))) == len(
        {(row.number, row.direction) for row in result.rows if row.direction != "update"}
    )


def test_looks_name_the_arrays_of_an_op_alike(batch):
    comparison, stepper = lens.compare(small_cnn(), *batch, "numpy", "numpy"), lens.step(small_cnn(), *batch)
    compared = {(row.op, row.direction): set() for row in comparison.rows}
    for row in comparison.rows:
        compared[row.op, row.direction].add(row.value)
    seen = {key: set() for key in compared}
    for moment in stepper.moments:
        direction = "update" if moment.phase == "update" else moment.direction
        seen[moment.op, direction] |= set(moment.outputs)
    assert seen == compared and {"w new", "m new", "v new"} == seen["adam_update", "update"]


def test_bad_input_is_refused(batch):
    model = small_cnn()
    with pytest.raises(BackendError, match="no op has a backend 'nowhere'"):
        lens.compare(model, *batch, "numpy", "nowhere")
    with pytest.raises(BackendError, match="rung"):
        lens.compare(model, *batch, "numpy", "simt:r99")
    with pytest.raises(NotCompiledError, match="no loss"):
        lens.compare(minidl.Sequential([layers.Dense(2)]), *batch)


def test_models_whose_ops_vary_are_refused(batch):
    calls = []

    class Moody(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x * 2.0 if len(calls) % 2 else x

        def compute_output_shape(self, shape):
            return shape

    model = minidl.Sequential([layers.Input((10, 9, 2)), Moody(), layers.Flatten(), layers.Dense(4)])
    model.compile("sgd", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ArgumentError, match="different steps"):
        lens.compare(model, *batch, "numpy", "numpy")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: np.where(np.arange(24).reshape(4, 6) % 6 == 5, 0, a), "0, as if nothing had been written"),
        (lambda a: -a, "wrong sign"),
        (lambda a: a * 3, "3 times"),
        (lambda a: np.roll(a, 1, 1), "shifted by one along axis 1: index i holds the right value of index i - 1"),
        (lambda a: np.where(a > 20, np.nan, a), "NaN"),
        (lambda a: a + 0.5, "off by the same 0.5"),
        (lambda a: a * np.where(np.arange(4) == 3, 5, 1)[:, None], "last row (index 3 of axis 0)"),
        (lambda a: a * np.where(np.arange(6) == 0, 5, 1), "first column (index 0 of axis 1)"),
        (lambda a: a + np.where(np.arange(6) % 2 == 1, a**2, 0), "every 2nd index of axis 1, from 1 on"),
    ],
)
def test_patterns_say_what_the_wrong_cells_share(change, expected):
    right = np.arange(1.0, 25.0).reshape(4, 6)
    got = change(right)
    wrong = ~(np.isclose(right, got))
    assert any(expected in text for text in patterns(right, got, wrong)), patterns(right, got, wrong)


def test_patterns_see_values_that_should_be_0():
    x = np.random.default_rng(0).normal(size=300)
    right, got = np.maximum(x, 0), np.abs(x)
    assert patterns(right, got, right != got) == ["every wrong cell should be 0"]  # which cells: no more than a count


def test_patterns_see_a_transposition():
    right = np.random.default_rng(0).normal(size=(2, 5, 5))
    got = right.swapaxes(1, 2)
    assert "axes 1 and 2 swapped" in patterns(right, got, right != got)[0]


def test_rungs_are_taken_where_an_op_has_them():
    chosen = choices_of("simt:r3")
    assert chosen["gemm"] == "simt:r3" and chosen["*"] == "simt" and "reshape" not in chosen


def test_pixels_as_integers_are_compared_too():
    model = minidl.Sequential([layers.Input((2, 3)), layers.Rescaling(1 / 16), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    x = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    comparison = lens.compare(model, x, np.ones((2, 2), np.float32), "numpy", "simt")
    assert comparison.ok and comparison.rows[0].op == "cast"


def test_the_plain_ops_and_the_fast_ones_agree_and_a_wrong_fast_one_is_found(batch, monkeypatch):
    from minidl.backends.cpu import conv2d

    result = lens.compare(small_cnn(), *batch, "numpy", "cpu")
    assert result.ok and str(result).startswith("numpy and cpu agree")
    right = conv2d.weight_gradient
    monkeypatch.setattr(conv2d, "weight_gradient", lambda *given: right(*given) * 1.01)
    for sides in (("numpy", "cpu"), ("cpu", "numpy")):
        found = lens.compare(small_cnn(), *batch, *sides).divergence
        assert (found.row.op, found.row.value, found.culprit) == ("conv2d", "dw", "cpu")


def test_the_second_side_is_given_the_first_ones_cache_where_it_can_read_it():
    x = np.array([[1.0, -2.0]], np.float32)
    own, alike = run_op("relu", "numpy", (x,)), run_op("relu", "numpy", (x + 1,))
    back = own.backward((np.ones_like(x),))
    like, unlike = alike.backward((x,)), run_op("gelu", "numpy", (x,)).backward((x,))
    for first, second, cache in (
        (own, alike, own.cache), (back, like, own.cache), (back, unlike, unlike.cache),
        (back, dataclasses.replace(unlike, backend="simt"), own.cache), (own, unlike, own.cache),
    ):  # fmt: skip
        given = _given(first, second)
        np.testing.assert_array_equal(given.inputs[0], first.inputs[0])
        assert type(given.cache) is type(cache)
        np.testing.assert_array_equal(given.cache[0], cache[0])
