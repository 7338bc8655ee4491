"""Split-K: a long sum is cut into parts, each computed by blocks of its own, and a second kernel adds the parts.

dw is small and its sum, over all windows of the batch, is long: alone, dw's tiles would leave most of a GPU idle. The
second kernel adds in a fixed order, so the result is the same in every run, which atomic additions would not give.
"""
from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims
from cuda_kernels.launch import blocks_for, empty, launch

THREADS = 256
WANTED_BLOCKS = 256  # enough to keep a GPU busy: two for each of an H100's 132 multiprocessors, nearly
LEAST_SHARE = 256  # of the sum: a shorter part would cost more to store than it saves


@cuda.jit
def add_parts(partial, total, parts, size):
    """One thread adds one element's parts: total[i] = sum over part of partial[part, i]."""
    i = cuda.grid(1)
    if i < size:
        value = float32(0)
        for part in range(parts):
            value += partial[part * size + i]
        total[i] = value


ADDING = Build(add_parts, args=(FLAT, FLAT, int32, int32), claims=Claims(registers=40))


def parts_for(blocks: int, inner: int, least_share: int = LEAST_SHARE, wanted: int = WANTED_BLOCKS) -> int:
    """Into how many parts to cut a sum of `inner` terms, where the result's tiles are `blocks` blocks.

    >>> parts_for(1, 100_000), parts_for(1, 300), parts_for(1000, 100_000)
    (256, 1, 1)
    """
    return max(1, min(wanted // blocks, inner // least_share))


def room_for_parts(total, parts: int):
    """An array (parts, *total.shape): `total` itself as the only part where there is one."""
    return total.reshape(1, *total.shape) if parts == 1 else empty((parts, *total.shape), like=total)


def add_up(partial, total, *, on: str | None = None) -> None:
    """Write the sum of the parts into `total`; nothing is left to do where there is one."""
    parts = partial.shape[0]
    if parts > 1:
        launch(add_parts, blocks_for(total.size, THREADS), THREADS, partial.reshape(-1), total.reshape(-1), parts,
               total.size, on=on)
