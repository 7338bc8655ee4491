"""`python -m cuda_kernels.gemm [M N K]`: what each rung asks of a GPU, counted by the SIMT machine, as Markdown."""
import sys

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options

HEAD = ("| rung | change | loaded, KB | sectors moved, KB | shared passes | operations a byte moved | barriers |\n"
        "|---|---|---|---|---|---|---|")


def table(m: int, n: int, k: int) -> str:
    """One row a rung, for C (m, n) = A (m, k) @ B (k, n)."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    rows = [HEAD]
    for rung in ladder.rungs("gemm"):
        with simt_options() as reports:
            rung.run(a, b)
        figures = reports[0].figures
        moved = 32 * figures.global_sectors
        blocks = np.prod(reports[0].grid)
        rows.append(f"| {rung.name} | {rung.change} | {figures.global_load_bytes / 1024:.0f} | {moved / 1024:.0f} | "
                    f"{figures.shared_wavefronts} | {2 * m * n * k / moved:.2f} | {figures.barriers // blocks} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(*map(int, sys.argv[1:4])) if len(sys.argv) == 4 else table(256, 256, 64))
