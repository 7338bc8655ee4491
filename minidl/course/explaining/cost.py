"""What is right, and costs more than it should: float64, idle threads, sectors, banks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.course.exercise import Case, Draw, Kernel, par
from minidl.course.explaining.program import Program


def _costs(shape: tuple[int, ...], reference: Any, figures: dict[str, float], **more: Any) -> Kernel:
    def cases(d: Draw) -> Iterable[Case]:
        yield par("", d(*shape))

    return Kernel(
        signature="kernel(x, y)",
        cases=cases,
        reference=reference,
        outputs={"y": lambda x: x.shape},
        par=figures,
        **more,
    )


PROGRAMS = {
    "F13": Program(
        ("arithmetic in float64", "用 float64 计算"),
        (
            "Python's 0.5 and int / int are numbers of 64 bits, and they draw float32 along with them. A laptop's GPU "
            "has one unit for 64 bits where it has up to 64 for 32.",
            "Python 的 0.5 和整数除法是 64 位的数，会把 float32 一起带过去。笔记本的 GPU 每 64 个 32 位单元只有一个 64 位单元。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            y[i] = 0.5 * x[i]
        """,
        _costs((32,), lambda x: 0.5 * x, {}, threads=32),
    ),
    "F20": Program(
        ("one thread does the work of all", "一个线程做了所有的活"),
        (
            "Right, and a processor's program: the others stand by. A GPU is fast because thousands of threads each do a "
            "little.",
            "结果对，却是处理器的写法：其余线程在旁边站着。GPU 之所以快，是因为成千上万的线程各做一点。",
        ),
        """
        def kernel(x, y):
            i = cuda.grid(1)
            if i == 0:
                for k in range(x.size):
                    y[k] = x[k]
        """,
        _costs((64,), lambda x: x, {"sectors": 16}, threads=64),
    ),
    "F21": Program(
        ("more sectors than needed", "搬动的扇区过多"),
        (
            "Memory moves in sectors of 32 bytes, for a warp of 32 lanes at once. Lanes side by side should read side by "
            "side; here they are a whole row apart, and each sector is fetched for 4 of its 32 bytes.",
            "内存以 32 字节的扇区为单位搬动，一次服务一个 warp 的 32 个通道。相邻的通道应读相邻的地方；这里它们隔了整整一行，每个扇区 32 字节只用了 4 个。",
        ),
        """
        def kernel(x, y):
            t = cuda.threadIdx.x
            for k in range(x.shape[1]):
                y[t, k] = x[t, k]
        """,
        _costs((32, 32), lambda x: x, {"sectors": 256}, threads=32, grid=lambda: 1),
    ),
    "F22": Program(
        ("a bank conflict", "存储体冲突"),
        (
            "Shared memory has 32 banks, word w in bank w % 32, and each bank serves one word at a time. Here all 32 "
            "lanes want another word of bank 0. A row of 33 words instead of 32 spreads them.",
            "共享内存有 32 个存储体，第 w 个字在存储体 w % 32，每个存储体一次只给一个字。这里 32 个通道都要存储体 0 的不同字。把每行 32 个字改成 33 个就会错开。",
        ),
        """
        def kernel(x, y):
            s = cuda.shared.array((32, 32), float32)
            t = cuda.threadIdx.x
            s[t, 0] = x[t]
            y[t] = s[t, 0]
        """,
        _costs((32,), lambda x: x, {"shared_passes": 1.0}, threads=32),
    ),
}
