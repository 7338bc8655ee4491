"""Each instruction in words: `fma.rn.f32 %f4, %f1, %f2, %f3` is "f4 = f1 × f2 + f3, rounded once".

    words(instruction, names)          # names: what the program's parameters and arrays are called, see `names_of`
    short(instruction, names)          # as it is written, with these names: "ld.param.u64 %rd1, [x.data]"
    section(instruction)               # of the PTX ISA: "9.7.3.6"

The sentences say what the program sees; how an instruction is computed here stands in `instructions` and `warp`.
"""

from __future__ import annotations

import inspect
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from numba import types as nb

from .analysis import is_register
from .instructions import MEANINGS
from .parse import Instruction, Memory, Module, bytes_of
from .warp import TOGETHER

_SPECIAL = {
    "%tid": "threadIdx", "%ntid": "blockDim", "%ctaid": "blockIdx", "%nctaid": "gridDim",
    "%laneid": "the lane's number", "%warpid": "the warp's number", "%clock": "the clock", "%clock64": "the clock",
    "WARP_SZ": "32",
}  # fmt: skip
_TYPES = {"s": "int", "u": "uint", "f": "float", "b": "bits", "bf": "bfloat"}
_COMPARE = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">=",
    "equ": "==", "neu": "!=", "ltu": "<", "leu": "<=", "gtu": ">", "geu": ">=",
}  # fmt: skip
_ROUNDINGS = {".rz": "toward zero", ".rm": "down", ".rp": "up", ".rzi": "toward zero", ".rmi": "down", ".rpi": "up",
              ".rni": "to the nearest whole number", ".rna": "to nearest, ties away from zero"}  # fmt: skip


# -- names -------------------------------------------------------------------------------------------------------------


def names_of(module: Module, function: Callable[..., Any] | None = None, types: Sequence[Any] = ()) -> dict[str, str]:
    """What the compiler's names for parameters and shared arrays stand for: "…_param_4" is "x.data".

    function, types : the kernel's Python function and its Numba types; without them parameters have numbers
    """
    parameters = [name for name, _, _ in module.entry.parameters]
    told: list[str] = []
    if function is not None:
        for name, kind in zip(inspect.signature(function).parameters, types, strict=False):
            told += _parts(name, kind)
    if len(told) != len(parameters):
        told = [f"parameter {k}" if "param" in name else name for k, name in enumerate(parameters)]
    found = dict(zip(parameters, told, strict=True))
    arrays = [array.name for array in (*module.shared, *module.entry.shared)]
    for k, name in enumerate(arrays, 1):
        if name.startswith("_cudapy_smem") or name.startswith("_ZN"):
            found[name] = f"shared{k}" if len(arrays) > 1 else "shared"
    return found


def _parts(name: str, kind: Any) -> list[str]:
    """How Numba takes an argument apart; the order is that of `running.parameters_of`."""
    if isinstance(kind, nb.Array):
        axes = range(kind.ndim)
        head = [f"{name}.{part}" for part in ("meminfo", "parent", "size", "itemsize", "data")]
        return [*head, *(f"{name}.shape[{k}]" for k in axes), *(f"{name}.strides[{k}]" for k in axes)]
    if isinstance(kind, nb.BaseTuple):
        return [part for k, inner in enumerate(kind) for part in _parts(f"{name}[{k}]", inner)]
    if isinstance(kind, nb.Complex):
        return [f"{name}.real", f"{name}.imag"]
    return [name]


def _renamed(text: str, names: dict[str, str]) -> str:
    """A text with the compiler's names replaced, and labels and registers as short as can be."""
    text = re.sub(r"[\w$]+", lambda found: names.get(found.group(), found.group()), text)
    return re.sub(r"\$L__BB\d+_(\d+)", r"L\1", text)


def short(i: Instruction, names: dict[str, str]) -> str:
    """The instruction as it is written, with names that a reader knows.

    >>> short(Instruction("bra", (), ("$L__BB0_4",), "%p1", 0, "@%p1 bra $L__BB0_4"), {})
    '@%p1 bra L4'
    """
    return _renamed(i.text, names)


def section(i: Instruction) -> str:
    """The section of the PTX ISA 9.0 that defines the instruction; "" where none is noted.

    >>> section(Instruction("selp", (".b32",), (), "", 0, ""))
    '9.7.6.3'
    """
    text = (MEANINGS.get(i.opcode) or TOGETHER.get(i.opcode) or section).__doc__ or ""
    found = re.search(r"[Ss]ections? ((?:\d+(?:\.\d+)+(?:, | and | to )?)+)", text)
    return re.sub(r"(, | and | to )$", "", found.group(1)) if found else ""


# -- operands ----------------------------------------------------------------------------------------------------------


def number_of(word: str) -> str | None:
    """A constant as a number: "0f3F800000" is 1.0; None for what is none.

    >>> number_of("0f3F800000"), number_of("0d3FB999999999999A"), number_of("-5"), number_of("%r1")
    ('1.0', '0.1', '-5', None)
    """
    if re.fullmatch(r"0[fF][0-9a-fA-F]{8}", word):
        value = struct.unpack(">f", bytes.fromhex(word[2:]))[0]
        return str(float(f"{value:.7g}"))
    if re.fullmatch(r"0[dD][0-9a-fA-F]{16}", word):
        return str(struct.unpack(">d", bytes.fromhex(word[2:]))[0])
    return word if re.fullmatch(r"-?\d\w*", word) else None


def _said(word: Any, names: dict[str, str]) -> str:
    if isinstance(word, Memory):
        base = _said(word.base, names)
        return f"{base} + {word.offset}" if word.offset > 0 else f"{base} - {-word.offset}" if word.offset else base
    if isinstance(word, tuple):
        return ", ".join(_said(w, names) for w in word)
    if word.startswith("!"):
        return f"not {_said(word[1:], names)}"
    number = number_of(word)
    if number is not None:
        return number
    base, _, axis = word.partition(".")
    if base in _SPECIAL:
        return _SPECIAL[base] + (f".{axis}" if axis else "")
    if word[0] == "%":
        return word[1:]
    return _renamed(word, names)


def type_name(kind: str) -> str:
    """A type as NumPy calls it.

    >>> type_name(".f32"), type_name(".s64"), type_name(".pred"), type_name(".b32")
    ('float32', 'int64', 'bool', '32 bits')
    """
    letters = re.match(r"\.([a-z]+?)(\d+)", kind)
    if kind == ".pred" or letters is None:
        return "bool" if kind == ".pred" else kind[1:]
    name = _TYPES.get(letters[1], letters[1])
    return f"{letters[2]} bits" if name == "bits" else kind[1:] if name == letters[1] else name + letters[2]


def space_of(i: Instruction) -> str:
    """The memory that a load, store or atomic goes to: "global", "shared", "local", "param", "const"; "any" of all.

    >>> space_of(Instruction("ld", (".shared", ".v4", ".f32"), (), "", 0, ""))
    'shared'
    """
    named = (m[1:].partition("::")[0] for m in i.modifiers)
    return next((name for name in named if name in ("global", "shared", "local", "param", "const")), "any")


def bytes_moved(i: Instruction) -> int:
    """How many bytes one thread moves in a load, store or atomic."""
    return bytes_of(i.modifiers[-1]) * (4 if ".v4" in i.modifiers else 2 if ".v2" in i.modifiers else 1)


# -- sentences ---------------------------------------------------------------------------------------------------------

_PLAIN: dict[str, str] = {
    "add": "{d} = {a} + {b}", "sub": "{d} = {a} - {b}", "addc": "{d} = {a} + {b} + carry",
    "subc": "{d} = {a} - {b} - borrow",
    "div": "{d} = {a} / {b}", "rem": "{d} = {a} % {b}", "abs": "{d} = |{a}|", "neg": "{d} = -{a}",
    "min": "{d} = the smaller of {a} and {b}", "max": "{d} = the larger of {a} and {b}",
    "copysign": "{d} = {b} with the sign of {a}", "rcp": "{d} = 1 / {a}", "sqrt": "{d} = √{a}",
    "rsqrt": "{d} = 1 / √{a}",
    "sin": "{d} = sin {a}", "cos": "{d} = cos {a}", "lg2": "{d} = log2 {a}", "ex2": "{d} = 2^{a}",
    "tanh": "{d} = tanh {a}",
    "and": "{d} = {a} & {b}", "or": "{d} = {a} | {b}", "xor": "{d} = {a} ^ {b}", "not": "{d} = ~{a}",
    "cnot": "{d} = 1 if {a} is 0, else 0", "shl": "{d} = {a} << {b}", "shr": "{d} = {a} >> {b}",
    "selp": "{d} = {a} if {c} else {b}", "slct": "{d} = {a} if {c} >= 0 else {b}",
    "popc": "{d} = how many bits of {a} are 1", "clz": "{d} = how many zeros {a} begins with",
    "brev": "{d} = the bits of {a} in reverse order", "bfind": "{d} = the place of the highest 1 in {a}",
    "bfe": "{d} = {c} bits of {a}, from bit {b} on", "bfi": "{d} = {b}, with {a} put in at bit {c}",
    "prmt": "{d} = four bytes out of {a} and {b}, as {c} chooses",
    "lop3": "{d} = a logical function of {a}, {b} and {c}",
    "bra": "go to {d}", "brx": "go to the place with number {d} in a table", "ret": "this thread is done",
    "exit": "this thread is done", "trap": "stop the kernel with an error", "brkpt": "stop for a debugger",
    "call": "call another function", "membar": "what was written before is seen before what is written after",
    "fence": "what was written before is seen before what is written after",
    "prefetch": "bring {d} near; changes no value",
    "prefetchu": "bring {d} near; changes no value", "nanosleep": "wait {d} nanoseconds", "pmevent": "tell a profiler",
    "activemask": "{d} = which lanes run this together, a bit for each",
    "mma": "{d} = the warp's tile product on tensor cores: A ({a}) × B ({b}) + C ({c})",
    "match": "{d} = which lanes have the same {a}",
}  # fmt: skip


def words(i: Instruction, names: dict[str, str] | None = None) -> str:
    """What the instruction does, as a sentence.

    >>> def read(text):
    ...     from cuda_kernels.ptx.parse import parse
    ...     return parse(f".entry k() {{ .reg .b32 %r<9>; {text}; }}").entry.blocks[0].instructions[0]
    >>> words(read("fma.rn.f32 %f4, %f1, %f2, %f3"))
    'f4 = f1 × f2 + f3, rounded once'
    >>> words(read("@!%p2 ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1+16]"))
    'if not p2: f1, f2, f3, f4 = global[rd1 + 16], 16 bytes'
    >>> words(read("setp.lt.s32 %p1, %r1, %r2")), words(read("cvt.f64.f32 %fd1, %f1"))
    ('p1 = r1 < r2', 'fd1 = f1 as float64, from float32')
    """
    said = [_said(operand, names or {}) for operand in i.operands]
    sentence = _SENTENCES[i.opcode](i, said) if i.opcode in _SENTENCES else _plain(i, said)
    rounding = next((_ROUNDINGS[m] for m in i.modifiers if m in _ROUNDINGS), "")
    sentence += f", rounded {rounding}" * bool(rounding) + ", clamped" * (".sat" in i.modifiers)
    guard = f"if {'not ' * (i.guard[:1] == '!')}{i.guard.lstrip('!%')}: " if i.guard else ""
    return guard + sentence


def _plain(i: Instruction, said: list[str]) -> str:
    sentence = _PLAIN.get(i.opcode)
    if sentence is None:
        return f"{i.form}: no words for it here"
    if i.modifiers[-1:] == (".pred",):
        for sign, word in (("&", "and"), ("|", "or"), ("^", "xor"), ("~", "not ")):
            sentence = sentence.replace(sign, word)
    d, a, b, c = (*said, "", "", "", "")[:4]
    approx = ", nearly" if ".approx" in i.modifiers or ".full" in i.modifiers else ""
    return sentence.format(d=d, a=a, b=b, c=c) + approx


def _product(i: Instruction, said: list[str]) -> str:
    sentence = f"{said[0]} = {said[1]} × {said[2]}" + (f" + {said[3]}" if len(said) > 3 else "")
    width = re.sub(r"\D", "", i.modifiers[-1])
    parts = {".hi": f", the high {width} bits", ".wide": f", all {2 * int(width or 0)} bits"}
    rounded = ", rounded once" if i.opcode == "fma" else ""
    return sentence + next((parts[m] for m in i.modifiers if m in parts), rounded)


def _compare(i: Instruction, said: list[str]) -> str:
    word = i.modifiers[0][1:]
    results = 2 if "|" in i.text else 1
    a, b, *more = said[results:]
    sentence = {"num": f"neither {a} nor {b} is NaN", "nan": f"{a} or {b} is NaN"}.get(word)
    sentence = sentence or f"{a} {_COMPARE.get(word, word)} {b}"
    if word.endswith("u") and word in _COMPARE:
        sentence += ", or one is NaN"
    join = next((m[1:] for m in i.modifiers if m in (".and", ".or", ".xor")), "")
    sentence = f"({sentence}) {join} {more[0]}" if join and more else sentence
    return f"{said[0]} = {sentence}" + (f"; {said[1]} = the opposite" if results == 2 else "")


def _convert(i: Instruction, said: list[str]) -> str:
    kinds = [m for m in i.modifiers if re.fullmatch(r"\.(bf|tf|[sufb])\d+(x2)?", m)]
    if len(kinds) < 2:
        return f"{said[0]} = {said[1]}, converted"
    if kinds[0] == kinds[1]:
        return f"{said[0]} = {said[1]}"
    return f"{said[0]} = {', '.join(said[1:])} as {type_name(kinds[0])}, from {type_name(kinds[1])}"


def _at(i: Instruction, place: str) -> str:
    """A place in memory: "global[rd1 + 16]", "memory[rd1]" of an address of any space, "shared2[16]" of an array."""
    if place.startswith("shared"):
        name, _, offset = place.partition(" + ")
        return f"{name}[{offset or 0}]"
    return f"{space_of(i).replace('any', 'memory')}[{place}]"


def _size(i: Instruction) -> str:
    count = bytes_moved(i)
    return f", {count} byte{'s' * (count > 1)}"


def _load(i: Instruction, said: list[str]) -> str:
    if space_of(i) == "param":
        return f"{said[0]} = the argument {said[1]}"
    return f"{said[0]} = {_at(i, said[1])}{_size(i)}"


def _store(i: Instruction, said: list[str]) -> str:
    return f"{_at(i, said[0])} = {said[1]}{_size(i)}"


def _atomic(i: Instruction, said: list[str]) -> str:
    what = next((m[1:] for m in i.modifiers if m[1:] in _ATOMIC), "")
    place, *values = said[1:] if i.opcode == "atom" else said
    sentence = f"{_at(i, place)} {_ATOMIC.get(what, '=')} {', '.join(values)}, as one step"
    return sentence + (f"; {said[0]} = what was there" if i.opcode == "atom" else "")


_ATOMIC = {"add": "+=", "min": "= the smaller of it and", "max": "= the larger of it and", "exch": "=",
           "and": "&=", "or": "|=", "xor": "^=", "inc": "+= 1 up to", "dec": "-= 1 down from",
           "cas": "if equal, becomes"}  # fmt: skip


def _barrier(i: Instruction, said: list[str]) -> str:
    if ".warp" in i.modifiers:
        return f"wait for the lanes {said[0]} of the warp"
    if ".red" in i.modifiers:
        return f"wait for all threads of the block; {said[0]} = {said[-1]} of all of them, joined"
    return "wait for all threads of the block"


def _shuffle(i: Instruction, said: list[str]) -> str:
    value, lane = (said[2], said[3]) if "|" in i.text else (said[1], said[2])
    whose = {".down": f"{lane} lanes above", ".up": f"{lane} lanes below", ".bfly": f"of lane number xor {lane}",
             ".idx": f"of lane {lane}"}  # fmt: skip
    return f"{said[0]} = {value} {next((whose[m] for m in i.modifiers if m in whose), lane)}"


def _vote(i: Instruction, said: list[str]) -> str:
    asked = {".all": f"{said[1]} in all lanes?", ".any": f"{said[1]} in any lane?",
             ".uni": f"the same {said[1]} in all?",
             ".ballot": f"in which lanes {said[1]} holds, a bit for each"}  # fmt: skip
    return f"{said[0]} = {next((asked[m] for m in i.modifiers if m in asked), said[1])}"


def _address(i: Instruction, said: list[str]) -> str:
    space = next((m[1:] for m in i.modifiers if m in (".global", ".shared", ".local", ".const")), "")
    if ".to" in i.modifiers:
        return f"{said[0]} = {said[1]} as a {space} address"
    return f"{said[0]} = the {space} address {said[1]} as one of any memory"


def _move(i: Instruction, said: list[str]) -> str:
    packed = [isinstance(operand, tuple) for operand in i.operands]
    if any(packed):
        return f"{said[0]} = {said[1]}" + (", taken apart" if packed[0] else ", put together")
    word = str(i.operands[1])
    address = not is_register(word) and word[0] not in "%-!" and number_of(word) is None
    return f"{said[0]} = {'the address of ' * address}{said[1]}"


_SENTENCES: dict[str, Callable[[Instruction, list[str]], str]] = {
    "mul": _product, "mad": _product, "fma": _product, "madc": _product, "setp": _compare, "set": _compare,
    "cvt": _convert, "ld": _load, "ldu": _load, "st": _store, "atom": _atomic, "red": _atomic, "bar": _barrier,
     "shfl": _shuffle, "vote": _vote, "cvta": _address, "mov": _move,
    "testp": lambda i, said: f"{said[0]} = is {said[1]} {i.modifiers[0][1:]}?",
    "shf": lambda i, said: f"{said[0]} = 32 bits of {said[2]} and {said[1]} together, shifted by {said[3]}",
    "redux": lambda i, said: f"{said[0]} = {i.modifiers[1][1:]} of {said[1]} over the lanes",
}  # fmt: skip
