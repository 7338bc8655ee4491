"""transpose r3: where the last axis stays, as in (1, 0, 2), whole rows move 16 bytes at a time.

Change from r2: r2_wide's kernel, which reads and writes four neighbours at once, in place of r1's for the axes that r2
cannot turn round in a tile.
Bytes and claims as r2_wide.
"""
from cuda_kernels.ladder import Rung

from . import host, r2_tiled, r2_wide


def transpose(x, *, axes: tuple[int, ...] | None = None, on: str | None = None):
    """Axis i of y is axis axes[i] of x; where the last one stays, whole rows move."""
    if axes is not None and len(axes) == x.ndim and axes[-1] % x.ndim == x.ndim - 1:
        return host.transpose(r2_wide.gather, x, axes=axes, on=on)
    return r2_tiled.transpose(x, axes=axes, on=on)


RUNG = Rung(op="transpose", name="r3_wide", change="where the last axis stays, rows move 16 bytes at a time",
            run=transpose, builds=(r2_wide.GATHER,))
