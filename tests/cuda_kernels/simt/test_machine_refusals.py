"""The words for a call, an index or a declaration that is wrong: rules of the translator and of the machine."""

import numpy as np
import pytest
from test_machine_unsupported import module_of

from cuda_kernels import simt

INNER = "def inner(a, b):\n        return a + b\n    "
LOCAL = "v = cuda.local.array((2, 2), float32)\n    v[:] = 1\n    "
REFUSED = {
    "a keyword of a function of math": ("x[i] = math.sqrt(x=x[i])", "math.sqrt with 0 arguments"),
    "a keyword of cuda": ("cuda.syncthreads(a=1)", "cuda.syncthreads takes no keyword arguments in a kernel"),
    "an argument that is missing": (f"{INNER}x[i] = inner(1)", "inner: argument 'b' is missing"),
    "too many arguments": (f"{INNER}x[i] = inner(1, 2, 3)", "inner takes 2 arguments, got 3"),
    "an argument given twice": (f"{INNER}x[i] = inner(1, a=2)", "argument 'a' is given twice or does not exist"),
    "an argument that is none": (f"{INNER}x[i] = inner(1, c=2)", "argument 'c' is given twice or does not exist"),
    "an axis that is none": ("x[i] = cuda.threadIdx.w", "cuda.threadIdx has .x, .y and .z"),
    "dots": ("v = x[...]", "write x itself, or x[:]"),
    "an array without its type": ("v = cuda.local.array(3)", "takes a constant shape and a dtype"),
    "an array of nothing": ("v = cuda.local.array(0, float32)", "shape (0,) has no elements"),
    "an array with a side of 0": ("v = cuda.shared.array((2, 0), float32)", "shape (2, 0) has no elements"),
    "an array of less than nothing": ("v = cuda.local.array(-1, float32)", "shape (-1,) has no elements"),
    "isinstance of a value": ("if isinstance(i, x):\n        x[i] = 1", "types that are written out"),
    "an atomic's keyword": ("cuda.atomic.add(x, 0, val=1)", "takes positional arguments"),
    "too little for an atomic": ("cuda.atomic.add(x, 0)", "cuda.atomic.add got 2 arguments"),
    "too much for an atomic": ("cuda.atomic.add(x, 0, 1, 2)", "cuda.atomic.add got 4 arguments"),
    "too little to compare and swap": ("cuda.atomic.cas(x, 0, 1)", "cuda.atomic.cas got 3 arguments"),
    "an atomic of a number": ("cuda.atomic.add(i, 0, 1)", "cuda.atomic.add needs an array"),
    "an atomic's indices": ("cuda.atomic.add(x, (0, 0), 1)", "2 indices for 1 axes"),
    "a keyword-only argument": ("def inner(*, a):\n        return a\n    x[i] = inner(a=1)", "no keyword-only"),
    "any keywords": ("def inner(**a):\n        return 1\n    x[i] = inner()", "and no **kwargs"),
    "raise from": ("raise ValueError from None", "write raise alone"),
    "a decorator inside": ("@cuda.jit\n    def inner(a):\n        return a\n    x[i] = inner(1)", "no decorator"),
    "a tuple's element": ("t = (1, 2)\n    t[0] = i", "only an array's elements can be assigned"),
    "a number's element": ("i[0] = 1", "only an array's elements can be assigned"),
    "a part of a number": ("v = i[1:2]", "only arrays can be sliced"),
    "an element of a number": ("v = i[0]", "only arrays and tuples can be indexed"),
    "a step of 0": ("v = x[::0]", "a slice's step cannot be 0"),
    "three into two places": ("x[0:2] = (1, 2, 3)", "a tuple of 3 is assigned to a part of shape (2,)"),
    "one into two places": ("x[0:2] = (1,)", "a tuple of 1 is assigned to a part of shape (2,)"),
    "an attribute that is none": ("v = x.colour", "attribute .colour is not translated here; arrays have .shape"),
    "an attribute of a number": ("v = i.shape", "attribute .shape is not translated here"),
    "an array's attribute set": ("x.shape = 3", "only a record's field can be assigned"),
    "a module's attribute set": ("math.pi = 3", "module 'math' is no value"),
    "another number of elements": ("v = x.reshape(3, 3)", "4 elements cannot be reshaped to (3, 3)"),
    "the largest of no numbers": ("x[i] = max((1, None))", "take numbers, a tuple of numbers or one array"),
    "the largest of one": ("x[i] = max(i)", "take numbers, a tuple of numbers or one array"),
    "the least of a matrix": (f"{LOCAL}x[i] = min(v)", "compare its rows, which Numba refuses"),
    "the length of a number": ("x[i] = len(i)", "len() takes an array or a tuple, got a number"),
    "one into two names": ("a, b = (i,)", "cannot unpack a tuple of 1 into 2 names"),
    "three into two names": ("a, b = (i, 1, 2)", "cannot unpack a tuple of 3 into 2 names"),
    "a number into two names": ("a, b = i", "cannot unpack one value into 2 names"),
    "four rows into three names": ("a, b, c = x", "3 names for an array whose length is 4"),
    "a sum of a number": ("x[i] = sum(i)", "one value is none of these"),
    "a loop over a number": ("for k in i:\n        x[i] = k", "one value is none of these"),
    "a loop over pairs with a number": ("for a, b in zip(x, i):\n        x[i] = a", "one value is none of these"),
    "a call of a number": ("x[i] = i(2)", "i is not known before the kernel runs, so it cannot be called"),
    "a text that is kept": ("v = 'abc'\n    x[i] = v", "a kernel has no strings"),
    "a tuple and a number": ("v = (1, 2) + i", "operator 'add' needs numbers, got a tuple of 2 and one value"),
    "an array and an array": ("v = x + x", "index it, x[i], in a loop if need be"),
    "an array as a condition": ("if x:\n        x[i] = 1", "index it, x[i], in a loop if need be"),
    "no array": ("v = not x", "index it, x[i], in a loop if need be"),
    "a number below a tuple": ("v = 1 < (1, 2)", "comparison '<' needs numbers, got one value and a tuple of 2"),
    "bits of a float moved": ("x[i] = x[i] << 2", "<< and >> take integers, got float32 and int64"),
    "bits of a float": ("x[i] = x[i] & 2", "& | ^ take integers and booleans, got float32 and int64"),
    "bits of a float turned": ("x[i] = ~x[i]", "~ takes integers and booleans, got float32"),
    "four axes of a grid": ("x[i] = cuda.grid(4)", "cuda.grid takes the constant 1, 2 or 3"),
    "no axis of a grid": ("x[i] = cuda.gridsize(0)", "cuda.gridsize takes the constant 1, 2 or 3"),
    "a range of four": ("for k in range(1, 2, 3, 4):\n        x[i] = k", "range() takes one to three numbers, got 4"),
    "an index too many": ("x[0, 0, 0] = 1", "too many indices (3) for an array of 1 axes"),
    "nonlocal": ("def inner():\n        nonlocal i\n        i = 2\n    inner()", "cannot contain nonlocal"),
    "del of an element": ("del x[0]", "cannot contain del"),
    "a pattern": ("match i:\n        case [a, b]:\n            x[i] = a", "cannot contain match with this pattern"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_told_with_its_line(name, tmp_path):
    body, words = REFUSED[name]
    module = module_of(tmp_path / f"refused_{name.replace(' ', '_').replace('-', '_')}.py", body)
    with pytest.raises(simt.UnsupportedSyntax) as caught:
        simt.launch(module.kernel, 1, 4, np.zeros(4, np.float32), 3)
    assert words in str(caught.value)
    assert 54 < caught.value.line <= 55 + body.count("\n")
