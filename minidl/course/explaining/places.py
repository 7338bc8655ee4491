"""Faults of places: elements that are not there, that nobody writes, or that hold something else than is thought."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.course.exercise import Case, Draw, Kernel, case
from minidl.course.explaining.program import Program


def _five(d: Draw) -> Iterable[Case]:
    yield case("", d(5))


def _one(reference: Any, signature: str = "kernel(x, y)", **more: Any) -> Kernel:
    """A kernel of one vector of five, with eight threads."""
    return Kernel(
        **{"signature": signature, "cases": _five, "reference": reference, "outputs": {"y": lambda x: x.shape},
           "threads": 8, **more}
    )  # fmt: skip


def _two(d: Draw) -> Iterable[Case]:
    yield case("", d(5), d(5))


PROGRAMS = {
    "F1": Program(
        ("a thread without an element", "没有对应元素的线程"),
        (
            "A grid is made of whole blocks, so it mostly has more threads than there are elements. Those have nothing "
            "to do, and have to be told so. A GPU reads whatever lies behind the array, and writes over it.",
            "网格由整块组成，线程往往比元素多。多出来的线程无事可做，也要告诉它们。GPU 会读取、改写数组后面的任何东西。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            y[i] = x[i] + x[i]
        """,
        _one(lambda x: x + x),
    ),
    "F2": Program(
        ("an index that runs too far", "走得太远的下标"),
        (
            "The thread has an element to compute, so its guard is right; what it reads for it lies outside. The index "
            "is wrong, or one axis was taken for another.",
            "这个线程有元素要算，边界判断没有错；它为此读取的东西却在外面。下标错了，或把一个轴当成了另一个轴。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                y[i] = x[i] + x[i + 1]
        """,
        _one(lambda x: x + np.append(x[1:], 0)),
    ),
    "F3": Program(
        ("a window that hangs over the edge", "越过边缘的窗口"),
        (
            "What is computed from neighbours has none at the edge. Python takes [-1] for the last element; a GPU takes "
            "what lies before the array.",
            "由邻居算出来的东西在边缘没有邻居。Python 把 [-1] 当作最后一个元素；GPU 取数组之前的内容。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                y[i] = x[i - 1] + x[i]
        """,
        _one(lambda x: x + np.append(0, x[:-1])),
    ),
    "F10": Program(
        ("shared memory read before it is written", "共享内存未写先读"),
        (
            "Shared and local arrays begin with what the block before left there, not with zeros. Here three of eight "
            "places are never filled, and all are read.",
            "共享数组和局部数组一开始是上一个块留下的内容，不是零。这里八个位置中有三个从未填过，却全被读取。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array(8, float32)
            t = cuda.threadIdx.x
            if t < x.size:
                s[t] = x[t]
            cuda.syncthreads()
            if t < y.size:
                y[t] = s[7 - t]
        """,
        _one(lambda x: np.append(np.zeros(3), x[4:2:-1])),
    ),
    "F11": Program(
        ("elements without a thread", "没有线程负责的元素"),
        (
            "An output begins as garbage. Where the grid is too small, lies across it the other way round, or a guard "
            "stops too early, garbage is what stays.",
            "输出一开始是垃圾。网格太小、方向横竖颠倒，或边界判断停得太早，垃圾就会留下。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size - 1:
                y[i] = x[i] + x[i]
        """,
        _one(lambda x: x + x),
    ),
    "F12": Program(
        ("an output that is written only sometimes", "有时才写的输出"),
        (
            "Whether an element is written depends on the data: an `if` without its `else`. The others hold what was in "
            "memory before, which is 0 only by luck.",
            "元素写不写取决于数据：有 `if` 没有 `else`。没写的元素里是内存原来的内容，是 0 只是碰巧。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                if x[i] > 0:
                    y[i] = x[i]
        """,
        _one(lambda x: np.maximum(x, 0)),
    ),
    "F17": Program(
        ("an input that is changed", "被改动的输入"),
        (
            "An input may be a weight, or be read again by the backward. A kernel writes to its outputs alone.",
            "输入可能是权重，反向传播也可能还要读它。内核只写自己的输出。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                x[i] += x[i]
                y[i] = x[i]
        """,
        _one(lambda x: x + x),
    ),
    "F18": Program(
        ("adding to an output that holds nothing", "往没有内容的输出上加"),
        (
            "`y[i] += …` needs a y[i] to begin with, and an output has none. The checker fills outputs with NaN, so that "
            "this is seen; on a GPU it may look right as long as memory happens to be 0.",
            "`y[i] += …` 需要 y[i] 先有值，而输出没有。检查器用 NaN 填满输出，好让它暴露出来；在 GPU 上，只要内存碰巧为 0，看上去就是对的。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i < y.size:
                y[i] += x[i]
        """,
        _one(lambda x: x),
    ),
    "F19": Program(
        ("an input that is never read", "从未读过的输入"),
        (
            "The result cannot depend on what nobody reads. Mostly a name was typed twice.",
            "没有人读的东西不可能影响结果。多半是把一个名字写了两遍。",
        ),
        """
        def kernel(a, b, y):
            i = cuda.grid(1)
            if i < y.size:
                y[i] = a[i] + a[i]
        """,
        _one(lambda a, b: a + b, "kernel(a, b, y)", cases=_two, outputs={"y": lambda a: a.shape}),
    ),
}
