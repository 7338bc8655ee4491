"""Python that has no meaning in a kernel: an error that names the line and says what to write instead."""
import importlib.util
import sys

import numpy as np
import pytest
from numba import cuda, float32

from cuda_kernels import simt
from cuda_kernels.simt.language import reading

BODIES = {
    "list comprehension": ("v = [k for k in range(3)]", "cuda.local.array"),
    "list": ("v = [1, 2]", "tuple"),
    "set": ("v = {1, 2}", "flags"),
    "dict": ("v = {1: 2}", "array"),
    "dict comprehension": ("v = {k: k for k in range(3)}", "array"),
    "generator": ("v = sum(k for k in range(3))", "loop"),
    "try": ("try:\n        x[i] = 1\n    except ValueError:\n        pass", "if"),
    "with": ("with open('a') as f:\n        pass", "context"),
    "f-string": ("v = f'{i}'", "strings"),
    "class": ("class A:\n        pass", "arrays"),
    "import": ("import math", "top of the file"),
    "global": ("global y\n    y = 1", "array"),
    "del": ("v = 1\n    del v", "no meaning"),
    "yield": ("yield i", "array"),
    "starred": ("a, *b = (1, 2, 3)", "elements"),
    "recursion": ("x[i] = recursive(i)", "loop"),
    "mutual recursion": ("x[i] = even(i)", "loop"),
    "numpy function": ("x[i] = np.sqrt(x[i])", "math"),
    "numpy array": ("v = np.zeros(3)", "math"),
    "array assignment": ("y = x[i:i + 2]\n    x[0] = y", "number"),
    "too many indices": ("x[i, 0] = 1", "indices"),
    "float index": ("x[x[i]] = 1", "integer"),
    "matrix product": ("v = x @ x", "loop"),
    "nested recursion": ("def inner(a):\n        return inner(a - 1)\n    x[i] = inner(i)", "loop"),
    "variable shape": ("v = cuda.local.array(n, float32)\n    v[0] = 1", "constant"),
    "global list": ("x[i] = GLOBAL_LIST[0]", "tuples"),
    "return a value": ("return i", "array"),
    "unknown cuda function": ("v = cuda.not_there(1)", "not exist"),
    "grid of a variable": ("v = cuda.grid(n)", "constant"),
    "print format": ("v = '%d' % i", "print the numbers"),
    "str format": ("v = '{}'.format(i)", "print the numbers"),
    "string sum": ("v = 'a' + 'd'", "pass codes"),
    "random": ("x[i] = random.random()", "counter-based"),
    "random with arguments": ("x[i] = random.randint(1, 5)", "numba.cuda.random"),
    "numpy random": ("x[i] = np.random.rand()", "counter-based"),
    "undefined name": ("x[i] = 1\n    x[i] = nothing_here", "'nothing_here' is defined nowhere"),
    "a name of cuda's": ("x[i] = threadIdx.x", "'threadIdx' is defined nowhere; did you mean cuda.threadIdx?"),
    "a variable misspelt": ("total = 1\n    x[i] = totle", "'totle' is defined nowhere; did you mean total?"),
    "an attribute misspelt": ("x[i] = cuda.thredIdx.x", "cuda.thredIdx does not exist; did you mean cuda.threadIdx?"),
    "undefined function": ("x[i] = nothing_here(i)", "'nothing_here' is defined nowhere"),
    "undefined module": ("x[i] = maths.sqrt(2)", "'maths' is defined nowhere"),
    "pow of three": ("x[i] = pow(i, 2, 5)", "pow(a, b) % c"),
    "math.comb": ("x[i] = math.comb(5, 2)", "not part of numba.cuda"),
    "math.gcd of a variable": ("x[i] = math.gcd(i, 2)", "not part of numba.cuda"),
    "math.cbrt": ("x[i] = math.cbrt(x[i])", "cuda.cbrt"),
    "math.log with a base": ("x[i] = math.log(x[i], 2)", "math.log(base)"),
    "math of too many": ("x[i] = math.sqrt(x[i], 2)", "2 arguments"),
    "constant index past a tuple": ("x[i] = (1, 2)[5]", "IndexError"),
    "range of nothing": ("for k in range():\n        x[i] = k", "range"),
    "too many arguments": ("x[i] = abs(i, 2)", "TypeError"),
    "cast of an array": ("x[i] = float32(x)", "index it"),
    "math of an array": ("x[i] = math.exp(x)", "index it"),
    "abs of a tuple": ("v = (i, 2)\n    x[i] = abs(v)", "one number"),
    "round of an array": ("x[i] = round(x)", "index it"),
    "print end": ("print(i, end='')", "only values"),
    "unknown dtype": ("s = cuda.shared.array(4, 'text')\n    s[i] = 1", "number type"),
    "unpack": ("a, b = (1, 2, 3)", "unpack"),
    "unpack array": ("a, b = x[:3]", "2 names for an array whose length is 3"),
    "keyword range": ("x[i] = max(1, 2, key=abs)", "keyword"),
    "raise with a value": ("if i > 9:\n        raise ValueError(i)", "constants"),
    "raise with an f-string": ("if i > 9:\n        raise ValueError(f'{i}')", "constants"),
    "int of a text": ("x[i] = int('15')", "strings"),
    "keyword of round": ("x[i] = round(x[i], ndigits=1)", "keyword"),
    "loop over a mixed tuple": ("for v in (1, 2.5):\n        x[i] = v", "one type"),
    "in a mixed tuple": ("x[i] = i in (1, 2.5)", "one type"),
    "varying index into a mixed tuple": ("t = (1, 2.5)\n    x[i] = t[i % 2]", "one type"),
    "index into threadIdx": ("x[i] = cuda.threadIdx[0]", ".x, .y or .z"),
    "threadIdx unpacked": ("a, b, c = cuda.threadIdx\n    x[i] = a", "cannot unpack"),
    "array assigned to a slice": ("x[:2] = x[2:]", "loop"),
    "operation on a slice": ("x[:2] += 1", "loop"),
    "reshape of a strided part": ("v = x[::2].reshape(2, 1)", "one piece"),
    "ravel": ("v = x.ravel()", "reshape(-1)"),
    "max of an array": ("v = x.max()", "max(x)"),
    "astype": ("v = x.astype(np.int32)", "float32(x[i])"),
    "sum along an axis": ("v = x.sum(0)", "loop"),
    "np.exp": ("x[i] = np.exp(x[i])", "math.exp"),
    "np.where": ("x[i] = np.where(i > 1, 1, 2)", "NumPy function"),
    "reversed": ("for k in reversed(range(3)):\n        x[k] = k", "range(n - 1, -1, -1)"),
    "plain helper": ("x[i] = plain(i)", "@cuda.jit(device=True)"),
    "global lambda": ("x[i] = LAMBDA(i)", "@cuda.jit(device=True)"),
    "attribute of an object": ("x[i] = CONFIG.scale", "top of the file"),
    "attribute of a class": ("x[i] = Config.scale", "top of the file"),
    "computed shape": ("v = cuda.local.array(TILE + 1, float32)\n    v[0] = 1", "TILE1 = TILE + 1"),
    "shape from an Enum": ("v = cuda.local.array(Size.N, float32)\n    v[0] = 1", "no constant for Numba"),
    "shape assigned twice": ("t = 4\n    if n > 2:\n        t = 8\n    v = cuda.local.array(t, float32)\n    v[0] = 1",
                             "assigned once"),
    "shape of a NumPy integer": ("v = cuda.local.array(NUMPY_INT, float32)\n    v[0] = 1", "no constant for Numba"),
    "dtype float": ("v = cuda.local.array(2, float)\n    v[0] = 1", "np.float32"),
    "order of complex numbers": ("x[i] = 1j < 2j", "no order"),
    "complex as a float": ("x[i] = 1j * x[i]", ".real"),
    "floor division of complex numbers": ("v = 1j * x[i] // 2", "complex"),
    "flag": ("x[i] = i & Bits.A", ".value"),
    "Enum in arithmetic": ("x[i] = Color.RED + 1", "IntEnum"),
    "choice between dtypes": ("v = x\n    if i > 2:\n        v = cuda.shared.array(4, np.int32)\n    x[i] = v[0]",
                              "two names"),
}

MODULE = '''import enum
import math
import random

import numpy as np
from numba import cuda, float32

GLOBAL_LIST = [1, 2]
TILE = 16
NUMPY_INT = np.int32(4)
LAMBDA = lambda k: k + 1


class Config:
    scale = 2.0


CONFIG = Config()


class Color(enum.Enum):
    RED = 1


class Size(enum.IntEnum):
    N = 4


class Bits(enum.IntFlag):
    A = 1


def plain(k):
    return k + 1
GLOBAL_STRING = "text"


@cuda.jit(device=True)
def recursive(k):
    return recursive(k - 1) if k > 0 else 0


@cuda.jit(device=True)
def even(k):
    return odd(k - 1) if k > 0 else 1


@cuda.jit(device=True)
def odd(k):
    return even(k - 1) if k > 0 else 0


def kernel(x, n):
    i = cuda.grid(1)
    {body}
'''


def module_of(path, body):
    """The module with a kernel of this body."""
    path.write_text(MODULE.format(body=body))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # `i is 3`
@pytest.mark.parametrize("name", BODIES)
def test_unsupported_python_is_an_error_with_its_line_and_a_remedy(name, tmp_path):
    body, remedy = BODIES[name]
    module_name = "unsupported_" + name.replace(" ", "_").replace("-", "_")
    module = module_of(tmp_path / f"{module_name}.py", body)
    x = np.zeros(4, np.float32)
    with pytest.raises(simt.UnsupportedSyntax) as caught:
        simt.launch(module.kernel, 1, 4, x, 3)
    first = MODULE.split("{body}")[0].count("\n") + 1
    last = first + body.count("\n")
    functions = [k for k, line in enumerate(MODULE.split("\n"), 1) if line.startswith("def ") and "kernel" not in line]
    recursion = functions if name.endswith("recursion") else ()
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
    with pytest.raises(TypeError, match="dtype complex256"):
        simt.launch(takes_two, 1, 3, x, x.astype(np.clongdouble))
    with pytest.raises(TypeError, match="read-only"):
        frozen = x.copy()
        frozen.flags.writeable = False
        simt.launch(takes_two, 1, 3, x, frozen)


def code_of(source):
    """The code of a lambda inside of a function of a and b."""
    whole = compile(f"def f(a, b):\n    return {source}", "f", "exec")
    made = next(c for c in whole.co_consts if hasattr(c, "co_code"))
    return next(c for c in made.co_consts if hasattr(c, "co_code"))


def test_lambdas_are_told_apart_by_what_they_do_and_take():
    texts = ["lambda k: k + a", "lambda k: k + b", "lambda k: k - a", "lambda j: j + a", "lambda k: k + 1",
             "lambda k: k + 2", "lambda k: k + 1.0", "lambda k: (lambda: k + 1)", "lambda k: (lambda: k + 2)",
             "lambda k: abs(k)", "lambda k: min(k)"]
    for x in texts:
        for y in texts:
            assert reading._same(code_of(x), code_of(f"({y})")) == (x == y), (x, y)
