"""Loads and stores of 8 and 16 bytes: two or four neighbours of a C-contiguous array in one instruction."""
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
        result = types.UniTuple(array.dtype, count)

        def generate(context, builder, signature, args):
            address = element(context, builder, array, args[0], args[1], index)
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
        given = types.UniTuple(array.dtype, count)

        def generate(context, builder, signature, args):
            address = element(context, builder, array, args[0], args[1], index)
            vector, pointer = vector_pointer(context, builder, array, count, address)
            value = ir.Constant(vector, ir.Undefined)
            for k, part in enumerate(cgutils.unpack_tuple(builder, args[2], count)):
                value = builder.insert_element(value, part, I32(k))
            builder.store(value, pointer, align=4 * count)
            return context.get_dummy_value()

        return types.void(array, index, given), generate

    def meaning(context, array, index, values):
        context.store(array, index, tuple(values))

    simt.register_intrinsic(store, meaning)
    return store


ld2, ld4 = _make_load(2), _make_load(4)
st2, st4 = _make_store(2), _make_store(4)
