"""What a wrong result or a fault says of the kernel behind it: the likely cause, as a teacher would put it."""

from __future__ import annotations

import inspect

import numpy as np

from cuda_kernels.simt.launch import program_of
from minidl.backends.students.host import is_kernel
from minidl.backends.students.plans import PLANNERS
from minidl.backends.students.register import student_kernel
from minidl.lens.comparing.patterns import patterns
from minidl.testing.kernels.mistakes import TILES, Evidence, recognised
from minidl.testing.kernels.runs import Cause

ALL = "all cells are wrong"
FEW = 9  # numbers that can be worked out by hand
LARGE = 40.0  # exp(2 x) overflows from 45 on


def order_of_parameters(kernel: str, rung: str) -> str:
    """Return a cause where a kernel alone never writes to its output, or to one of its inputs instead, else ""."""
    mine = student_kernel(kernel, rung)
    if mine is None or not is_kernel(mine.given):
        return ""
    arrays = PLANNERS[kernel].arrays
    names = list(inspect.signature(mine.given.py_func).parameters)[: len(arrays)]
    stored = program_of(mine.given).stored
    first = next((name for name in names[:-1] if name in stored), None)
    if names[-1] in stored:
        return ""
    if first is None:
        return (
            f"The kernel writes to no element of {names[-1]!r}, which is the output: `{names[-1]} = …` gives a value a "
            f"name, and `{names[-1]}[…] = …` writes it"
        )
    return (
        f"The parameters come in the order ({', '.join(arrays)}), the inputs first and the output last, whatever they "
        f"are called. Your kernel writes to {first!r}, which is given {arrays[names.index(first)]}, and never to "
        f"{names[-1]!r}, which is the output. Are its parameters in another order?"
    )


def likely_cause(evidence: Evidence, wrong: np.ndarray) -> Cause:
    """Return the mistake that gives these values; or what the wrong cells have in common, and what that hints at."""
    kernel, wrong = evidence.kernel, np.atleast_1d(wrong)
    expected, got = np.atleast_1d(evidence.expected), np.atleast_1d(evidence.got)
    by_zero = _zero_wins(kernel, expected, got, wrong)
    named, certain = ([by_zero], True) if by_zero else recognised(evidence)
    if certain:
        return Cause("; or ".join(named), 2)
    found = [*named, *filter(None, (_overflow(evidence, wrong), _order(expected, got)))]
    known = bool(found) or evidence.multiple()
    if found == named:
        shared = patterns(expected, got, wrong)
        hints = [_hint(sentence, kernel) for sentence in shared]
        if np.isnan(got).any() and not np.isnan(got).all():  # not what the output is full of before the launch
            hints = [OF_SOME_NAN if hint == HINTS["every wrong cell is NaN"] else hint for hint in hints]
        found = [*named, *shared, *filter(None, [_tile(wrong), *hints])]
    found = [sentence for sentence in found if sentence != ALL]  # which is no cause
    return Cause("; ".join(dict.fromkeys(found)), int(known))


def worked_out(evidence: Evidence) -> str:
    """Return a small case with its numbers, to be worked out by hand; "" for one with many."""
    arrays = [(name, a) for name, a in zip(evidence.names, evidence.arrays, strict=False) if isinstance(a, np.ndarray)]
    if sum(a.size for _, a in arrays) > FEW or evidence.got.size > FEW:
        return ""
    given = ", ".join(f"{name} = {_numbers(a)}" for name, a in arrays)
    return f"{given} gives {_numbers(evidence.got)}, and should give {_numbers(evidence.expected)}"


def _numbers(a: np.ndarray) -> str:
    return np.array2string(a, separator=", ", precision=5, threshold=FEW).replace("\n", "")


OF_SOME_NAN = "0 / 0, inf - inf and 0 times inf are NaN: which of them happens for these inputs?"
HINTS = {
    "every wrong cell is NaN": "the output is full of NaN before the launch: does the kernel add to it before it "
    "writes it, or divide 0 by 0? To add into the output, pass start=0 to register_kernel (zeros() in a host "
    "function); or add up in a variable, total = float32(0), and write it once",
    "every wrong cell is 0,": "a sum that is never added, or only by some threads?",
    "every wrong cell should be 0": "is a condition missing, or the wrong way round?",
    "every wrong cell has the wrong sign": "a minus too many, or one missing?",
    "times the right value": "a factor is missing or there twice; for a mean, is it divided by the right count?",
    "off by the same": "is a term missing from every sum, or the start value wrong?",
    "in the last": "is the edge guard or the loop's end one too small?",
    "in the first": "is an index one too large?",
    "shifted by one": "an index is off by one",
    "transposed": "row and column are swapped in an index",
    "holds the same value": "is the index of the input the same for all threads?",
}


def _hint(sentence: str, kernel: str) -> str:
    """The cause that a sentence of `patterns` hints at."""
    found = next((hint for part, hint in HINTS.items() if part in sentence), "")
    return found.replace("; for a mean, is it divided by the right count", "") if "mean" not in kernel else found


def _order(expected: np.ndarray, got: np.ndarray) -> str:
    """Right values, written as if the matrix were stored column by column."""
    if expected.ndim < 2 or 1 in expected.shape[-2:]:
        return ""
    other = np.ascontiguousarray(np.swapaxes(expected, -1, -2)).reshape(expected.shape)
    if np.allclose(got, other, rtol=1e-3, atol=1e-3) and not np.allclose(expected, other, rtol=1e-3, atol=1e-3):
        return "the values are right, but stored transposed: are row and col, or their strides, swapped in its index?"
    return ""


OVERFLOWS = {
    "softmax": "exp(x) overflows where x is large: subtract the row's largest value first",
    "sigmoid": "exp(x) overflows from x = 89 on, and inf / inf is NaN: 1 / (1 + exp(-x)), whose exp may be inf",
    "swish": "exp(x) overflows from x = 89 on, and inf / inf is NaN: x / (1 + exp(-x)), whose exp may be inf",
    "tanh": "exp(x) overflows from x = 89 on, and inf / inf is NaN: math.tanh(x) does not",
    "softplus": "exp(x) overflows from x = 89 on: max(x, 0) + log1p(exp(-abs(x))) takes exp of no positive number",
    "crossentropy": "exp(x) overflows where x is large: subtract the row's largest value first",
}


def _overflow(evidence: Evidence, wrong: np.ndarray) -> str:
    """NaN or infinity out of large numbers; where they are small, the output is full of NaN before the launch."""
    floats = [a for a in evidence.arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    largest = max((float(np.max(np.abs(a), initial=0)) for a in floats), default=0.0)
    right, got = (np.atleast_1d(a)[wrong] for a in (evidence.expected, evidence.got))
    bad = got[np.isfinite(right) & ~np.isfinite(got)]
    if largest < LARGE or not bad.size:
        return ""
    if evidence.kernel == "log_softmax" and (bad == -np.inf).all():
        return "the logarithm of a probability is -inf where it is 0 in float32: y = x - largest - log(sum) takes none"
    if "relu" in evidence.kernel:
        masked = "0 times inf is NaN: choose with an if or with max, do not multiply by a condition"
        return masked if np.isnan(bad).all() else ""
    return next((cure for part, cure in OVERFLOWS.items() if part in evidence.kernel), "")


def _zero_wins(kernel: str, expected: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> str:
    start = float(got[wrong][0])
    for who, word, beaten in (("max", "largest", expected < start), ("min", "smallest", expected > start)):
        if who in kernel and not kernel.startswith("arg") and beaten[wrong].all() and (got[wrong] == start).all():
            known = "0" if start == 0 else f"{start:g}"
            return (
                f"the {word} starts from {known}, which wins over the values: start from the first value, or from "
                "infinity"
            )
    return ""


def _tile(wrong: np.ndarray) -> str:
    """Wrong cells that begin at, or return with, the size of a tile or block."""
    flat = np.flatnonzero(wrong)
    for axis, indices in enumerate([*map(np.unique, np.nonzero(wrong)), flat]):
        length = wrong.shape[axis] if axis < wrong.ndim else wrong.size
        along = f"along axis {axis}" if axis < wrong.ndim else "in memory"
        first = int(indices[0])
        if first in TILES and indices.size == length - first:
            return f"right up to index {first - 1} {along}: is only the first block or tile of {first} handled?"
        if 0 < length - indices.size and indices.size > 1:
            for size in TILES:
                if length > size and np.unique(indices % size).size == 1 and indices.size >= length // size:
                    return (
                        f"one in {size} {along}, at the boundary of a tile of {size}: is the tile's edge handled "
                        "twice, or not at all?"
                    )
    return ""
