"""Loads and stores by flat index: one element, or two or four neighbours in one instruction of 8 or 16 bytes.

`a[i]` with a signed i also asks at run time whether i is negative, Python's way to count from the end: three more
instructions for each access. `ld1(a, i)` does not; a negative i is out of bounds.
"""
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.cuda.extending import intrinsic

from cuda_kernels import simt

from .ptx import I32, element, is_wide, vector_pointer


def _make_load(count: int) -> Any:
    @intrinsic
    def load(typing_context, array, index):
        if not is_wide(array, index):
            return None
        result = types.UniTuple(array.dtype, count) if count > 1 else array.dtype

        def generate(context, builder, signature, args):
            address = element(context, builder, array, args[0], args[1], index)
            if count == 1:
                return builder.load(address)
            vector, pointer = vector_pointer(context, builder, array, count, address)
            value = builder.load(pointer, align=4 * count)
            parts = [builder.extract_element(value, I32(k)) for k in range(count)]
            return context.make_tuple(builder, result, parts)

        return result(array, index), generate

    def meaning(context, array, index):
        return context.load(array, index, count)

    simt.register_intrinsic(load, meaning)
    return load


def _make_store(count: int) -> Any:
    @intrinsic
    def store(typing_context, array, index, values):
        if not is_wide(array, index):
            return None
        given = types.UniTuple(array.dtype, count) if count > 1 else array.dtype

        def generate(context, builder, signature, args):
            address = element(context, builder, array, args[0], args[1], index)
            if count == 1:
                builder.store(args[2], address)
                return context.get_dummy_value()
            vector, pointer = vector_pointer(context, builder, array, count, address)
            value = ir.Constant(vector, ir.Undefined)
            for k, part in enumerate(cgutils.unpack_tuple(builder, args[2], count)):
                value = builder.insert_element(value, part, I32(k))
            builder.store(value, pointer, align=4 * count)
            return context.get_dummy_value()

        return types.void(array, index, given), generate

    def meaning(context, array, index, values):
        context.store(array, index, tuple(values) if count > 1 else values)

    simt.register_intrinsic(store, meaning)
    return store


ld1, ld2, ld4 = _make_load(1), _make_load(2), _make_load(4)
st1, st2, st4 = _make_store(1), _make_store(2), _make_store(4)
