"""Files that minidl wrote before its registry of names, its op records and its fields (8de0a2b): they load as ever.

Each is of a model after two steps of training (`own` after one), with what it predicted then in outputs.npz.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from minidl import constraints, initializers, losses, metrics, models, optimizers, regularizers, saving

BEFORE = Path(__file__).parent / "files" / "before"
spec = importlib.util.spec_from_file_location("example_models", Path(__file__).with_name("example_models.py"))
example_models = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example_models)


def same_as_before(model, name, x):
    found = example_models.as_list(model.predict(x, verbose=0))
    with np.load(BEFORE / "outputs.npz") as outputs:
        for place, values in enumerate(found):
            np.testing.assert_allclose(values, outputs[f"{name}_{place}"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("file", ["operations.keras", "recurrent.h5", "named_outputs.keras", "branches.h5"])
def test_models_load_and_go_on_training(file):
    name = file.partition(".")[0]
    _, x, y = example_models.MAKERS[name]()
    model = models.load_model(BEFORE / file)
    same_as_before(model, name, x)
    model.train_on_batch(x, y)
    assert int(model.optimizer._iterations) == 3


@saving.register_keras_serializable("pack")
class Halves(initializers.Initializer):
    def draw(self, rng, shape):
        return np.full(shape, 0.5)


@saving.register_keras_serializable()
class MyReg(regularizers.Regularizer):
    def __init__(self, s=0.1):
        self.s = s

    def __call__(self, x):
        return (x * x).sum() * self.s


@saving.register_keras_serializable()
def act(x):
    return x * 2


class Thirds(initializers.Initializer):
    """Known by its name only, as all below."""

    def draw(self, rng, shape):
        return np.full(shape, 0.3)


class MyCon(constraints.Constraint):
    def __call__(self, w):
        return np.clip(w, -1, 1)


def act2(x):
    return x + 1


class MyLoss(losses.Loss):
    def call(self, y_true, y_pred):
        return abs(y_true - y_pred).mean(axis=-1)


class MyMetric(metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(np.abs(np.asarray(y_true) - np.asarray(y_pred)))


class Half(optimizers.SGD):
    pass


class Sched(optimizers.schedules.LearningRateSchedule):
    def __init__(self, r=0.1):
        self.r = r

    def __call__(self, step):
        return self.r


MINE = {item.__name__: item for item in (Thirds, MyCon, act2, MyLoss, MyMetric, Half, Sched)}


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_classes_of_ones_own_of_every_kind_load_and_are_written_again(ending, tmp_path):
    x = np.ones((4, 3), "float32")
    model = models.load_model(BEFORE / f"own.{ending}", custom_objects=MINE)
    model.save(tmp_path / f"again.{ending}")
    for one in (model, models.load_model(tmp_path / f"again.{ending}", custom_objects=MINE)):
        same_as_before(one, "own", x)
        first, second = one.layers
        assert [first.activation, second.activation] == [act, act2]
        assert [type(first.kernel_initializer), type(second.kernel_initializer)] == [Halves, Thirds]
        assert (first.kernel_regularizer.s, second.activity_regularizer.s) == (0.2, 0.01)
        assert isinstance(second.kernel_constraint, MyCon)
        assert isinstance(one.loss, MyLoss) and isinstance(one.optimizer, Half) and one.optimizer.momentum == 0.5
        assert one.optimizer._learning_rate.r == 0.2
        logs = one.train_on_batch(x, np.ones((4, 2)), return_dict=True)
        assert set(logs) == {"loss", "mm", "mae"}
