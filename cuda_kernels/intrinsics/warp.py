"""Reductions over the 32 lanes of a warp by shuffles, without shared memory."""
from cuda_kernels._cuda import cuda

FULL_WARP = 0xFFFFFFFF


@cuda.jit(device=True)
def warp_sum(value):
    """The sum of `value` over the 32 lanes, in every lane: five exchanges at distances 16, 8, 4, 2, 1."""
    for distance in (16, 8, 4, 2, 1):
        value += cuda.shfl_xor_sync(FULL_WARP, value, distance)
    return value


@cuda.jit(device=True)
def warp_max(value):
    """The largest `value` of the 32 lanes, in every lane."""
    for distance in (16, 8, 4, 2, 1):
        value = max(value, cuda.shfl_xor_sync(FULL_WARP, value, distance))
    return value


@cuda.jit(device=True)
def warp_min(value):
    """The smallest `value` of the 32 lanes, in every lane."""
    for distance in (16, 8, 4, 2, 1):
        value = min(value, cuda.shfl_xor_sync(FULL_WARP, value, distance))
    return value
