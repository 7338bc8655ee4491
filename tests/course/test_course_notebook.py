"""`course.check` of what a cell defines: with what it uses, imports, numbers, functions, and a class with its bases."""

from __future__ import annotations

import types

import numpy as np
import pytest

from minidl import optimizers
from minidl.course import notebook

RATE = 0.5


def halved(x):
    return RATE * np.asarray(x)


class Halving(optimizers.Optimizer):
    factor: float = RATE

    def update_step(self, gradient, variable, learning_rate):
        variable.assign(halved(variable))


class Bare(optimizers.Optimizer):
    pass


@pytest.mark.parametrize(
    "defined, needs", [(halved, ("np", "RATE")), (Halving, ("np", "RATE", "halved", "optimizers"))]
)
def test_the_source_of_a_cell_runs_by_itself(defined, needs):
    module = types.ModuleType("alone")
    exec(compile(notebook.source_of("optimizer", defined), "<alone>", "exec"), module.__dict__)
    assert {*needs, defined.__name__} <= set(vars(module))
    if defined is Halving:
        assert issubclass(module.Halving, optimizers.Optimizer) and module.Halving(0.1).factor == RATE
    else:
        np.testing.assert_array_equal(module.halved([2.0]), [1.0])


def test_a_class_without_methods_brings_its_base():
    assert "optimizers" in notebook.source_of("optimizer", Bare).partition("class")[0]
