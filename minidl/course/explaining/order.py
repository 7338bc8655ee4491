"""Faults of order: who comes first, who waits for whom, and who never comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl.course.exercise import Case, Draw, Kernel, case
from minidl.course.explaining.program import Program


def _vector(n: int, reference: Any, **more: Any) -> Kernel:
    """A kernel of one vector of n numbers."""

    def cases(d: Draw) -> Iterable[Case]:
        yield case("", d(n))

    same: dict[str, Callable[..., Any]] = {"y": lambda x: x.shape}
    return Kernel(**{"signature": "kernel(x, y)", "cases": cases, "reference": reference, "outputs": same, **more})


def _moved(x: np.ndarray) -> np.ndarray:
    """The machine's shuffle down by 16: the last lanes keep their own."""
    return np.append(x[16:], x[16:])


PROGRAMS = {
    "F4": Program(
        ("a race in shared memory: written, then read", "共享内存竞争：先写后读"),
        (
            "Warps of a block run in any order. What one thread writes another may read only behind a barrier that both "
            "reach, even where the numbers come out right on your machine.",
            "块里的各个 warp 以任意次序运行。一个线程写的东西，另一个线程只能在两者都到达的屏障之后读，即使在你的机器上结果碰巧是对的。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array(64, float32)
            t = cuda.threadIdx.x
            s[t] = x[t]
            y[t] = s[63 - t]
        """,
        _vector(64, lambda x: x[::-1], threads=64),
    ),
    "F5": Program(
        ("a race in shared memory: read, then written", "共享内存竞争：先读后写"),
        (
            "In a loop the shared array is filled again. A fast warp may fill it while a slow one still reads the turn "
            "before: a second barrier is missing. Of all races this one is found last, for the numbers are mostly right.",
            "循环中共享数组会再次填充。快的 warp 可能已在填充，慢的还在读上一轮：缺了第二个屏障。这种竞争最难发现，因为结果多半是对的。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array(64, float32)
            t = cuda.threadIdx.x
            for k in range(2):
                s[t] = x[64 * k + t]
                cuda.syncthreads()
                y[64 * k + t] = s[63 - t]
        """,
        _vector(128, lambda x: np.append(x[63::-1], x[:63:-1]), threads=64, grid=lambda: 1),
    ),
    "F6": Program(
        ("two threads write one element", "两个线程写同一个元素"),
        (
            "cuda.threadIdx.x begins anew in every block, so two blocks write the same elements. Who comes last decides "
            "what stays. Each element wants one owner.",
            "cuda.threadIdx.x 在每个块里重新开始，于是两个块写同样的元素，最后到的决定留下什么。每个元素应只有一个主人。",
        ),
        """
        def kernel(x, y):
            t = cuda.threadIdx.x
            y[t] = x[cuda.grid(1)]
        """,
        _vector(64, lambda x: x[32:], threads=32, grid=lambda: 2, outputs={"y": lambda x: x.size // 2}),
    ),
    "F7": Program(
        ("an addition that is interrupted", "会被打断的加法"),
        (
            "`+=` reads, adds and writes. Two threads that read at once both add to the same old value, and one of the "
            "additions is lost.",
            "`+=` 先读、再加、再写。两个线程同时读，就都加在同一个旧值上，其中一次加法就丢了。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            y[0] += x[i]
        """,
        _vector(32, lambda x: x.sum(keepdims=True), threads=32, grid=lambda: 1, outputs={"y": lambda: 1},
                start={"y": 0.0}),
    ),
    "F8": Program(
        ("a barrier that some have left", "有线程提前离开的屏障"),
        (
            "A barrier waits for all threads of the block. One that has returned never comes: a GPU hangs, or goes on "
            "with anything. Guard before, but never return ahead of a barrier.",
            "屏障等待块里的所有线程。已经 return 的线程永远不来：GPU 会卡死，或随便继续。可以判断边界，但不要在屏障之前 return。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array(64, float32)
            t = cuda.threadIdx.x
            if t >= x.size:
                return
            s[t] = x[t]
            cuda.syncthreads()
            y[t] = s[x.size - 1 - t]
        """,
        _vector(50, lambda x: x[::-1], threads=64),
    ),
    "F9": Program(
        ("a barrier in a branch", "分支里的屏障"),
        (
            "Only the threads that take the branch reach the barrier, and it waits for all. Work is what a guard is for; "
            "waiting is for everybody.",
            "只有进入分支的线程到达屏障，而它等待所有线程。要守护的是工作；等待是大家的事。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array(64, float32)
            t = cuda.threadIdx.x
            if t < x.size:
                s[t] = x[t]
                cuda.syncthreads()
                y[t] = s[x.size - 1 - t]
        """,
        _vector(50, lambda x: x[::-1], threads=64),
    ),
    "F14": Program(
        ("a shuffle that asks an absent lane", "向不在场的通道要值"),
        (
            "A shuffle hands values from lane to lane, and a lane can give only while it takes part. Here the upper half "
            "is outside the `if` and is asked.",
            "shuffle 在通道之间传值，通道只有参与才能给。这里上半部分在 `if` 之外，却被要值。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            y[i] = x[i]
            if i < 16:
                y[i] = cuda.shfl_down_sync(0xFFFFFFFF, x[i], 16)
        """,
        _vector(32, _moved, threads=32),
    ),
    "F15": Program(
        ("a lane that the mask does not name", "掩码没有点到的通道"),
        (
            "The mask says who takes part, one bit a lane. A lane that runs the shuffle and is not named gets anything.",
            "掩码说明谁参与，每个通道一位。执行了 shuffle 却没被点到的通道，会得到任意的值。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            y[i] = cuda.shfl_down_sync(0xFFFF, x[i], 16)
        """,
        _vector(32, _moved, threads=32),
    ),
    "F16": Program(
        ("a loop without an end", "不会结束的循环"),
        (
            "On a GPU nobody stops it: the screen freezes, or the driver resets the card. The machine counts the turns.",
            "在 GPU 上没有人会停下它：屏幕卡住，或驱动重置显卡。机器会数圈数。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            k = i
            while k < x.size:
                y[i] = x[k]
        """,
        _vector(32, lambda x: x, threads=32),
    ),
}  # fmt: skip
