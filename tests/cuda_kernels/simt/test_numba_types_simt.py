"""The machine's type of every operation, and its refusals, against what numba-cuda's compiler said.

tests/reference/record_numba_types.py recorded it; see there for the form of the file.
"""
import ast
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import simt

RECORDED = json.loads((Path(__file__).parents[2] / "reference" / "numba_types.json").read_text())
SEEN = []


def capture(value):
    """Stands for an intrinsic that shows the test what it is given."""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """{expression: a kernel that computes it}, from a file of its own."""
    simt.register_intrinsic(capture, lambda context, value: SEEN.append(value))
    text = "import math\nfrom numba import cuda\n"
    for k, expression in enumerate(RECORDED):
        used = {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}
        names = [n for n in "ab" if n in used]
        text += f"def kernel_{k}({', '.join([*names, 'out'])}):\n    capture({expression})\n"
    path = tmp_path_factory.mktemp("types") / "kernels_of_every_type.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.capture = capture
    return {expression: getattr(module, f"kernel_{k}") for k, expression in enumerate(RECORDED)}


def _arguments(kinds):
    """"i[l" is an array of int32 and an int64."""
    array, rest = kinds.split("[") if "[" in kinds else ("", kinds)
    return [np.ones(4, k) for k in array] + [np.dtype(k).type(1) for k in rest]


def _type_of(value):
    if isinstance(value, tuple):
        parts = [_type_of(v) for v in value]
        return f"UniTuple({parts[0]} x 2)" if parts[0] == parts[1] else f"Tuple({', '.join(parts)})"
    return str(value.dtype)


def _machine_type(kernel, kinds):
    SEEN.clear()
    try:
        simt.launch(kernel, 1, 32, *_arguments(kinds), np.zeros(1), outputs=())
    except simt.UnsupportedSyntax:
        return "refused"
    return _type_of(SEEN[0])


@pytest.mark.parametrize("expression", RECORDED)
def test_type_and_refusal_equal_numbas(expression, kernels):
    wrong = {}
    for numbas, kinds_of_it in RECORDED[expression].items():
        for kinds in kinds_of_it.split():
            found = _machine_type(kernels[expression], kinds)
            if found != numbas.replace("boolean", "bool"):
                wrong[kinds] = (found, numbas)
    assert wrong == {}
