"""Where cells come from: receptive fields worked out by hand, and the machine's own account of who made them."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.errors import ArgumentError, BackendError, ShapeError, UnknownNameError
from minidl.lens.origins.dependence import behind_by_definition, cells_behind
from minidl.observers import run_op

RNG = np.random.default_rng(6)


def network():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            layers.Input((14, 12, 1)),
            layers.Conv2D(3, 3, activation="relu", name="first"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(4, 3, name="second"),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="out"),
        ]
    )
    model.compile("sgd", "mse")
    return model


def box(mask):
    """Lowest and highest index of the True cells along each axis."""
    cells = np.argwhere(mask)
    return [(int(a), int(b)) for a, b in zip(cells.min(axis=0), cells.max(axis=0), strict=True)]


@pytest.fixture(scope="module")
def batch():
    return RNG.normal(size=(2, 14, 12, 1)).astype(np.float32)


@pytest.mark.parametrize("backend", ["simt", "simt:r1"])
def test_convolution_with_strides_and_padding(backend):
    x, w, b = RNG.normal(size=(2, 7, 8, 2)), RNG.normal(size=(3, 2, 2, 5)), RNG.normal(size=5)
    x, w, b = (a.astype(np.float32) for a in (x, w, b))
    found = lens.provenance(
        "conv2d", x, w, b, index=(1, 3, 2, 4), strides=(2, 3), padding=((1, 1), (0, 1)), backend=backend
    )
    # Rows 2 * 3 - 1 to + 2, of which row 7 is padding; columns 3 * 2 to + 1.
    assert box(found.definition["x"]) == [(1, 1), (5, 6), (6, 7), (0, 1)] and found.definition["x"].sum() == 8
    assert box(found.definition["b"]) == [(4, 4)]
    assert np.array_equal(found.used["x"], found.definition["x"])
    # The naive kernel leaves the taps on the padding out; the tiled one multiplies them by the zeros of its tile.
    assert found.used["w"].sum() == found.used["w"][..., 4].sum() == (8 if backend == "simt:r1" else 12)
    assert found.number == pytest.approx(float(np.einsum("rsc,rsc->", x[1, 5:7, 6:8], w[:2, :, :, 4]) + b[4]), rel=1e-4)


def test_naive_kernel_reads_what_it_uses_and_a_tiled_one_shares():
    a, b = RNG.normal(size=(40, 24)).astype(np.float32), RNG.normal(size=(24, 36)).astype(np.float32)
    naive, tiled = (lens.provenance("gemm", a, b, index=(9, 5), backend=f"simt:{rung}") for rung in ("r1", "r3"))
    for found in (naive, tiled):
        assert found.used["a"].sum() == found.used["b"].sum() == 24
        assert found.used["a"][9].all() and found.used["b"][:, 5].all()
    assert np.array_equal(naive.reads["a"], naive.used["a"])
    assert tiled.reads["a"].sum() < 24  # its neighbours fetched the rest


def test_gradient_of_a_convolution():
    x, w = RNG.normal(size=(2, 6, 5, 2)).astype(np.float32), RNG.normal(size=(3, 3, 2, 3)).astype(np.float32)
    dw = lens.provenance("conv2d", x, w, None, index=(0, 2, 1, 0), direction="backward", value="dw", backend="simt:r1")
    assert dw.definition["dy"][..., 0].all() and dw.definition["dy"].sum() == 2 * 4 * 3
    assert box(dw.definition["x"]) == [(0, 1), (0, 3), (2, 4), (1, 1)]
    assert np.array_equal(dw.used["x"], dw.definition["x"]) and not dw.definition["w"].any()
    dx = lens.provenance("conv2d", x, w, None, index=(1, 0, 0, 1), direction="backward", value="dx", backend="simt:r1")
    assert box(dx.definition["dy"]) == [(1, 1), (0, 0), (0, 0), (0, 2)]  # the corner is in one window only
    assert box(dx.used["w"]) == [(0, 0), (0, 0), (1, 1), (0, 2)]


def test_only_the_winner_of_a_pooling_window_enters_the_value():
    x = RNG.permutation(2 * 6 * 6).astype(np.float32).reshape(2, 6, 6, 1)
    found = lens.provenance("max_pool2d", x, index=(1, 2, 0, 0), pool_size=(2, 2), strides=(2, 2), backend="simt:r1")
    assert box(found.definition["x"]) == [(1, 1), (4, 5), (0, 1), (0, 0)]
    assert np.argwhere(found.used["x"]).tolist() == [np.argwhere(x == found.number)[0].tolist()]
    assert np.array_equal(found.reads["x"], found.definition["x"])


def test_receptive_field_through_layers_back_to_the_image(batch):
    found = lens.provenance(network(), batch, layer="second", index=(1, 2, 1, 3))
    # A cell of the second convolution sees 3 pooled rows, 6 rows of the first, 8 of the image, from 2 * 2 on.
    assert box(found.receptive) == [(1, 1), (4, 11), (2, 9), (0, 0)] and found.receptive.sum() == 64
    assert box(found.definition["x"]) == [(1, 1), (2, 4), (1, 3), (0, 2)]
    assert np.array_equal(found.used["x"], found.definition["x"])
    assert (found.op, found.layer, found.image.shape) == ("conv2d", "second", (2, 14, 12, 1))


def test_dense_layer_sees_the_whole_image_of_its_sample(batch):
    found = lens.provenance(network(), batch, layer="out", index=(0, 2))
    assert found.receptive[0].all() and not found.receptive[1].any()


def test_gradient_cell_in_a_model(batch):
    model, y = network(), RNG.normal(size=(2, 5)).astype(np.float32)
    before = model.get_weights()
    found = lens.provenance(model, batch, y=y, layer="second", index=(2, 0, 1, 3), direction="backward", value="dw")
    assert (found.op, found.direction, found.receptive) == ("conv2d", "backward", None)
    assert found.definition["dy"][..., 3].all() and found.used["x"].sum() == 2 * 4 * 3
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert found.owners[0].text and found.kernel in str(found)


def test_owner_and_number_agree_with_the_op(batch):
    model = network()
    found = lens.provenance(model, batch, layer="first", index=(0, 5, 4, 2), backend="simt:r1")
    (owner,) = found.owners
    number = owner.block[0] * found.block[0] + owner.thread[0]
    assert np.unravel_index(number, found.result.shape) == (0, 5, 4, 2)
    assert found.number == pytest.approx(found.result[0, 5, 4, 2]) and f"{found.number:.6g}" in str(found)


def test_all_threads_that_add_to_a_sum_own_it():
    x = RNG.normal(size=(50, 3)).astype(np.float32)
    found = lens.provenance("reduce_sum", x, index=(1,), axes=(0,), backend="simt:r1")
    assert len(found.owners) > 1 and {o.operation for o in found.owners} == {"atomic"}
    assert np.array_equal(found.used["x"], found.definition["x"]) and found.used["x"].sum() == 50


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_picture_shows_arrays_thread_and_block(batch, direction):
    found = lens.provenance(network(), batch, y=np.zeros((2, 5), np.float32), layer="second", index=(1, 1, 1, 2),
                            direction=direction)  # fmt: skip
    figure = found.plot()
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert "thread in the block" in titles and "block in the grid" in titles and "w[" in titles
    assert ("image" in titles) == (direction == "forward")
    assert found.kernel in figure.get_suptitle()


def test_cells_behind_are_found_by_changing_them():
    masks = cells_behind(
        lambda a, b: a[0, 1] * b[2] + b[2],
        [
            np.ones((2, 2)),
            np.ones(5),
        ][:2],
    )
    assert np.argwhere(masks[0]).tolist() == [[0, 1]] and np.flatnonzero(masks[1]).tolist() == [2]
    assert cells_behind(lambda a, n: a[n[0]], [np.ones(3), np.array([1])])[1] is None


def test_bad_input_is_refused(batch):
    model = network()
    with pytest.raises(UnknownNameError, match="second"):
        lens.provenance(model, batch, layer="secnd", index=(0, 0, 0, 0))
    with pytest.raises(ShapeError, match="index"):
        lens.provenance(model, batch, layer="second", index=(0, 0, 0, 9))
    with pytest.raises(ArgumentError, match="targets"):
        lens.provenance(model, batch, layer="second", index=(0, 0, 0, 0), direction="backward")
    with pytest.raises(BackendError, match="no kernel wrote y of reshape forward"):
        lens.provenance("reshape", np.ones((2, 6), np.float32), index=(0, 0), shape=(3, 4))
    with pytest.raises(BackendError, match="threads"):
        lens.provenance(model, batch, layer="second", index=(0, 0, 0, 0), backend="numpy")


ROW, CELL = [[False] * 3, [True] * 3], [[False] * 3, [False, False, True]]


@pytest.mark.parametrize(
    "op, direction, kept, expected",
    [
        ("sigmoid", "forward", None, {"x": CELL}), ("softmax", "forward", None, {"x": ROW}),
        ("sigmoid", "backward", "y", {"dy": CELL, "y": CELL}), ("softmax", "backward", "y", {"dy": ROW, "y": ROW}),
        ("multiply", "backward", "b", {"dy": CELL, "b": CELL}), ("reduce_max", "backward", None, {}),
    ],
)  # fmt: skip
def test_the_cells_behind_a_cell_are_those_that_change_it(op, direction, kept, expected):
    """By the op's definition; the last cell of the second row is asked for."""
    x = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.6]], np.float32)
    inputs = (x, x[::-1].copy()) if op == "multiply" else (x,)
    run = run_op(op, "numpy", inputs, {"axes": 1} if op.startswith("reduce") else {})
    if direction == "backward":
        run = run.backward((np.ones_like(run.outputs[0]),))
    found = behind_by_definition(run, 0, (1, 2))
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask, err_msg=name)
