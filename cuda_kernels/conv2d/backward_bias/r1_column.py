"""conv2d_backward_bias r1: one thread sums one output channel of dy over all pixels.

dy (N, P, Q, K) is a matrix of M = N P Q rows and K columns. One thread owns db[k], a block THREADS channels, the grid
covers db: neighbours read neighbouring numbers, but K threads are too few for a GPU.
Operations M K. Bytes 4 M K loaded, 4 K stored.
Claims: no local memory.
"""
from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch, place_of

THREADS = 64  # few, so that the few channels spread over several multiprocessors


@cuda.jit
def bias_column(dy, db, rows, channels):
    """db[k] = the sum of dy[row, k] over all rows."""
    k = cuda.grid(1)
    if k < channels:
        total = float32(0)
        for row in range(rows):
            total += dy[row * channels + k]
        db[k] = total


def conv2d_backward_bias(dy, *, out=None, on: str | None = None):
    """Return db (K,), the sum of dy (..., K) over all axes but the last. Errors: `check_array`."""
    dy, db = checked(dy, out)
    channels = db.size
    launch(bias_column, blocks_for(channels, THREADS), THREADS, dy, db, dy.size // channels, channels, on=on)
    return db


def checked(dy, out):
    """(flat dy, db), both checked."""
    place_of(dy, out, function="conv2d_backward_bias")
    check_array("conv2d_backward_bias", "dy", dy, ndim=(2, 3, 4))
    db = empty(dy.shape[-1], like=dy) if out is None else out
    check_array("conv2d_backward_bias", "out", db, shape=(dy.shape[-1],))
    return dy.reshape(-1), db


RUNG = Rung(
    op="conv2d_backward_bias", name="r1_column", change="one thread a channel", run=conv2d_backward_bias,
    builds=(Build(bias_column, args=(float32[::1], float32[::1], int32, int32), claims=Claims(registers=40)),))
