"""C (M, N) = A (M, K) @ B (K, N): one thread, one element.

The thread of c[row, col] walks along row `row` of A and down column `col` of B, and adds up the products:

    c[row, col] = a[row, 0] · b[0, col] + a[row, 1] · b[1, col] + … + a[row, K - 1] · b[K - 1, col]

Threads are (16, 16), x along the columns of C; the grid covers C. No size is a multiple of 16, and no two are equal.
A total belongs in a variable of the thread, of 32 bits as all else here: c is written once.
Par: 31,360 sectors for (64, 48) @ (48, 80).
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    for m, k, n in ((5, 3, 4), (1, 1, 1), (16, 16, 16), (17, 19, 33), (5, 40, 7), (30, 2, 18), (3, 1, 50)):
        yield case("", d(m, k), d(k, n))
    yield par("", d(64, 48), d(48, 80))
    yield extreme("an infinite row", np.array([[1, float("inf")], [0, 2], [-1, -0.0]], np.float32),
                  np.array([[1, -2, 3], [4, 5, -6]], np.float32))  # fmt: skip


def product(a, b):
    """As a sum of outer products, a column of a by a row of b."""
    total = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        total += np.multiply.outer(a[:, k], b[k])
    return total


exercise = Exercise(
    title="A product of matrices, a thread an element",
    stars=1,
    minutes=20,
    needs=("image_affine",),
    section="09",
    tasks=(
        Kernel(
            signature="gemm(a, b, c)",
            cases=cases,
            reference=product,
            outputs={"c": lambda a, b: (a.shape[0], b.shape[1])},
            threads=(16, 16),
            par={"sectors": 31360},
        ),
    ),
    says={
        "exchanged": (
            "cuda.grid(2) gives x first, and x runs along the columns of C.",
            "cuda.grid(2) 先给出 x，x 沿着 C 的列号走。",
        ),
        "rows_of_a": (
            "A sum has as many terms as A has columns, K; you count the rows of A.",
            "每个和的项数是 A 的列数 K；你数的是 A 的行数。",
        ),
        "columns_of_b": (
            "A sum has as many terms as B has rows, K; you count the columns of B.",
            "每个和的项数是 B 的行数 K；你数的是 B 的列数。",
        ),
        "b_turned": (
            "That walks along a row of B. The sum goes down column col of B: its first index moves, its second stays.",
            "这是沿 B 的一行走。和要沿 B 的第 col 列往下：第一个下标变，第二个不变。",
        ),
        "a_turned": (
            "That walks down a column of A. The sum goes along row `row` of A: its second index moves, its first stays.",
            "这是沿 A 的一列走。和要沿 A 的第 row 行：第二个下标变，第一个不变。",
        ),
        "last_term": (
            "The last of the {a1} terms is missing: range(n) ends before n by itself.",
            "{a1} 项中少了最后一项：range(n) 本来就到 n 之前为止。",
        ),
        "first_term": (
            "The first of the {a1} terms is missing: indices begin at 0.",
            "{a1} 项中少了第一项：下标从 0 开始。",
        ),
        "last_product": (
            "c is the *last* product, a[r, {a1 - 1}] · b[{a1 - 1}, c]: each turn of the loop throws away what was there.",
            "c 是*最后*一个乘积 a[r, {a1 - 1}] · b[{a1 - 1}, c]：每一圈都把之前的扔掉了。",
        ),
        "first_product": (
            "c is the *first* product alone: is something inside the loop that belongs behind it?",
            "c 只有*第一个*乘积：是不是有本该在循环之后的东西放进了循环里？",
        ),
        "elementwise": (
            "You add a and b here. Each term is their product; only the products are added.",
            "你把 a 与 b 相加了。每一项是它们的乘积，相加的只是这些乘积。",
        ),
        "same_term": (
            "Every term is the same product, that of k = 0. Which index moves with the loop?",
            "每一项都是同一个乘积，k = 0 的那个。哪个下标随循环变化？",
        ),
        "sum_in_memory": (
            "Each turn loads c and stores it again: {a1} stores for one number. A variable of the thread costs nothing.",
            "每一圈都读出 c 再写回：为一个数写 {a1} 次。线程自己的变量不花什么。",
        ),
        "lanes_down": (
            "Lanes of a warp go down the rows of C, so each needs another row of A and another sector, at every turn. Which "
            "of row and col should lanes differ in?",
            "warp 的通道沿 C 的行号往下，每一圈每个通道都要 A 的另一行、另一个扇区。通道之间应该差在行号还是列号？",
        ),
        "one_too_many": (
            "range(n) gives n numbers, 0 to n - 1: there is no term K.",
            "range(n) 给出 n 个数，0 到 n - 1：没有第 K 项。",
        ),
        "inner_sizes": (
            "The guard asks for the sizes of K; an element of C has a row of A, and a column of B.",
            "判断用的是 K 的大小；C 的元素对应 A 的一行和 B 的一列。",
        ),
        "no_sum": (
            "That multiplies matrices element by element. c[row, col] is a sum along a row of A and a column of B.",
            "这是逐元素相乘。c[row, col] 是沿 A 的一行和 B 的一列的和。",
        ),
    },
    hints=(
        ("Which numbers of A and of B does c[2, 3] need, and how many are they?",
         "c[2, 3] 需要 A 和 B 的哪些数，有多少个？"),
        ("One number k moves along the row of A and down the column of B at once. The total starts at `float32(0)`, outside "
         "the loop, and is written after it.",
         "同一个 k 同时沿 A 的行和 B 的列移动。total 在循环之前从 `float32(0)` 开始，循环之后才写出。"),
        ("col, row from the grid; if both exist: total = 0; for k up to the columns of A: add one product; write total.",
         "col、row 来自网格；若都存在：total = 0；k 走遍 A 的列：加一个乘积；写出 total。"),
    ),
)  # fmt: skip
