"""`lens.ptx`: a kernel's Python lines beside the PTX that NVIDIA's compiler made of them, with counts for each line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from cuda_kernels.ptx.compiler import CAPABILITY, ptx_of
from cuda_kernels.ptx.parse import Instruction, Module, parse
from cuda_kernels.ptx.places import Chain, Place, parse_chains, places_of
from cuda_kernels.ptx.words import names_of, section, short, words
from minidl.console import one_line, say
from minidl.errors import ArgumentError
from minidl.lens.compiling.kinds import Loop, counted, is_float64, kind_of, loops_of, main_loop
from minidl.lens.compiling.machine_code import MachineCode, bounded, machine_code
from minidl.lens.compiling.sources import Source, short_name, sources_of
from minidl.lens.compiling.subjects import Subject, subject

if TYPE_CHECKING:
    from minidl.lens.compiling.comparison import PtxComparison
    from minidl.lens.compiling.steps import PtxSteps

TARGET = f"sm_{CAPABILITY[0]}{CAPABILITY[1]}"


class Row(NamedTuple):
    """One instruction of a listing.

    number : its place in the compiled kernel, from 0
    text : as it is written, with the names of the kernel's arguments
    words : what it does, as a sentence
    section : of the PTX ISA that defines it
    chain : the line it was made of, the line that called that function, and so on to the kernel's; () is none
    label : of a jump's target that stands before it, or ""
    loops : how many loops it stands in
    """

    number: int
    instruction: Instruction
    text: str
    words: str
    section: str
    chain: Chain
    label: str
    loops: int

    @property
    def kind(self) -> str:
        """What kind of instruction it is, see `kinds.KINDS`."""
        return kind_of(self.instruction)

    @property
    def is_float64(self) -> bool:
        """Does it load, compute or convert float64?"""
        return is_float64(self.instruction)


class PtxListing:
    """A compiled kernel to be looked at; `lens.ptx` makes one.

    `print(listing)` and the last line of a notebook's cell show it; `save("x.html")` writes one page. `counts` are of
    the whole kernel, `counts_of(line)` of a line; `rows` are the instructions, `text` the PTX; `line(n)` prints one
    line, `compare(other)` sets another rung beside it, `step(grid, block, …)` runs it and follows one warp.
    """

    def __init__(self, about: Subject) -> None:
        self.subject = about
        self.title, self.signature, self.note = about.title, about.signature, about.note
        if about.text:
            self.text = about.text
            chains, self.lines_whole = [chain for _, chain in parse_chains(self.text)], True
        else:
            self.text = _compiled(about)
            chains, self.lines_whole = places_of(about.kernel, about.types)
        self.module: Module = parse(self.text)
        self.names = names_of(self.module, about.function, about.types)
        self.loops: list[Loop] = loops_of(self.module.entry)
        self.rows: list[Row] = _rows(self.module, self.names, self.loops, chains)
        self.sources: list[Source] = sources_of(about.function, [p for row in self.rows for p in row.chain])

    # -- counts --------------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> Counter[str]:
        """How many instructions of each kind the compiled kernel has. Of a loop they stand there once."""
        return counted(row.instruction for row in self.rows)

    def counts_of(self, line: int, file: str = "") -> Counter[str]:
        """The same of a line, with what the functions that it calls became.

        file : the name of the file, for a line of a device function; else the kernel's
        """
        place = self.place(line, file)
        return counted(row.instruction for row in self.rows if place in row.chain)

    @property
    def main_loop(self) -> Loop | None:
        """The loop in which the work is done, None of a kernel without loops."""
        return main_loop(self.loops, [row.instruction for row in self.rows])

    @property
    def float64(self) -> list[Place]:
        """The lines that compute in float64, or convert to or from it, in the order of the compiled kernel."""
        return list(dict.fromkeys(row.chain[0] for row in self.rows if row.is_float64 and row.chain))

    @property
    def float64_arguments(self) -> list[str]:
        """The kernel's arguments that are float64, by their names."""
        function = self.subject.function
        names = function.__code__.co_varnames if function is not None else ()
        return [name for name, kind in zip(names, self.subject.types, strict=False) if "float64" in str(kind)]

    def own(self, place: Place | None) -> list[Row]:
        """The instructions that were made of a line itself; of None those that are of no one line."""
        return self._own.get(place, [])

    @cached_property
    def _own(self) -> dict[Place | None, list[Row]]:
        found: dict[Place | None, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.chain[0] if row.chain else None, []).append(row)
        return found

    def called(self, place: Place) -> dict[str, int]:
        """What a line's calls became: for each function how many instructions."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if place in row.chain[1:]:
                inside = row.chain[row.chain.index(place, 1) - 1]
                found[next((s.title for s in self.sources if inside in s), short_name(inside.file))] += 1
        return dict(found)

    def place(self, line: int, file: str = "") -> Place:
        """A line of the kernel, or of a device function by its file's name. Raises ArgumentError if there is none."""
        known = [place for row in self.rows for place in row.chain]
        first = self.sources[0].file if self.sources else ""
        for place in known:
            if place.line == line and (short_name(place.file) == file if file else place.file == first):
                return place
        if not any(line in s.lines for s in self.sources):
            told = ", ".join(f"{min(s.lines)} to {max(s.lines)} ({s.title})" for s in self.sources if s.lines)
            raise ArgumentError(f"lens.ptx: line {line} is not in this kernel. There are lines {told}.")
        return Place(first, line)  # nothing was made of it

    # -- machine code --------------------------------------------------------------------------------------------------

    @cached_property
    def sass(self) -> MachineCode:
        """What a GPU's assembler makes of the text (sm_80): instructions, and registers; or why there is none here.

        `@cuda.jit` on a GPU lets NVIDIA's linker optimise once more (LTO), which may save some instructions.
        """
        options = getattr(self.subject.kernel, "targetoptions", {})
        return machine_code(bounded(self.text, options), TARGET)

    @cached_property
    def machine_words(self) -> dict[int, list[str]]:
        """The machine's instructions by the number of the PTX instruction that they were made of; -1 is of none."""
        found: dict[int, list[str]] = {}
        for word in self.sass.words:
            found.setdefault(word.place, []).append(word.text)
        return found

    # -- looks ---------------------------------------------------------------------------------------------------------

    def __rich__(self) -> Any:
        from minidl.lens.compiling.text import renderable

        return renderable(self)

    def __str__(self) -> str:
        from minidl.lens.compiling.text import plain, renderable

        return plain(renderable(self))

    def _repr_html_(self) -> str:
        from minidl.lens.compiling.page import notebook

        return str(notebook(self))

    def show(self) -> None:
        """Print all of it, every instruction, in the terminal's width and colours (NO_COLOR is heeded)."""
        from minidl.lens.compiling.text import coloured, renderable

        say(coloured(renderable(self, most=len(self.rows))))

    def line(self, line: int, file: str = "") -> None:
        """Print what became of one line.

        file : the name of the file, for a line of a device function; else the kernel's
        """
        from minidl.lens.compiling.text import coloured, line_renderable

        say(coloured(line_renderable(self, self.place(line, file))))

    def save(self, path: str | PathLike[str]) -> None:
        """Write all of it as one HTML file that asks for nothing; it is there in full or not at all."""
        from minidl.lens.compiling.page import save

        save(self, path)

    # -- further -------------------------------------------------------------------------------------------------------

    def compare(self, other: PtxListing | str) -> PtxComparison:
        """Set another kernel beside this one: `lens.ptx("gemm:r5").compare("gemm:r7")` says what changed."""
        from minidl.lens.compiling.comparison import PtxComparison

        return PtxComparison(self, ptx(other) if isinstance(other, str) else other)

    def step(
        self,
        grid: int | Sequence[int] | None = None,
        block: int | Sequence[int] | None = None,
        *args: Any,
        at: int | Sequence[int] = 0,
        warp: int = 0,
        shared_bytes: int = 0,
        limit: int = 50_000,
    ) -> PtxSteps:
        """Run the kernel on this processor, and walk through what one warp did, registers by lanes.

        grid, block, args : as in `kernel[grid, block](*args)`; arrays are copied. They may be left out where the
            listing was made from arrays, or of a launch
        at : the block, by its number or (x, y, z); warp : the number of a warp in it
        limit : instructions and results noted a lane at most

        Raises
        ------
        ArgumentError : no arguments, no such block or warp; PtxError : an instruction that cannot be run here
        """
        from minidl.lens.compiling.following import follow

        return follow(self, grid, block, args, at, warp, shared_bytes, limit)


def _compiled(about: Subject) -> str:
    from cuda_kernels import ptx as compiled
    from cuda_kernels.compile.refusals import refusal

    try:
        return ptx_of(about.kernel, about.types)
    except compiled.NvvmMissing:
        raise
    except Exception as error:  # whatever the compiler raises is its answer
        why = refusal(about.kernel, about.types)
        if why is None:
            raise
        where = f", line {why.line}: `{why.text.strip()}`" if why.line else ""
        cure = f". {why.cure[:1].upper()}{why.cure[1:]}" if why.cure else ""
        raise ArgumentError(f"lens.ptx: {about.title} does not compile{where}: {why.reason}{cure}.") from error


def _rows(module: Module, names: dict[str, str], loops: list[Loop], chains: list[Chain]) -> list[Row]:
    rows: list[Row] = []
    targets = {str(o) for b in module.entry.blocks for i in b.instructions if i.opcode == "bra" for o in i.operands}
    for block in module.entry.blocks:
        label = short_label(block.label) if block.label in targets else ""
        for i in block.instructions:
            place = len(rows)
            depth = sum(place in loop for loop in loops)
            text, said = one_line(short(i, names)), one_line(words(i, names))
            rows.append(Row(place, i, text, said, section(i), chains[place], label, depth))
            label = ""
    return rows


def short_label(label: str) -> str:
    """A label as it is shown: "$L__BB0_4" is "L4".

    >>> short_label("$L__BB0_4")
    'L4'
    """
    return short(Instruction("bra", (), (), "", 0, label), {})


def ptx(kernel: Any, *args: Any, which: int | str = 0, **settings: Any) -> PtxListing:
    """Show what NVIDIA's compiler made of a kernel: each Python line beside its PTX, with counts. Needs no GPU.

    Parameters
    ----------
    kernel : a rung ("gemm:r7", "conv2d:r4"), a kernel of your own that was registered ("gemm:mine"), a `@cuda.jit`
        kernel, or PTX text
    args : what it is compiled for. Of a bare kernel: arrays and numbers as at a launch, or Numba types, or a signature
        ("void(float32[::1], int32)"). Of a rung: nothing, or what its host function takes, arrays or shapes; it is run,
        and its launch is shown
    which : of several kernels: a number, or a name
    settings : keywords of a rung's host function

    Returns
    -------
    a `PtxListing`. The text is what `cuda_kernels.ptx` runs (for sm_80); a GPU's driver makes machine code of it

    Raises
    ------
    NvvmMissing : NVIDIA's compilers are not installed; it names the command
    ArgumentError : no such kernel, arguments that do not fit, or a kernel that does not compile

    >>> listing = ptx(\"\"\"
    ... .visible .entry twice(.param .u64 x) {
    ...     .reg .b32 %r<2>; .reg .f32 %f<3>; .reg .b64 %rd<3>;
    ...     ld.param.u64 %rd1, [x];
    ...     mov.u32 %r1, %tid.x;
    ...     mad.wide.u32 %rd2, %r1, 4, %rd1;
    ...     ld.global.f32 %f1, [%rd2];
    ...     add.f32 %f2, %f1, %f1;
    ...     st.global.f32 [%rd2], %f2;
    ...     ret;
    ... }\"\"\")
    >>> listing.counts["load global 4 B"], listing.rows[2].words
    (1, 'rd2 = r1 × 4 + rd1, all 64 bits')
    """
    return PtxListing(subject(kernel, args, which, settings))
