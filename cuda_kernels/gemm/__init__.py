"""Matrix products: the ladder from one thread an element to tensor cores. README.md tells its story."""
from . import (
    r1_naive,
    r2_coalesced,
    r3_shared,
    r4_tile_1d,
    r5_tile_2d,
    r6_ld4,
    r7_warp_tile_double_buffered,
    r8_tf32,
    r9_3xtf32,
    r10_bf16,
    r11_split_k,
)

RUNGS = (r1_naive.RUNG, r2_coalesced.RUNG, r3_shared.RUNG, r4_tile_1d.RUNG, r5_tile_2d.RUNG, r6_ld4.RUNG,
         r7_warp_tile_double_buffered.RUNG, r8_tf32.RUNG, r9_3xtf32.RUNG, r10_bf16.RUNG, r11_split_k.RUNG)
