"""Optimizers: learning rate, state, errors, constraints."""

from __future__ import annotations

import inspect
from typing import ClassVar

import numpy as np
import pytest

import minidl
from minidl import constraints, optimizers
from minidl.backends import table
from minidl.errors import ArgumentError, NotBuiltError, ShapeError, UnknownNameError
from minidl.optimizers import SGD, Adam, AdamW, schedules


def weight(*values: float, **kwargs) -> minidl.Variable:
    return minidl.Variable(np.array(values, "float32"), **kwargs)


def test_get_knows_names_in_any_case() -> None:
    for name in ("sgd", "SGD", "Sgd", "rmsprop", "RMSprop", "adam", "ADAM", "adamw", "AdamW", "adagrad"):
        assert type(optimizers.get(name)).__name__.lower() == name.lower()
    optimizer = Adam(0.1)
    assert optimizers.get(optimizer) is optimizer
    assert optimizers.get(None) is None


def test_get_suggests_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="unknown optimizer: 'adma'. Did you mean 'adam'"):
        optimizers.get("adma")
    with pytest.raises(ArgumentError, match=r"Got the class; write SGD\(\)"):
        optimizers.get(SGD)
    with pytest.raises(ArgumentError, match="a name, an Optimizer"):
        optimizers.get(0.1)


def test_learning_rate_can_be_set_and_assigned() -> None:
    optimizer = SGD(0.5)
    w = weight(1.0)
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(1, "float32")], [w])
    assert w.item() == 0.75
    optimizer.learning_rate.assign(0.5)
    optimizer.apply([np.ones(1, "float32")], [w])
    assert w.item() == 0.25
    assert float(optimizer.learning_rate) == 0.5


def test_learning_rate_of_a_schedule_counts_updates_and_cannot_be_set() -> None:
    optimizer = SGD(schedules.PiecewiseConstantDecay([1], [1.0, 0.1]))
    w = weight(0.0)
    for _ in range(3):
        optimizer.apply([np.ones(1, "float32")], [w])
    assert w.item() == pytest.approx(-2.1)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    assert "learning_rate" not in [v.name for v in optimizer.variables]
    with pytest.raises(ArgumentError, match="is a schedule"):
        optimizer.learning_rate = 0.5


def test_learning_rate_may_be_a_function() -> None:
    optimizer = SGD(lambda: 0.5)
    w = weight(1.0)
    optimizer.apply([np.ones(1, "float32")], [w])
    assert w.item() == 0.5
    optimizer = SGD(0.1)
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 10, 0.9)
    assert float(optimizer.learning_rate) == 0.5
    assert [v.name for v in optimizer.variables] == ["iteration"]


@pytest.mark.parametrize("name", ["lr", "decay"])
def test_removed_arguments_say_what_to_use_instead(name: str) -> None:
    for cls in (optimizers.SGD, optimizers.RMSprop, optimizers.Adam, optimizers.AdamW, optimizers.Adagrad):
        with pytest.raises(ArgumentError, match=f"{cls.__name__}: {name}= is no longer.*learning_rate=.*instead"):
            cls(**{name: 0.1})


def test_removed_attribute_lr_says_what_to_use_instead() -> None:
    optimizer = SGD()
    with pytest.raises(AttributeError, match="use optimizer.learning_rate instead"):
        _ = optimizer.lr
    with pytest.raises(AttributeError, match="use optimizer.learning_rate = 0.5 instead"):
        optimizer.lr = 0.5


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SGD(-0.1), "learning_rate must be a finite number of 0 or more"),
        (lambda: SGD("fast"), "learning_rate must be"),
        (lambda: SGD(np.nan), "learning_rate must be"),
        (lambda: SGD(momentum=1.5), "momentum must be a number between 0 and 1. Got 1.5"),
        (lambda: Adam(beta_1=2), "beta_1 must be a number between 0 and 1"),
        (lambda: SGD(momentm=0.9), "unknown argument 'momentm'"),
        (lambda: SGD(clipnorm=1.0, clipvalue=1.0), "only one of clipnorm, clipvalue and global_clipnorm"),
        (lambda: SGD(clipnorm=0.0), "clipnorm must be above 0"),
        (lambda: SGD(gradient_accumulation_steps=1), "an integer of 2 or more"),
        (lambda: SGD(use_ema=True, ema_momentum=2), "ema_momentum must be a number between 0 and 1"),
        (lambda: SGD(use_ema=True, ema_overwrite_frequency=0), "ema_overwrite_frequency must be"),
        (lambda: AdamW(weight_decay=None), "without it, use Adam"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be above 0"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), "one value more than boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 2], [1, 2, 3]), "boundaries must increase"),
    ],
)
def test_wrong_arguments_are_told(make, match) -> None:
    with pytest.raises(ArgumentError, match=match):
        make()


def test_other_variables_than_those_of_the_first_update_are_refused() -> None:
    optimizer = SGD()
    optimizer.apply([np.ones(1, "float32")], [weight(1.0)])
    with pytest.raises(ArgumentError, match="made for other variables than 'other/kernel'.*compile"):
        optimizer.apply([np.ones(1, "float32")], [weight(1.0, path="other/kernel")])


def test_gradients_and_variables_must_be_as_many() -> None:
    with pytest.raises(ArgumentError, match="one gradient a variable is needed. Got 1 for 2"):
        SGD().apply([np.ones(1, "float32")], [weight(1.0), weight(2.0)])
    with pytest.raises(NotBuiltError, match="needs the variables too"):
        SGD().apply([np.ones(1, "float32")])


def test_missing_gradients_warn_and_leave_the_variable() -> None:
    a, b = weight(1.0, path="a"), weight(1.0, path="b")
    with pytest.warns(UserWarning, match="no gradient for b"):
        SGD(0.5).apply([np.ones(1, "float32"), None], [a, b])
    assert (a.item(), b.item()) == (0.5, 1.0)
    with pytest.raises(ArgumentError, match="no variable has a gradient"):
        SGD().apply([None], [a])


def test_apply_gradients_takes_pairs_and_counts() -> None:
    optimizer, w = SGD(0.5), weight(1.0)
    assert int(optimizer.apply_gradients([(np.ones(1, "float32"), w)])) == 1
    assert int(optimizer.apply_gradients(zip([np.ones(1, "float32")], [w], strict=True))) == 2
    assert w.item() == 0.0


def test_constraint_is_applied_after_the_update() -> None:
    w = weight(0.1, 2.0, constraint=constraints.NonNeg())
    SGD(1.0).apply([np.ones(2, "float32")], [w])
    np.testing.assert_array_equal(w.numpy(), [0.0, 1.0])


def test_update_leaves_gradients_and_old_weights_unchanged() -> None:
    for cls in (optimizers.SGD, optimizers.RMSprop, optimizers.Adam, optimizers.Adagrad):
        w = weight(1.0, -2.0)
        before, gradient = w.data, np.array([3.0, 4.0], "float32")
        cls(0.5, clipnorm=1.0).apply([gradient], [w])
        np.testing.assert_array_equal(before, [1.0, -2.0])
        np.testing.assert_array_equal(gradient, [3.0, 4.0])
        assert not np.array_equal(w.numpy(), before)


def test_updates_are_ops_that_a_backend_can_take_over() -> None:
    seen = []

    def forward(w, dw, velocity, **static):
        seen.append(static["learning_rate"])
        return (w - 1,), None

    minidl.register_backend("sgd_update", "spy", forward=forward)
    w = weight(1.0)
    try:
        with minidl.using(sgd_update="spy"):
            SGD(0.25).apply([np.ones(1, "float32")], [w])
    finally:
        table._TABLE["sgd_update"].pop("spy")
    assert seen == [0.25]
    assert w.item() == 0.0


def test_updates_are_not_recorded_on_a_tape() -> None:
    w = weight(1.0)
    with minidl.GradientTape() as tape:
        Adam().apply([np.ones(1, "float32")], [w])
    assert tape.entries == []


def test_float64_weights_stay_float64() -> None:
    w = minidl.Variable(np.ones(2))
    optimizer = Adam(0.1)
    optimizer.apply([np.ones(2)], [w])
    assert w.dtype == np.float64
    assert all(v.dtype == np.float64 for v in optimizer.variables[2:])


def test_weight_decay_leaves_out_excluded_variables() -> None:
    optimizer = SGD(1.0, weight_decay=0.5)
    kernel, bias, other = weight(1.0, name="kernel"), weight(1.0, name="bias"), weight(1.0, name="other")
    optimizer.exclude_from_weight_decay(var_list=[other], var_names=["bias"])
    optimizer.apply([np.zeros(1, "float32")] * 3, [kernel, bias, other])
    assert [kernel.item(), bias.item(), other.item()] == [0.5, 1.0, 1.0]
    with pytest.raises(ArgumentError, match="before the first update"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_set_weights_checks_number_and_shapes_before_changing_anything() -> None:
    optimizer = SGD(momentum=0.9)
    with pytest.raises(NotBuiltError, match="needs build"):
        optimizer.set_weights([])
    optimizer.build([weight(1.0, 2.0)])
    before = optimizer.get_weights()
    with pytest.raises(ShapeError, match="needs 3 arrays. Got 1"):
        optimizer.set_weights([1])
    with pytest.raises(ShapeError, match=r"momentum' has shape \(2,\). Got \(3,\)"):
        optimizer.set_weights([5, 0.1, np.ones(3)])
    for old, new in zip(before, optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.warns(UserWarning, match="was not loaded: it has 3 variables, the saved one 2"):
        optimizer.load_own_variables({"0": 1, "1": 2})


def test_scale_of_the_loss_is_taken_back() -> None:
    optimizer, w = SGD(1.0, loss_scale_factor=8.0), weight(1.0)
    with minidl.GradientTape() as tape:
        loss = optimizer.scale_loss((w * 0.5).sum())
    optimizer.apply(tape.gradient(loss, [w]), [w])
    assert loss.item() == 4.0
    assert w.item() == 0.5


def test_moving_average_replaces_the_weights_when_training_ends() -> None:
    optimizer, w = SGD(1.0, use_ema=True, ema_momentum=0.5), weight(0.0)
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [w])
    assert w.item() == -2.0
    optimizer.finalize_variable_values([w])
    assert w.item() == -1.5  # -1 after the first update, then halfway to -2


def test_optimizers_are_named_by_class_and_number() -> None:
    first, second = Adam(), Adam()
    assert first.name.startswith("adam")
    assert first.name != second.name
    assert second.variables[0].path == f"{second.name}/iteration"
    assert "Adam" in repr(first)


@pytest.mark.parametrize("pair", [np.ones(2, "float32"), (np.ones(1, "float32"),), (1, 2, 3), "ab", [[1.0]], 3, None])
def test_apply_gradients_without_variables_says_what_it_takes(pair) -> None:
    w = weight(1.0)
    with pytest.raises(ArgumentError, match=r"takes pairs \(gradient, variable\)"):
        SGD(0.1).apply_gradients([(np.ones(1, "float32"), w), pair])
    assert w.numpy() == [1.0]


ALL_TAKE = (
    "weight_decay clipnorm clipvalue global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor "
    "gradient_accumulation_steps name kwargs"
)


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        (optimizers.SGD, "learning_rate momentum nesterov"),
        (optimizers.RMSprop, "learning_rate rho momentum epsilon centered"),
        (optimizers.Adam, "learning_rate beta_1 beta_2 epsilon amsgrad"),
        (optimizers.AdamW, "learning_rate weight_decay beta_1 beta_2 epsilon amsgrad"),
        (optimizers.Adagrad, "learning_rate initial_accumulator_value epsilon"),
        (optimizers.Optimizer, "learning_rate"),
    ],
)
def test_arguments_stand_in_the_order_of_keras(rule, own):
    wanted = dict.fromkeys(f"{own} {ALL_TAKE}".split())
    assert list(inspect.signature(rule).parameters) == list(wanted)


def test_fields_of_a_rule_of_ones_own_are_its_arguments_and_are_written():
    class Scaled(optimizers.SGD):
        factor: float = 2.0

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * self.factor, variable, learning_rate)

    rule = Scaled(0.5, 3.0, momentum=0.1, nesterov=True)
    assert (rule.factor, rule.momentum, rule.nesterov) == (3.0, 0.1, True)
    again = Scaled.from_config(rule.get_config())
    assert again.get_config() == rule.get_config() and again.factor == 3.0
    w = minidl.Variable([1.0])
    rule.apply([minidl.Tensor([1.0])], [w])
    np.testing.assert_allclose(w.numpy(), [1.0 - 0.5 * 3.0 * 1.1], rtol=1e-6)


def test_an_init_of_ones_own_hands_on_what_it_wants():
    class Slow(optimizers.Adam):
        def __init__(self, rate=0.25, **kwargs):
            super().__init__(rate * 0.5, **kwargs)

    class Slower(Slow):
        speed: ClassVar[str] = "low"
        more: int = 3

    assert float(Slower().learning_rate) == 0.125 and Slower(clipnorm=2.0).clipnorm == 2.0
    assert list(inspect.signature(Slower).parameters) == ["rate", "kwargs"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: optimizers.Optimizer(), "Optimizer: missing a required argument: 'learning_rate'"),
        (lambda: SGD(0.1, learning_rate=0.2), "SGD: multiple values for argument 'learning_rate'"),
        (lambda: SGD(*range(20)), "SGD: too many positional arguments"),
    ],
)
def test_arguments_that_do_not_fit_are_told_with_the_class(call, match):
    with pytest.raises(TypeError, match=match):
        call()
