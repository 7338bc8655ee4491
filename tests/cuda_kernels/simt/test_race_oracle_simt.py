"""Race detection against an oracle: random kernels, and every pair of accesses compared one by one.

The oracle runs the same statements thread by thread, keeps all accesses to each element, and calls two of them a race
if different threads made them, one writes, they are not both atomic, and no barrier lies between. The machine keeps
only a few accesses of each element, so it may name fewer pairs of lines; but it must not name a pair that the oracle
does not know, and must not stay silent about an array that has a race.
"""

import importlib.util
import itertools
import random

import numpy as np
import pytest

from cuda_kernels import simt

BLOCKS, THREADS = 2, 64
PLACES = (
    "t", "63 - t", "t ^ 1", "(t + 1) % 64", "t // 2", "0", "(t * 5) % 64", "t % 32", "t // 32", "table[{row}, t]",
    "t ^ 32", "(t + 32) % 64", "t - t % 4",
)
GLOBAL_PLACES = ("b * 64 + ({place})", "{place}", "(b * 64 + ({place}) + 1) % 128")
GUARDS = (None, None, None, None, "t < 32", "t >= 32", "t % 2 == 0", "t == 0", "t < 40", "b == 0")
SYNCWARP_GUARDS = (None, None, "t < 32", "t >= 32", "b == 1", "t < 32 and b == 0")  # whole warps
STATEMENTS = {
    "store": "{array}[{place}] = t",
    "load": "v += {array}[{place}]",
    "update": "{array}[{place}] += 1",
    "atomic": "cuda.atomic.add({array}, {place}, 1)",
    "barrier": "cuda.syncthreads()",
    "syncwarp": "cuda.syncwarp()",
}
ACCESSES = {"store": "w", "load": "r", "update": "rw", "atomic": "a"}
HEAD = """from cuda_kernels._cuda import cuda, int32


@cuda.jit
def kernel(g, table, out):
    s = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    b = cuda.blockIdx.x
    s[t] = 0
    cuda.syncthreads()
    v = 0
"""


def draw(rng):
    """A random list of (kind, array, place, guard); a nested list is the body of a loop of two turns."""
    drawn = []
    for _ in range(rng.randint(2, 7)):
        kind = rng.choice(["store", "load", "update", "atomic", "store", "load", "barrier", "barrier", "syncwarp"])
        array = rng.choice("sssg")
        place = rng.choice(PLACES).format(row=rng.randrange(3))
        if array == "g":
            place = rng.choice(GLOBAL_PLACES).format(place=place)
        guards = {"barrier": (None,), "syncwarp": SYNCWARP_GUARDS}.get(kind, GUARDS)
        drawn.append((kind, array, place, rng.choice(guards)))
    if rng.random() < 0.4:
        first = rng.randrange(len(drawn))
        last = rng.randrange(first, len(drawn)) + 1
        drawn[first:last] = [drawn[first:last]]
    return drawn


def write(drawn):
    """The kernel's source, and the statements in order of time with their line numbers."""
    lines, order = HEAD.splitlines(), []

    def put(statement, indent):
        if isinstance(statement, list):
            lines.append(f"{indent}for turn in range(2):")
            start = len(order)
            for inner in statement:
                put(inner, indent + "    ")
            order.extend(order[start:])
            return
        kind, array, place, guard = statement
        if guard is not None:
            lines.append(f"{indent}if {guard}:")
            indent += "    "
        lines.append(indent + STATEMENTS[kind].format(array=array, place=place))
        order.append((kind, array, place, guard, len(lines)))

    for statement in drawn:
        put(statement, "    ")
    return "\n".join([*lines, "    out[b * 64 + t] = v", ""]), order


def accesses(order, table):
    """Element -> all its accesses as (block, thread, "r" | "w" | "a", line, barriers met, syncwarps met)."""
    found = {}
    barriers = 0
    syncwarps = dict.fromkeys(itertools.product(range(BLOCKS), range(THREADS // 32)), 0)
    for kind, array, place, guard, line in order:
        if kind == "barrier":
            barriers += 1
            continue
        for b in range(BLOCKS):
            active = [t for t in range(THREADS) if guard is None or eval(guard, {"t": t, "b": b})]
            if kind == "syncwarp":
                for warp in {t // 32 for t in active}:
                    syncwarps[b, warp] += 1
                continue
            for t in active:
                index = int(eval(place, {"t": t, "b": b, "table": table}))
                element = (array, index) if array == "g" else (array, index, b)
                for access in ACCESSES[kind]:
                    entry = (b, t, access, line, barriers, syncwarps[b, t // 32])
                    found.setdefault(element, []).append(entry)
    return found


def is_race(one, other):
    """Two accesses of one element: does nothing order them?"""
    (block, thread, access, _, barriers, syncwarps), (block2, thread2, access2, _, barriers2, syncwarps2) = one, other
    if (block, thread) == (block2, thread2) or access + access2 in ("rr", "aa"):
        return False
    if block != block2:
        return True
    same_warp = thread // 32 == thread2 // 32
    return barriers == barriers2 and not (same_warp and syncwarps != syncwarps2)


def oracle(order, table):
    """All (array, lines) that race."""
    races = set()
    for element, entries in accesses(order, table).items():
        for one, other in itertools.combinations(dict.fromkeys(entries), 2):
            if is_race(one, other):
                races.add((element[0], tuple(sorted({one[3], other[3]}))))
    return races


@pytest.mark.parametrize("seed", range(120))
def test_races_of_a_random_kernel_are_those_of_the_oracle(seed, tmp_path):
    rng = random.Random(seed)
    source, order = write(draw(rng))
    path = tmp_path / f"random_kernel_{seed}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table = np.array([[rng.randrange(64) for _ in range(64)] for _ in range(3)], np.int32)
    out = np.zeros(BLOCKS * THREADS, np.int32)
    report = simt.launch(module.kernel, BLOCKS, THREADS, np.zeros(192, np.int32), table, out, outputs=())
    assert [fault for fault in report.faults if fault.kind != "race"] == []
    named = {(fault.array, tuple(sorted(fault.lines))) for fault in report.faults}
    expected = oracle(order, table)
    assert named <= expected, source
    assert {array for array, _ in named} == {array for array, _ in expected}, source


def test_oracle_sees_races_in_some_kernels_and_none_in_others():
    table = np.zeros((3, 64), np.int32)
    counts = [len(oracle(write(draw(random.Random(seed)))[1], table)) for seed in range(120)]
    assert counts.count(0) > 20 and len(counts) - counts.count(0) > 50
