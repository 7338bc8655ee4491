"""minitorch's CUDA functions, written anew from their descriptions: map, zip, reduce, matrix product, two practices.

A tensor is a flat storage with a shape and strides; functions of numbers become functions of tensors that broadcast.
"""
import numba
import numpy as np
import pytest
from numba import cuda

from cuda_kernels import simt

MAX_DIMS = 32
THREADS_PER_BLOCK = 32


@cuda.jit(device=True)
def index_to_position(index, strides):
    position = 0
    for axis in range(len(strides)):
        position += index[axis] * strides[axis]
    return position


@cuda.jit(device=True)
def to_index(ordinal, shape, out_index):
    rest = ordinal
    for axis in range(len(shape) - 1, -1, -1):
        out_index[axis] = rest % shape[axis]
        rest = rest // shape[axis]


@cuda.jit(device=True)
def broadcast_index(big_index, big_shape, shape, out_index):
    for axis in range(len(shape)):
        if shape[axis] > 1:
            out_index[axis] = big_index[axis + len(big_shape) - len(shape)]
        else:
            out_index[axis] = 0


class TensorData:
    """A storage on the device, with shape and strides on the host."""

    def __init__(self, array):
        self.shape = np.array(array.shape, np.int32)
        self.strides = np.array(array.strides, np.int32) // array.itemsize
        flat = np.lib.stride_tricks.as_strided(array, (array.size,), (array.itemsize,))
        self._storage = cuda.to_device(flat)
        self.size = array.size

    def tuple(self):
        return self._storage, self.shape, self.strides

    def to_numpy(self):
        steps = tuple(int(s) * 8 for s in self.strides)
        return np.lib.stride_tricks.as_strided(self._storage.copy_to_host(), tuple(self.shape), steps)


def tensor_map(fn):
    def _map(out, out_shape, out_strides, out_size, in_storage, in_shape, in_strides):
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        in_index = cuda.local.array(MAX_DIMS, numba.int32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < out_size:
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            value = in_storage[index_to_position(in_index, in_strides)]
            out[index_to_position(out_index, out_strides)] = fn(value)

    return cuda.jit()(_map)


def tensor_zip(fn):
    def _zip(out, out_shape, out_strides, out_size, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides):
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        a_index = cuda.local.array(MAX_DIMS, numba.int32)
        b_index = cuda.local.array(MAX_DIMS, numba.int32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < out_size:
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            out[index_to_position(out_index, out_strides)] = fn(
                a_storage[index_to_position(a_index, a_strides)], b_storage[index_to_position(b_index, b_strides)])

    return cuda.jit()(_zip)


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, out_size, a_storage, a_shape, a_strides, reduce_dim, reduce_value):
        BLOCK_DIM = 1024
        cache = cuda.shared.array(BLOCK_DIM, numba.float64)
        out_index = cuda.local.array(MAX_DIMS, numba.int32)
        out_pos = cuda.blockIdx.x
        pos = cuda.threadIdx.x
        cache[pos] = reduce_value
        if out_pos < out_size:
            to_index(out_pos, out_shape, out_index)
            o = index_to_position(out_index, out_strides)
            out_index[reduce_dim] = pos
            if pos < a_shape[reduce_dim]:
                cache[pos] = a_storage[index_to_position(out_index, a_strides)]
            cuda.syncthreads()
            step = BLOCK_DIM // 2
            while step > 0:
                if pos < step:
                    cache[pos] = fn(cache[pos], cache[pos + step])
                cuda.syncthreads()
                step = step // 2
            if pos == 0:
                out[o] = cache[0]

    return cuda.jit()(_reduce)


@cuda.jit()
def tensor_matrix_multiply(out, out_shape, out_strides, out_size, a_storage, a_shape, a_strides, b_storage, b_shape,
                           b_strides):
    a_batch_stride = a_strides[0] if a_shape[0] > 1 else 0
    b_batch_stride = b_strides[0] if b_shape[0] > 1 else 0
    batch = cuda.blockIdx.z
    BLOCK_DIM = 32
    a_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    b_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    pi = cuda.threadIdx.x
    pj = cuda.threadIdx.y
    total = 0.0
    for start in range(0, a_shape[2], BLOCK_DIM):
        a_shared[pi, pj] = 0
        b_shared[pi, pj] = 0
        if i < a_shape[1] and start + pj < a_shape[2]:
            a_shared[pi, pj] = a_storage[batch * a_batch_stride + i * a_strides[1] + (start + pj) * a_strides[2]]
        if start + pi < b_shape[1] and j < b_shape[2]:
            b_shared[pi, pj] = b_storage[batch * b_batch_stride + (start + pi) * b_strides[1] + j * b_strides[2]]
        cuda.syncthreads()
        for k in range(BLOCK_DIM):
            if start + k < a_shape[2]:
                total += a_shared[pi, k] * b_shared[k, pj]
        cuda.syncthreads()
    if i < out_shape[1] and j < out_shape[2]:
        out[batch * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = total


def sum_practice(a):
    size = len(a)

    def _sum_practice(out, a, size):
        BLOCK_DIM = 32
        cache = cuda.shared.array(BLOCK_DIM, numba.float64)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        pos = cuda.threadIdx.x
        if i < size:
            cache[pos] = a[i]
        else:
            cache[pos] = 0.0
        cuda.syncthreads()
        for k in (1, 2, 4, 8, 16):
            if pos % (2 * k) == 0:
                cache[pos] += cache[pos + k]
            cuda.syncthreads()
        if pos == 0:
            out[cuda.blockIdx.x] = cache[0]

    blocks = (size // THREADS_PER_BLOCK) + 1
    out = TensorData(np.zeros(blocks))
    cuda.jit()(_sum_practice)[blocks, THREADS_PER_BLOCK](out.tuple()[0], cuda.to_device(a), size)
    return out


@cuda.jit()
def jit_mm_practice(out, a, b, size):
    BLOCK_DIM = 32
    a_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    b_shared = cuda.shared.array((BLOCK_DIM, BLOCK_DIM), numba.float64)
    i = cuda.threadIdx.x
    j = cuda.threadIdx.y
    if i < size and j < size:
        a_shared[i, j] = a[size * i + j]
        b_shared[i, j] = b[size * i + j]
    cuda.syncthreads()
    if i < size and j < size:
        total = 0.0
        for k in range(size):
            total += a_shared[i, k] * b_shared[k, j]
        out[size * i + j] = total


R = np.random.RandomState(0)


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found
    assert {fault.kind for fault in found.faults} <= {"float64"}  # where Numba computes in it too


def launch(kernel, out, *tensors):
    blocks = (out.size + THREADS_PER_BLOCK - 1) // THREADS_PER_BLOCK
    arguments = [part for t in tensors for part in t.tuple()]
    kernel[blocks, THREADS_PER_BLOCK](*out.tuple(), out.size, *arguments)
    return out.to_numpy()


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (1, 1)])
def test_map(shape):
    def negative(x):
        return -x if x > 0 else 2 * x

    x = R.randn(*shape)
    found = launch(tensor_map(cuda.jit(device=True)(negative)), TensorData(np.zeros(shape)), TensorData(x))
    np.testing.assert_allclose(found, np.where(x > 0, -x, 2 * x))
    turned = x.T
    found = launch(tensor_map(cuda.jit(device=True)(negative)), TensorData(np.zeros(turned.shape)), TensorData(turned))
    np.testing.assert_allclose(found, np.where(turned > 0, -turned, 2 * turned))


@pytest.mark.parametrize(("a", "b"), [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 3, 4), (3, 1))])
def test_zip(a, b):
    x, y = R.randn(*a), R.randn(*b)
    want = x * y
    multiply = tensor_zip(cuda.jit(device=True)(lambda p, q: p * q))
    np.testing.assert_allclose(launch(multiply, TensorData(np.zeros(want.shape)), TensorData(x), TensorData(y)), want)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_reduce(axis):
    x = R.randn(3, 4, 5)
    want = x.sum(axis, keepdims=True)
    out = TensorData(np.zeros(want.shape))
    kernel = tensor_reduce(cuda.jit(device=True)(lambda p, q: p + q))
    kernel[out.size, 1024](*out.tuple(), out.size, *TensorData(x).tuple(), axis, 0.0)
    np.testing.assert_allclose(out.to_numpy(), want)


@pytest.mark.parametrize(("a", "b"), [((1, 2, 3), (1, 3, 2)), ((2, 33, 34), (2, 34, 35)), ((3, 5, 40), (1, 40, 6))])
def test_matrix_multiply(a, b):
    x, y = R.randn(*a), R.randn(*b)
    want = x @ y
    out = TensorData(np.zeros(want.shape))
    blocks = (-(-want.shape[1] // 32), -(-want.shape[2] // 32), want.shape[0])
    tensor_matrix_multiply[blocks, (32, 32, 1)](*out.tuple(), out.size, *TensorData(x).tuple(), *TensorData(y).tuple())
    np.testing.assert_allclose(out.to_numpy(), want)


@pytest.mark.parametrize("size", [5, 16, 40])
def test_sum_practice(size):
    a = R.randn(size)
    np.testing.assert_allclose(sum_practice(a).to_numpy(), [a[k:k + 32].sum() for k in range(0, size, 32)])


@pytest.mark.parametrize("size", [2, 16, 32])
def test_mm_practice(size):
    a, b = R.randn(2, size, size)
    out = cuda.to_device(np.zeros(size * size))
    jit_mm_practice[(1, 1), (32, 32)](out, cuda.to_device(a.ravel()), cuda.to_device(b.ravel()), size)
    np.testing.assert_allclose(out.copy_to_host().reshape(size, size), a @ b)
