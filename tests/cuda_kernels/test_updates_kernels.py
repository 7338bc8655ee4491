"""The optimizer kernels on the SIMT machine equal minidl's NumPy updates, with every option."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops import updates

RUNGS = ("r1_scalar", "r2_wide")
CASES = [
    ("sgd_update", (False,), {}), ("sgd_update", (True,), {"momentum": 0.9, "weight_decay": 0.01}),
    ("sgd_update", (True,), {"momentum": 0.9, "nesterov": True}),
    ("rmsprop_update", (True, False, False), {}),
    ("rmsprop_update", (True, True, True), {"momentum": 0.5, "rho": 0.8, "weight_decay": 0.01}),
    ("adam_update", (True, True, False), {"step": 1}), ("adam_update", (True, True, True), {"step": 7, "beta_1": 0.8}),
    ("adamw_update", (True, True, False), {"step": 3}), ("adamw_update", (True, True, True), {"step": 3,
                                                                                            "weight_decay": 0.1}),
    ("adagrad_update", (True,), {"epsilon": 1e-3}),
]


def arrays(*shape, number):
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype(np.float32) for _ in range(number)]


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("op, present, options", CASES)
def test_update_equals_numpy(op, present, options, name):
    w, g, *states = arrays(5, 7, number=2 + len(present))
    states = [np.abs(s) if there else None for s, there in zip(states, present, strict=True)]
    expected, _ = getattr(updates, f"{op}_forward")(w, g, *states, learning_rate=0.1, **options)
    before = w.copy()
    got = ladder.rung(op, name).run(w, g, *states, learning_rate=0.1, **options)
    assert len(got) == len(expected)
    for new, wanted in zip(got, expected, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(w, before)


@pytest.mark.parametrize("name", RUNGS)
def test_in_place_overwrites_the_given_arrays(name):
    w, g, m, v = arrays(9, number=4)
    v = np.abs(v)
    expected, _ = updates.adam_update_forward(w, g, m, v, None, learning_rate=0.1, step=2)
    ladder.rung("adam_update", name).run(w, g, m, v, None, learning_rate=0.1, step=2, in_place=True)
    for new, wanted in zip((w, m, v), expected, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)


def test_adam_moves_28_bytes_a_weight():
    w, g, m, v = arrays(128, number=4)
    with simt_options() as reports:
        for name in RUNGS:
            ladder.rung("adam_update", name).run(w, g, m, np.abs(v), None, learning_rate=0.1, step=2)
    for report in reports:
        assert (report.figures.global_load_bytes, report.figures.global_store_bytes) == (16 * 128, 12 * 128)


def test_errors_name_the_rule():
    w, g = arrays(3, number=2)
    with pytest.raises(ValueError, match="adam_update: step must be at least 1. Got 0"):
        ladder.rung("adam_update").run(w, g, w, w, None, learning_rate=0.1, step=0)
    with pytest.raises(ValueError, match="sgd_update: momentum 0.9 needs its array"):
        ladder.rung("sgd_update").run(w, g, None, learning_rate=0.1, momentum=0.9)
    with pytest.raises(TypeError, match="adam_update: takes the states m, v, v_max"):
        ladder.rung("adam_update").run(w, g, w, learning_rate=0.1, step=1)
