"""What holds for every op, by the records in which their files end."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends import table
from minidl.errors import ArgumentError
from minidl.ops.op import FORMS, Op, of_form, records

EVERY_OP = pytest.mark.parametrize("op", records().values(), ids=records())


@EVERY_OP
def test_a_record_is_about_its_own_functions_and_files(op):
    assert op.forward.__name__ == f"{op.name}_forward" and op.file not in ("op", "__init__")
    assert op.backward is None or op.backward.__name__ == f"{op.name}_backward"
    assert table.load(op.name, "numpy", "forward") is op.forward
    assert table.load(op.name, "numpy", "backward") is op.backward
    assert table.devices(op.name) == ([] if op.host_only else ["cuda", "simt", "ptx"])


@EVERY_OP
def test_the_maths_is_said_in_one_line_each_way(op):
    assert len(op.maths) == (1 if op.backward is None else 2)
    assert all(line and "\n" not in line for line in op.maths)


@EVERY_OP
def test_what_a_record_names_is_there(op):
    assert set(op.keeps.split()) <= {*op.inputs, "y"}
    for settings in (*op.others, op.static(()) if callable(op.static) else op.static):
        assert set(settings) <= set(op.settings)
    if not op.variadic:
        assert op.shapes is None or len(op.shapes(8)) >= sum(p.default is p.empty for p in op.parameters) - len(
            [name for name in op.settings if inspect.signature(op.forward).parameters[name].default is inspect._empty]
        )
    assert isinstance(op.values, str) or len(op.values) == len(op.inputs)
    assert (op.name in of_form(op.form)) and op.form in FORMS


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="Op: f: form must be one of .*'cell'.* Got 'cells'"):
        Op("f", lambda x: (x, None), form="cells")


def softcap(x, *, cap=15.0):
    return cap * np.tanh(x / cap), (x, cap)


def both(a, b):
    return a * b, None


@pytest.mark.parametrize(
    "forward, differential, told",
    [
        (softcap, lambda x, y: 1.0, r"write lambda x, y, \*, cap=15.0: … Got \(x, y\), which differs in cap"),
        (softcap, lambda x, y, *, cap: 1.0, "differs in cap"),
        (softcap, lambda x, y, *, cap=3.0: 1.0, "differs in cap"),
        (softcap, lambda x, y, *, cap=15.0, low: 1.0, "differs in low"),
        (softcap, lambda x: 1.0, "must take x and y"),
        (both, lambda x, y: 1.0, "slope of an op of one input.* Got the inputs a, b"),
        (softcap, "linaer", "Did you mean 'linear'"),
    ],
)
def test_a_differential_that_could_not_be_used_is_refused_at_once(forward, differential, told):
    with pytest.raises(ArgumentError, match=told):
        Op("f", forward, differential=differential)


@pytest.mark.parametrize(
    "slope", [lambda x, y, *, cap=15.0: 1 - (y / cap) ** 2, lambda x, y, cap=15.0: 1, lambda x, y, **_: 1]
)
def test_a_differential_with_the_settings_of_the_forward_is_taken(slope):
    assert Op("f", softcap, differential=slope).differential is slope


def test_derived_functions_have_the_signature_of_the_op():
    assert str(inspect.signature(F.of_record("leaky_relu"))) == "(x, negative_slope=0.2)"
    assert str(inspect.signature(F.of_record("pow"))) == "(a, b)"
    assert str(inspect.signature(minidl.register_op("docs_softcap", softcap, replace=True))) == "(x, /, *, cap=15.0)"


def test_a_fact_that_register_op_does_not_know_is_named():
    with pytest.raises(ArgumentError, match="unknown argument of register_op: 'math'. Did you mean 'maths'"):
        minidl.register_op("docs_softcap", softcap, replace=True, math=("y",))


NEEDS = [op for op in records().values() if op.backward and "needs" in inspect.signature(op.backward).parameters]


@pytest.mark.parametrize("op", NEEDS, ids=lambda op: op.name)
def test_by_default_every_gradient_is_needed_but_that_of_a_condition(op):
    needs = inspect.signature(op.backward).parameters["needs"].default
    assert needs == tuple(name != "condition" for name in op.inputs)
