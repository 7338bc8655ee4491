"""What is to be said of a fault beside its sentence (`faults`): what the kernel's own lines show, and what to write.

The same fault has several causes: a thread that reads outside of an array may be one too many, which needs a guard, or
one whose index is wrong. Which it is shows in what the thread owns, in the shape of what is left unwritten, and in the
line of the source.
"""

from __future__ import annotations

import ast
import itertools
import math
import textwrap
from collections.abc import Iterator

import numpy as np

from cuda_kernels.simt import Fault, Report
from minidl.backends.students.plans import PLANNERS
from minidl.lens.comparing.patterns import places

OF_KIND = {  # of those that have no sentence, or whose sentence does not say how a kernel is registered
    "bad-launch": "Look at threads= and blocks=, and at the sizes of shared arrays.",
    "out-of-bounds": "A shared array belongs to one block: its index is made of threadIdx, not of the number in the "
    "grid, and it needs as many elements as the block has threads, besides the margin of a stencil.",
    "overlap": "Give one of the two a shape that is a constant, or take both as slices of one array of shape 0.",
    "exception": "A thread came to a raise, or to an assert that does not hold: look at the values that it had there.",
}
READ = ("sparse", "embedding")  # whose indices are numbers that are read
WINDOWED = ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d")


def windows(fault: Fault, report: Report, kernel: str) -> dict[str, str]:
    """Return what lies beyond the edges of the array of a fault, by its name; {} where any kernel's rule holds.

    kernel : what is computed, "conv2d": in a kernel with windows an index outside is mostly an overhang, and a negative
        one that was read, such as a label, never is
    """
    if kernel.startswith(WINDOWED) and fault.array in report.arrays and len(report.arrays[fault.array][1]) == 4:
        return {fault.array: "−∞" if kernel == "max_pool2d" else "0"}
    return {"none": ""} if any(name in kernel for name in READ) or kernel.startswith(WINDOWED) else {}


def cause_of_fault(fault: Fault, report: Report, kernel: str, code: str = "") -> str:
    """Return what the kernel's lines show of a fault, beside its sentence; "" where that says all.

    Parameters
    ----------
    fault : the one to explain
    report : of the launch, made with owners=True
    kernel : what is computed, "conv2d"
    code : of its sentence
    """
    source = Source(report)
    if fault.index is not None and fault.array is not None and fault.array in report.arrays and fault.threads:
        if fault.kind == "out-of-bounds" or (fault.index and min(fault.index) < 0):
            return _outside(fault, report, source, kernel, code)
    if fault.kind == "unwritten-output":
        return _unwritten(fault, report, source, code)
    if fault.kind == "race" and fault.array in report.arrays:
        return _global_race(fault, report, source)
    return OF_KIND.get(fault.kind, "")


class Source:
    """The kernel's own lines, as a tree; empty where they cannot be read."""

    def __init__(self, report: Report) -> None:
        numbers = list(itertools.takewhile(lambda n: n in report.source, itertools.count(report.first_line)))
        text = textwrap.dedent("\n".join(report.source[n] for n in numbers))
        try:
            tree: ast.Module = ast.parse(text)
        except SyntaxError:
            tree = ast.Module([], [])
        ast.increment_lineno(tree, report.first_line - 1)
        self.kernel = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None)
        self.nodes = list(ast.walk(self.kernel)) if self.kernel is not None else []
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.parameters = [a.arg for a in self.kernel.args.args] if self.kernel is not None else []

    def uses(self, *names: str) -> bool:
        """Whether cuda.NAME occurs."""
        return any(isinstance(node, ast.Attribute) and node.attr in names for node in self.nodes)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes that hold this one, the innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def subscripts(self, array: str | None, line: int = 0) -> list[ast.Subscript]:
        """Return where an array is indexed, on one line or anywhere."""
        return [
            node for node in self.nodes
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == array
            and (not line or node.lineno <= line <= (node.end_lineno or node.lineno))
        ]  # fmt: skip

    def stores(self) -> list[str]:
        """Return the arrays among the parameters that the kernel stores to, or updates atomically."""
        found = [
            node.value.id for node in self.nodes
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
        ]  # fmt: skip
        for node in self.nodes:
            if isinstance(node, ast.Call) and "atomic" in ast.unparse(node.func) and node.args:
                found += [node.args[0].id] if isinstance(node.args[0], ast.Name) else []
        return [name for name in dict.fromkeys(found) if name in self.parameters]

    def grid_names(self) -> list[str]:
        """Return the names that cuda.grid(...) is assigned to, x first."""
        for node in self.nodes:
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("cuda.grid("):
                target = node.targets[0]
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                return [ast.unparse(name) for name in names]
        return []

    def guards(self) -> list[ast.Compare]:
        """Return the comparisons in the conditions of if statements."""
        tests = [ast.walk(node.test) for node in self.nodes if isinstance(node, ast.If | ast.IfExp)]
        return [node for test in tests for node in test if isinstance(node, ast.Compare)]


def _at(index: tuple[int, ...]) -> str:
    return ", ".join(map(str, index))


# -- outside of an array -----------------------------------------------------------------------------------------------


def _outside(fault: Fault, report: Report, source: Source, kernel: str, code: str) -> str:
    index, shape = fault.index or (), report.arrays[fault.array or ""][1]
    axis = next((k for k, (i, n) in enumerate(zip(index, shape, strict=False)) if not 0 <= i < n), 0)
    if code in ("F1", "F1n"):
        return _no_element(fault, report, source, kernel)
    if code in ("F3", "F3n"):
        return f"Put `if 0 <= … < {fault.array}.shape[{axis}]:` around the read."
    if index[axis] < 0 and any(name in kernel for name in READ):
        return (
            f"Index {index[axis]} of axis {axis} of {fault.array!r} is a number that was read: a negative label marks "
            "a row that does not count, with a loss and a gradient of 0. Ask for it, `if label >= 0:`, first."
        )
    loop = _loop_of(fault, source, axis)
    said = f"Does the loop `{loop}` end where axis {axis} of {fault.array!r} does? " if loop else ""
    others = itertools.permutations(index)
    if any(all(0 <= i < n for i, n in zip(other, shape, strict=True)) for other in others):
        said += "In another order the indices would fit: is this their order?"
    return said.strip()


def _loop_of(fault: Fault, source: Source, axis: int) -> str:
    """The loop whose variable is in the index of this axis, as text; one whose end cannot be right."""
    for node in source.subscripts(fault.array, fault.lines[0] if fault.lines else 0):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if axis >= len(parts):
            continue
        names = {part.id for part in ast.walk(parts[axis]) if isinstance(part, ast.Name)}
        for around in source.around(node):
            if isinstance(around, ast.For) and ast.unparse(around.target) in names:
                ends = ast.unparse(around.iter)
                if f"{fault.array}.shape[{axis}])" in ends:  # it ends where this axis does
                    return ""
                return f"for {ast.unparse(around.target)} in {ends}:"
    return ""


def _no_element(fault: Fault, report: Report, source: Source, kernel: str) -> str:
    """A thread that owns nothing: it needs a guard, or one that says no."""
    written = [name for name in source.stores() if name in report.arrays]
    output = written[-1] if written else ""
    shape = report.arrays[output][1] if output else ()
    index = fault.index or ()
    ends = report.arrays[fault.array or ""][1]
    others = itertools.permutations(index)
    fits = any(all(0 <= i < n for i, n in zip(other, ends, strict=True)) for other in others)
    if fault.array == output and fits and len(source.guards()) > 1:
        return (
            f"Thread {fault.threads[0]} of block {fault.blocks[0]} passes the guard, and writes "
            f"{output}[{_at(index)}]: in another order its indices would fit. Are row and column swapped here?"
        )
    beyond = [k for k, (i, n) in enumerate(zip(index, ends, strict=False)) if i >= n]
    loose = [node for node in source.guards() if any(isinstance(op, ast.LtE) for op in node.ops)]
    if beyond and all(index[k] == ends[k] for k in beyond) and loose:
        text = ast.unparse(loose[0])
        return (
            f"The guard `{text}` lets one too many pass: `<=` lets the size itself through, and the last index "
            "is the size - 1. Write `<`."
        )
    return f"Threads without an element need an edge guard: {_guard(source, output, shape, kernel)}"


def _guard(source: Source, output: str, shape: tuple[int, ...], kernel: str) -> str:
    names = source.grid_names()
    if output and len(names) == 1:
        size = next((n for n in ("size", "n") if n in source.parameters and len(shape) == 1), "")
        may_ask = not size and kernel in PLANNERS and "size" in PLANNERS[kernel].numbers
        other = f" (or ask for the parameter size, and put `if {names[0]} < size:`)" if may_ask else ""
        return f"put `if {names[0]} < {size or f'{output}.size'}:` around the work{other}."
    if output and len(names) == 2 and len(shape) == 2:
        x, y = names
        return (
            f"put `if {y} < {output}.shape[0] and {x} < {output}.shape[1]:` around the work. Each of the "
            "two needs a guard."
        )
    return "put an if around the work for each index, `<` the length of its axis."


# -- outputs that are not written --------------------------------------------------------------------------------------


def _unwritten(fault: Fault, report: Report, source: Source, code: str) -> str:
    if code == "F12":
        return "Write it in an else."
    missing = np.asarray(fault.cells)
    threads, blocks = math.prod(report.block), math.prod(report.grid)
    written = ~missing.reshape(-1)
    if _is_transposed_grid(missing, report):
        rows, cols = missing.reshape(-1, missing.shape[-1]).shape
        names = source.grid_names()
        first, second = names if len(names) == 2 else ("row", "col")
        return (
            f"The grid covers the output the other way round: cuda.grid(2) gives x first, and x runs along the "
            f"last axis, {cols} long, y along the {rows} rows. Write `{second}, {first} = cuda.grid(2)`."
        )
    number = np.arange(written.size)
    prefix = int(written.sum())
    owner_is_block = source.uses("blockIdx") and not source.uses("grid", "blockDim")
    turned = (number // threads < threads) & (number % threads < blocks)
    if np.array_equal(written, turned) and source.uses("blockIdx") and threads > 1 and not owner_is_block:
        return (
            "Thread and block have changed places: an element's number is block times threads a block, plus thread. "
            "Write `cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x`, or cuda.grid(1)."
        )
    if np.array_equal(written, number < prefix):
        if prefix == blocks and owner_is_block:
            return (
                f"The kernel makes one block an element (it takes its index from blockIdx), and the grid has "
                f"{blocks} for {written.size}: the grid that minidl chooses has just enough threads. Say how many "
                f"blocks: `blocks={_lambda(source, fault.array)}` in register_kernel."
            )
        if prefix == threads * blocks:
            return (
                f"The grid has {prefix} threads for {written.size} elements: round up, "
                f"`blocks_for(n, {threads})` or `math.ceil(n / {threads})`, not n // {threads}."
            )
        if prefix == written.size - 1 and written.size > 1:
            return f"It is the last element of {fault.array!r}: is the guard `<` the size and no smaller?"
        if prefix <= threads and blocks > 1:
            return "Only the first block writes: is the block's number in the index (cuda.grid)?"
    where = places(missing)
    said = f"They are: {'; '.join(where)}. " if where and not missing.all() else ""
    return (
        f"{said}Does the grid cover the whole output, is the block's "
        "number in the index (cuda.grid), and is the guard `<` the size and no smaller?"
    )


def _lambda(source: Source, array: str | None) -> str:
    names = [name for name in source.parameters if name]
    arrays = names[: names.index(array) + 1] if array in names else [array or "y"]
    return f"lambda {', '.join(arrays)}: {array}.size"


def _condition(fault: Fault, source: Source) -> tuple[ast.expr, str] | None:
    """The condition on data that decides whether an element is written, and the value with which it is not.

    It stands in an if without an else around the only store, or in front of a return before it.
    """
    stores = [node for node in source.subscripts(fault.array) if isinstance(node.ctx, ast.Store)]
    if len(stores) != 1:
        return None
    of_data = _names_of_data(source)
    around = list(source.around(stores[0]))
    if any(isinstance(node, ast.For | ast.While) for node in around):
        return None
    for node in source.nodes:
        if not isinstance(node, ast.If) or node.orelse:
            continue
        tests = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
        found = next((test for test in tests if _reads_data(test, of_data)), None)
        leaves = isinstance(node.body[-1], ast.Return) and node.lineno < stores[0].lineno and node not in around
        if found is not None and (node in around or leaves):
            return found, "true" if leaves else "false"
    return None


def _names_of_data(source: Source) -> set[str]:
    """Variables that are assigned from elements of arrays, not of shapes."""
    return {
        target.id for node in source.nodes if isinstance(node, ast.Assign) and _reads_data(node.value, set())
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip


def _reads_data(node: ast.AST, names: set[str]) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name):
            return True
        if isinstance(part, ast.Name) and part.id in names:
            return True
    return False


def _is_transposed_grid(missing: np.ndarray, report: Report) -> bool:
    """Whether just the cells are written that lie inside of the grid turned by its diagonal."""
    if missing.ndim < 2 or report.block[1] == 1:
        return False
    written = ~missing.reshape(-1, missing.shape[-1])
    across, down = report.grid[0] * report.block[0], report.grid[1] * report.block[1]
    rows, cols = (np.arange(n) for n in written.shape)
    return np.array_equal(written, (rows[:, None] < across) & (cols < down))


# -- two threads, one element ------------------------------------------------------------------------------------------


def _global_race(fault: Fault, report: Report, source: Source) -> str:
    text = report.source.get(fault.lines[0], "").strip() if fault.lines else ""
    if report.block[1] * report.block[2] > 1 and source.uses("grid") and len(source.grid_names()) == 1:
        size = report.block[0] * report.block[1] * report.block[2]
        return (
            f"cuda.grid(1) counts along x alone, and the block has {report.block[1]} rows of {report.block[0]}; "
            f"threads below each other have the same number. Register with threads={size}, or take two indices: "
            "`col, row = cuda.grid(2)`."
        )
    if source.uses("threadIdx") and not source.uses("blockIdx", "grid"):
        return (
            "The block's number is missing from the index. Write cuda.grid(1), or cuda.blockIdx.x * cuda.blockDim.x + "
            "cuda.threadIdx.x."
        )
    if "+=" in text or "-=" in text:
        return "Such an addition is cuda.atomic.add."
    return (
        "Is the block's number in the index (blockIdx, or cuda.grid)? If threads have to meet, as in a sum, use "
        "cuda.atomic.add."
    )
