"""What one launch on the SIMT machine leaves behind: faults, figures and the raw accesses behind the pictures.

Everything here is plain data. `text.py`, `page.py` and `plots.py` turn it into a table, a dictionary, HTML, pictures.
"""
from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

KINDS = (
    "out-of-bounds",
    "race",
    "divergent-barrier",
    "uninitialised-read",
    "overlap",
    "unwritten-output",
    "inactive-lane",
    "bad-launch",
    "float64",
    "step-limit",
    "exception",
)

SECTOR_BYTES = 32


@dataclass
class Fault:
    """One thing a GPU would do wrong, folded over all threads that did it at the same place.

    kind     one of `KINDS`
    message  one plain sentence, naming array, index, lines, threads and blocks
    array    name of the array in the kernel, or None (a barrier, a launch)
    index    the element, as a tuple of ints, or None
    lines    1-based lines of the kernel's file: the line at fault first, then the other one of a race
    threads  the first example's threads as (x, y, z); two for a race
    blocks   the blocks of those threads as (x, y, z)
    source   excerpt: "  12 |  y[i] = x[i + 1]" for each of `lines`
    count    how many threads (over the whole launch) showed the same fault
    cells    of an unwritten output: a bool array of its shape, True where nothing was written
    """

    kind: str
    message: str
    array: str | None = None
    index: tuple[int, ...] | None = None
    lines: tuple[int, ...] = ()
    threads: tuple[tuple[int, int, int], ...] = ()
    blocks: tuple[tuple[int, int, int], ...] = ()
    source: str = ""
    count: int = 1
    cells: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.kind}: {self.message}{times}\n{self.source}".rstrip()


@dataclass
class Figures:
    """What a launch, or one source line of it, asked of the GPU. Counts, never times.

    The model (NVIDIA, CUDA C++ Best Practices Guide, "Device Memory Spaces", and CUDA C++ Programming Guide,
    "Hardware Implementation"): every array starts on a 256-byte boundary; one load or store expression, evaluated once
    by one warp, asks for itemsize bytes for each active lane and moves the 32-byte sectors that its active lanes touch.
    There is no cache, and there is no clock.

    executions            times the line was executed, counted in warps (a statement run once by one warp counts 1)
    active_lanes          threads active in those executions; active_fraction = active_lanes / (32 * executions)
    flops                 1 for each floating-point + - * / of an active thread, 2 for an fma; nothing else counts
    global_*_bytes        bytes asked for by active lanes; global_*_sectors: 32-byte sectors moved, summed over warps
    shared_*_bytes        bytes asked for from shared memory
    shared_accesses       warp-wide shared loads and stores; shared_wavefronts: the passes they took
    shared_ways           the worst warp-wide access: most distinct 4-byte words in one of 32 banks (1 = no conflict)
    atomics               atomic operations of active threads; atomic_contention: the most lanes of one warp-wide
                          atomic that met in one element (1 = none met)
    barriers              syncthreads executed, counted in blocks; warp_barriers: syncwarp, counted in warps
    shuffles, votes       warp-wide shuffles; votes, ballots and matches; counted in warps
    tensor_products       products of two small tiles on the tensor cores (mma_tf32, mma_bf16), counted in warps
    branches              `if`, `while`, conditional expressions evaluated by a warp; divergent_branches: those whose
                          lanes went both ways
    """

    executions: int = 0
    active_lanes: int = 0
    flops: int = 0
    global_loads: int = 0
    global_load_bytes: int = 0
    global_load_sectors: int = 0
    global_stores: int = 0
    global_store_bytes: int = 0
    global_store_sectors: int = 0
    shared_load_bytes: int = 0
    shared_store_bytes: int = 0
    shared_accesses: int = 0
    shared_wavefronts: int = 0
    shared_ways: int = 0
    atomics: int = 0
    atomic_contention: int = 0
    barriers: int = 0
    warp_barriers: int = 0
    shuffles: int = 0
    votes: int = 0
    tensor_products: int = 0
    branches: int = 0
    divergent_branches: int = 0

    @property
    def active_fraction(self) -> float:
        """Active lanes over lanes of the warps that executed (1.0 = no divergence, 1/32 = one lane at work)."""
        return self.active_lanes / (32 * self.executions) if self.executions else 1.0

    @property
    def global_bytes(self) -> int:
        """Bytes asked for from global memory, loads and stores."""
        return self.global_load_bytes + self.global_store_bytes

    @property
    def global_sectors(self) -> int:
        """32-byte sectors moved, loads and stores."""
        return self.global_load_sectors + self.global_store_sectors

    @property
    def coalescing(self) -> float:
        """Bytes asked for over bytes moved, loads and stores: 1.0 is full use, 0.125 is 4 bytes of each sector."""
        moved = SECTOR_BYTES * self.global_sectors
        return self.global_bytes / moved if moved else 1.0

    @property
    def load_coalescing(self) -> float:
        """Bytes asked for over bytes moved, loads alone (above 1.0 where lanes share an element)."""
        moved = SECTOR_BYTES * self.global_load_sectors
        return self.global_load_bytes / moved if moved else 1.0

    @property
    def store_coalescing(self) -> float:
        """Bytes asked for over bytes moved, stores alone."""
        moved = SECTOR_BYTES * self.global_store_sectors
        return self.global_store_bytes / moved if moved else 1.0

    @property
    def operations_per_byte(self) -> float:
        """Floating-point operations for each byte moved to or from global memory (no caches): the roofline's x axis."""
        moved = SECTOR_BYTES * self.global_sectors
        return self.flops / moved if moved else float("inf") if self.flops else 0.0

    def add(self, other: Figures) -> None:
        """Add `other` to these figures; worst cases (`shared_ways`, `atomic_contention`) take the larger."""
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            worst = item.name in ("shared_ways", "atomic_contention")
            setattr(self, item.name, max(mine, theirs) if worst else mine + theirs)


@dataclass
class WarpAccess:
    """One warp-wide access to memory, kept for pictures (the first few of each line, array and operation).

    space      "global" or "shared"; operation "load", "store" or "atomic"
    block      (x, y, z) of the block, warp its number in the block
    addresses  32 byte addresses from the array's start (a 256-byte boundary), -1 where the lane is inactive
    width      bytes that each active lane asks for
    sectors    the distinct 32-byte sectors touched (global), sorted
    ways       bank conflict ways (shared), 0 for global
    """

    line: int
    array: str
    space: str
    operation: str
    block: tuple[int, int, int]
    warp: int
    addresses: tuple[int, ...]
    width: int
    sectors: tuple[int, ...] = ()
    ways: int = 0

    @property
    def banks(self) -> tuple[int, ...]:
        """The bank (0 to 31) of each lane's first word, -1 where inactive."""
        return tuple(-1 if a < 0 else a // 4 % 32 for a in self.addresses)


@dataclass
class TimelineStep:
    """One statement as the watched warp (warp 0 of the first block) ran it: which of its 32 lanes were active."""

    line: int
    active: tuple[bool, ...]


@dataclass(repr=False)
class Report:
    """What a launch on the SIMT machine found; see `Fault` and `Figures`.

    by_line maps a 1-based line of the kernel's file to that line's `Figures` (device functions' lines too; lines of
    another file than the kernel's are kept under the line of the call). `source` maps a line number to its text.
    """

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    filename: str = ""
    first_line: int = 0
    source: dict[int, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    by_line: dict[int, Figures] = field(default_factory=dict)
    checked: bool = True
    seconds: float = 0.0
    shared_bytes: int = 0
    arrays: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    accesses: list[WarpAccess] = field(default_factory=list)
    timeline: list[TimelineStep] = field(default_factory=list)
    owners: Any = field(default=None, repr=False, compare=False)  # of a launch with owners=True: `Owners`

    def roofline(self, gpu: str = "H100 SXM") -> dict[str, Any]:
        """Where the launch stands on the roofline of `gpu` (a name in `simt.GPUS`); see `gpus.roofline`."""
        from .gpus import roofline

        return roofline(self.figures, gpu)

    def table(self) -> str:
        """The figures and faults as text for a terminal."""
        from .text import table

        return table(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dictionaries, lists and numbers (ready for json.dumps)."""
        from .text import to_dict

        return to_dict(self)

    def plot(self, what: str = "sectors", **options: Any) -> Any:
        """A matplotlib figure; `what` is "sectors", "banks", "timeline" or "heat"; see `plots` for their options.

        Raises ValueError if there is no such picture, or the launch left nothing of the kind to draw.
        """
        from . import heat, plots

        pictures: dict[str, Any] = {"sectors": plots.sectors, "banks": plots.banks, "timeline": plots.timeline,
                                    "heat": heat.heat}
        if what not in pictures:
            raise ValueError(f"plot: `what` must be one of {', '.join(pictures)}. Got {what!r}.")
        return pictures[what](self, **options)

    def _repr_html_(self) -> str:
        from .page import html

        return str(html(self))

    def __repr__(self) -> str:
        return self.table()
