"""Device arrays inside `simt.on()`: what Numba's offer, and nothing that a GPU would not."""
import numpy as np
import pytest
from numba import cuda

from cuda_kernels import simt


@pytest.fixture(autouse=True)
def session():
    with simt.on() as found:
        yield found


@cuda.jit
def add_one(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] += 1


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint64, np.bool_, np.float16, np.complex64])
def test_array_goes_to_the_device_and_comes_back(dtype, order):
    x = np.array(np.arange(6).reshape(2, 3).astype(dtype), order=order)
    d = cuda.to_device(x)
    back = d.copy_to_host()
    assert back.dtype == dtype and back.flags[f"{order}_CONTIGUOUS"] and np.array_equal(back, x)
    x[...] = 0
    assert d.copy_to_host().any()  # a copy, not a view


def test_arrays_without_axes_or_elements_and_lists_go_too():
    assert cuda.to_device(np.float32(3)).copy_to_host() == 3
    assert cuda.to_device([[1, 2], [3, 4]]).copy_to_host().tolist() == [[1, 2], [3, 4]]
    empty = cuda.to_device(np.zeros((0, 3)))
    assert empty.copy_to_host().shape == (0, 3) and empty.size == empty.nbytes == empty.alloc_size == 0


def test_attributes_are_numpys():
    x = np.zeros((3, 4), np.float32)
    d = cuda.to_device(x)
    for name in ("shape", "strides", "dtype", "size", "nbytes", "ndim"):
        assert getattr(d, name) == getattr(x, name), name
    assert len(d) == 3 and d.is_c_contiguous() and not d.is_f_contiguous()
    assert d.flags == {"C_CONTIGUOUS": True, "F_CONTIGUOUS": False} and d.alloc_size == 48


def test_to_device_takes_an_array_to_fill_and_one_that_is_there_already():
    d = cuda.device_array(3, np.int32)
    assert cuda.to_device(np.int32([1, 2, 3]), to=d) is d and d.copy_to_host().tolist() == [1, 2, 3]
    assert cuda.to_device(d) is d
    assert cuda.to_device(np.ones(2), copy=False).shape == (2,)


def test_new_arrays_are_undefined_and_show_it():
    assert np.isnan(cuda.device_array(2).copy_to_host()).all()  # float64, as in NumPy
    assert np.isnan(cuda.device_array((2, 2), np.float32).copy_to_host()).all()
    assert cuda.device_array(2, np.int16).copy_to_host().tolist() == [-1, -1]
    assert cuda.device_array(1, np.bool_).copy_to_host().tolist() == [True]
    total = cuda.device_array(1, np.float32)

    @cuda.jit
    def count(out):
        cuda.atomic.add(out, 0, 1)

    count[1, 32](total)
    assert np.isnan(total.copy_to_host())  # on a GPU: whatever was there; somebody must set it to zero


def test_arrays_like_others_keep_the_order_of_the_axes():
    for x in (np.zeros((2, 3)), np.zeros((2, 3), order="F"), np.zeros((2, 3, 4)).transpose(1, 0, 2)[:, :, ::2]):
        d = cuda.device_array_like(x)
        assert d.shape == x.shape and d.dtype == x.dtype and d.nbytes == d.alloc_size
        assert np.argsort(d.strides).tolist() == np.argsort(x.strides).tolist()
    assert cuda.pinned_array_like(np.zeros(3)).shape == cuda.mapped_array_like(np.zeros(3)).shape == (3,)


def test_copies_are_held_to_dtype_shape_order_and_contiguity():
    d = cuda.to_device(np.zeros((2, 3)))
    with pytest.raises(TypeError, match="incompatible dtype: float64 vs. int64"):
        d.copy_to_device(np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match="incompatible shape"):
        d.copy_to_host(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="incompatible strides"):
        d.copy_to_host(np.zeros((2, 3), order="F"))
    with pytest.raises(ValueError, match="non-contiguous buffer"):
        cuda.to_device(np.zeros(8)[::2])
    with pytest.raises(NotImplementedError, match="not implemented for negative strides"):
        cuda.to_device(np.zeros(3))[::-1].copy_to_host()
    out = np.zeros((2, 3))
    assert d.copy_to_host(out) is out


def test_parts_are_views_and_an_element_is_a_copy():
    d = cuda.to_device(np.arange(12.0).reshape(3, 4))
    row = d[1]
    add_one[1, 32](row)
    assert d.copy_to_host()[1].tolist() == [5, 6, 7, 8] and isinstance(d[1, 2], np.float64) and d[1, 2] == 7
    assert d[..., 0].copy_to_host().tolist() == [0, 5, 8] and d[-1, 1:3].shape == (2,) and d[()].shape == (3, 4)
    assert [float(v) for v in row] == [5, 6, 7, 8]
    with pytest.raises(IndexError):
        d[3]
    for wrong in ([0, 1], np.array([0]), True, 1.0):
        with pytest.raises(TypeError, match="takes ints, slices"):
            d[wrong]


def test_assignment_broadcasts_and_converts():
    d = cuda.to_device(np.zeros((2, 3)))
    d[...] = 1
    d[0] = np.arange(3)
    d[1, 1] = 9
    d[:, 2] = cuda.to_device(np.array([5.0, 6.0]))
    assert d.copy_to_host().tolist() == [[0, 1, 5], [1, 9, 6]]
    with pytest.raises(ValueError, match="Can't copy sequence with size 2 to array axis 1 with dimension 3"):
        d[0:1] = np.zeros((1, 2))
    with pytest.raises(ValueError, match="Can't assign 3-D array to 2-D self"):
        d[...] = np.zeros((1, 2, 3))


def test_shapes_change_without_a_copy_or_not_at_all():
    d = cuda.to_device(np.arange(6, dtype=np.int32))
    matrix = d.reshape(2, 3)
    matrix[0, 0] = 7
    assert d[0] == 7 and d.reshape((3, 2), order="F").shape == (3, 2) and matrix.ravel().shape == (6,)
    assert matrix.reshape(2, 1, 3).squeeze().shape == (2, 3)
    assert d.view(np.float32).dtype == np.float32 and d.view(np.int16).shape == (12,)
    assert [part.copy_to_host().tolist() for part in d.split(4)] == [[7, 1, 2, 3], [4, 5]]
    with pytest.raises(NotImplementedError, match="requires copying"):
        matrix[:, :2].ravel()
    with pytest.raises(NotImplementedError, match="requires copying"):
        d[::2].ravel()
    assert matrix.T.copy_to_host().tolist() == [[7, 3], [1, 4], [2, 5]]
    with pytest.raises(NotImplementedError, match="non-2D"):
        d.T  # noqa: B018


def test_python_and_numpy_cannot_compute_with_a_device_array():
    d, x = cuda.to_device(np.ones(3)), np.ones(3)
    for wrong in (lambda: d + 1, lambda: 1 - d, lambda: x * d, lambda: d @ x, lambda: -d, lambda: d == x,
                  lambda: x < d, lambda: np.add(d, x), lambda: float(d), lambda: d.__iadd__(1)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError, match="copy_to_host"):
        d + x
    assert np.asarray(d).tolist() == [1, 1, 1]  # asked for: a copy
    np.testing.assert_array_equal(d, x)


def test_cuda_array_interface_names_the_machines_own_memory_only():
    d = cuda.to_device(np.arange(4.0))

    class Foreign:
        __cuda_array_interface__ = d[1:].__cuda_array_interface__

    view = cuda.as_cuda_array(Foreign())
    view[0] = 9
    assert d.copy_to_host().tolist() == [0, 9, 2, 3] and cuda.is_cuda_array(d) and not cuda.is_cuda_array(np.ones(1))
    add_one[1, 32](Foreign())
    assert d.copy_to_host().tolist() == [0, 10, 3, 4]
    with pytest.raises(TypeError, match="doesn't implement"):
        cuda.as_cuda_array(np.ones(3))
    lost = {**Foreign.__cuda_array_interface__, "data": (16, False)}
    with pytest.raises(ValueError, match="none of the SIMT machine's arrays"):
        cuda.from_cuda_array_interface(lost)


def test_host_visible_arrays_are_shared(session):
    for make in (cuda.mapped_array, cuda.managed_array):
        x = make(4, np.float32)
        x[:] = 1
        add_one[1, 32](x)
        assert x.tolist() == [2, 2, 2, 2] and x.copy_to_host().sum() == 8
    with cuda.mapped(np.zeros(2)) as x:
        add_one[1, 32](x)
        assert x.sum() == 2
    y = cuda.pinned_array(3)
    y[:] = 0
    with cuda.pinned(y):
        assert cuda.to_device(y).copy_to_host().tolist() == [0, 0, 0]
    assert session.transfers.total("up") == session.transfers.total("down") == 24  # the pinned one alone


def test_transfers_are_written_down(session):
    x = np.ones(4, np.float32)
    d = cuda.to_device(x)
    add_one[1, 32](d)
    d[0]
    add_one[1, 32](x)
    add_one[1, 32](cuda.In(x))
    d.copy_to_host()
    assert str(session.transfers) == (
        "up    16 bytes  (4,)  to_device\n"
        "down   4 bytes  ()  one element\n"
        "up    16 bytes  (4,)  argument 0 of add_one\n"
        "down  16 bytes  (4,)  argument 0 of add_one\n"
        "up    16 bytes  (4,)  argument 0 of add_one\n"
        "down  16 bytes  (4,)  copy_to_host")


def test_array_outlives_its_session_and_is_freed():
    import gc
    import weakref

    d = cuda.to_device(np.ones(3))
    alive = weakref.ref(d)
    del d
    gc.collect()
    assert alive() is None


def test_shape_must_be_whole_numbers():
    for wrong in (2.0, (2, 1.5)):
        with pytest.raises(TypeError, match="int or a tuple of ints"):
            cuda.device_array(wrong)
    assert cuda.device_array(np.int64(3)).shape == (3,)
    with pytest.raises(ValueError, match="'C' or 'F'"):
        cuda.device_array(3, order="K")
