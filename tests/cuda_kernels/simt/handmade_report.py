"""A report written by hand: what a launch of a small kernel would leave, without the machine that makes it."""

from cuda_kernels.simt.report import Fault, Figures, Report, TimelineStep, WarpAccess

SOURCE = {
    10: "@cuda.jit",
    11: "def column_sums(x, out):",
    12: '    """Not shown."""',
    13: "    tile = cuda.shared.array((32, 32), float32)",
    14: "    lane = cuda.threadIdx.x",
    15: "    tile[lane, 0] = x[lane, 0]  # a column < a row",
    16: "    if lane < 16:",
    17: "        out[lane] = tile[lane, 0] + float32(1)",
}


def access(line, array, space, operation, addresses, ways=0, width=4):
    """A warp's access, with its sectors worked out."""
    sectors = tuple(sorted({a // 32 for a in addresses if a >= 0})) if space == "global" else ()
    return WarpAccess(line, array, space, operation, (0, 0, 0), 0, tuple(addresses), width, sectors, ways)


def report(faults=()):
    """One warp copies a column of `x` by way of a column of `tile`."""
    column = [128 * lane for lane in range(32)]
    half = [4 * lane if lane < 16 else -1 for lane in range(32)]
    by_line = {
        14: Figures(executions=1, active_lanes=32),
        15: Figures(executions=1, active_lanes=32, global_loads=1, global_load_bytes=128, global_load_sectors=32,
                    shared_store_bytes=128, shared_accesses=1, shared_wavefronts=32, shared_ways=32),
        16: Figures(executions=1, active_lanes=32, branches=1, divergent_branches=1),
        17: Figures(executions=1, active_lanes=16, flops=16, global_stores=1, global_store_bytes=64,
                    global_store_sectors=2, shared_load_bytes=64, shared_accesses=1, shared_wavefronts=16,
                    shared_ways=16),
    }
    total = Figures()
    for figures in by_line.values():
        total.add(figures)
    timeline = [TimelineStep(line, (True,) * 32) for line in (14, 15, 16)]
    timeline.append(TimelineStep(17, tuple(lane < 16 for lane in range(32))))
    accesses = [
        access(15, "x", "global", "load", column),
        access(15, "tile", "shared", "store", column, ways=32),
        access(17, "tile", "shared", "load", [a if i < 16 else -1 for i, a in enumerate(column)], ways=16),
        access(17, "out", "global", "store", half),
    ]
    return Report(
        kernel="column_sums", grid=(1, 1, 1), block=(32, 1, 1), filename="columns.py", first_line=11,
        source=SOURCE, faults=list(faults), figures=total, by_line=by_line, shared_bytes=4096,
        arrays={"x": ("float32", (32, 32)), "out": ("float32", (16,))}, accesses=accesses, timeline=timeline,
    )


FAULT = Fault(
    kind="race",
    message="Thread 1 of block 0 reads tile[0, 0] in line 17, which thread 0 wrote in line 15 with no barrier between.",
    array="tile",
    index=(0, 0),
    lines=(17, 15),
    threads=((1, 0, 0), (0, 0, 0)),
    blocks=((0, 0, 0), (0, 0, 0)),
    source="   17 |          out[lane] = tile[lane, 0] + float32(1)\n   15 |      tile[lane, 0] = x[lane, 0]",
    count=15,
)
