"""Three barriers are wrong: mend the kernel, leave the rest.

y = relu(x @ w + b), tile by tile, as in exercise 24. It was written in a hurry: one barrier is missing, one is too many,
and one stands in a branch that not all threads take. Its numbers may come out right all the same: whoever comes first in
this run need not on a GPU.

    missing     a race: somebody reads what another has not written yet, or has already overwritten
    too many    no fault, but the block waits for nothing, at every turn
    in a branch some wait for others who never come

Change eight lines at most; a line moved counts as one or two. The tiles stay.
Par: two barriers a turn, and one more to begin. Third star: none to begin either, if you can say why it may go.
"""

import re

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    for m, k, n in ((20, 37, 18), (1, 1, 1), (16, 16, 16), (7, 19, 33), (33, 5, 3)):
        yield case("", d(m, k), d(k, n), d(n))
    yield par("", d(40, 48), d(48, 33), d(33))
    x, w, b = d(3, 18), d(18, 5), d(5)
    x[1, 17], b[3] = float("inf"), -200
    yield extreme("an infinity, a bias of -200", x, w, b)


def relu_of_sums(x, w, b):
    """Neuron by neuron, row by row."""
    return np.array([[max(sum(x[r] * w[:, u], b[u]), 0) for u in range(b.size)] for r in range(x.shape[0])])


BLOCKS, TURNS = 9, 3

exercise = Exercise(
    title="A hunt for three wrong barriers",
    stars=2,
    minutes=30,
    needs=("gemm_tiled",),
    section="09",
    most_changed=8,
    tasks=(
        Kernel(
            signature="dense_relu(x, w, b, y)",
            cases=cases,
            reference=relu_of_sums,
            outputs={"y": lambda x, w: (x.shape[0], w.shape[1])},
            threads=(16, 16),
            par={"barriers": BLOCKS * (2 * TURNS + 1), "sectors": 2100},
            third={"barriers": BLOCKS * 2 * TURNS},
        ),
    ),
    says={
        "bias_alone": (
            "Only the 16 threads with ty = 0 have a bias to store, and only they wait for it. Does anybody read it before "
            "another barrier has come?",
            "只有 ty = 0 的 16 个线程要存偏置，也只有它们在等。在下一个屏障之前有人读它吗？",
        ),
        "in_both": (
            "A barrier in the `if` and another in the `else` are two barriers: each waits for the whole block. One, after "
            "both.",
            "`if` 里一个屏障、`else` 里另一个，是两个屏障：各自都等整个块。要一个，放在两者之后。",
        ),
        "end_in_guard": (
            "Threads without an element of y do not use the tile, but they fill the next one: they have to wait too.",
            "没有 y 元素的线程不用这一块，却要填下一块：它们也得等。",
        ),
        "wrong_one_removed": (
            "Of the two barriers after the fillings you have taken away the one that was needed: when the products begin, "
            "both tiles have to be there.",
            "两次填充之后的两个屏障，你去掉的是需要的那个：开始相乘时两个块都要填好。",
        ),
        "warp_only": (
            "syncwarp waits for the 32 threads of a warp; a block of 16 x 16 has eight warps, and they share the tiles.",
            "syncwarp 只等一个 warp 的 32 个线程；16 x 16 的块有八个 warp，它们共用这些块。",
        ),
        "next_filling": (
            "Two barriers one after the other are as good as one: which one keeps the next turn's filling away from this "
            "turn's products?",
            "两个屏障紧挨着等于一个：哪个屏障让下一圈的填充不碰到这一圈的相乘？",
        ),
        "three_a_turn": (
            "Which two of the turn's three are needed? Take one away, and look at what the check says.",
            "一圈三个屏障里需要的是哪两个？去掉一个，看检查怎么说。",
        ),
        "at_each_product": (
            "Between two products nobody writes to the tiles: there is nothing to wait for.",
            "两次相乘之间没有人写这些块：没有什么可等的。",
        ),
        "after_the_loop": (
            "After the loop all is over: the tiles are overwritten at the *next turn*.",
            "循环之后一切都结束了：这些块是在*下一圈*被覆盖的。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("For each shared array: who writes it, who reads it, and which barrier lies between, also from the end of a turn to "
         "the beginning of the next?",
         "对每个共享数组：谁写，谁读，中间是哪个屏障？从一圈的末尾到下一圈的开头也要看。"),
        ("Two fillings that touch different arrays need no barrier between them. A barrier stands where all threads pass: at "
         "the kernel's or the loop's own level.",
         "填两个不同数组之间不需要屏障。屏障要放在所有线程都会经过的地方：内核或循环自己的那一层。"),
        ("Before the loop: the `if` without a barrier. In a turn: fill, fill, wait, multiply, wait.",
         "循环之前：`if` 里没有屏障。每一圈：填、填、等、乘、等。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Where barriers stand shows in the source alone: without the right one, all of these race in the same way."""
    if seen.stage != "machine" or seen.code not in ("F4", "F5", "F9"):
        return None
    if seen.code == "F9":
        before = seen.source.splitlines()[: seen.facts["L"] - 1]
        branch = next((line for line in reversed(before) if line.lstrip().startswith(("if", "elif", "else"))), "")
        if "y.shape" in branch:
            return "end_in_guard"
        has_two = re.search(r"syncthreads\(\)\s*(#.*)?\n\s*else:\s*\n\s*cuda\.syncthreads", seen.source)
        return "in_both" if has_two else "bias_alone"
    if seen.has("syncwarp"):
        return "warp_only"
    if seen.code == "F4":
        return "wrong_one_removed" if len(re.findall(r"^        cuda\.syncthreads", seen.source, re.M)) > 1 else ""
    if re.search(r"\n        cuda\.syncthreads\(\)\s*(#.*)?\n\s*cuda\.syncthreads", seen.source):
        return "next_filling"
    after = re.search(r"for j in .*\n.*total.*\n\s*\n?    cuda\.syncthreads", seen.source)
    return "after_the_loop" if after else ""
