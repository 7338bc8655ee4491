"""PTX text to plain records: what NVIDIA's compiler wrote, as a list of instructions that a program can follow.

    module = parse(text)
    module.entry.blocks[0].instructions[3]     # Instruction("add", (".s64",), ("%rd1", "%rd11", "%rd10"), line 44)

Grammar: PTX ISA 9.0, chapters 4 ("Syntax") and 7.4 to 7.6 (instructions: `@guard opcode.modifiers d, a, b, c;`).
Only what the compiler writes is read; anything else is an error that quotes the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple


class PtxError(Exception):
    """PTX that cannot be run here: which instruction, on which line of the kernel, and why."""


class Memory(NamedTuple):
    """An operand in brackets: `[%rd4+16]`, `[shared_array]`, `[name_param_2]`."""

    base: str
    offset: int


class Instruction(NamedTuple):
    """`@%p1 setp.lt.s64 %p2, %rd1, 5;` is ("setp", (".lt", ".s64"), ("%p2", "%rd1", "5"), guard "%p1")."""

    opcode: str
    modifiers: tuple[str, ...]
    operands: tuple[str | Memory | tuple[str, ...], ...]
    guard: str  # a predicate, "!" before it if it is negated, or ""
    line: int  # of the Python file, 0 where the compiler names none
    text: str

    @property
    def form(self) -> str:
        """Opcode and modifiers, as they are written."""
        return self.opcode + "".join(self.modifiers)


@dataclass
class Block:
    """Instructions that run one after another: entered at the first, left at the last (or at a guarded branch)."""

    label: str
    instructions: list[Instruction] = field(default_factory=list)


class Array(NamedTuple):
    """A declared array: in shared, local, global or constant memory."""

    name: str
    align: int
    size: int  # bytes; 0 for `extern .shared`, whose size the launch gives
    data: bytes  # initial values, or b""


@dataclass
class Function:
    """An entry (a kernel), or a function that one calls."""

    name: str
    parameters: list[tuple[str, str, int]]  # name, type (".u64"), bytes
    results: list[tuple[str, str, int]]
    registers: dict[str, str] = field(default_factory=dict)  # "%rd" → ".b64"
    local: list[Array] = field(default_factory=list)
    shared: list[Array] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    scopes: list[tuple[str, str, int]] = field(default_factory=list)  # .param variables inside the body: of calls
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)  # .branchtargets of brx.idx

    def type_of(self, register: str) -> str:
        """The declared type of a register: ".f32", ".b64", ".pred" …"""
        return self.registers[register] if register in self.registers else self.registers[register.rstrip("0123456789")]


@dataclass
class Module:
    """One compiled kernel with the arrays and functions that it needs."""

    target: str
    functions: dict[str, Function]
    shared: list[Array]
    constants: list[Array]  # .global and .const
    entry: Function


SPACES = (".global", ".shared", ".local", ".param", ".const")


def space_of(i: Instruction) -> str:
    """The space that an instruction names: ".shared" also for ".shared::cta"; "" is any."""
    return next((m.split("::")[0] for m in i.modifiers if m.split("::")[0] in SPACES), "")


BYTES = {"8": 1, "16": 2, "32": 4, "64": 8, "128": 16}


def bytes_of(type_name: str) -> int:
    """How many bytes a value of this type has: 4 for ".f32"; ".pred" is 1; ".bf16x2" is 4."""
    if type_name == ".pred":
        return 1
    digits = re.search(r"\d+", type_name)
    packed = 2 if type_name.endswith("x2") else 1
    return packed * BYTES[digits.group()] if digits else 1


_ARRAY = re.compile(
    r"(?:\.(?:visible|extern|common|weak)\s+)*\.(?P<space>shared|local|global|const)\s+(?:\.align\s+(?P<align>\d+)\s+)?"
    r"(?P<type>\.\w+)\s+(?P<name>[\w$]+)(?P<size>\[\d*\])?\s*(?:=\s*(?P<value>[^;]*))?;",
    re.S,
)
_HEAD = re.compile(
    r"\.(?P<kind>entry|func)\s*(?P<results>\([^)]*\))?\s*(?P<name>[\w$]+)\s*(?P<parameters>\([^)]*\))?", re.S
)
_PARAMETER = re.compile(r"\.param\s+(?:\.align\s+\d+\s+)?(\.\w+)\s+(?:\.ptr[^%\w]*)?([\w$]+)(?:\[(\d+)\])?")


def parse(text: str) -> Module:
    """Read a module that holds one kernel.

    Raises
    PtxError : the text holds no entry, or something that this reader does not know; it quotes the line
    """
    text = _bare(text)
    target = re.search(r"\.target\s+(\w+)", text)
    functions: dict[str, Function] = {}
    shared: list[Array] = []
    constants: list[Array] = []
    entries = []
    place = 0
    for start, end in _bodies(text):
        head = None
        for head in _HEAD.finditer(text, place, start):  # noqa: B007 - the last one is the body's own
            pass
        if head is None:
            raise PtxError(f"a body without a head: {text[max(start - 80, 0) : start].strip()!r}")
        _module_arrays(text[place:start], shared, constants)
        function = Function(head["name"], _parameters(head["parameters"]), _parameters(head["results"]))
        _body(text[start + 1 : end], function)
        functions[function.name] = function
        if head["kind"] == "entry":
            entries.append(function)
        place = end + 1
    _module_arrays(text[place:], shared, constants)
    if len(entries) != 1:
        raise PtxError(f"a module with one .entry was expected, this has {len(entries)}")
    return Module(target.group(1) if target else "", functions, shared, constants, entries[0])


def _bare(text: str) -> str:
    """The text without comments, and without what it says for debuggers alone."""
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r"\.section\s+\.debug\w*\s*\{[^}]*\}", "", text)


def _bodies(text: str) -> list[tuple[int, int]]:
    """Where the bodies of functions begin and end: outermost braces that are no initial values."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"[{}]", text):
        if match.group() == "{":
            if depth == 0:
                start = match.start()
            depth += 1
        else:
            depth -= 1
            if depth == 0 and not text[:start].rstrip().endswith("="):
                found.append((start, match.start()))
    return found


def _module_arrays(text: str, shared: list[Array], constants: list[Array]) -> None:
    for match in _ARRAY.finditer(text):
        (shared if match["space"] == "shared" else constants).append(_array(match))


def _array(match: re.Match[str]) -> Array:
    width = bytes_of(match["type"])
    count = 1 if match["size"] is None else int(match["size"].strip("[]") or 0)
    data = b""
    if match["value"]:
        numbers = [_number(word) for word in re.findall(r"[-\w.]+", match["value"])]
        data = b"".join((n % (1 << 8 * width)).to_bytes(width, "little") for n in numbers)
        data += bytes(width * count - len(data))
    return Array(match["name"], int(match["align"] or width), width * count, data)


def _number(word: str) -> int:
    if re.fullmatch(r"0[fF][0-9a-fA-F]{8}|0[dD][0-9a-fA-F]{16}", word):
        return int(word[2:], 16)
    return int(word.rstrip("U"), 0)


def _parameters(text: str | None) -> list[tuple[str, str, int]]:
    return [(name, kind, bytes_of(kind) * int(count or 1)) for kind, name, count in _PARAMETER.findall(text or "")]


_REGISTERS = re.compile(r"\.reg\s+(\.\w+)\s+([%\w$]+)(?:<(\d+)>)?")


def _body(text: str, function: Function) -> None:
    """Fill in a function from the text between its braces."""
    line, block = 0, Block("")
    function.blocks.append(block)
    waiting = ""  # the label before a .branchtargets
    scopes: list[dict[str, str]] = []  # registers declared inside braces, by what they are called outside
    opened = 0
    for statement in _statements(text):
        if statement.endswith(":"):
            waiting = statement[:-1]
            block = Block(waiting)
            function.blocks.append(block)
        elif statement.startswith(".loc "):
            line = _line(statement, line)
        elif statement == "{":
            opened += 1
            scopes.append({})
        elif statement == "}":
            scopes.pop()
        elif statement.startswith(".reg"):
            for kind, name, count in _REGISTERS.findall(statement):
                if scopes:  # they hide those of the same name outside, until the brace closes
                    for own in [f"{name}{k}" for k in range(int(count))] if count else [name]:
                        scopes[-1][own] = f"{own}_{opened}"
                        function.registers[f"{own}_{opened}"] = kind
                else:
                    function.registers[name] = kind
        elif statement.startswith(".branchtargets"):
            function.blocks.pop()  # its label names a table, not a place
            block = function.blocks[-1]
            function.tables[waiting] = tuple(re.findall(r"[\w$]+", statement)[1:])
        elif statement.startswith((".local", ".shared")):
            match = _ARRAY.match(statement + ";")
            if match is None:
                raise PtxError(f"a declaration that cannot be read: {statement}")
            (function.local if statement.startswith(".local") else function.shared).append(_array(match))
        elif statement.startswith(".param"):
            function.scopes += _parameters(statement)
        elif statement.startswith((".pragma", ".file", ".section", ".callprototype")):
            continue
        else:
            block.instructions.append(_instruction(_renamed(statement, scopes), line)._replace(text=statement))


def _renamed(statement: str, scopes: list[dict[str, str]]) -> str:
    """A statement with the registers of the braces that it stands in."""
    known = {outside: own for names in scopes for outside, own in names.items()}  # the innermost comes last
    return re.sub(r"%[\w$]+", lambda word: known.get(word.group(), word.group()), statement) if known else statement


def instructions_and_lines(text: str) -> list[tuple[str, bool]]:
    """The kernel's statements that are instructions or `.loc`, in order, each with whether it is a `.loc`.

    >>> instructions_and_lines(".entry k() { .loc 1 5 0; .reg .b32 %r<2>; mov.u32 %r1, 5; ret; }")
    [('.loc 1 5 0', True), ('mov.u32 %r1, 5', False), ('ret', False)]
    """
    text = _bare(text)
    entry = parse(text).entry.name
    heads = {body: list(_HEAD.finditer(text, 0, body[0]))[-1]["name"] for body in _bodies(text)}
    start, end = next(body for body, name in heads.items() if name == entry)
    kept = [s for s in _statements(text[start + 1 : end]) if not s.endswith(":")]
    return [(s, s[0] == ".") for s in kept if s.startswith(".loc ") or s[0] not in ".{}"]


def instructions_in(text: str) -> list[str]:
    """The statements of a piece of a body that are instructions: no declarations, labels or lines.

    >>> instructions_in("{ .reg .b32 %t; $L__BB0_1: mov.u32 %t, 5; } // a comment")
    ['mov.u32 %t, 5']
    """
    return [s for s in _statements(_bare(text)) if not s.endswith(":") and s[0] not in ".{}"]


def _line(statement: str, before: int) -> int:
    """The line of a `.loc`; of code that was inlined, the line of the kernel that called it; 0 means as before."""
    place = re.match(r"\.loc\s+\d+\s+(\d+)", statement)
    caller = re.search(r"inlined_at\s+\d+\s+(\d+)", statement)
    found = int((caller or place).group(1)) if place else 0
    return found or before


def _statements(text: str) -> list[str]:
    """Statements without their semicolons; labels keep their colon, braces stand alone."""
    found = []
    for raw in re.split(r";", text):
        piece = " ".join(raw.split())
        while True:
            label = re.match(r"([$\w]+):\s*", piece)
            loc = re.match(r"(\.loc(?: \d+)+(?:, ?function_name [^,]*, ?inlined_at(?: \d+)+)?) ?", piece)
            if label:
                found.append(label.group(1) + ":")
                piece = piece[label.end() :]
            elif loc:
                found.append(loc.group(1))
                piece = piece[loc.end() :]
            elif piece.startswith("{") or piece.startswith("}"):
                found.append(piece[0])
                piece = piece[1:].lstrip()
            else:
                break
        if piece:
            found.append(piece)
    return found


_INSTRUCTION = re.compile(
    r"(?:@(?P<guard>!?[%\w]+)\s+)?(?P<opcode>[a-z0-9_]+)(?P<modifiers>(?:(?:\.|::)[\w:]+)*)\s*(?P<rest>.*)"
)


def _instruction(statement: str, line: int) -> Instruction:
    match = _INSTRUCTION.fullmatch(statement)
    if match is None:
        raise PtxError(f"line {line} of the kernel: an instruction that cannot be read: {statement}")
    modifiers = tuple(f".{m}" for m in match["modifiers"].split(".") if m)
    operands = tuple(_operand(word) for word in _commas(match["rest"]))
    return Instruction(match["opcode"], modifiers, operands, match["guard"] or "", line, statement)


def _commas(text: str) -> list[str]:
    """Split at commas that stand in no bracket; `d|p` of a shuffle is two operands."""
    return [
        word.strip() for word in re.findall(r"(?:\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|[^,|{}\[\]()])+", text) if word.strip()
    ]


def _operand(word: str) -> str | Memory | tuple[str, ...]:
    if word.startswith("["):
        inner = word[1:-1].replace(" ", "")
        match = re.fullmatch(r"([%$\w.]+?)(?:\+(-?\d+))?", inner)
        if match is None:
            raise PtxError(f"an operand that cannot be read: {word}")
        return Memory(match[1], int(match[2] or 0))
    if word.startswith(("{", "(")):
        return tuple(w.strip() for w in word[1:-1].split(",") if w.strip())
    return word
