"""Index functions in a kernel find the cells that NumPy's strides find."""

import numpy as np
import pytest

from cuda_kernels._cuda import cuda
from cuda_kernels.indexing import index_function, join_axes, stretched_strides, strides_of
from cuda_kernels.launch import launch


@pytest.mark.parametrize("shape, target", [((3, 4, 5), (3, 4, 5)), ((4, 1), (3, 4, 5)), ((3, 1, 5, 1), (3, 2, 5, 4)),
                                           ((1,), (2, 3)), ((5,), (2, 3, 4, 5))])
def test_index_function_reads_a_broadcast_array(shape, target):
    a = np.arange(np.prod(shape), dtype=np.float32)
    sizes, own = join_axes(target, stretched_strides(shape, target))
    place = index_function(sizes, own)

    @cuda.jit
    def read(a, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = a[place(i)]

    y = np.empty(int(np.prod(target)), np.float32)
    launch(read, 4, 32, a, y, y.size)
    np.testing.assert_array_equal(y.reshape(target), np.broadcast_to(a.reshape(shape), target))


def test_index_function_is_one_for_every_size_of_the_first_axis():
    assert index_function((3, 5), (0, 1)) is index_function((8, 5), (0, 1))


def test_joining_leaves_one_axis_of_an_array_read_in_order():
    shape = (2, 3, 1, 4)
    assert join_axes(shape, strides_of(shape)) == ((24,), (1,))
