"""Python that has no meaning in a kernel: an error that names the line and says what to write instead."""
import importlib.util
import sys

import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt

BODIES = {
    "list comprehension": ("v = [k for k in range(3)]", "cuda.local.array"),
    "list": ("v = [1, 2]", "tuple"),
    "set": ("v = {1, 2}", "flags"),
    "dict": ("v = {1: 2}", "array"),
    "dict comprehension": ("v = {k: k for k in range(3)}", "array"),
    "generator": ("v = sum(k for k in range(3))", "loop"),
    "sum": ("v = sum((1, 2))", "loop"),
    "try": ("try:\n        x[i] = 1\n    except ValueError:\n        pass", "if"),
    "raise": ("raise ValueError", "error code"),
    "assert": ("assert i >= 0", "error code"),
    "with": ("with open('a') as f:\n        pass", "context"),
    "f-string": ("v = f'{i}'", "strings"),
    "string": ("v = 'text'", "kernel"),
    "lambda": ("v = (lambda k: k)(i)", "device=True"),
    "class": ("class A:\n        pass", "arrays"),
    "import": ("import math", "top of the file"),
    "global": ("global y\n    y = 1", "array"),
    "del": ("v = 1\n    del v", "no meaning"),
    "yield": ("yield i", "array"),
    "walrus": ("if (v := i) > 0:\n        x[i] = v", "line of its own"),
    "starred": ("a, *b = (1, 2, 3)", "elements"),
    "match": ("match i:\n        case 0:\n            x[i] = 1", "elif"),
    "while else": ("while i < 0:\n        i += 1\n    else:\n        x[i] = 1", "flag"),
    "for else": ("for k in range(3):\n        x[i] = k\n    else:\n        x[i] = 1", "flag"),
    "enumerate": ("for k, v in enumerate(x):\n        x[k] = v", "range"),
    "zip": ("for a, b in zip(x, x):\n        x[0] = a", "range"),
    "loop over an array": ("for v in x:\n        x[0] = v", "range"),
    "recursion": ("x[i] = recursive(i)", "loop"),
    "mutual recursion": ("x[i] = even(i)", "loop"),
    "numpy function": ("x[i] = np.sqrt(x[i])", "math"),
    "numpy array": ("v = np.zeros(3)", "math"),
    "array method": ("v = x.sum()", "loops"),
    "slice assignment": ("x[:] = 0", "loop"),
    "slice with step": ("v = x[::2]\n    v[0] = 1", "index"),
    "array assignment": ("y = x[i:i + 2]\n    x[0] = y", "number"),
    "too many indices": ("x[i, 0] = 1", "indices"),
    "float index": ("x[x[i]] = 1", "integer"),
    "float range": ("for k in range(float32(3)):\n        x[i] = k", "integer"),
    "matrix product": ("v = x @ x", "loop"),
    "in": ("if i in (1, 2):\n        x[i] = 1", "=="),
    "is": ("if i is 3:\n        x[i] = 1", "=="),
    "nested recursion": ("def inner(a):\n        return inner(a - 1)\n    x[i] = inner(i)", "loop"),
    "function as a value": ("def inner(a):\n        return a\n    f = inner\n    x[i] = f(i)", "called"),
    "variable shape": ("v = cuda.local.array(n, float32)\n    v[0] = 1", "constant"),
    "variable tuple index": ("x[i] = (1, 2, 3)[i]", "local.array"),
    "global list": ("x[i] = GLOBAL_LIST[0]", "tuples"),
    "return a value": ("return i", "array"),
    "unknown attribute": ("v = x.flat", "shape"),
    "unknown cuda function": ("v = cuda.not_there(1)", "not exist"),
    "grid of a variable": ("v = cuda.grid(n)", "constant"),
    "print format": ("v = '%d' % i", "print the numbers"),
    "str format": ("v = '{}'.format(i)", "print the numbers"),
    "string sum": ("v = 'a' + 'd'", "pass codes"),
    "global string": ("v = GLOBAL_STRING", "pass codes"),
    "random": ("x[i] = random.random()", "counter-based"),
    "random with arguments": ("x[i] = random.randint(1, 5)", "numba.cuda.random"),
    "numpy random": ("x[i] = np.random.rand()", "counter-based"),
    "undefined name": ("x[i] = 1\n    x[i] = nothing_here", "'nothing_here' is defined nowhere"),
    "undefined function": ("x[i] = nothing_here(i)", "'nothing_here' is defined nowhere"),
    "undefined module": ("x[i] = maths.sqrt(2)", "'maths' is defined nowhere"),
    "pow of three": ("x[i] = pow(i, 2, 5)", "pow(a, b) % c"),
    "number or tuple": ("if i < 2:\n        v = 1\n    else:\n        v = (1, 2)\n    x[i] = 1", "two names"),
    "tuple or number": ("if i < 2:\n        v = (1, 2)\n    else:\n        v = 1\n    x[i] = 1", "two names"),
    "array or number": ("v = 1\n    if i < 2:\n        v = x\n    else:\n        v = 2\n    x[i] = 1", "array"),
    "tuples of two lengths": ("v = (1, 2)\n    if i < 2:\n        v = (1, 2, 3)\n    x[i] = 1", "a tuple of 3"),
    "tuple longer": ("v = (1, 2)\n    v += (3,)\n    x[i] = v[2]", "write the elements out"),
    "math.comb": ("x[i] = math.comb(5, 2)", "not part of numba.cuda"),
    "math.gcd of a variable": ("x[i] = math.gcd(i, 2)", "not part of numba.cuda"),
    "math.cbrt": ("x[i] = math.cbrt(x[i])", "cuda.cbrt"),
    "math.log with a base": ("x[i] = math.log(x[i], 2)", "math.log(base)"),
    "math of too many": ("x[i] = math.sqrt(x[i], 2)", "2 arguments"),
    "math domain": ("x[i] = math.sqrt(-1)", "math domain error"),
    "constant index past a tuple": ("x[i] = (1, 2)[5]", "IndexError"),
    "range of nothing": ("for k in range():\n        x[i] = k", "range"),
    "too many arguments": ("x[i] = abs(i, 2)", "TypeError"),
    "cast of an array": ("x[i] = float32(x)", "index it"),
    "math of an array": ("x[i] = math.exp(x)", "index it"),
    "tuples compared": ("if (i, 1) == (2, 1):\n        x[i] = 1", "one by one"),
    "shapes compared": ("if x.shape == (32,):\n        x[i] = 1", "one by one"),
    "None compared": ("v = None\n    if v == 1:\n        x[i] = 1", "`is`"),
    "abs of a tuple": ("v = (i, 2)\n    x[i] = abs(v)", "one number"),
    "round of an array": ("x[i] = round(x)", "index it"),
    "tuple as a condition": ("v = (i, 2)\n    if v:\n        x[i] = 1", "numbers"),
    "print end": ("print(i, end='')", "only values"),
    "unknown dtype": ("s = cuda.shared.array(4, 'text')\n    s[i] = 1", "number type"),
    "isinstance": ("if isinstance(i, int):\n        x[i] = 1", "types"),
    "min of an array": ("v = min(x)", "loop"),
    "unpack": ("a, b = (1, 2, 3)", "unpack"),
    "keyword range": ("x[i] = max(1, 2, key=abs)", "keyword"),
    "nonlocal choice of array": (
        "a = cuda.shared.array(4, float32)\n    b = cuda.shared.array(4, float32)\n    c = a\n    if i > 2:\n"
        "        c = b\n    c[i] = 1", "different arrays"),
}

MODULE = '''import math
import random

import numpy as np
from numba import cuda, float32

GLOBAL_LIST = [1, 2]
GLOBAL_STRING = "text"


def recursive(k):
    return recursive(k - 1) if k > 0 else 0


def even(k):
    return odd(k - 1) if k > 0 else 1


def odd(k):
    return even(k - 1) if k > 0 else 0


def kernel(x, n):
    i = cuda.grid(1)
    {body}
'''


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # `i is 3`
@pytest.mark.parametrize("name", BODIES)
def test_unsupported_python_is_an_error_with_its_line_and_a_remedy(name, tmp_path):
    body, remedy = BODIES[name]
    module_name = "unsupported_" + name.replace(" ", "_").replace("-", "_")
    path = tmp_path / f"{module_name}.py"
    path.write_text(MODULE.format(body=body))
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    x = np.zeros(4, np.float32)
    with pytest.raises(simt.UnsupportedSyntax) as caught:
        simt.launch(module.kernel, 1, 4, x, 3)
    first = MODULE.split("{body}")[0].count("\n") + 1
    last = first + body.count("\n")
    recursion = (11, 15, 19) if name.endswith("recursion") else ()
    assert first <= caught.value.line <= last or any(abs(caught.value.line - n) <= 1 for n in recursion), (
        caught.value.line, first, last)
    assert remedy in str(caught.value)
    assert f"line {caught.value.line}" in str(caught.value)


def test_lambda_or_builtin_is_no_kernel():
    with pytest.raises(simt.UnsupportedSyntax, match="def"):
        simt.launch(lambda x: None, 1, 1, np.zeros(1))
    with pytest.raises(TypeError, match="must be a function"):
        simt.launch(print, 1, 1, np.zeros(1))


def test_source_that_is_not_there_is_an_error():
    names = {}
    exec("def kernel(x):\n    x[0] = 1", names)
    with pytest.raises(simt.UnsupportedSyntax, match="source"):
        simt.launch(names["kernel"], 1, 1, np.zeros(1))


def undefined_name(x):
    x[0] = not_defined_anywhere  # noqa: F821


def test_undefined_name_is_named():
    with pytest.raises(simt.UnsupportedSyntax, match="'not_defined_anywhere' is defined nowhere"):
        simt.launch(undefined_name, 1, 1, np.zeros(1))


def takes_two(x, y):
    i = cuda.grid(1)
    y[i] = x[i] + float32(1)


def test_wrong_arguments_are_errors():
    x = np.zeros(3, np.float32)
    with pytest.raises(TypeError, match=r"takes 2 arguments \(x, y\), got 1"):
        simt.launch(takes_two, 1, 3, x)
    with pytest.raises(TypeError, match="'y' must be a NumPy array.*got list"):
        simt.launch(takes_two, 1, 3, x, [1, 2])
    with pytest.raises(TypeError, match="dtype complex64"):
        simt.launch(takes_two, 1, 3, x, x.astype(np.complex64))
    with pytest.raises(TypeError, match="read-only"):
        frozen = x.copy()
        frozen.flags.writeable = False
        simt.launch(takes_two, 1, 3, x, frozen)
