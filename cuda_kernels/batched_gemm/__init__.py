"""Products of many pairs of matrices, C[i] = A[i] @ B[i].

| rung | change | launches |
|---|---|---|
| r1_loop | the host launches gemm for each pair | a launch (some microseconds) for each |
| r2_grid_z | one launch, the z axis of the grid numbers the pairs | 1 (for each 65,535 pairs) |

Not run on hardware yet.
"""
