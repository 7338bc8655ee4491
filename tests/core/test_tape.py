"""The tape: gradients of compositions against finite differences, and every error it promises."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.errors import TapeError
from minidl.tape import layer_scope
from minidl.testing import numerical_gradient


def double(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_gradient_of_a_composition_matches_finite_differences():
    x, w, b = double(3, 4), double(4, 5, seed=1), double(5, seed=2)

    def network(x, w, b):
        h = F.tanh(F.dense(x, w, b))
        return ((h * h + h / 3.0 - 1.0) ** 2.0).mean() + F.exp(h)[:, 1:3].sum()

    variables = [minidl.Variable(a, dtype="float64") for a in (x, w, b)]
    with minidl.GradientTape() as tape:
        loss = network(*variables)
    gradients = tape.gradient(loss, variables)
    for i, gradient in enumerate(gradients):
        expected = numerical_gradient(lambda *p: float(network(*[minidl.Tensor(a) for a in p])), [x, w, b], i)
        np.testing.assert_allclose(gradient.data, expected, rtol=1e-6, atol=1e-8)
        assert gradient.dtype == np.float64


def test_gradient_sums_over_branches_and_shared_values():
    w = minidl.Variable([2.0, 3.0])
    with minidl.GradientTape() as tape:
        a = w * w
        loss = (a + a * w + w).sum()  # w² + w³ + w
    np.testing.assert_allclose(tape.gradient(loss, w).numpy(), [1 + 4 + 12, 1 + 6 + 27])


def test_gradient_does_not_change_arrays_that_entries_share():
    w = minidl.Variable([1.0, 2.0])
    with minidl.GradientTape(persistent=True) as tape:
        loss = (w + w + w).sum()
    first = tape.gradient(loss, w).numpy().copy()
    np.testing.assert_array_equal(first, tape.gradient(loss, w).numpy())
    np.testing.assert_array_equal(first, [3.0, 3.0])


def test_gradient_of_an_activation_inside_the_tape():
    w = minidl.Variable([1.0, -2.0])
    with minidl.GradientTape(persistent=True) as tape:
        h = w * 3.0
        loss = (h * h).sum()
    np.testing.assert_allclose(tape.gradient(loss, h).numpy(), [6.0, -12.0])
    np.testing.assert_allclose(tape.gradient(loss, [h, w])[1].numpy(), [18.0, -36.0])


def test_gradient_keeps_the_arrangement_of_its_sources():
    a, b = minidl.Variable([1.0]), minidl.Variable([2.0])
    with minidl.GradientTape(persistent=True) as tape:
        loss = (a * b).sum()
    assert [g.item() for g in tape.gradient(loss, [a, b])] == [2.0, 1.0]
    assert isinstance(tape.gradient(loss, (a, b)), tuple)
    assert tape.gradient(loss, {"left": a, "right": b})["right"].item() == 1.0


def test_gradient_is_none_for_what_the_loss_does_not_depend_on():
    a, b = minidl.Variable([1.0]), minidl.Variable([2.0])
    with minidl.GradientTape() as tape:
        loss = (a * 2.0).sum()
    assert tape.gradient(loss, [a, b])[1] is None


def test_watch_makes_a_plain_tensor_a_source():
    x = minidl.Tensor([1.0, 2.0])
    with minidl.GradientTape() as tape:
        tape.watch(x)
        loss = (x**3.0).sum()
    np.testing.assert_allclose(tape.gradient(loss, x).numpy(), [3.0, 12.0])


def test_frozen_variables_get_no_gradient_and_keep_no_cache():
    frozen, free = minidl.Variable([1.0, 2.0], trainable=False), minidl.Variable([3.0, 4.0])
    with minidl.GradientTape(persistent=True) as tape:
        first = frozen * 2.0
        loss = (first * free).sum()
    assert tape.entries[0].cache is None and tape.entries[0].needs == (False, False)
    np.testing.assert_allclose(tape.gradient(loss, free).numpy(), [2.0, 4.0])


def test_output_gradient_replaces_the_scalar():
    w = minidl.Variable([[1.0, 2.0], [3.0, 4.0]])
    with minidl.GradientTape() as tape:
        y = w * w
    given = np.array([[1.0, 0.0], [0.0, 10.0]], np.float32)
    np.testing.assert_allclose(tape.gradient(y, w, output_gradient=given).numpy(), [[2.0, 0.0], [0.0, 80.0]])


def test_nested_tapes_both_record():
    w = minidl.Variable([2.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            loss = (w * w).sum()
        assert inner.gradient(loss, w).item() == 4.0
        again = loss * 3.0
    assert outer.gradient(again, w).item() == 12.0


def test_entries_say_layer_op_backend_and_time():
    w = minidl.Variable([1.0])
    with minidl.GradientTape(persistent=True) as tape, layer_scope("scale"):
        loss = (w * 2.0).sum()
    tape.gradient(loss, w)
    first = tape.entries[0]
    assert (first.op, first.layer, first.backend, first.why) == ("multiply", "scale", "cpu", "default")
    assert first.ms_forward >= 0 and first.ms_backward >= 0 and first.backend_backward == "cpu"


def test_no_grad_records_nothing():
    w = minidl.Variable([1.0])
    with minidl.GradientTape() as tape:
        with minidl.no_grad():
            constant = w * 2.0
        loss = (constant * w).sum()
    assert tape.gradient(loss, w).item() == 2.0


def recorded(persistent=False):
    w = minidl.Variable([1.0, 2.0], name="w")
    with minidl.GradientTape(persistent=persistent) as tape:
        h = w * w
        loss = h.sum()
    return w, h, loss, tape


def test_gradient_twice_is_an_error():
    w, _, loss, tape = recorded()
    tape.gradient(loss, w)
    with pytest.raises(TapeError, match="already walked back.*persistent=True"):
        tape.gradient(loss, w)


def test_gradient_of_several_numbers_is_that_of_their_sum():
    w, h, _, tape = recorded(persistent=True)
    np.testing.assert_array_equal(tape.gradient(h, w).numpy(), [2.0, 4.0])
    np.testing.assert_array_equal(tape.gradient(h, w, output_gradients=[1.0, 10.0]).numpy(), [2.0, 40.0])
    with pytest.raises(TapeError, match=r"target's shape \(2,\). Got \(3,\)"):
        tape.gradient(h, w, output_gradients=[1.0, 1.0, 1.0])


def test_gradient_of_several_targets_is_that_of_their_sum():
    w, h, loss, tape = recorded(persistent=True)
    np.testing.assert_array_equal(tape.gradient([loss, h], w).numpy(), [4.0, 8.0])
    weighted = tape.gradient([loss, h], w, output_gradients=[None, [10.0, 0.0]])
    np.testing.assert_array_equal(weighted.numpy(), [22.0, 4.0])
    np.testing.assert_array_equal(tape.gradient({"a": loss, "b": loss}, w).numpy(), [4.0, 8.0])
    np.testing.assert_array_equal(tape.gradient([loss, w], w).numpy(), [3.0, 5.0])  # of w with respect to itself: 1
    with pytest.raises(TapeError, match="arranged as the target is. Got list for 2 targets"):
        tape.gradient([loss, h], w, output_gradients=[1.0])


def test_sources_may_be_nested_and_unconnected_ones_zero():
    w, _, loss, tape = recorded(persistent=True)
    other = minidl.Variable([[1.0]])
    found = tape.gradient(loss, {"a": [w, (other,)]}, unconnected_gradients="zero")
    np.testing.assert_array_equal(found["a"][0].numpy(), [2.0, 4.0])
    np.testing.assert_array_equal(found["a"][1][0].numpy(), [[0.0]])
    assert tape.gradient(loss, {"a": [other]}) == {"a": [None]}
    with pytest.raises(TapeError, match="unconnected_gradients must be"):
        tape.gradient(loss, w, unconnected_gradients="nothing")


def test_a_target_of_whole_numbers_is_an_error():
    w = minidl.Variable([1.0, 3.0])
    with minidl.GradientTape() as tape:
        place = F.argmax(w * 2.0)
    with pytest.raises(TapeError, match="must be floating. Got dtype int64"):
        tape.gradient(place, w)


def penalty(outer_uses):
    """w x² with w = 2, x = 3: its gradient for x is 2 w x = 12, the square of that 144, and d144/dw = 2 · 12 · 6."""
    w, x, v = minidl.Variable([2.0], name="w"), minidl.Tensor([3.0], name="x"), minidl.Variable([5.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            inner.watch(x)
            y = (w * x * x).sum()
        dx = inner.gradient(y, x)
        loss = outer_uses(dx, w, v, y)
    return outer, loss, w, x, v


def test_a_gradient_of_a_gradient_is_right_also_where_it_is_a_part():
    outer, loss, w, _, _ = penalty(lambda dx, w, v, y: (dx**2).sum())
    assert outer.gradient(loss, w).item() == 144.0
    outer, loss, w, _, _ = penalty(lambda dx, w, v, y: (dx**2).sum() + (w * 0.5).sum())
    assert outer.gradient(loss, w).item() == 144.5


def test_inner_gradients_are_plain_numbers_where_no_gradient_goes_through_them():
    outer, loss, w, _, v = penalty(lambda dx, w, v, y: (dx * v).sum())
    assert outer.gradient(loss, v).item() == 12.0  # dx does not depend on v
    outer, loss, w, _, _ = penalty(lambda dx, w, v, y: (w * dx.detach()).sum())
    assert outer.gradient(loss, w).item() == 12.0
    outer, loss, w, _, _ = penalty(lambda dx, w, v, y: y * 3.0)  # computed, and not used
    assert outer.gradient(loss, w).item() == 27.0
    outer, loss, w, _, _ = penalty(lambda dx, w, v, y: (w * float(dx)).sum())
    assert outer.gradient(loss, w).item() == 12.0


def test_the_gradient_of_a_linear_function_is_a_constant():
    w, x = minidl.Variable([2.0, 3.0]), minidl.Variable([5.0, 7.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = (w + x * 4.0).sum()
        dx = inner.gradient(y, x)
        loss = (dx * w).sum()
    np.testing.assert_array_equal(outer.gradient(loss, w).numpy(), [4.0, 4.0])


def test_a_persistent_tape_that_is_asked_inside_its_block_has_second_derivatives():
    w = minidl.Variable([2.0])
    with minidl.GradientTape(persistent=True) as tape:
        y = (w * w * w).sum()
        dw = tape.gradient(y, w)
        with minidl.no_grad():
            plain = tape.gradient(y, w)
        z = (plain * w).sum()
        second = (dw * 2.0).sum()
    assert tape.gradient(z, w).item() == 12.0
    assert tape.gradient(second, w).item() == 24.0  # 2 · 6 w


def test_a_gradient_flows_through_weighted_output_gradients():
    w, v = minidl.Variable([2.0]), minidl.Variable([5.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = w + 1.0
        loss = inner.gradient(y, w, output_gradients=v * 3.0).sum()
    assert outer.gradient(loss, v).item() == 3.0


def test_writing_a_tracked_value_into_a_tensor_under_a_tape_is_an_error():
    w, buffer = minidl.Variable([2.0]), minidl.Tensor(np.zeros((2, 1), np.float32))
    buffer[0] = w
    with minidl.GradientTape():
        buffer[1] = (w * 2.0).detach()
        with pytest.raises(TapeError, match="no gradient would flow back"):
            buffer[1] = w * 2.0
    np.testing.assert_array_equal(buffer.numpy(), [[2.0], [4.0]])


def test_gradient_of_something_computed_outside_is_an_error():
    w, _, _, tape = recorded()
    outside = (w * 2.0).sum()
    with pytest.raises(TapeError, match="not computed inside this tape"):
        tape.gradient(outside, w)
    with pytest.raises(TapeError, match="nothing was recorded"):
        minidl.GradientTape().gradient(outside, w)
    with pytest.raises(TapeError, match="Got float"):
        tape.gradient(3.0, w)


def test_gradient_of_a_source_that_is_no_tensor_is_an_error():
    _, _, loss, tape = recorded()
    with pytest.raises(TapeError, match="sources must be tensors"):
        tape.gradient(loss, np.ones(2))


@pytest.mark.parametrize("which", ["input", "output"])
def test_change_in_place_of_a_needed_value_is_an_error(which):
    w, h, loss, tape = recorded()
    (w if which == "input" else h)[0] = 5.0
    with pytest.raises(TapeError, match="changed in place"):
        tape.gradient(loss, w)


def test_assigning_a_weight_before_gradient_is_an_error():
    w, _, loss, tape = recorded()
    w.assign([7.0, 7.0])
    with pytest.raises(TapeError, match="'w'.*changed in place"):
        tape.gradient(loss, w)


def test_change_in_place_of_a_value_that_no_gradient_needs_is_fine():
    w, _, loss, tape = recorded()
    other = minidl.Tensor([1.0])
    other[0] = 2.0
    np.testing.assert_allclose(tape.gradient(loss, w).numpy(), [2.0, 4.0])


def test_watch_refuses_what_has_no_gradient():
    tape = minidl.GradientTape()
    with pytest.raises(TapeError, match="Got ndarray"):
        tape.watch(np.ones(2))
    with pytest.raises(TapeError, match="int32"):
        tape.watch(minidl.Tensor([1, 2]))


def test_a_backward_that_returns_no_tuple_is_named():
    op = minidl.register_op("test_no_tuple", lambda x: (x * 2, None), lambda dy, cache: dy * 2, replace=True)
    w = minidl.Variable([1.0])
    with minidl.GradientTape() as tape:
        loss = op(w).sum()
    with pytest.raises(TapeError, match="test_no_tuple.*tuple.*missing comma"):
        tape.gradient(loss, w)


def test_a_backward_of_the_wrong_shape_is_named():
    op = minidl.register_op("test_bad_shape", lambda x: (x * 2, None), lambda dy, cache: (dy[:1],), replace=True)
    w = minidl.Variable([1.0, 2.0])
    with minidl.GradientTape() as tape:
        loss = op(w).sum()
    with pytest.raises(TapeError, match=r"test_bad_shape.*shape \(2,\) float32. Got \(1,\)"):
        tape.gradient(loss, w)


def test_an_error_under_a_tape_leaves_the_next_one_clean():
    with pytest.raises(ZeroDivisionError), minidl.GradientTape():
        raise ZeroDivisionError
    w = minidl.Variable([1.0])
    y = w * 2.0
    assert not y._tracked
