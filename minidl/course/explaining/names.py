"""The names that a kernel may use, on one page: `minidl exercises explain kernel`."""

from __future__ import annotations

from minidl.course.exercise import Sentence

TITLE: Sentence = ("What a kernel may use", "内核可以使用的名字")
NAMES: tuple[tuple[str, Sentence], ...] = (
    ("@cuda.jit", ("above a def: a kernel. It returns nothing, it writes into arrays",
                   "写在 def 上面：这是内核。它不返回任何东西，只写数组")),
    ("cuda.grid(1)", ("this thread's number in the whole grid", "这个线程在整个网格中的编号")),
    ("cuda.grid(2)", ("x, y: two numbers, x first: col, row = cuda.grid(2)", "x, y：两个编号，x 在前：col, row = cuda.grid(2)")),
    ("cuda.gridsize(1)", ("how many threads the grid has", "网格共有多少线程")),
    ("cuda.threadIdx.x", ("this thread's number in its block, from 0; also .y, .z", "线程在块内的编号，从 0 开始；还有 .y、.z")),
    ("cuda.blockIdx.x", ("the block's number in the grid", "块在网格中的编号")),
    ("cuda.blockDim.x", ("threads a block has", "每个块有多少线程")),
    ("cuda.gridDim.x", ("blocks the grid has", "网格有多少块")),
    ("x.shape, x.size", ("of an array, as in NumPy", "数组的形状和大小，与 NumPy 相同")),
    ("float32(0)", ("32 bits; 0.0 and 1 / 2 have 64. (from numba import float32)",
                    "32 位的数；0.0 和 1 / 2 是 64 位。from numba import float32")),
    ("cuda.shared.array(n, float32)", ("an array that the threads of a block share", "块内线程共享的数组")),
    ("cuda.syncthreads()", ("wait here until all threads of the block have come", "在这里等块里所有线程到齐")),
    ("cuda.atomic.add(y, i, v)", ("y[i] += v, and nobody comes in between", "y[i] += v，中间不会被打断")),
    ("cuda.shfl_down_sync(m, v, d)", ("the v of the lane d further on; m is 0xFFFFFFFF", "向后第 d 个通道的 v；m 是 0xFFFFFFFF")),
    ("cuda.shfl_xor_sync(m, v, d)", ("the v of the lane whose number differs by bit d", "编号相差 d 这一位的通道的 v")),
    ("math.exp, sqrt, inf …", ("import math; also min, max, abs, range, if, while, for", "import math；还有 min、max、abs、range、if、while、for")),
)  # fmt: skip


def page(zh: bool, width: int) -> str:
    """Return the table, in lines that fit; in a narrow terminal what it means stands below the name."""
    lines = [TITLE[zh]]
    for name, said in NAMES:
        line = f"   {name:<30}{said[zh]}"
        lines += [line] if len(line) <= width else [f"   {name}", f"      {said[zh]}"]
    return "\n".join(lines)
