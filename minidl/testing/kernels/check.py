"""`minidl.check`: is this kernel right? It stops at the first thing that is wrong, and explains it.

The stages: it runs at all; the SIMT machine finds no fault; the values are those of the NumPy op in float64; the
gradients are; where NVIDIA's compilers are installed, Numba compiles it, and what they made runs on the processor, in
order and in random ones; then what the kernel moves, beside the ladder's rungs, and on a GPU how long it takes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.compile.refusals import CAPABILITY, INSTALL, compiler_missing, refusal
from minidl.backends import table
from minidl.backends.cuda.device import FIRST, host_function, require_kernels
from minidl.backends.devices.arrays import on_host
from minidl.backends.students.register import student_kernel, student_names
from minidl.errors import ArgumentError, BackendError, unknown_name
from minidl.testing.agreement import pairs, wrong_cells, wrong_in_both
from minidl.testing.cases import Case
from minidl.testing.gradients import GradientError, check_gradients
from minidl.testing.kernels.messages import likely_cause, order_of_parameters, worked_out
from minidl.testing.kernels.mistakes import Evidence
from minidl.testing.kernels.prints import first_lines
from minidl.testing.kernels.results import STAGES, KernelCheck, KernelChecks
from minidl.testing.kernels.runs import (
    Call,
    Failure,
    Launched,
    NotTaken,
    argument_names,
    cases_of,
    changed_settings,
    described,
    directions,
    in_float64,
    of_the_ladders,
    ops_with,
    probe,
    run_backward,
    run_forward,
    upstream,
)
from minidl.testing.values import copies

EXACT = 5e-5
ROUNDED = {"r8_tf32": 2e-2, "r10_bf16": 5e-2}  # operands of 10 and of 7 bits
MOST_EXPLAINED = 5  # failures of which the cause is looked for
MOST_CELLS = 400  # of a result whose gradient is checked
MOST_DIFFERENCES = 3  # cases of a forward that are differentiated: its values are compared in all of them
STEP = 2.0**-8  # of the finite differences: a float32 has 2**-24


def check(target: str, *inputs: Any, tolerance: float | None = None, **static: Any) -> KernelCheck | KernelChecks:
    """Check a kernel: a rung of your own, "gemm:mine", or of the ladder, "gemm:r3". It stops at the first failure.

    Parameters
    ----------
    target : "kernel:rung"; or a kernel or op alone: the NumPy op's gradients, and all rungs of the op's kernels
    inputs, static : run on these, in place of the awkward cases that minidl has for the op: the op's inputs (NumPy
        arrays, None for one left out) and its settings. An op of your own (`register_op`) has no others
    tolerance : agreement asked for, relative to the largest value; by default 5e-5, what rounding in float32 needs

    Returns
    -------
    KernelCheck, which prints as a report and has `.passed`; or a list of them

    Raises
    ------
    UnknownNameError : no such kernel, or rung of it

    >>> import minidl
    >>> found = minidl.check("relu:r1")
    >>> found.passed, found.failed_stage
    (True, None)
    """
    kernel, colon, rung = target.partition(":")
    given = Case(tuple(np.asarray(x) if x is not None else None for x in inputs), static) if inputs else None
    if static and given is None:
        raise ArgumentError(f"check: settings need inputs to go with. Got {', '.join(static)} and no arrays.")
    if not colon:
        return _check_all(kernel, given, tolerance)
    if kernel in ("simt", "cuda"):
        raise ArgumentError(f"check: name the kernel and its rung, 'gemm:mine'. Got the backend {target!r}.")
    if kernel not in ladder.ops():
        computed_by = table.kernels(kernel)
        if computed_by:
            require_kernels(kernel, computed_by)
            names = " or ".join(f"{name}:{rung}" for name in computed_by)
            raise ArgumentError(f"check: {kernel!r} is computed by other kernels. Check {names}.")
        raise unknown_name("kernel", kernel, ladder.ops())
    name = rung if student_kernel(kernel, rung) else _ladder_name(kernel, rung)
    with first_lines():
        return _check_rung(kernel, name, given, tolerance or ROUNDED.get(name, EXACT))


def _ladder_name(kernel: str, rung: str) -> str:
    try:
        return ladder.rung(kernel, rung).name
    except KeyError:
        known = [*(r.name for r in ladder.rungs(kernel)), *student_names(kernel)]
        raise unknown_name(f"rung of {kernel}", rung, known) from None


def _check_rung(kernel: str, name: str, given: Case | None, tolerance: float) -> KernelCheck:
    from minidl.testing.kernels.compiled import add_compiled
    from minidl.testing.kernels.figures import add_timing, add_traffic

    result = KernelCheck(f"{kernel}:{name}")
    function = host_function(kernel, name)
    tally: dict[str, int] = dict.fromkeys(("calls", "cases", "forward", "backward", "differences"), 0)
    failures: list[Failure] = []
    launched: dict[Launched, None] = {}
    right: list[tuple[Call, bool, float]] = []
    plan = _plan(kernel, given)
    for op, case, direction in plan:
        if not any(failure.stage in ("runs", "machine") for failure in failures):
            try:
                with np.errstate(all="ignore"):  # an extreme overflows, in NumPy too
                    calls = _check_case(op, case, direction, kernel, function, tolerance)
                    if calls and direction == "forward" and tally["differences"] < MOST_DIFFERENCES:
                        tally["differences"] += _check_differences(op, case, kernel, function, tolerance)
            except NotTaken as error:
                result.not_checked.update(dict.fromkeys(error.settings))
                continue
            except Failure as failure:
                failures.append(failure)
                continue
            tally["calls"] += len(calls)
            tally["cases"] += bool(calls)
            tally[direction] += bool(calls)
            right += [(call, case.extreme, case.smallest) for call in calls]
            for call in calls:
                launched.update(dict.fromkeys(call.launched))
                result.settings.update(dict.fromkeys(changed_settings(kernel, call.static)))
    if failures:
        return _failed(result, failures)
    if not tally["calls"] and result.not_checked:
        return _nothing_checked(result, len(plan))
    if not tally["calls"]:
        raise ArgumentError(f"check: {kernel} was not called for these inputs. Does the case need another setting?")
    result.add("runs", "passed", f"{tally['calls']} calls of the kernel, over {tally['cases']} awkward cases")
    result.add("machine", "passed", "no fault: bounds, races, barriers, float64, outputs left unwritten")
    if tally["forward"]:
        result.add("values", "passed", f"equal to NumPy in float64 within {tolerance:g}; inputs unchanged")
    else:
        result.add("values", "not run", "a backward: its values are the gradients")
    result.add("gradient", *_verdict_on_gradients(kernel, tally))
    if not _compiles(result, kernel, name, launched):
        return result
    if student_kernel(kernel, name) is None:
        result.add("compiled", "not run", "the ladders' kernels are run compiled by their own tests")
        result.add("any order", "not run", "as are their orders")
    elif not add_compiled(result, kernel, function, right, tolerance):
        return result
    add_traffic(result, kernel, name, given, launched if student_kernel(kernel, name) else ())
    add_timing(result, kernel, name, given, tolerance)
    return result


def _plan(kernel: str, given: Case | None) -> list[tuple[str, Case, str]]:
    """Return what is run: op, case and direction, all forwards ahead of all backwards.

    A kernel of both directions has its backward checked in its own op, and not on the last case, which is large.
    """
    runs = []
    for k, op in enumerate(ops_with(kernel)):
        found, ways = cases_of(op, given if k == 0 else None), directions(op, kernel)
        for case in found:
            large = case is found[-1] and len(found) > 1
            runs += [(op, case, way) for way in (ways[:1] if k or large else ways) if way in case.ways]
    return sorted(runs, key=lambda run: run[2] == "backward")


def _failed(result: KernelCheck, failures: list[Failure]) -> KernelCheck:
    """Report the failure of the earliest stage: the largest result's, which shows a pattern best.

    Of a few of the largest, the one that a known mistake explains best.
    """
    first = min(STAGES.index(failure.stage) for failure in failures)
    of_stage = [failure for failure in failures if failure.stage == STAGES[first]]
    plain = [failure for failure in of_stage if failure.size] or of_stage
    largest = sorted(plain, key=lambda failure: -failure.size)[:MOST_EXPLAINED]
    failure = max(largest, key=lambda failure: failure.cause.known)  # of equally sure ones the first
    for stage in STAGES[:first]:
        result.add(stage, "passed")
    cause = (order_of_parameters(*result.target.split(":")) if first else "") or failure.cause.text
    if not failure.cause.known and failure.stage in ("values", "gradient"):
        small = next((other.example for other in plain if other.example), "")
        few = "check it on inputs of your own, few enough to work out by hand"
        by_hand = f"by hand: {small}" if small else "" if cause else few
        cause = "; ".join(filter(None, (cause or "no known mistake gives these values", by_hand)))
    result.fail(failure.stage, str(failure), failure.source, cause)
    return result


def _compiles(result: KernelCheck, kernel: str, name: str, launched: Iterable[Launched]) -> bool:
    """Ask NVIDIA's compiler, where it is installed, about each kernel and each of its signatures."""
    if student_kernel(kernel, name) is None:
        result.add("compiles", "not run", "the ladders' kernels are compiled by python -m cuda_kernels.compile")
        return True
    if compiler_missing():
        result.add("compiles", "not run", f"not asked: no compiler installed; {INSTALL}")
        return True
    mine = [(given, types) for given, types in launched if not of_the_ladders(given)]
    for given, types in mine:
        refused = refusal(given, types)
        if refused is not None:
            place = f"line {refused.line}: " if refused.line else ""
            source = f"{refused.line:5d} | {refused.text}" if refused.text else ""
            sentence = (
                f"Numba refuses to compile {given.__name__}({', '.join(map(str, types))}): {place}{refused.reason}."
            )
            result.fail("compiles", sentence, source, refused.cure)
            return False
    many = f"{len(mine)} signature{'s' if len(mine) != 1 else ''}"
    result.add(
        "compiles", "passed", f"Numba compiles it for a GPU of capability {CAPABILITY[0]}.{CAPABILITY[1]}, {many}"
    )
    return True


def _nothing_checked(result: KernelCheck, cases: int) -> KernelCheck:
    """Report that your function takes none of the cases."""
    names = ", ".join(result.not_checked)
    result.fail(
        "runs", f"none of the {cases} cases could be run: each has a setting that your function does not take. "
        f"Left out: {names}.", "",
        "Take the setting, as the ladder's function does; or check on inputs of your own that do without it.",
    )  # fmt: skip
    return result


def _verdict_on_gradients(kernel: str, tally: dict[str, int]) -> tuple[str, str]:
    if tally["backward"]:
        return "passed", "what it gives in the backward equals the float64 gradients; inputs unchanged"
    if ops_with(kernel)[0] in table.NO_GRADIENT:
        return "not run", "the op has no gradient"
    if not tally["differences"]:
        return "not run", "no case is both small and smooth enough for differences"
    return "passed", "the op's backward agrees with differences of this forward"


def _check_case(
    op: str, case: Case, direction: str, kernel: str, function: Callable[..., Any], tolerance: float
) -> list[Call]:
    """Run one case in one direction, and return the kernel's calls. Raises Failure, or NotTaken."""
    forward, backward = (table.load(op, "numpy", way) for way in table.DIRECTIONS)
    exact, exact_cache = forward(*in_float64(case.inputs), **case.static)  # type: ignore[misc]
    rounded, rounded_cache = forward(*case.inputs, **case.static)  # type: ignore[misc]
    device = probe(op, direction, kernel, function)
    if direction == "forward":
        y, _ = run_forward(device, case)
        if device.calls:
            _compare("values", kernel, function, device.calls, case, (y, exact, rounded), tolerance)
        return device.calls
    if op == "cast":
        return []
    dy = upstream(rounded)
    gradients = run_backward(device, dy, rounded_cache)
    if device.calls:
        exact = backward(in_float64(dy), exact_cache)  # type: ignore[misc]
        rounded = backward(dy, rounded_cache)  # type: ignore[misc]
        _compare("gradient", kernel, function, device.calls, case, (gradients, exact, rounded), tolerance)
    return device.calls


# -- values ------------------------------------------------------------------------------------------------------------


def _compare(
    stage: str, kernel: str, function: Callable[..., Any], calls: list[Call], case: Case,
    results: tuple[Any, Any, Any], tolerance: float,
) -> None:  # fmt: skip
    """Compare the kernel's own results with the ladder's, to say where they differ; then the op's with NumPy's.

    results : what the op gave, what NumPy gives in float64 and what it gives in float32
    """
    for call in calls:
        where = described(kernel, call.arrays, call.static)
        for mine, theirs in pairs(call.result, call.expected):
            wrong = wrong_cells(mine, theirs, tolerance, case.extreme, case.smallest)
            if wrong.any():
                names = argument_names(kernel, len(call.arrays))
                given = copies(call.arrays)
                evidence = Evidence(kernel, given, call.static, names, np.array(theirs), np.array(mine), function)
                cause = functools.partial(likely_cause, evidence, wrong)
                size = 0 if case.extreme else wrong.size  # a plain case shows a pattern better
                raise Failure(stage, f"{where}: {_difference(mine, theirs, wrong)}", cause=cause, size=size,
                              example=worked_out(evidence))  # fmt: skip
    for mine, exact, rounded in pairs(*results):
        wrong = wrong_in_both(mine, exact, rounded, tolerance, case.extreme, case.smallest)
        if wrong.any():
            where = described(kernel, calls[0].arrays, calls[0].static)
            raise Failure(stage, f"{where}: {_difference(mine, exact, wrong)}, compared with NumPy in float64.")


def _difference(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum())} of {wrong.size} values of the result {got.shape} are wrong, the first at {first}: "
        f"expected {expected[first]:.6g}, got {got[first]:.6g}"
    )


# -- gradients ---------------------------------------------------------------------------------------------------------


def _check_differences(op: str, case: Case, kernel: str, function: Callable[..., Any], tolerance: float) -> bool:
    """Hold the backward to central differences of this forward, along one random direction for all inputs at once.

        (L(x + h v) - L(x - h v)) / 2h = <dL/dx, v>,  L = sum(w y)

    Where that fails, the inputs are moved one by one, to say which. The sum is taken in float64 of the cells'
    differences, so that float32 costs 2**-24 / h a cell. Where a kink (relu at 0) lies within h of some x, NumPy's
    differences in float64 are off too, and by as much this forward's may be. Returns whether it was done: not where
    the backward is checked by itself, since it runs the same kernel.
    """
    backward = table.load(op, f"simt:{FIRST}", "backward")
    if op == "cast" or case.extreme or backward is None or "backward" in directions(op, kernel):
        return False
    forward = probe(op, "forward", kernel, function, watched=False)
    y, cache = run_forward(forward, case)
    if _size(y) > MOST_CELLS:
        return False
    weights = upstream(y)
    try:
        gradients = on_host(backward(weights, cache), "check")
    except (BackendError, TypeError, ValueError) as error:
        raise Failure("gradient", f"{op}: the backward cannot use what this forward left: {error}") from error
    rng = np.random.default_rng(0)
    step = STEP * (64 if tolerance > 1e-3 else 1)
    moves = {
        position: rng.choice([-1.0, 1.0], x.shape).astype(np.float32)
        for position, x in enumerate(case.inputs)
        if isinstance(x, np.ndarray) and x.dtype == np.float32 and gradients[position] is not None
    }

    def along(forward: Callable[..., Any], positions: list[int]) -> float:
        moved = [
            tuple(x + np.float32(sign * step) * moves[k] if k in positions else x for k, x in enumerate(case.inputs))
            for sign in (1, -1)
        ]
        above, below = (forward(Case(inputs, case.static)) for inputs in moved)
        return _weighted(above, below, weights) / (2 * step)

    def disagreement(positions: list[int]) -> tuple[float, float] | None:
        """The change of this forward and the backward's slope, where they disagree."""
        change = along(lambda moved: run_forward(forward, moved)[0], positions)
        parts = [(in_float64(gradients[k]), moves[k]) for k in positions]
        slope = float(sum(np.sum(gradient * v) for gradient, v in parts))
        size = float(np.sqrt(sum(np.sum(gradient**2) for gradient, _ in parts)))
        kinks = 2 * abs(along(lambda moved: _in_numpy(op, moved), positions) - slope)
        allowed = max(0.02, tolerance) * max(size, abs(slope), 1.0) + _rounding(y, weights, step) + kinks
        return None if abs(change - slope) <= allowed else (change, slope)

    found = disagreement(list(moves)) if moves else None
    if found is None:
        return bool(moves)
    alone = ((k, disagreement([k])) for k in moves)
    position, (change, slope) = next(((k, pair) for k, pair in alone if pair), (-1, found))
    name = "all inputs"
    if position >= 0:
        name = argument_names(kernel, len(case.inputs))[position] if op == kernel else f"input {position}"
        name += f" {case.inputs[position].shape}"
    raise Failure(
        "gradient",
        f"{op}: along a random direction of {name}, this forward changes by {change:.6g}, and its backward says "
        f"{slope:.6g}.",
        cause="Does the forward return something that the backward relies on (the same y, unrounded)?",
    )  # fmt: skip


def _in_numpy(op: str, case: Case) -> Any:
    return table.load(op, "numpy", "forward")(*in_float64(case.inputs), **case.static)[0]  # type: ignore[misc]


def _size(y: Any) -> int:
    return sum(map(_size, y)) if isinstance(y, tuple) else int(np.size(y))


def _rounding(y: Any, weights: Any, step: float) -> float:
    """What rounding y to float32 can do to the difference."""
    if isinstance(y, tuple):
        return sum(_rounding(part, w, step) for part, w in zip(y, weights, strict=True))
    return float(np.linalg.norm(y * weights)) * 2.0**-23 * 4 / step


def _weighted(above: Any, below: Any, weights: Any) -> float:
    if isinstance(above, tuple):
        return sum(_weighted(*parts) for parts in zip(above, below, weights, strict=True))
    return float(np.sum((in_float64(above) - in_float64(below)) * weights))


# -- an op, with all that it has ---------------------------------------------------------------------------------------


def _check_all(op: str, given: Case | None, tolerance: float | None) -> KernelChecks:
    if op not in table.ops() and op not in ladder.ops():
        raise unknown_name("op or kernel", op, {*table.ops(), *ladder.ops()})
    found = KernelChecks()
    require_kernels(op, table.kernels(op))
    if op in table.ops():
        plain = [case for case in cases_of(op, given) if not case.extreme]
        found.extend(_check_numpy(op, case) for case in plain[-2:-1] or plain)
        if not found:
            raise ArgumentError(
                f"check: {op!r} is an op of your own: give inputs, NumPy arrays: minidl.check({op!r}, x)."
            )
    kernels = table.kernels(op) or ((op,) if op in ladder.ops() else ())
    for kernel in kernels:
        for name in (*(rung.name for rung in ladder.rungs(kernel)), *student_names(kernel)):
            own = given if ops_with(kernel)[0] == op else None
            found.append(_check_rung(kernel, name, own, tolerance or ROUNDED.get(name, EXACT)))
    return found


def _check_numpy(op: str, case: Case) -> KernelCheck:
    """The NumPy op alone: its backward against finite differences, in float64."""
    result = KernelCheck(f"{op} on numpy")
    forward, backward = (table.load(op, "numpy", direction) for direction in table.DIRECTIONS)
    if backward is None or op in table.NO_GRADIENT or op == "cast" or forward is None:
        result.add("gradient", "not run", "the op has no gradient")
        return result
    try:
        check_gradients(forward, backward, in_float64(case.inputs), case.static)
    except GradientError as error:
        result.fail("gradient", str(error), "", "")
        return result
    result.add("gradient", "passed", "the backward agrees with finite differences, in float64")
    return result
