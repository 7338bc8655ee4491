"""What holds for every op, by the records in which their files end."""

from __future__ import annotations

import inspect

import pytest

from minidl.backends import table
from minidl.ops.op import FORMS, Op, of_form, records

EVERY_OP = pytest.mark.parametrize("op", records().values(), ids=records())


@EVERY_OP
def test_a_record_is_about_its_own_functions_and_files(op):
    assert op.forward.__name__ == f"{op.name}_forward" and op.file not in ("op", "__init__")
    assert op.backward is None or op.backward.__name__ == f"{op.name}_backward"
    assert table.load(op.name, "numpy", "forward") is op.forward
    assert table.load(op.name, "numpy", "backward") is op.backward
    assert table.devices(op.name) == ([] if op.host_only else ["cuda", "simt"])


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
