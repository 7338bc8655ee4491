"""The recurrent mask, three ways: none, one factor a unit, or one a unit for each gate (Keras' recurrent_dropout).

It multiplies the state ahead of u. With none, or one mask for all gates, a step's product is (N, U) by (U, G U). With a
mask for each gate, each gate's block of u meets a state of its own: G products (N, U) by (U, U), one batched product.
So the arrays that a step exchanges with its product lie as

                     none, shared     for each gate
    before, past     (N, U)           (G, N, U)        what the product reads; what comes back through it
    from_state, dz   (N, G U)         (G, N, U)        what it gives; its gradient

and the three device functions of `Ways` know where. i = (n, j) is one unit of one sample, `size` all of them.
"""
import functools
from typing import Any, NamedTuple

from cuda_kernels._cuda import cuda, float32


class Ways(NamedTuple):
    """Device functions of one kind of mask.

    place(gate, i, n, j, units, size) : where (gate, n, j) lies in from_state and dz
    put(before, h, factors, i, n, j, units, size) : write the masked state h
    back(past, factors, i, n, j, units, size) : the gradient of h
    """

    place: Any
    put: Any
    back: Any


@functools.cache
def _in_rows(gates: int):
    @cuda.jit(device=True)
    def place(gate, i, n, j, units, size):
        return (n * gates + gate) * units + j

    return place


@cuda.jit(device=True)
def _in_blocks(gate, i, n, j, units, size):
    return gate * size + i


@cuda.jit(device=True)
def _put_same(before, h, factors, i, n, j, units, size):
    before[i] = h


@cuda.jit(device=True)
def _back_same(past, factors, i, n, j, units, size):
    return past[i]


@cuda.jit(device=True)
def _put_shared(before, h, factors, i, n, j, units, size):
    before[i] = h * factors[n * units + j]


@cuda.jit(device=True)
def _back_shared(past, factors, i, n, j, units, size):
    return past[i] * factors[n * units + j]


@functools.cache
def ways(kind: str, gates: int, mask_gates: int) -> Ways:
    """The functions for "none", "shared" or "gates".

    gates : of the product; mask_gates : blocks in a row of the mask, of which the product takes the first `gates`
    """
    if kind == "none":
        return Ways(_in_rows(gates), _put_same, _back_same)
    if kind == "shared":
        return Ways(_in_rows(gates), _put_shared, _back_shared)

    @cuda.jit(device=True)
    def put(before, h, factors, i, n, j, units, size):
        for gate in range(gates):
            before[gate * size + i] = h * factors[(n * mask_gates + gate) * units + j]

    @cuda.jit(device=True)
    def back(past, factors, i, n, j, units, size):
        total = float32(0)
        for gate in range(gates):
            total += past[gate * size + i] * factors[(n * mask_gates + gate) * units + j]
        return total

    return Ways(_in_blocks, put, back)
