"""Faults that were planted, survived, and change nothing that a program or a reader could notice.

An entry: the file's name, the line as it stands, what stands there instead, and why it is the same.
"""

from __future__ import annotations

from tests.mutants.faults import Fault

SAME: list[tuple[str, str, str, str]] = [
    (
        "minidl/callbacks/checkpoint.py",
        "if optimizer is not None and not optimizer.built:",
        "if optimizer is not None or not optimizer.built:",
        "building a second time does nothing, and a model in fit has an optimizer",
    ),
    (
        "cuda_kernels/simt/host/api.py",
        "portable: bool = False, wc: bool = False) -> HostVisibleArray:",
        "portable: bool = True, wc: bool = False) -> HostVisibleArray:",
        "the machine has one host and one device: it looks at no such flag",
    ),
    (
        "minidl/models/saving/legacy_h5.py",
        "tuple(a.shape) == v.shape for a, v in zip(arrays[:2], own[:2], strict=True)",
        "tuple(a.shape) == v.shape for a, v in zip(arrays[:2], own[:2], strict=False)",
        "both have three entries, as the line above asks",
    ),
    (
        "cuda_kernels/simt/checking/counter.py",
        "total = np.sort(total, axis=1)",
        "total = np.sort(total)",
        "the array has two axes: the last is this one",
    ),
    (
        "cuda_kernels/simt/language/translate.py",
        'saved, left = self.draft.fresh("s"), escapes(ast.Module(node.orelse, []))',
        'saved, left = self.draft.fresh("s"), escapes(ast.Module([], node.orelse))',
        "every list of a node is walked",
    ),
    (
        "cuda_kernels/softmax/r3_registers.py",
        "if label < 0 and lane == 0:",
        "if label < 0 and lane == 1:",
        "any one lane will do",
    ),
    (
        "minidl/metrics/base.py",
        'variable = Variable(value, dtype or self.dtype, trainable=False, name=name, path=f"{self.name}/{name}")',
        'variable = Variable(value, (dtype), trainable=False, name=name, path=f"{self.name}/{name}")',
        "the value was made in this dtype",
    ),
    (
        "minidl/models/graph.py",
        "met[id(node.layer)] = -1",
        "met[id(node.layer)] = -2",
        "below every other number",
    ),
    (
        "minidl/testing/kernels/check.py",
        "runs += [(op, case, way) for way in (ways[:1] if k or large else ways) if way in case.ways]",
        "runs += [(op, case, way) for way in (ways[:1] if k and large else ways) if way in case.ways]",
        "more is checked than need be",
    ),
    (
        "cuda_kernels/simt/host/signatures.py",
        'return hasattr(ty, "layout") and hasattr(ty, "ndim") and hasattr(ty, "dtype")',
        'return hasattr(ty, "layout") or hasattr(ty, "ndim") and hasattr(ty, "dtype")',
        "no type of Numba has one of them without the others",
    ),
    (
        "cuda_kernels/simt/machine/arrays.py",
        "back = step < 0",
        "back = step <= 0",
        "a step of 0 was refused above",
    ),
    (
        "minidl/backends/cpu/updates.py",
        "w_new = _decayed(w, lr, weight_decay)",
        "w_new = _decayed(w, weight_decay, lr)",
        "both are multiplied",
    ),
    (
        "cuda_kernels/simt/errors.py",
        "super().__init__(str(fault))",
        "pass",
        "the exception's argument is the fault, and is written the same",
    ),
    (
        "minidl/backends/cpu/normalization.py",
        "if d_y is None or d_mean is not None or d_variance is not None:  # who uses the statistics themselves is rare",
        "if d_y is not None or d_mean is not None or d_variance is not None: "
        " # who uses the statistics themselves is rare",
        "the slower way to the same gradient",
    ),
    (
        "minidl/course/checker/compared.py",
        "for name, value in zip(self.task.input_names, self.case.inputs, strict=False):",
        "for name, value in zip(self.task.input_names, self.case.inputs):",
        "False is the default",
    ),
    (
        "cuda_kernels/simt/language/expressions.py",
        'held = self.draft.text_of(node, "numbers.and_", result, compared)',
        'held = self.draft.text_of(node, "numbers.and_", compared, result)',
        "both have to hold, in either order",
    ),
    (
        "minidl/testing/kernels/check.py",
        'if backward is None or op in table.NO_GRADIENT or op == "cast" or forward is None:',
        'if backward is None and op in table.NO_GRADIENT or op == "cast" or forward is None:',
        "those without a backward are those without a gradient",
    ),
]


def reason_of(fault: Fault, source: str) -> str:
    """Why the fault means nothing, "" if it is not in the list. A file may move; its lines tell it."""
    before, after = ([line[1:].strip() for line in fault.diff(source).splitlines() if line.startswith(mark)]
                     for mark in "-+")  # fmt: skip
    for _, old, new, reason in SAME:
        if before == [old] and after == [new]:
            return reason
    return ""
