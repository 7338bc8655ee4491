"""One instruction of a kernel changed, forty times for each of three: every change that can change a result is seen.

The texts in `planted/` are what NVVM 13.0 made of gemm r3, softmax r3 and dropout r1. A change that nothing sees is
listed in UNSEEN with the reason why it changes nothing in this launch.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_kernels.ptx import PtxFault, running
from cuda_kernels.ptx.native import Native, translate
from minidl.ops.dropout import dropout_forward

CHANGES = 40
RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.reshape(5, 100) - x.reshape(5, 100).max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True)).ravel()


def kept() -> np.ndarray:
    """The mask that NumPy's Philox draws for dropout of 0.4."""
    return dropout_forward(np.ones(407, np.float32), rate=0.4, seed=3, offset=5)[1].keep


# kernel: grid, block, arguments (an array that is written is None), shape of the result, what it should be
LAUNCHES: dict[str, tuple[Any, Any, list[Any], tuple[int, ...], Any]] = {
    "gemm_shared": ((3, 2), (32, 32), [normal(37, 96), normal(96, 70), normal(1680), None, np.int32(96)], (37, 70),
                    lambda a, b, *_: a @ b),
    "softmax_registers": (2, (32, 4), [normal(500), None, np.int32(5), np.int32(100)], (500,),
                          lambda x, *_: softmax(x)),
    "dropout": (2, 256, [None, np.int32(6710887), *map(np.uint32, (3, 0, 5, 0)), np.int32(407)], (407,),
                lambda *_: kept()),
}  # fmt: skip
SWAPS = {
    "add": "sub", "sub": "add", "mul": "add", "max": "min", "min": "max", "and": "or", "or": "and", "shl": "shr",
    "shr": "shl", "div": "rem", "rem": "div", "neg": "abs",
}  # fmt: skip
COMPARISONS = {".lt": ".le", ".le": ".lt", ".gt": ".ge", ".ge": ".gt", ".eq": ".ne", ".ne": ".eq"}
UNSEEN: dict[str, dict[int, str]] = {  # line of the text: why the change there changes nothing
    "gemm_shared": {
        77: "what is added is 0: the sign of a size that is not negative",
        79: "the rest of 96 by 32 is 0, either way round",
        101: "shifts a sign bit, that of a thread's number: 0",
        138: "what is added is 0: an index that is not negative",
    },
    "softmax_registers": {
        42: "rows 4 b - t for 4 b + t: negative rows count from the end, and all rows are done all the same",
        48: "no thread's number is the number of columns",
        72: "no thread's number and 64 are the number of columns",
        180: "what is negated is a whole number that is not above 0: exponents of softmax",
        216: "a bit that is not in the size, of an index that is not negative",
        230: "a bit that is not in the size, of an index that is not negative",
    },
    "dropout": {
        42: "two shifts of a number that is not negative: 0 after the second",
        43: "shifts 0",
        44: "what is subtracted is 0",
        180: "taken where the rest is negative: it never is",
        192: "the last bit of a word that is compared with the threshold",
    },
}


def changed(line: str, random_: random.Random) -> str | None:
    """Another instruction in the place of this one; None where there is nothing to change."""
    options = []
    opcode = re.match(r"\s*(?:@!?%\w+\s+)?([a-z0-9]+)", line)
    if opcode is None or opcode[1] in ("ret", "ld") and ".param" in line or opcode[1] == "ret":
        return None
    name = opcode[1]
    if name in SWAPS and not (name in ("mul", "shr", "shl") and (".wide" in line or ".hi" in line)):
        other = line.replace(f"{name}.", f"{SWAPS[name]}.", 1)
        other = other.replace("mul.lo", "mul").replace("add.lo", "add")
        types = {"shl.s": "shl.b", "shl.u": "shl.b", "shr.b": "shr.u", "abs.ftz": "abs"}
        for wrong, right in types.items():
            other = other.replace(wrong, right)
        options.append(other)
    if name == "setp":
        for old, new in COMPARISONS.items():
            if f"setp{old}." in line:
                options.append(line.replace(old, new, 1))
    if line.lstrip().startswith("@!"):
        options.append(line.replace("@!", "@", 1))
    elif line.lstrip().startswith("@"):
        options.append(line.replace("@", "@!", 1))
    if name in ("ld", "st") and "[" in line:
        options.append(re.sub(r"\[(%\w+)(?:\+(-?\d+))?\]", lambda m: f"[{m[1]}+{int(m[2] or 0) + 4}]", line))
    number = re.search(r"(?<=[ ,])(-?\d+)(?=[,;])", line)
    if number and name not in ("bar", "shfl"):
        options.append(line[: number.start()] + str(int(number[1]) + 1) + line[number.end() :])
    if name in ("fma", "mul", "add", "selp", "sub"):
        sources = re.search(r"(%\w+),\s*(%\w+)\s*;", line)
        if sources and sources[1] != sources[2] and not line.count("%p") > 1 and name in ("sub", "fma"):
            options.append(line.replace(f"{sources[1]}, {sources[2]};", f"{sources[2]}, {sources[1]};"))
    if name in ("bar", "st", "shfl"):
        drop = "" if name != "shfl" else re.sub(r".*?(%\w+)\|?(%\w+)?,\s*(%\w+),.*", r"mov.b32 \1, \3;", line)
        options.append(f"\t{drop}")
    return random_.choice([o for o in options if o != line]) if [o for o in options if o != line] else None


def plants(name: str) -> Iterator[tuple[int, str, str, str]]:
    """Line, what stood there, what stands there now, and the whole text: CHANGES of them, each at another line."""
    text = (Path(__file__).parent / "planted" / f"{name}.ptx").read_text()
    lines = text.splitlines()
    random_ = random.Random(12)
    places = [k for k, line in enumerate(lines) if line.startswith("\t") and line.endswith(";") and "\t." not in line]
    random_.shuffle(places)
    count = 0
    for k in places:
        new = changed(lines[k], random_)
        if new is not None and count < CHANGES:
            count += 1
            yield k + 1, lines[k].strip(), new.strip(), "\n".join([*lines[:k], new, *lines[k + 1 :]])


def result(name: str, text: str, order: int | None = None) -> np.ndarray | str:
    """What the kernel gives, or the kind of fault."""
    grid, block, given, shape, _ = LAUNCHES[name]
    out = np.full(shape, 7, np.uint8 if name == "dropout" else np.float32)
    args = [out if a is None else a.copy() if isinstance(a, np.ndarray) else a for a in given]
    native = Native(translate(text, level=1))
    try:
        running.run(native, grid, block, args, order=order, limit=3)
    except PtxFault as fault:
        return str(fault)
    return out


@pytest.mark.parametrize("name", LAUNCHES)
def test_every_planted_change_that_changes_a_result_is_seen(name: str) -> None:
    text = (Path(__file__).parent / "planted" / f"{name}.ptx").read_text()
    *_, given, _, expected = LAUNCHES[name]
    right = result(name, text)
    assert isinstance(right, np.ndarray)
    np.testing.assert_allclose(right, expected(*given), rtol=1e-5, atol=1e-5)
    unseen, count = {}, 0
    for line, before, after, planted in plants(name):
        count += 1
        seeds = (None, 1, 2, 3) if before.startswith("bar") else (None,)
        found = [result(name, planted, seed) for seed in seeds]
        if all(isinstance(f, np.ndarray) and np.array_equal(f, right) for f in found):
            unseen[line] = f"{before} -> {after}"
    assert count == CHANGES
    assert unseen.keys() == UNSEEN.get(name, {}).keys()
