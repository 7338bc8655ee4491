"""`--gpustat`: what the GPU is doing, after every epoch, as nvidia-smi tells it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from minidl.callbacks import Callback

QUERY = ("name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu")


def gpu_lines() -> list[str]:
    """Return one line a GPU: name, use in %, memory in MiB, temperature in °C; none where there is no nvidia-smi."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    asked = [command, f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    result = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    if result.returncode:
        return []
    rows = (line.split(", ") for line in result.stdout.strip().splitlines())
    return [
        f"GPU {name}: {use} % busy, {used} of {total} MiB, {heat} °C"
        for name, use, used, total, heat in (row for row in rows if len(row) == len(QUERY))
    ]


class GpuStat(Callback):
    """Prints the GPUs' state after every epoch; says so once where there is none."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Say whether there is a GPU to report on."""
        if not gpu_lines():
            print("--gpustat: no NVIDIA GPU found (nvidia-smi is missing or fails); the model runs on the CPU.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print one line a GPU."""
        for line in gpu_lines():
            print(f"  {line}")
