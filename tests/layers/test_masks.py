"""Masks: what merges, softmax and layers of one's own make of them, eagerly and in graphs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl import Tensor, layers
from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.symbolic import SymbolicTensor, infer_by_trial

RNG = np.random.default_rng(9)
VALUES = [RNG.normal(size=(2, 5, 3)).astype(np.float32) for _ in range(3)]
MASKS = [RNG.random((2, 5)) > 0.4 for _ in range(3)]
for own in MASKS:
    own[0, 0] = False  # one step that no input has
    own[0, 1] = True
IDS = np.array([[1, 2, 0, 0], [3, 3, 1, 0]])


def masked(values, mask):
    tensor = Tensor(values)
    if mask is not None:
        tensor._keras_mask = Tensor(mask)
    return tensor


def by_hand(kind, values, masks):
    """Merge step by step: masked values are left out, one that has no other beside it stays."""
    found = values[0].copy()
    kept = masks[0]
    for x, mask in zip(values[1:], masks[1:], strict=True):
        for place in itertools.product(*map(range, found.shape)):
            a, b = found[place], x[place]
            if mask is not None and not mask[place[:2]]:
                b = a
            if kept is not None and not kept[place[:2]]:
                a = b
            found[place] = max(a, b) if kind == "Maximum" else min(a, b)
        kept = None if mask is None or kept is None else kept | mask
    return found


def product_by_hand(values, masks):
    found = np.ones_like(values[0])
    for x, mask in zip(values, masks, strict=True):
        found *= x if mask is None else np.where(mask[..., None], x, 1)
    if all(mask is not None for mask in masks):
        found *= np.logical_or.reduce(masks)[..., None]
    return found


@pytest.mark.parametrize("kind", ["Add", "Average", "Multiply", "Maximum", "Minimum"])
@pytest.mark.parametrize("which", list(itertools.product([0, 1], repeat=3)), ids=str)
def test_merges_leave_masked_steps_out(kind, which):
    masks = [mask if some else None for mask, some in zip(MASKS, which, strict=True)]
    merged = getattr(layers, kind)()(list(map(masked, VALUES, masks)))
    wanted = {
        "Add": lambda: sum(VALUES),
        "Average": lambda: sum(VALUES) / 3,
        "Multiply": lambda: product_by_hand(VALUES, masks),
    }.get(kind, lambda: by_hand(kind, VALUES, masks))()
    np.testing.assert_allclose(merged.numpy(), wanted, rtol=1e-5, atol=1e-6)
    mask = getattr(merged, "_keras_mask", None)
    if all(which):
        np.testing.assert_array_equal(mask.numpy(), np.logical_or.reduce(masks))
    else:
        assert mask is None


def test_merges_of_masked_embeddings_in_a_graph_are_those_of_tensors():
    x, y = minidl.Input((4,)), minidl.Input((4,))
    a, b = (layers.Embedding(5, 2, mask_zero=True)(i) for i in (x, y))
    model = minidl.Model([x, y], layers.LSTM(2, return_sequences=True)(layers.Multiply()([a, b])))
    first, second, merge, lstm = model.layers[2:]
    one, two = IDS, IDS[::-1]
    by_steps = lstm(merge([first(one), second(two)]))
    np.testing.assert_array_equal(model([one, two]).numpy(), by_steps.numpy())
    np.testing.assert_array_equal(by_steps._keras_mask.numpy(), (one != 0) | (two != 0))


def test_gradients_flow_to_the_values_that_count():
    a, b = masked(VALUES[0], MASKS[0]), masked(VALUES[1], MASKS[1])
    with minidl.GradientTape() as tape:
        tape.watch([a, b])
        total = layers.Multiply()([a, b]).sum()
    da, db = tape.gradient(total, [a, b])
    np.testing.assert_allclose(da.numpy(), np.where(MASKS[0][..., None], product_of_others(1), 0), rtol=1e-6)
    np.testing.assert_allclose(db.numpy(), np.where(MASKS[1][..., None], product_of_others(0), 0), rtol=1e-6)


def product_of_others(place):
    return np.where(MASKS[place][..., None], VALUES[place], 1)


@pytest.mark.parametrize("axis", [-1, 1, (1,), (1, 2)])
@pytest.mark.parametrize("kind", [bool, int, float])
def test_softmax_gives_0_where_nothing_is_to_be_chosen(axis, kind):
    mask = np.ones((3, 4, 2), bool)
    mask[0] = False
    mask[1, 2] = mask[1, :, 1] = False
    x = RNG.normal(size=mask.shape).astype(np.float32)
    y = layers.Softmax(axis=axis)(x, mask=mask.astype(kind)).numpy()
    axes = axis if isinstance(axis, tuple) else (axis,)
    powers = np.where(mask, np.exp(x), 0)
    total = powers.sum(axis=axes, keepdims=True)
    np.testing.assert_allclose(y, powers / np.where(total == 0, 1, total), rtol=1e-5, atol=1e-7)


def test_softmax_refuses_a_mask_that_does_not_broadcast():
    with pytest.raises(ShapeError, match=r"the mask must broadcast to the inputs.*mask\[..., None\]"):
        layers.Softmax()(np.ones((2, 4, 3), np.float32), mask=np.ones((2, 4), bool))


def test_masks_of_merges_may_be_arrays_and_must_be_as_many_as_the_inputs():
    add, join = layers.Add(), layers.Concatenate(axis=1)
    inputs = [Tensor(x) for x in VALUES[:2]]
    np.testing.assert_array_equal(add.compute_mask(inputs, MASKS[:2]).numpy(), MASKS[0] | MASKS[1])
    np.testing.assert_array_equal(join.compute_mask(inputs, MASKS[:2]).numpy(), np.concatenate(MASKS[:2], axis=1))
    assert add.compute_mask(inputs) is None and add.compute_mask(inputs, [None, MASKS[0]]) is None
    for layer, mask in itertools.product((add, join), (MASKS[0], MASKS)):
        with pytest.raises(ArgumentError, match="inputs and mask must be lists of one length"):
            layer.compute_mask(inputs, mask)


# ---- layers of one's own


class SoftmaxOverTime(layers.Layer):
    """Weights of the kept steps."""

    def call(self, x, mask=None):
        powers = F.exp(x) * F.cast(F.expand_dims(mask, -1), "float32")
        return powers / F.reduce_sum(powers, 1, keepdims=True)


def test_a_layer_that_needs_its_mask_gets_it_everywhere():
    table = layers.Embedding(5, 3, mask_zero=True)
    kept = np.exp(table(IDS).numpy()) * (IDS != 0)[..., None]
    wanted = kept / kept.sum(axis=1, keepdims=True)
    x = minidl.Input((None,), dtype="int32")
    functional = minidl.Model(x, SoftmaxOverTime()(layers.Dropout(0.5)(table(x))))
    deferred = minidl.Sequential([table, SoftmaxOverTime()])
    for model in (functional, deferred, lambda ids: SoftmaxOverTime()(table(ids))):
        np.testing.assert_allclose(model(IDS).numpy(), wanted, rtol=1e-5)
    assert functional.output_shape == (None, None, 3)


def test_masks_come_in_the_structure_of_the_inputs():
    seen = []

    class Look(layers.Layer):
        def call(self, inputs, mask=None):
            seen.append(mask)
            return inputs["b"][0] if isinstance(inputs, dict) else inputs[0]

    table = layers.Embedding(5, 2, mask_zero=True)
    plain = Tensor(np.ones((2, 4, 2), np.float32))
    Look()([table(IDS), plain])
    Look()({"b": [table(IDS)], "a": plain})
    assert seen[0][1] is None and seen[1]["a"] is None
    np.testing.assert_array_equal(seen[0][0].numpy(), IDS != 0)
    np.testing.assert_array_equal(seen[1]["b"][0].numpy(), IDS != 0)


def test_each_of_several_inputs_has_a_mask_of_its_name():
    seen = []

    class Attend(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            seen.append((query_mask, value_mask))
            return query

    x = minidl.Input((4,), dtype="int32")
    h = layers.Embedding(5, 2, mask_zero=True)(x)
    minidl.Model(x, Attend()(h, value=layers.Dense(2)(h)))(IDS)
    for mask in seen[-1]:
        np.testing.assert_array_equal(mask.numpy(), IDS != 0)


def test_inputs_given_by_name_hand_their_mask_on():
    class Sum(layers.Layer):
        supports_masking = True

        def call(self, first, second):
            return first + second

    h = layers.Embedding(5, 2, mask_zero=True)(IDS)
    np.testing.assert_array_equal(Sum()(second=h, first=h)._keras_mask.numpy(), IDS != 0)


def test_a_mask_of_ones_own_reaches_the_next_layer_in_a_graph():
    class FirstHalf(layers.Layer):
        def call(self, x):
            return x[:, :2]

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else mask[:, :2]

    x = minidl.Input((4,), dtype="int32")
    y = FirstHalf()(layers.Embedding(5, 2, mask_zero=True)(x))
    assert y._keras_mask.shape == (None, 2)
    model = minidl.Model(x, layers.LSTM(2, return_sequences=True)(y))
    np.testing.assert_array_equal(model(IDS[:, ::-1])._keras_mask.numpy(), (IDS[:, ::-1] != 0)[:, :2])


def test_a_mask_ends_at_a_layer_that_does_not_support_masking():
    class Passes(layers.Layer):
        supports_masking = True

        def call(self, x):
            return x * 2.0

    class Stops(layers.Layer):
        def call(self, x):
            return x * 2.0

    x = minidl.Input((4,), dtype="int32")
    h = layers.Embedding(5, 2, mask_zero=True)(x)
    assert Passes()(h)._keras_mask.shape == (None, 4) and Stops()(h)._keras_mask is None
    assert layers.Flatten()(h)._keras_mask is None and layers.LSTM(2)(h)._keras_mask is None


def test_training_reaches_layers_inside_and_its_default_is_that_of_call():
    class Doubles(layers.Layer):
        def call(self, x, training=True):
            return x * (2.0 if training else 1.0)

    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Doubles()

        def call(self, x):
            return self.inner(x)

    x = np.ones((1, 1), np.float32)
    assert Doubles()(x).item() == 2.0 and Doubles()(x, training=False).item() == 1.0
    assert Around()(x, training=True).item() == 2.0 and Around()(x, training=False).item() == 1.0
    model = minidl.Sequential([layers.Input((1,)), Around()])
    assert model(x, training=True).item() == 2.0 and model.predict(x, verbose=0).item() == 1.0


def test_outputs_that_are_found_by_trial_have_the_masks_that_they_will_have():
    found = infer_by_trial(layers.Masking(), SymbolicTensor((None, 4, 3), "float32"))
    assert (found.shape, found._keras_mask.shape, found._keras_mask.dtype) == ((None, 4, 3), (None, 4), np.bool_)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", ["Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "Concatenate"])
def test_a_mask_meets_an_input_without_one(name, first):
    """As in Keras: beside an input without a mask only Concatenate has one, and there all steps of the other count."""
    masked = layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 0, 2]]))
    plain = minidl.Tensor(np.ones((1, 3, 3), np.float32))
    axis = {"axis": 1} if name == "Concatenate" else {}
    y = getattr(layers, name)(**axis)([masked, plain] if first else [plain, masked])
    found = getattr(y, "_keras_mask", None)
    if name != "Concatenate":
        assert found is None
    else:
        own, other = [True, False, True], [True] * 3
        np.testing.assert_array_equal(found, [own + other if first else other + own])


def test_a_layer_of_several_inputs_keeps_the_masks_though_one_has_none():
    class Both(layers.Layer):
        supports_masking = True

        def call(self, inputs):
            return [x * 1.0 for x in inputs]

    masked = layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 0, 2]]))
    plain = Tensor(np.ones((1, 3, 3), np.float32))
    for given in ([masked, plain], [plain, masked]):
        for before, after in zip(given, Both()(given), strict=True):
            own, found = (getattr(tensor, "_keras_mask", None) for tensor in (before, after))
            assert (found is None) == (own is None)
            assert own is None or np.array_equal(found, own)
