"""Count what each rung of the convolutions does, on the SIMT machine: `python -m cuda_kernels.conv2d`."""
from __future__ import annotations

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options

BATCH, SIZE, C, K = 2, 12, 32, 64  # 3 x 3 windows, one pixel of padding on every side
OPTIONS = {"padding": ((1, 1), (1, 1))}


def main() -> None:
    """Print a table in Markdown: operations in thousands, bytes asked for and sectors moved in KB."""
    draw = np.random.default_rng(0)
    x, w, dy = (draw.standard_normal(shape).astype(np.float32)
                for shape in ((BATCH, SIZE, SIZE, C), (3, 3, C, K), (BATCH, SIZE, SIZE, K)))
    arguments = {"conv2d": (x, w), "conv2d_backward_data": (dy, w, x.shape),
                 "conv2d_backward_weights": (x, dy, w.shape)}
    print("| op | rung | change | launches | operations, thousands | loaded, KB | sectors loaded, KB | stored, KB |")
    print("|---|---|---|---|---|---|---|---|")
    for op, given in arguments.items():
        for rung in ladder.rungs(op):
            with simt_options() as reports:
                rung.run(*given, **OPTIONS)
            figures = [report.figures for report in reports]
            counts = (sum(f.flops for f in figures) / 1000, sum(f.global_load_bytes for f in figures) / 1024,
                      sum(f.global_load_sectors for f in figures) / 32,  # of 32 bytes each
                      sum(f.global_store_bytes for f in figures) / 1024)
            cells = " | ".join(f"{count:.0f}" for count in counts)
            print(f"| {op} | {rung.name} | {rung.change} | {len(reports)} | {cells} |")


if __name__ == "__main__":
    main()
