"""Three kernels, two of them hang: mend the two, leave the third.

A barrier waits until every thread of the block has come to it. Who has left, or went another way, never comes, and the
others wait for ever. Threads of *other* blocks do not matter: each block has its own barriers.

    reverse       y: each block's 64 elements in reverse; the last block may have fewer
    block_sums    y[b]: the sum of block b's 64 elements, as a tree
    mixed         blocks 0, 2, 4 … write differences x[i] - x[i - 1] within the block (the first as it is), the
                  others copy

Threads are 64, the grid covers x. Change ten lines at most.
Par: no barrier more than the kernels need.
"""

import ast
import re
from typing import Any

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

THREADS = 64


def cases(d):
    yield case("", d(150))
    yield case("", d(5))
    yield case("a whole block", d(64))
    yield case("", d(1))
    yield par("", d(301))
    x = d(67)
    x[2], x[65], x[66] = float("inf"), -0.0, -200
    yield extreme("an infinity, zeros", x)


def blocks_of(x):
    return [x[i : i + THREADS] for i in range(0, x.size, THREADS)]


def differences(x):
    return np.concatenate([np.diff(part, prepend=0) if k % 2 == 0 else part for k, part in enumerate(blocks_of(x))])


COMMON: dict[str, Any] = {"cases": cases, "given": {"size": lambda x: x.size}, "threads": THREADS, "grid": lambda x: (-(-x.size // THREADS),)}

exercise = Exercise(
    title="A hunt for deadlocks",
    stars=1,
    minutes=20,
    needs=("stencil",),
    section="09",
    most_changed=10,
    tasks=(
        Kernel(
            signature="reverse(x, y, size)",
            reference=lambda x: np.concatenate([part[::-1] for part in blocks_of(x)]),
            outputs={"y": lambda x: x.shape},
            par={"barriers": 5},
            **COMMON,
        ),
        Kernel(
            signature="block_sums(x, y, size)",
            reference=lambda x: np.array([sum(part.tolist()) for part in blocks_of(x)]),
            outputs={"y": lambda x: (-(-x.size // THREADS),)},
            par={"barriers": 5 * 7},
            **COMMON,
        ),
        Kernel(
            signature="mixed(x, y, size)",
            reference=differences,
            outputs={"y": lambda x: x.shape},
            par={"barriers": 3},
            **COMMON,
        ),
    ),
    says={
        "guard_gone": (
            "The `return` was wrong, its question was not: a thread without an element stays, and touches nothing.",
            "`return` 错了，它问的问题没错：没有元素的线程要留下，但什么也不碰。",
        ),
        "two_for_one": (
            "Two barriers, one for those who go and one for those who stay, are not one: each waits for the whole block.",
            "给离开的一个屏障、给留下的一个屏障，并不是同一个：各自都等整个块。",
        ),
        "half_stays": (
            "From step to step fewer threads add, but all have to wait.",
            "一步步下来，做加法的线程越来越少，但所有线程都要等。",
        ),
        "after_the_loop": (
            "One barrier after the loop is too late: each step reads what the step before has written.",
            "循环之后才等就晚了：每一步读的是上一步写的。",
        ),
        "leaves_later": (
            "Threads that have nothing to add any more must not leave either: more barriers follow.",
            "已经没有东西可加的线程也不能离开：后面还有屏障。",
        ),
        "third_was_right": (
            "`mixed` was right: its condition asks for the block's number, so a whole block takes the branch, and waits "
            "for itself.",
            "`mixed` 本来是对的：它的条件问的是块号，整个块一起进入分支，只等自己。",
        ),
        "idle_write": (
            "Adding 0 is writing too: thread {t2} writes back its old number while thread {t1} reads it. Who has nothing to "
            "add must not write.",
            "加 0 也是写：线程 {t1} 读的时候，线程 {t2} 把旧值写了回去。没有东西可加的就不能写。",
        ),
        "two_a_step": (
            "Two barriers a step: in a tree nobody reads what another writes in the same step, so one is enough.",
            "每步两个屏障：在树里，同一步中没有人读别人正在写的，一个就够。",
        ),
        "guard_around_all": (
            "The `return` has become an `if` around everything, the barrier too: only the work goes into it.",
            "`return` 变成了包住一切的 `if`，连屏障也在里面：只有工作该放进去。",
        ),
        "turned_by_64": (
            "The last block has {x0 % 64} elements, and its last one is number {x0 % 64 - 1}, not 63.",
            "最后一块有 {x0 % 64} 个元素，最后一个是 {x0 % 64 - 1} 号，不是 63 号。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("For each barrier: which threads of one block do not come to it, and where are they?",
         "对每个屏障：一个块里哪些线程没有到达？它们在哪里？"),
        ("A thread that has nothing to do stays and does nothing: the work goes into an `if`, the barrier stands outside.",
         "没有事做的线程留下来，什么也不做：工作放进 `if`，屏障放在外面。"),
        ("reverse: if there is an element, store it; wait; if there is one, write. block_sums: in the loop, `if`: add; behind "
         "the `if`: wait.",
         "reverse：有元素就存；等；有元素就写。block_sums：循环里，`if` 中相加；`if` 之后等。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Which barrier is meant, and what stands around it, shows in the source of the kernel that fails."""
    if seen.stage != "machine":
        return None
    node = next(n for n in ast.parse(seen.source).body if isinstance(n, ast.FunctionDef) and n.name == seen.task.name)
    text = ast.get_source_segment(seen.source, node) or ""
    if node.name == "mixed":
        return "third_was_right"
    if node.name == "reverse":
        if seen.code == "F9":
            return "two_for_one" if text.count("syncthreads") > 1 else "guard_around_all"
        return {"F1": "guard_gone", "F1n": "guard_gone", "F10": "turned_by_64"}.get(seen.code, "")
    if seen.code == "F9":
        return "two_for_one" if re.search(r"else:\s*(#.*)?\n\s*cuda\.syncthreads", text) else "half_stays"
    if seen.code == "F4":
        return "after_the_loop" if text.rfind("syncthreads") > text.find("half //= 2") else ""
    return {"F8": "leaves_later", "F5": "idle_write"}.get(seen.code, "")
