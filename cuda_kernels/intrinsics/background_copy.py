"""cp.async: copies from global to shared memory that run while the kernel computes."""
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.cuda.extending import intrinsic

from cuda_kernels import simt

from .ptx import I32, I64, assemble, element, is_wide


@intrinsic
def cp_async4(typing_context, shared, shared_index, array, index, count):
    """Begin shared[shared_index : +4] = array[index : +4] without a register in between.

    Both indices are flat and multiples of 4. Only `count` (0 to 4) elements are read; the rest becomes zero, so a
    ragged edge costs no branch. The data are there after cp_async_wait, for other threads after a barrier behind it.
    """
    if not (is_wide(shared, shared_index) and is_wide(array, index) and isinstance(count, types.Integer)):
        return None

    def generate(context, builder, signature, args):
        to = element(context, builder, shared, args[0], args[1], shared_index)
        source = element(context, builder, array, args[2], args[3], index)
        to = builder.addrspacecast(to, ir.PointerType(to.type.pointee, addrspace=3)) if to.type.addrspace != 3 else to
        source = builder.addrspacecast(source, ir.PointerType(source.type.pointee, addrspace=1))
        four = args[4]
        elements = builder.trunc(four, I32) if four.type.width > 32 else four
        words = [builder.trunc(builder.ptrtoint(to, I64), I32), builder.ptrtoint(source, I64),
                 builder.mul(elements, I32(4))]
        assemble(builder, "cp.async.cg.shared.global [$0], [$1], 16, $2;", "", "rlr", words)
        return context.get_dummy_value()

    return types.void(shared, shared_index, array, index, count), generate


@intrinsic
def cp_async_commit(typing_context):
    """Close the group of all cp_async4 of this thread since the last one."""

    def generate(context, builder, signature, args):
        assemble(builder, "cp.async.commit_group;", "", "", [])
        return context.get_dummy_value()

    return types.void(), generate


def _make_wait(left: int) -> Any:
    @intrinsic
    def wait(typing_context):
        def generate(context, builder, signature, args):
            assemble(builder, f"cp.async.wait_group {left};", "", "", [])
            return context.get_dummy_value()

        return types.void(), generate

    simt.register_intrinsic(wait, lambda context: _land(context.machine, left))
    return wait


# Wait until none, at most one, at most two of this thread's latest groups are still under way.
cp_async_wait_all, cp_async_wait_all_but_one, cp_async_wait_all_but_two = _make_wait(0), _make_wait(1), _make_wait(2)


def _cp_async_meaning(context, shared, shared_index, array, index, count):
    """The copy lands when it is waited for, so that a forgotten wait is seen as a read before the write."""
    lanes = context.machine.lanes
    before = lanes.mask
    values: list[Any] = [np.float32(0)] * 4
    whole = before.narrow(np.broadcast_to(count == 4, context.shape))
    if whole.lanes:
        lanes.mask = whole
        values = [np.where(count == 4, v, z) for v, z in zip(context.load(array, index, 4), values, strict=True)]
    for k in range(3):
        part = before.narrow(np.broadcast_to((count < 4) & (count > k), context.shape))
        if part.lanes:
            lanes.mask = part
            one = context.load(array, np.asarray(index)[()] + np.int64(k))
            values[k] = np.where((count < 4) & (count > k), one, values[k])
    lanes.mask = before
    open_copies, _ = _copies(context.machine)
    open_copies.append((context, before, shared, shared_index, tuple(values)))


def _copies(machine: Any) -> tuple[list[Any], list[Any]]:
    """(copies not yet in a group, closed groups) of a machine."""
    return machine.kept.setdefault("background copies", ([], []))


def _commit_meaning(context):
    open_copies, groups = _copies(context.machine)
    groups.append(list(open_copies))
    open_copies.clear()


def _land(machine: Any, left: int) -> None:
    """Write the groups that have to be there to shared memory, the oldest first."""
    _, groups = _copies(machine)
    lanes = machine.lanes
    while len(groups) > left:
        for begun, mask, shared, index, values in groups.pop(0):
            before, lanes.mask = lanes.mask, mask
            begun.store(shared, index, values)
            lanes.mask = before


simt.register_intrinsic(cp_async4, _cp_async_meaning)
simt.register_intrinsic(cp_async_commit, _commit_meaning)
