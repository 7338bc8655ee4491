"""What a kernel cannot do is an error that names its line and says what to write, whatever the way it was written."""

import importlib.util
import textwrap

import numpy as np
import pytest

from cuda_kernels import simt

WHOLE_ARRAY = "a whole array .* index it"
CASES = {
    "y = x + 1": WHOLE_ARRAY,
    "y = x * x": WHOLE_ARRAY,
    "y = -x": WHOLE_ARRAY,
    "y = x > 0": WHOLE_ARRAY,
    "y = x == out": WHOLE_ARRAY,
    "y = x[x > 0]": WHOLE_ARRAY,
    "y = abs(x)": WHOLE_ARRAY,
    "y = math.exp(x)": WHOLE_ARRAY,
    "x += 1": WHOLE_ARRAY,
    "if x:\n    out[i] = x[i]": WHOLE_ARRAY,
    "y = ~x[i]": "~ takes integers and booleans, got float32; cast with int32",
    "y = x[i] << 1": "<< and >> take integers, got float32 and int64",
    "y = i & 1.0": "& | ^ take integers and booleans, got int64 and float64",
    "y = None + 1": "operator 'add' needs numbers, got None",
    "out[i] = x[i, 0]": r"too many indices \(2\) for an array of 1 axes",
    "out[i] = x[i / 2]": "an index must be an integer, got float64; cast it with int32",
    "out[i] = np.sqrt(x[i])": r"np.sqrt is a NumPy function .* use math.sqrt",
    "out[i] = [x[i]][0]": "a list",
    "return i": "a kernel returns nothing",
    "for v in i:\n    out[i] = v": r"a kernel loops over range\(\), an array",
}


@pytest.mark.parametrize("body", CASES)
def test_kernel_error_names_its_line_and_the_remedy(body, tmp_path):
    path = tmp_path / "kernel_with_error.py"
    head = "import math\nimport numpy as np\nfrom cuda_kernels._cuda import cuda\n\n\n@cuda.jit\ndef kernel(x, out):\n"
    path.write_text(head + textwrap.indent(f"i = cuda.grid(1)\n{body}\n", "    "))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x, out = np.ones(32, np.float32), np.zeros(32, np.float32)
    with pytest.raises(simt.UnsupportedSyntax, match=CASES[body]) as caught:
        simt.launch(module.kernel, 1, 32, x, out)
    assert caught.value.line == 9
    assert str(caught.value).startswith("line 9: ")
    assert body.splitlines()[0] in str(caught.value)
    assert not out.any()
