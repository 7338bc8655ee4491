"""What all intrinsics need: addresses of array elements and inline PTX, as LLVM instructions."""
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def element(context: Any, builder: Any, array_type: Any, array: Any, index: Any, index_type: Any) -> Any:
    """The address of element `index` (flat) of an array; no wrap-around code for negative indices."""
    data = context.make_array(array_type)(context, builder, array).data
    if index.type.width < 64:
        index = builder.sext(index, I64) if index_type.signed else builder.zext(index, I64)
    return builder.gep(data, [index])


def vector_pointer(context: Any, builder: Any, array_type: Any, count: int, address: Any) -> Any:
    """The vector type of `count` elements, and `address` as a pointer to it."""
    vector = ir.VectorType(context.get_data_type(array_type.dtype), count)
    return vector, builder.bitcast(address, ir.PointerType(vector, addrspace=address.type.addrspace))


def is_wide(array: Any, index: Any) -> bool:
    """Wide access is for C-contiguous arrays of 4-byte elements."""
    return (isinstance(array, types.Array) and isinstance(index, types.Integer) and array.layout == "C"
            and array.dtype in (types.float32, types.int32, types.uint32))


def assemble(builder: Any, ptx: str, outputs: str, inputs: str, args: list[Any]) -> list[Any]:
    """One PTX instruction; `outputs` and `inputs` are its registers' kinds: f float32, r 32 bits, l 64 bits."""
    kinds = {"f": F32, "r": I32, "l": I64}
    results = [kinds[c] for c in outputs]
    returned = ir.VoidType() if not results else results[0] if len(results) == 1 else ir.LiteralStructType(results)
    function = ir.FunctionType(returned, [kinds[c] for c in inputs])
    constraints = ",".join(["=" + c for c in outputs] + list(inputs))
    found = builder.asm(function, ptx, constraints, args, True)
    if len(results) < 2:
        return [found]
    return [builder.extract_value(found, k) for k in range(len(results))]
