"""The shape kernels on the SIMT machine equal minidl's NumPy ops, forward and backward."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops import shapes as shape_ops
from minidl.ops import upsample2d as upsampling


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def run(op, *args, **options):
    return ladder.rung(op).run(*args, **options)


@pytest.mark.parametrize("shape, axes", [((5, 37), None), ((33, 65), (1, 0)), ((2, 3, 4, 5), (0, 3, 1, 2)),
                                         ((3, 4, 5), (2, 1, 0)), ((7,), None), ((2, 1, 3), (1, 2, 0))])
@pytest.mark.parametrize("rung", ladder.rungs("transpose"), ids=lambda rung: rung.name)
def test_transpose_equals_numpy(rung, shape, axes):
    x = values(*shape)
    np.testing.assert_array_equal(rung.run(x, axes=axes), x.transpose(axes))


def test_tiled_transpose_moves_whole_sectors_without_bank_conflicts():
    x = values(64, 64)
    with simt_options() as reports:
        for rung in ladder.rungs("transpose")[:2]:
            rung.run(x)
    plain, tiled = (report.figures for report in reports)
    least = x.nbytes // 32
    assert (plain.global_load_sectors, tiled.global_load_sectors, tiled.global_store_sectors) == (8 * least, least,
                                                                                                  least)
    assert tiled.shared_ways == 1


KEYS = [np.s_[1:4], np.s_[::-1], np.s_[-1, ::-2], np.s_[..., 1:6:2], np.s_[None, 2:3, None, 0], np.s_[3:0:-2, 5:1:-1]]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_slice_equals_numpy(key):
    x = values(5, 7, 2)
    expected, cache = shape_ops.slice_forward(x, key=key)
    np.testing.assert_array_equal(run("slice", x, key=key), expected)
    dy = values(*expected.shape, seed=1)
    got = run("slice_backward", dy, shape=x.shape, key=key)
    np.testing.assert_array_equal(got, shape_ops.slice_backward(dy, cache)[0])


@pytest.mark.parametrize("padding", [((1, 2), (0, 3)), ((0, 0), (0, 0))])
def test_pad_equals_numpy(padding):
    x = values(4, 5)
    expected, cache = shape_ops.pad_forward(x, padding=padding, value=-1.5)
    np.testing.assert_array_equal(run("pad", x, padding=padding, value=-1.5), expected)
    dy = values(*expected.shape)
    np.testing.assert_array_equal(run("pad_backward", dy, padding=padding), shape_ops.pad_backward(dy, cache)[0])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_equals_numpy(axis):
    xs = [np.moveaxis(values(n, 3, 5, seed=n), 0, axis).copy() for n in (2, 1, 4)]
    expected, cache = shape_ops.concatenate_forward(*xs, axis=axis)
    np.testing.assert_array_equal(run("concatenate", *xs, axis=axis), expected)
    got = run("concatenate_backward", expected, sizes=cache.sizes, axis=axis)
    for gradient, x in zip(got, xs, strict=True):
        np.testing.assert_array_equal(gradient, x)


@pytest.mark.parametrize("shape, target", [((3, 1), (2, 3, 5)), ((1,), (4,)), ((2, 3), (2, 3))])
def test_broadcast_to_equals_numpy(shape, target):
    x, dy = values(*shape), values(*target, seed=1)
    np.testing.assert_array_equal(run("broadcast_to", x, shape=target), np.broadcast_to(x, target))
    wanted = shape_ops.broadcast_to_backward(dy, shape_ops.ShapeCache(shape))[0]
    np.testing.assert_allclose(run("broadcast_to_backward", dy, shape=shape), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("shape, size", [((2, 3, 4, 2), (2, 3)), ((1, 1, 5, 3), (4, 1)), ((1, 2, 2, 1), (5, 5))])
def test_upsample2d_equals_numpy(shape, size, interpolation):
    x = values(*shape)
    expected, cache = upsampling.upsample2d_forward(x, size=size, interpolation=interpolation)
    got = run("upsample2d", x, size=size, interpolation=interpolation)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    dy = values(*expected.shape, seed=1)
    dx = run("upsample2d_backward", dy, size=size, interpolation=interpolation)
    np.testing.assert_allclose(dx, upsampling.upsample2d_backward(dy, cache)[0], rtol=1e-5, atol=1e-5)


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match="transpose: axes must name each of the 2 axes once"):
        run("transpose", values(2, 3), axes=(0, 0))
    for padding in (((1, 1),), ((1, 1), (0, -1)), ((1, 1), (1, 1), (1, 1))):
        with pytest.raises(ValueError, match="pad: padding must hold a pair of widths for each of 2 axes"):
            run("pad", values(2, 3), padding=padding)
    with pytest.raises(ValueError, match="slice: index 4 is out of range"):
        run("slice", values(3), key=4)
    with pytest.raises(ValueError, match="concatenate: all axes but axis 1 must agree"):
        run("concatenate", values(2, 3), values(3, 3))


def wide_launches(reports):
    return [report.kernel for report in reports if "wide" in report.kernel]


@pytest.mark.parametrize("op, arrays, static, expected", [
    ("slice", [(3, 5, 8)], {"key": (slice(None), slice(1, 4))}, lambda x: x[:, 1:4]),
    ("slice", [(3, 5, 16)], {"key": (..., slice(4, 12))}, lambda x: x[..., 4:12]),
    ("slice", [(6, 5, 8)], {"key": (slice(None, None, -2),)}, lambda x: x[::-2]),
    ("broadcast_to", [(3, 1, 8)], {"shape": (2, 3, 5, 8)}, lambda x: np.broadcast_to(x, (2, 3, 5, 8))),
    ("broadcast_to", [(3, 1)], {"shape": (3, 8)}, lambda x: np.broadcast_to(x, (3, 8))),
    ("concatenate", [(3, 4), (3, 8)], {"axis": 1}, lambda *xs: np.concatenate(xs, 1)),
    ("transpose", [(3, 5, 2, 4)], {"axes": (2, 0, 1, 3)}, lambda x: x.transpose(2, 0, 1, 3)),
    ("pad_backward", [(5, 8)], {"padding": ((1, 2), (0, 0))}, lambda x: x[1:3]),
])
def test_whole_rows_move_16_bytes_at_a_time(op, arrays, static, expected):
    inputs = [values(*shape, seed=k) for k, shape in enumerate(arrays)]
    with simt_options() as reports:
        y = ladder.rung(op).run(*inputs, **static)
    np.testing.assert_array_equal(y, expected(*inputs))
    assert len(wide_launches(reports)) == len(inputs)
    assert all(report.figures.global_stores * 16 == report.figures.global_store_bytes for report in reports)


@pytest.mark.parametrize("op, arrays, static, expected", [
    ("slice", [(3, 5, 8)], {"key": (..., slice(1, 5))}, lambda x: x[..., 1:5]),
    ("slice", [(3, 8)], {"key": (..., slice(None, None, -1))}, lambda x: x[:, ::-1]),
    ("concatenate", [(3, 3), (3, 5)], {"axis": 1}, lambda *xs: np.concatenate(xs, 1)),
    ("transpose", [(3, 5, 2, 3)], {"axes": (2, 0, 1, 3)}, lambda x: x.transpose(2, 0, 1, 3)),
])
def test_what_no_16_bytes_can_move_goes_to_the_rung_before(op, arrays, static, expected):
    inputs = [values(*shape, seed=k) for k, shape in enumerate(arrays)]
    with simt_options() as reports:
        y = ladder.rung(op).run(*inputs, **static)
    np.testing.assert_array_equal(y, expected(*inputs))
    assert not wide_launches(reports)


@pytest.mark.parametrize("index", [-4, -3, -1, 0, 2, 3])
@pytest.mark.parametrize("rung", ladder.rungs("slice"), ids=lambda rung: rung.name)
def test_slice_takes_just_the_indices_that_are_there(rung, index):
    x = values(2, 3)
    if -3 <= index < 3:
        np.testing.assert_array_equal(rung.run(x, key=(slice(None), index), on="simt"), x[:, index])
    else:
        with pytest.raises(ValueError, match=f"slice: index {index} is out of range for an axis of 3"):
            rung.run(x, key=(slice(None), index), on="simt")
