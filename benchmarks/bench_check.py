"""How long a student waits for `minidl.check`: in a fresh process and in a running one, wall and processor time.

    python benchmarks/bench_check.py            # every kernel below
    python benchmarks/bench_check.py gemm       # one

"cold" is a process of its own from its start: Python, imports, registration, check. "warm" is the same check once more
in that process, the kernel registered anew, as a notebook cell that is run again does. The processor time says what the
work costs on a machine that others use too.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run from a checkout, installed or not

GOALS = {"cold": 2.5, "warm": 0.5}  # seconds, for gemm


def kernels() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Plain kernels as a student writes them first, and the options of their registration."""
    from numba import cuda, float32

    @cuda.jit
    def relu(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = max(x[i], float32(0))

    @cuda.jit
    def gemm(a, b, c):
        col, row = cuda.grid(2)
        if row < c.shape[0] and col < c.shape[1]:
            total = float32(0)
            for k in range(a.shape[1]):
                total += a[row, k] * b[k, col]
            c[row, col] = total

    @cuda.jit
    def reduce_sum(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for col in range(cols):
                total += x[row, col]
            y[row] = total

    @cuda.jit
    def softmax(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            largest = x[row, 0]
            for col in range(1, cols):
                largest = max(largest, x[row, col])
            total = float32(0)
            for col in range(cols):
                total += math.exp(x[row, col] - largest)
            for col in range(cols):
                y[row, col] = math.exp(x[row, col] - largest) / total

    @cuda.jit
    def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < y.size:
            k, q = i % y.shape[3], i // y.shape[3] % y.shape[2]
            p, n = i // (y.shape[3] * y.shape[2]) % y.shape[1], i // (y.shape[3] * y.shape[2] * y.shape[1])
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    row, col = p * stride_h + r * dilation_h - pad_top, q * stride_w + s * dilation_w - pad_left
                    if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                        for c in range(x.shape[3]):
                            total += x[n, row, col, c] * w[r, s, c, k]
            y[n, p, q, k] = total

    @cuda.jit
    def conv2d_backward_data(dy, w, dx, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < dx.size:
            c, col = i % dx.shape[3], i // dx.shape[3] % dx.shape[2]
            row, n = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1], i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    p, q = row + pad_top - r * dilation_h, col + pad_left - s * dilation_w
                    if p % stride_h == 0 and q % stride_w == 0:
                        p, q = p // stride_h, q // stride_w
                        if 0 <= p < dy.shape[1] and 0 <= q < dy.shape[2]:
                            for k in range(dy.shape[3]):
                                total += dy[n, p, q, k] * w[r, s, c, k]
            dx[n, row, col, c] = total

    @cuda.jit
    def conv2d_backward_weights(x, dy, dw, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < dw.size:
            k, c = i % dw.shape[3], i // dw.shape[3] % dw.shape[2]
            s, r = i // (dw.shape[3] * dw.shape[2]) % dw.shape[1], i // (dw.shape[3] * dw.shape[2] * dw.shape[1])
            total = float32(0)
            for n in range(x.shape[0]):
                for p in range(dy.shape[1]):
                    for q in range(dy.shape[2]):
                        row, col = p * stride_h + r * dilation_h - pad_top, q * stride_w + s * dilation_w - pad_left
                        if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                            total += x[n, row, col, c] * dy[n, p, q, k]
            dw[r, s, c, k] = total

    plain = (relu, reduce_sum, softmax, conv2d, conv2d_backward_data, conv2d_backward_weights)
    return {"gemm": (gemm, {"threads": (16, 16)}), **{kernel.__name__: (kernel, {}) for kernel in plain}}


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor seconds of a call, and what it gives."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - processor, found


def in_this_process(kernel: str) -> dict[str, Any]:
    """Check one kernel twice."""
    import minidl

    given, options = kernels()[kernel]

    def check() -> Any:
        minidl.register_kernel(kernel, "mine", given, replace=True, **options)
        return minidl.check(f"{kernel}:mine")

    first = check()
    wall, processor, second = timed(check)
    return {"warm": wall, "warm processor": processor, "cold processor": time.process_time() - processor,
            "passed": first.passed and second.passed}  # fmt: skip


def measured(kernel: str) -> dict[str, Any]:
    """Run a process of its own for one kernel."""
    command = [sys.executable, __file__, "--here", kernel]
    wall, _, done = timed(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    found = json.loads(done.stdout)
    return found | {"cold": wall - found["warm"]}


def main() -> None:
    """Print a line for each kernel."""
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(in_this_process(sys.argv[2])))
        return
    print(f"{'seconds':<25}{'cold':>7}{'(CPU)':>8}{'warm':>8}{'(CPU)':>8}  verdict")
    for kernel in sys.argv[1:] or kernels():
        f = measured(kernel)
        print(f"{kernel:<25}{f['cold']:7.2f}{f['cold processor']:8.2f}{f['warm']:8.2f}{f['warm processor']:8.2f}"
              f"  {'passed' if f['passed'] else 'FAILED'}")  # fmt: skip
    print(f"wanted of gemm: {GOALS['cold']} cold, {GOALS['warm']} warm, on two quiet cores")


if __name__ == "__main__":
    main()
