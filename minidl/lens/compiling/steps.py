"""Walking through what one warp did, instruction by instruction: registers by lanes, forwards and back.

The kernel is run once, and each lane of the warp notes what it does (`cuda_kernels.ptx.trace`). The lanes are laid
beside each other as a GPU's warp might run them: of those that stand at different instructions, those furthest behind
in the text go first, so that lanes that parted meet again where their ways join. Registers are what each lane computed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cuda_kernels.ptx.analysis import is_register, reads, results
from cuda_kernels.ptx.trace import Lane
from minidl.console import one_line
from minidl.errors import ArgumentError
from minidl.lens.compiling.sources import short_name

if TYPE_CHECKING:
    from minidl.lens.compiling.listing import PtxListing, Row

DONE = -1  # where a lane is that has ended
_DTYPES = {".pred": np.bool_, ".f16": np.float16, ".f32": np.float32, ".f64": np.float64}


class Moment(NamedTuple):
    """One instruction of the warp: its number, where each lane stands before it (DONE: ended), and who runs it."""

    place: int
    stands: np.ndarray
    ran: np.ndarray


@dataclass
class Known:
    """A stretch of memory with a name: an array that was passed, or a shared one."""

    name: str
    base: int
    size: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    item: int

    def told(self, address: int) -> str:
        """An address in it: "x[3, 4]", "shared + 64"."""
        offset = address - self.base
        index = []
        for stride in self.strides:
            if stride <= 0:
                return f"{self.name} + {offset}"
            index.append(offset // stride)
            offset %= stride
        inside = all(k < n for k, n in zip(index, self.shape, strict=True)) and not offset
        return (
            f"{self.name}[{', '.join(map(str, index))}]" if index and inside else f"{self.name} + {address - self.base}"
        )


class PtxSteps:
    """One warp's run of a compiled kernel, and a position in it; `lens.ptx(…).step(…)` makes one.

    `position` counts the warp's instructions from 0; the one at it is about to run. `forward`, `back`, `goto` and
    `to_line` move; `value("%r1")` is a register over the lanes, `row` the instruction, `active` who runs it. `print`
    shows a table of lanes and registers. `fault` is what ended the run before its time, or "".
    """

    def __init__(self, listing: PtxListing, lanes: list[Lane], fault: str, about: str, known: list[Known]) -> None:
        self.listing, self.fault, self.about = listing, fault, about
        self.lanes = len(lanes)
        self.whole = all(lane.whole for lane in lanes)
        self.position = 0
        self.moments: list[Moment] = []
        self._known = known
        # Of each register: the positions from which on it holds something new, and what (bits, and which lanes wrote).
        self._history: dict[str, tuple[list[int], list[np.ndarray], list[np.ndarray]]] = {}
        for number, (place, stands, ran, found) in enumerate(_beside(lanes)):
            self.moments.append(Moment(place, stands, ran))
            for name, values in found.items():
                self._note(number + 1, name, values)
        self._shared()
        self._floats = _float_bits(listing)

    def _note(self, position: int, name: str, values: dict[int, int]) -> None:
        positions, held, wrote = self._history.setdefault(name, ([], [], []))
        bits = held[-1].copy() if held else np.zeros(self.lanes, np.uint64)
        who = wrote[-1].copy() if wrote else np.zeros(self.lanes, np.bool_)
        for lane, value in values.items():
            bits[lane], who[lane] = value, True
        positions.append(position)
        held.append(bits)
        wrote.append(who)

    def _shared(self) -> None:
        """Where shared arrays lie: an instruction moves their addresses into registers."""
        arrays = {a.name: a for a in (*self.listing.module.shared, *self.listing.module.entry.shared)}
        for number, moment in enumerate(self.moments):
            i = self.listing.rows[moment.place].instruction
            array = arrays.get(str(i.operands[1])) if i.opcode == "mov" and len(i.operands) == 2 else None
            written = results(i)
            if array is not None and written and moment.ran.any():
                base = int(self._bits(written[0], number + 1)[moment.ran][0])
                name = self.listing.names.get(array.name, array.name)
                self._known.append(Known(name, base, array.size or 1 << 20, (), (), 1))
                del arrays[array.name]

    # -- moving --------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.moments)

    def goto(self, position: int) -> PtxSteps:
        """Go to an instruction of the warp by number (clipped to the run)."""
        self.position = max(0, min(position, len(self) - 1))
        return self

    def forward(self, instructions: int = 1) -> PtxSteps:
        """Run instructions."""
        return self.goto(self.position + instructions)

    def back(self, instructions: int = 1) -> PtxSteps:
        """Take instructions back."""
        return self.goto(self.position - instructions)

    def to_line(self, line: int, file: str = "", backwards: bool = False) -> PtxSteps:
        """The next (or the last) time that an instruction of a line is about to run, or one of what the line calls.

        file : the name of the file, for a line of a device function; else the kernel's

        Raises ArgumentError if none is.
        """
        place = self.listing.place(line, file)
        order = range(self.position - 1, -1, -1) if backwards else range(self.position + 1, len(self))
        for k in order:
            if place in self.listing.rows[self.moments[k].place].chain:
                return self.goto(k)
        raise ArgumentError(
            f"to_line: line {line} does not run {'before' if backwards else 'after'} position {self.position}."
        )

    # -- looking -------------------------------------------------------------------------------------------------------

    @property
    def row(self) -> Row:
        """The instruction that is about to run."""
        return self.listing.rows[self.moments[self.position].place]

    @property
    def line(self) -> int:
        """The kernel's line that it was made of; 0 is of no one."""
        return self.row.chain[-1].line if self.row.chain else 0

    @property
    def active(self) -> np.ndarray:
        """Which lanes run it: booleans. A lane whose guard does not hold does not."""
        return self.moments[self.position].ran

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers that hold something, the latest first."""
        latest = {name: self._index(name) for name in self._history}
        found = {name: self._history[name][0][k] for name, k in latest.items() if k >= 0}
        return tuple(sorted(found, key=lambda name: -found[name]))

    def value(self, register: str) -> np.ndarray:
        """A register over the lanes, before the instruction runs: (lanes,), of its type.

        A lane that did not write it has 0. Integers are signed. Raises KeyError where no lane has written it yet.
        """
        name = register if register.startswith("%") else f"%{register}"
        bits = self._bits(name, self.position)
        kind = self.listing.module.entry.type_of(name)
        if kind == ".pred":
            return bits != 0
        width = 8 * np.dtype(_DTYPES.get(kind, np.int64)).itemsize if kind in _DTYPES else int(kind[2:])
        narrow = bits.astype(f"u{width // 8}")
        return narrow.view(_DTYPES.get(kind, f"i{width // 8}"))

    def written(self, register: str) -> np.ndarray:
        """Which lanes have written a register: booleans."""
        name = register if register.startswith("%") else f"%{register}"
        return self._history[name][2][self._index(name)].copy()

    def _index(self, name: str, position: int | None = None) -> int:
        at = self.position if position is None else position
        return bisect.bisect_right(self._history[name][0], at) - 1

    def _bits(self, name: str, position: int) -> np.ndarray:
        k = self._index(name, position) if name in self._history else -1
        if k < 0:
            told = ", ".join(self.registers[:12]) or "none yet"
            raise KeyError(f"no register {name!r} holds anything here. The latest are {told}")
        return self._history[name][1][k]

    def cell(self, register: str, lane: int) -> str:
        """A register of a lane as text: a number, an element whose address it is, or "·" before it is written.

        Of a register for integers that holds the bits of a float, as for a shuffle, it is the float.
        """
        if not self.written(register)[lane]:
            return "·"
        value = self.value(register)[lane]
        if register in self._floats:
            value = value.view(f"f{value.itemsize}")
        if isinstance(value, np.floating):
            return f"{value:.6g}"
        if value.dtype == np.int64:
            inside = next((k for k in self._known if k.base <= int(value) < k.base + k.size), None)
            if inside is not None:
                return inside.told(int(value))
        return str(value)

    def title(self, register: str) -> str:
        """A register's name over a column: "%r1"; "%r1 as float" where its integers are the bits of floats."""
        return f"{register} as float" if register in self._floats else register

    def shown(self, most: int = 6) -> list[str]:
        """The registers that matter here: those the instruction reads, those just written, and the latest."""
        i = self.row.instruction
        before = self.listing.rows[self.moments[self.position - 1].place].instruction if self.position else None
        held = self.registers
        wanted = [*(results(before) if before else []), *reads(i), *results(i), *held]
        return [name for name in dict.fromkeys(wanted) if name in held][:most]

    def just_written(self, register: str) -> np.ndarray:
        """Which lanes the instruction before wrote a register of."""
        nobody = np.zeros(self.lanes, np.bool_)
        if not self.position:
            return nobody
        before = self.moments[self.position - 1]
        return before.ran if register in results(self.listing.rows[before.place].instruction) else nobody

    def whereabouts(self) -> str:
        """Who runs the instruction, and where the other lanes are."""
        moment = self.moments[self.position]
        count = int(moment.ran.sum())
        said = [f"{count} of {self.lanes} lanes {'runs' if count == 1 else 'run'} it"]
        skipped = int(((moment.stands == moment.place) & ~moment.ran).sum())
        if skipped:
            said.append(f"{skipped} {'skips' if skipped == 1 else 'skip'} it, as the guard does not hold there")
        for place in sorted(set(moment.stands.tolist()) - {moment.place}):
            count = int((moment.stands == place).sum())
            chain = self.listing.rows[place].chain if place >= 0 else ()
            line = f" (line {chain[-1].line})" if chain else ""
            ended = f"{count} {'has' if count == 1 else 'have'} ended"
            said.append(
                ended if place == DONE else f"{count} {'waits' if count == 1 else 'wait'} at number {place}{line}"
            )
        return ", ".join(said)

    def heading(self) -> list[str]:
        """Where this is, in lines."""
        lines = [f"{self.about}: position {self.position} of {len(self) - 1}", self.whereabouts()]
        for place in self.row.chain[-1:] + self.row.chain[:-1][:1]:
            text = next((s.lines[place.line] for s in self.listing.sources if place in s), "").strip()
            own = place.file == self.listing.sources[0].file
            lines.append(f"line {place.line}{'' if own else ' of ' + short_name(place.file)}: {text}")
        if self.position == len(self) - 1:
            if self.fault:
                lines.append(f"the run ended with a fault: {self.fault}")
            elif not self.whole:
                lines.append("noted up to here; limit=… notes more")
        return [one_line(line) for line in lines]

    def around(self, reach: int = 2) -> list[Row]:
        """The instruction with its neighbours in the text."""
        place = self.row.number
        return self.listing.rows[max(0, place - reach) : place + reach + 1]

    def __str__(self) -> str:
        from minidl.lens.compiling.text import plain

        return plain(self.__rich__())

    def __rich__(self) -> Any:
        from minidl.lens.compiling.text import steps_renderable

        return steps_renderable(self)

    def _repr_html_(self) -> str:
        from minidl.lens.compiling.page import steps

        return str(steps(self))


def _float_bits(listing: PtxListing) -> set[str]:
    """The registers for integers that hold the bits of floats: those moved from or to one, and what follows."""
    kind = listing.module.entry.type_of
    pairs = []
    for row in listing.rows:
        i = row.instruction
        source = i.operands[2 if "|" in i.text else 1] if len(i.operands) > 1 else None
        if i.opcode in ("mov", "shfl") and results(i) and is_register(source):
            pairs.append((results(i)[0], str(source)))
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for one, other in pairs:
            if {kind(one), kind(other)} & {".f32", ".f64"} or {one, other} & found:
                found |= {one, other}
    return {name for name in found if kind(name) in (".b32", ".b64")}


def _beside(lanes: list[Lane]) -> Iterator[tuple[int, np.ndarray, np.ndarray, dict[str, dict[int, int]]]]:
    """The warp's instructions: number, where each lane stands, who runs it, and what each lane wrote."""
    at = [0] * len(lanes)
    stands = np.array([lane.steps[0].place if lane.steps else DONE for lane in lanes], np.int32)
    while (stands != DONE).any():
        place = int(stands[stands != DONE].min())
        ran = np.zeros(len(lanes), np.bool_)
        found: dict[str, dict[int, int]] = {}
        before = stands.copy()
        for k in np.flatnonzero(stands == place).tolist():
            step = lanes[k].steps[at[k]]
            ran[k] = step.ran
            for name, value in step.results.items():
                found.setdefault(name, {})[k] = value
            at[k] += 1
            stands[k] = lanes[k].steps[at[k]].place if at[k] < len(lanes[k].steps) else DONE
        yield place, before, ran, found
