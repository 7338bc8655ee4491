"""Kernels of one idea each, in Python that Numba compiles for CUDA: the tests run them beside Python and compile them.

Each body is that of `kernel(x, y, m, n, b, z, p, o, s)` with `i = cuda.grid(1)` before it; see HEADER and `arguments`.
"""
import importlib.util
import textwrap

import numpy as np

HEADER = '''import cmath, collections, enum, math, operator, sys, typing
import numba
import numpy as np
from numba import cuda, njit
from numpy import complex64, complex128, float32, float64, int32, int64, uint32

TILE = 16; SHAPE = (4, 3); ONE = 1; TUP = (3, 5, 8); GCPLX = 1 + 2j; FIELD = "x"
GARR = np.array([1.5, 2.5, 3.5])
REC = np.dtype([("x", "f4"), ("y", "f4"), ("k", "i4")], align=True)
Pt = collections.namedtuple("Pt", "x y"); GPT = Pt(1, 2.5)
class Nt(typing.NamedTuple):
    a: int
    b: int
class Col(enum.Enum):
    RED = 1; BLUE = 2
class Icol(enum.IntEnum):
    RED = 1; BLUE = 2
class MyError(Exception):
    pass
@cuda.jit(device=True)
def add2(q, r): return q + r
@cuda.jit(device=True)
def varargs(q, *r): return q + r[0] + r[1]
@njit
def njitted(q): return q + 1
@cuda.jit(device=True)
def give(x): return x
@cuda.jit(device=True)
def apply(f, q): return f(q, 2)
@cuda.jit(device=True)
def of_dim(t): return t.x
@cuda.jit(device=True)
def of_record(r): return r.x + r.k
@cuda.jit(device=True)
def optional(q):
    if q is None:
        return 1
    return 2
'''
PARAMETERS = "x, y, m, n, b, c, z, p, o, s"
DEVICE_FUNCTIONS = ("add2", "varargs", "njitted", "give", "apply", "of_dim", "of_record", "optional")
BODIES = {
    "shape_local_later": "a = cuda.local.array(4, float32)\nT = 4\nq = cuda.local.array(T, float32)\nq[0] = 1\n"
    "o[i] = q[0]",
    "shape_tuple_concat": "a = cuda.local.array((2,) + (3,), float32)\na[0, 0] = i\no[i] = a[0, 0]",
    "shape_ndim": "a = cuda.local.array(m.ndim, float32)\na[0] = i\no[i] = a[0]",
    "dim_objects": "t, bl, d = cuda.threadIdx, cuda.blockIdx, cuda.blockDim\nj = bl.x * d.x + t.x\no[j] = j",
    "dim_object_one": "t = cuda.threadIdx\ng = cuda.gridDim\no[t.x] = g.x + t.y",
    "dim_pass": "o[i] = of_dim(cuda.threadIdx)",
    "dim_branch": "t = cuda.threadIdx\nif i > 2:\n    t = cuda.blockIdx\no[i] = t.x",
    "laneid_var": "l = cuda.laneid\no[i] = l + cuda.warpsize",
    "range_ceil": "a = 0.0\nfor k in range(math.ceil(x.size / 3)):\n    a += 1\no[i] = a",
    "range_ceil_f32": "a = 0.0\nfor k in range(math.ceil(x[1])):\n    a += 1\no[i] = a",
    "range_floor": "a = 0.0\nfor k in range(math.floor(x.size / 3)):\n    a += 1\no[i] = a",
    "range_trunc": "a = 0.0\nfor k in range(math.trunc(x.size / 3)):\n    a += 1\no[i] = a",
    "range_round": "a = 0.0\nfor k in range(round(x.size / 3)):\n    a += 1\no[i] = a",
    "range_var": "r = range(4)\na = 0\nfor k in r:\n    a += k\no[i] = a",
    "range_len": "o[i] = len(range(4))",
    "in_range": "o[i] = i in range(2, 5)",
    "for_array": "a = float32(0)\nfor v in x:\n    a += v\no[i] = a",
    "for_array_2d": "a = float32(0)\nfor row in m:\n    a += row[1]\no[i] = a",
    "for_array_2d_nested": "a = float32(0)\nfor row in m:\n    for v in row:\n        a += v\no[i] = a",
    "for_array_break": "a = float32(0)\nfor v in x:\n    if v > i:\n        break\n    a += v\no[i] = a",
    "for_array_continue": "a = float32(0)\nfor v in x:\n    if v == i:\n        continue\n    a += v\no[i] = a",
    "for_slice": "a = float32(0)\nfor v in x[1:4]:\n    a += v\no[i] = a",
    "for_slice_varying": "a = float32(0)\nfor v in x[:i % 8]:\n    a += v\no[i] = a",
    "for_tuple_break": "a = 0\nfor v in (1, 2, 3):\n    if v > i:\n        break\n    a += v\no[i] = a",
    "for_tuple_continue": "a = 0\nfor v in (1, 2, 3):\n    if v == i:\n        continue\n    a += v\no[i] = a",
    "for_global_array": "a = 0.0\nfor v in GARR:\n    a += v\no[i] = a",
    "for_shape": "a = 1\nfor v in m.shape:\n    a *= v\no[i] = a",
    "for_else": "a = 0\nfor k in range(3):\n    a += k\nelse:\n    a += 10\no[i] = a",
    "for_else_break": "a = 0\nfor k in range(3):\n    if k == i:\n        break\nelse:\n    a += 10\no[i] = a",
    "while_else": "a = 0\nwhile a < i:\n    a += 1\nelse:\n    a += 10\no[i] = a",
    "while_else_break": "a = 0\nwhile a < i:\n    a += 1\n    if a == 3:\n        break\nelse:\n    a += 10\no[i] = a",
    "enumerate_array": "a = 0.0\nfor k, v in enumerate(x):\n    a += k * v\no[i] = a",
    "enumerate_start": "a = 0.0\nfor k, v in enumerate(x, 2):\n    a += k * v\no[i] = a",
    "enumerate_tuple": "a = 0\nfor k, v in enumerate((5, 6)):\n    a += k * v\no[i] = a",
    "enumerate_range": "a = 0\nfor k, v in enumerate(range(2, 5)):\n    a += k * v\no[i] = a",
    "zip_arrays": "a = 0.0\nfor v, w in zip(x, y):\n    a += v * w\no[i] = a",
    "zip_three": "a = 0.0\nfor v, w, q in zip(x, y, n):\n    a += v * w * q\no[i] = a",
    "zip_tuple": "a = 0\nfor v, w in zip((1, 2), (3, 4)):\n    a += v * w\no[i] = a",
    "zip_range": "a = 0.0\nfor k, w in zip(range(3), y):\n    a += k * w\no[i] = a",
    "enumerate_zip": "a = 0.0\nfor k, (v, w) in enumerate(zip(x, y)):\n    a += k * v * w\no[i] = a",
    "ndindex": "a = 0.0\nfor r, q in np.ndindex(m.shape):\n    a += m[r, q]\no[i] = a",
    "ndindex_args": "a = 0.0\nfor r, q in np.ndindex(2, 3):\n    a += m[r, q]\no[i] = a",
    "ndenumerate": "a = 0.0\nfor (r, q), v in np.ndenumerate(m):\n    a += r * v\no[i] = a",
    "in_tuple": "o[i] = i in (1, 3)",
    "not_in_tuple": "o[i] = i not in (1, 3)",
    "in_tuple_if": "if i in (1, 3):\n    o[i] = 5",
    "in_global_tuple": "o[i] = i in TUP",
    "in_array": "o[i] = i in n",
    "in_list": "o[i] = i in [1, 3]",
    "shape_eq": "o[i] = x.shape == y.shape",
    "shape_ne": "o[i] = x.shape != y.shape",
    "shape_lt": "o[i] = m.shape < (5, 5)",
    "shape_eq_lens": "o[i] = x.shape == m.shape",
    "tuple_eq_const": "o[i] = m.shape == (4, 6)",
    "tuple_eq": "o[i] = (i, 1) == (2, 1)",
    "tuple_lt": "o[i] = (i, 1) < (2, 1)",
    "tuple_le": "o[i] = (i, 1) <= (2, 1)",
    "tuple_gt": "o[i] = (i, 2) > (2, 1)",
    "tuple_eq_mixed": "o[i] = (i, 1.0) == (2, 1)",
    "tuple_is_none": "o[i] = x is None",
    "is_not_none": "o[i] = x is not None",
    "is_true": "q = i > 2\no[i] = q is True",
    "tuple_varying": "o[i] = (5, 6, 7)[i % 3]",
    "tuple_varying_var": "t = (5, 6, 7)\no[i] = t[i % 3]",
    "tuple_varying_negative": "t = (5, 6, 7)\no[i] = t[-1 - i % 3]",
    "tuple_varying_floats": "t = (x[0], x[1], x[2])\no[i] = t[i % 3]",
    "tuple_of_tuples": "t = ((1, 2), (3, 4))\no[i] = t[i % 2][(i + 1) % 2]",
    "tuple_global_varying": "o[i] = TUP[i % 3]",
    "tuple_loop_index": "a = 0\nfor k in range(3):\n    a += TUP[k]\no[i] = a",
    "tuple_slice": "t = (5, 6, 7)\nq = t[1:]\no[i] = q[0]",
    "tuple_slice_step": "t = (5, 6, 7, 8)\nq = t[::2]\no[i] = q[1]",
    "tuple_add": "t = (5, 6) + (7,)\no[i] = t[2]",
    "tuple_mul": "t = (5, 6) * 2\no[i] = t[3]",
    "tuple_sum": "o[i] = sum((1, 2, 3))",
    "tuple_min": "o[i] = min((1, i, 3))",
    "tuple_max": "o[i] = max((1, i, 3))",
    "tuple_index_method": "o[i] = (5, 7).index(7)",
    "tuple_call_star": "t = (1, 2)\no[i] = add2(*t)",
    "tuple_truth": "t = (i, 2)\nif t:\n    o[i] = 1",
    "tuple_from_ifexp": "t = (1, 2) if i > 2 else (3, 4)\no[i] = t[0]",
    "tuple_typed_index": "o[i] = TUP[np.int32(1)]",
    "tuple_empty": "t = ()\no[i] = len(t)",
    "tuple_fun": "o[i] = tuple((1, 2))[0]",
    "step_slice": "o[i] = x[::2][1]",
    "neg_slice": "q = x[::-1]\no[i] = q[i % 8]",
    "neg_slice_bounds": "q = x[6:1:-2]\no[i] = q[i % 3] + 10 * q.size",
    "slice_2d_step": "q = m[::2, 1::2]\no[i] = q[1, i % 3]",
    "slice_neg_2d": "q = m[::-1, ::-1]\no[i] = q[i % 4, 1]",
    "slice_var_step": "q = x[::s]\no[i] = q[1] + q.size",
    "slice_varying_step": "q = x[::i % 3 + 1]\no[i] = q[1] + q.size * 100",
    "slice_varying_neg_step": "q = x[::-(i % 3) - 1]\no[i] = q[1] + q.size * 100",
    "slice_assign_scalar": "o[:] = 3",
    "slice_assign_part": "o[i:i + 1] = i",
    "slice_assign_varying": "o[2 * i:2 * i + i % 3] = i + 1",
    "slice_assign_step": "o[::2] = 3",
    "slice_assign_2d": "m[1, :] = 5\no[i] = m[1, 0]",
    "slice_assign_2d_row": "m[1] = 5\no[i] = m[1, 0]",
    "slice_assign_tuple": "o[:3] = (1, 2, 3)",
    "slice_assign_ellipsis": "o[...] = 3",
    "slice_local": "a = cuda.local.array(4, float32)\na[:] = 0\na[1] += 2\no[i] = a[1] + a[0]",
    "slice_reverse_assign": "o[::-1] = 2",
    "ellipsis": "q = m[..., 1]\no[i] = q[i % 4]",
    "newaxis": "q = x[None, :]\no[i] = q[0, i % 8]",
    "newaxis_np": "q = x[:, np.newaxis]\no[i] = q[i % 8, 0]",
    "slice_object": "sl = slice(1, 4)\no[i] = x[sl][i % 3]",
    "tuple_index_var": "t = (1, 2)\no[i] = m[t]",
    "partial_index": "row = m[1]\no[i] = row[i % 6]",
    "partial_index_twice": "o[i] = m[1][i % 6]",
    "reshape": "o[i] = x.reshape(2, 4)[1, i % 4]",
    "reshape_tuple": "o[i] = x.reshape((2, 4))[1, i % 4]",
    "reshape_var": "o[i] = x.reshape(s - 3, 4)[1, i % 4]",
    "reshape_minus": "o[i] = x.reshape(-1, 4)[1, i % 4]",
    "flat_store": "o.flat[i] = 3",
    "flat_loop": "a = 0.0\nfor v in m.flat:\n    a += v\no[i] = a",
    "flat_len": "o[i] = len(m.flat)",
    "transpose_T": "o[i] = m.T[i % 6, 1]",
    "transpose_method": "o[i] = m.transpose()[i % 6, 1]",
    "view_int": "o[i] = x.view(np.int32)[i % 8]",
    "array_sum": "o[i] = x.sum()",
    "array_sum_int": "o[i] = n.sum()",
    "array_sum_2d": "o[i] = m.sum()",
    "array_mean": "o[i] = x.mean()",
    "array_prod": "o[i] = x.prod()",
    "array_argmax": "o[i] = x.argmax()",
    "array_argmin": "o[i] = x.argmin()",
    "array_any": "o[i] = b.any()",
    "array_all": "o[i] = b.all()",
    "array_var": "o[i] = y.var()",
    "array_std": "o[i] = y.std()",
    "array_fill": "o.fill(3)",
    "array_item": "o[i] = x[:1].item()",
    "array_nbytes": "o[i] = x.nbytes",
    "array_attrs": "o[i] = x.itemsize + x.ndim + x.size + m.strides[0] + len(m)",
    "array_dtype_eq": "o[i] = x.dtype == y.dtype",
    "array_real": "o[i] = c.real[i % 8]",
    "array_imag": "o[i] = c.imag[i % 8]",
    "np_sum": "o[i] = np.sum(x)",
    "np_mean": "o[i] = np.mean(y)",
    "np_argmax": "o[i] = np.argmax(y)",
    "np_shape": "o[i] = np.shape(m)[0]",
    "np_size": "o[i] = np.size(m)",
    "array_ufunc_out_sin": "np.sin(y, o[:8])",
    "choose_array": "q = x if i > 1 else x\no[i] = q[i % 8]",
    "choose_array_if": "if i > 3:\n    q = y\nelse:\n    q = o\nq[i % 8] = 1",
    "choose_array_local": "a = cuda.local.array(4, float64)\nq = a\nif i > 3:\n    q = o\nq[0] = 1\no[i] = q[0]",
    "array_tuple_local": "t = (x, y)\no[i] = t[0][i % 8] + t[1][i % 8]",
    "assert_": "assert i < 100\no[i] = 1",
    'assert_msg': 'assert i < 100, "too far"\no[i] = 1',
    'raise_': 'if i > 100:\n    raise ValueError("far")\no[i] = 1',
    "raise_no_args": "if i > 100:\n    raise ValueError\no[i] = 1",
    'raise_own': 'if i > 100:\n    raise MyError("far")\no[i] = 1',
    'float_inf': 'o[i] = float("inf")',
    'float_ninf': 'o[i] = float("-inf")',
    'float_nan': 'o[i] = float("nan")',
    'float_text': 'o[i] = float("1.5")',
    'float_inf_compare': 'a = float("inf")\nfor v in x:\n    if v < a:\n        a = v\no[i] = a',
    "math_inf": "o[i] = -math.inf",
    "finfo": "o[i] = np.finfo(np.float32).max",
    "finfo_eps": "o[i] = np.finfo(np.float64).eps",
    "finfo_min": "o[i] = np.finfo(np.float32).min",
    "finfo_tiny": "o[i] = np.finfo(np.float32).tiny",
    "finfo_dtype": "o[i] = np.finfo(x.dtype).max",
    "iinfo": "o[i] = np.iinfo(np.int32).max",
    "iinfo_min": "o[i] = np.iinfo(np.int8).min",
    "sys_maxsize": "o[i] = sys.maxsize",
    "dtype_of_array": "a = cuda.local.array(2, x.dtype)\na[0] = 1.5\no[i] = a[0]",
    "dtype_cast": "o[i] = x.dtype.type(3.7)",
    "dtype_variable": "dt = x.dtype\na = cuda.local.array(2, dt)\na[0] = 1.5\no[i] = a[0]",
    'dtype_text': 'a = cuda.local.array(2, "float32")\na[0] = 1.5\no[i] = a[0]',
    "dtype_np_bool": "a = cuda.local.array(2, np.bool_)\na[0] = True\no[i] = a[0]",
    'dtype_np_dtype': 'a = cuda.local.array(2, np.dtype("f4"))\na[0] = True\no[i] = a[0]',
    "dtype_complex": "a = cuda.local.array(2, np.complex64)\na[0] = 1j\no[i] = a[0].imag",
    "lambda_call": "o[i] = (lambda q: q + 1)(i)",
    "lambda_var": "g = lambda q: q + 1\no[i] = g(i)",
    "lambda_closure": "g = lambda q: q + s\no[i] = g(i)",
    "def_alias": "def g(q):\n    return q + 1\nh = g\no[i] = h(i)",
    "device_alias": "h = add2\no[i] = h(i, 1)",
    "device_varargs": "o[i] = varargs(i, 1, 2)",
    "device_array_return": "q = give(x)\no[i] = q[i % 8]",
    "device_arg_function": "o[i] = apply(add2, i)",
    "namedtuple_make": "q = Pt(i, 2.5)\no[i] = q.x + q.y",
    "namedtuple_kw": "q = Pt(x=i, y=2.5)\no[i] = q.x + q.y",
    "namedtuple_index": "q = Pt(i, 2)\no[i] = q[1]",
    "namedtuple_global": "o[i] = GPT.x",
    "namedtuple_unpack": "a, q = Pt(i, 2)\no[i] = a",
    "typing_namedtuple": "q = Nt(i, 2)\no[i] = q.a",
    "enum_member": "if i == 1:\n    o[i] = 1 if Col.RED == Col.BLUE else 2",
    "enum_value": "o[i] = Col.RED.value",
    "enum_int": "o[i] = Icol.RED + i",
    "enum_int_compare": "o[i] = i == Icol.BLUE",
    "enum_is": "o[i] = Col.RED is Col.RED",
    "enum_var": "q = Col.RED\nif i > 1:\n    q = Col.BLUE\no[i] = q == Col.BLUE",
    "enum_in": "o[i] = Icol.RED in (1, 2)",
    "round_n": "o[i] = round(y[i % 8], 1)",
    "round_n_f32": "o[i] = round(x[i % 8], 2)",
    "round_n_varying": "o[i] = round(y[i % 8], i % 3)",
    "round_n_negative": "o[i] = round(y[i % 8] * 100, -1)",
    "divmod_": "a, q = divmod(i, 3)\no[i] = a * 10 + q",
    "divmod_float": "a, q = divmod(y[i % 8], 3)\no[i] = a * 10 + q",
    "pow2": "o[i] = pow(i, 2)",
    "abs_complex": "o[i] = abs(c[i % 8])",
    "sum_array": "o[i] = sum(x)",
    "min_array": "o[i] = min(x)",
    "min_np": "o[i] = np.minimum(i, 3)",
    "complex_make": "q = complex(i, 2)\no[i] = q.imag",
    "complex_one": "q = complex(y[i % 8])\no[i] = q.real",
    "complex_literal": "q = 1j\no[i] = (q * q).real",
    "complex_zero_loop": "q = 0j\nw = complex(i * 0.1, 0.2)\nfor k in range(5):\n    q = q * q + w\no[i] = q.real",
    "complex_store": "c[i % 8] = 1 + 2j\no[i] = c[i % 8].imag",
    "complex_store_real": "c[i % 8] = 3\no[i] = c[i % 8].real",
    "complex_conj": "q = z[i % 8].conjugate()\no[i] = q.imag",
    "complex_np_conj": "q = np.conj(z[i % 8])\no[i] = q.imag",
    "complex_div": "q = z[i % 8] / (1 + 1j)\no[i] = q.real",
    "complex_sub": "q = z[i % 8] - c[i % 8]\no[i] = q.real",
    "complex_neg": "q = -z[i % 8]\no[i] = q.real",
    "complex_eq": "o[i] = z[i % 8] == c[i % 8]",
    "complex_pow": "q = z[i % 8] ** 2\no[i] = q.real",
    "complex_pow_complex": "q = z[i % 8] ** z[i % 8]\no[i] = q.real",
    "complex_truth": "o[i] = 1 if z[i % 8] else 2",
    "complex64_mul": "q = c[i % 8] * c[i % 8]\no[i] = q.real",
    "complex64_float32": "q = c[i % 8] * x[i % 8]\no[i] = q.real",
    "complex64_float64": "q = c[i % 8] * y[i % 8]\no[i] = q.real",
    "complex_cast": "q = np.complex64(z[i % 8])\no[i] = q.real",
    "complex_cast_numba": "q = complex64(z[i % 8])\no[i] = q.real",
    "complex_cmath": "q = cmath.exp(z[i % 8])\no[i] = q.real",
    "complex_cmath_sqrt": "q = cmath.sqrt(z[i % 8])\no[i] = q.real",
    "complex_cmath_polar": "o[i] = cmath.phase(z[i % 8])",
    "complex_np_angle": "o[i] = np.angle(z[i % 8])",
    "complex_aug": "q = z[i % 8]\nq += 1\nq *= 2j\no[i] = q.imag",
    "complex_local": "a = cuda.local.array(4, complex128)\na[0] = z[i % 8]\na[0] += 1\no[i] = a[0].real",
    "complex_var_mixed": "q = z[i % 8]\nif i > 3:\n    q = 1.0\no[i] = q.real",
    "complex_int_real": "o[i] = i.real",
    "math_pow_int": "o[i] = math.pow(x[i % 8], n[i % 8])",
    'string_var': 'q = "abc"\no[i] = 1',
    'string_eq': 'o[i] = "abc" == "abc"',
    'string_len': 'o[i] = len("abc")',
    "walrus": "if (q := i) > 2:\n    o[i] = q",
    "match_": "match i:\n    case 0:\n        o[i] = 1\n    case _:\n        o[i] = 2",
    'docstring': '"""Doc."""\no[i] = 1',
    "isinstance_": "if isinstance(i, int):\n    o[i] = 1\nelse:\n    o[i] = 2",
    'ord_': 'o[i] = ord("a")',
    "slice_builtin": "o[i] = x[slice(1, 3)][0]",
    "iter_next": "it = iter((1, 2))\no[i] = next(it)",
    "chain_in": "o[i] = 1 < i in (2, 3)",
    "bigger_int": "q = 2 ** 70\no[i] = 1",
    "grid_var": "k = 1\no[i] = cuda.grid(k)",
    "tuple_compare_in": "o[i] = (i, 2) in ((1, 2), (3, 2))",
    "array_in_tuple_const": "t = (1, x)\no[i] = t[1][0]",
    "array_is": "o[i] = x is y",
    "argument_default_none": "o[i] = optional(None)",
    "operator_add": "o[i] = operator.add(i, 2)",
    "operator_mul_arg": "o[i] = apply(operator.mul, i)",
    "array_contains_slice": "q = x[1:][::2][::-1]\no[i] = q[i % 4]",
    "slice_neg_start": "q = x[-3:-1]\no[i] = q[i % 2]",
    "local_2d_row": "a = cuda.local.array((2, 3), float32)\nr = a[1]\nr[2] = i\na[0, 0] = 1\no[i] = a[1, 2]",
    "local_slice_sum": "a = cuda.local.array(4, float32)\nfor k in range(4):\n    a[k] = k + i\no[i] = a[1:3].sum()",
    "local_reshape": "a = cuda.local.array(4, float32)\na[:] = i\no[i] = a.reshape(2, 2)[1, 1]",
}


def arguments(module):
    """Of every kernel: 8 float32, 8 float64, 4 x 6 float32, int32, booleans, complex, records, the output, 5."""
    r = np.arange(8)
    p = np.zeros(8, module.REC)
    p["x"], p["y"], p["k"] = r * 1.5, 2, r
    m = np.arange(24, dtype="f4").reshape(4, 6)
    return [(r * 1.25).astype("f4"), r * 1.3 + 0.05, m, r.astype("i4"), r % 3 == 1,
            (r * (1 + 0.5j)).astype("c8"), r * (0.5 - 1j), p, np.zeros(64), 5]


def module_of(folder, bodies=BODIES, header=HEADER, parameters=PARAMETERS, name="language_kernels"):
    """A module with a kernel for each body."""
    path = folder / f"{name}.py"
    path.write_text(header + "".join(
        f"\n\ndef {kernel}({parameters}):\n    i = cuda.grid(1)\n{textwrap.indent(body, '    ')}\n"
        for kernel, body in ((f"k_{n}", b) for n, b in bodies.items())))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
