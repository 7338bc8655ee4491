"""C (M, N) = A (M, K) @ B (K, N), four elements a thread.

In exercise 24 every multiplication fetches two numbers from shared memory, and shared memory is what it waits for. A
thread that owns four elements of a column of C fetches its number of B once for the four: five fetches for four
multiplications instead of eight.

A block has 16 x 16 threads, x first, and owns 64 rows and 16 columns of C. Thread (tx, ty) owns four rows, 16 apart:

    ty    ty + 16    ty + 32    ty + 48      of the block's 64, in column tx

The tile of A is 64 x 16, so each thread stores four elements of it; that of B is 16 x 16 as before. The four totals live
in registers, as four variables do. The grid is (N / 16, M / 64), rounded up.
Par, for (64, 48) @ (48, 80): 3,040 sectors and 10,200 accesses of warps to shared memory, without conflicts of banks.
Exercise 24 makes 4,480 and 16,320.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    for m, k, n in ((80, 21, 17), (1, 1, 1), (64, 16, 16), (67, 19, 33), (5, 40, 7), (18, 3, 35)):
        yield case("", d(m, k), d(k, n))
    yield par("", d(64, 48), d(48, 80))
    a, b = d(70, 3), d(3, 5)
    a[66, 1], a[0, 0] = float("inf"), -0.0
    yield extreme("an infinity in row 66", a, b)


def row_by_row(a, b):
    """Each element as its sum along K, by itself."""
    return np.array([[sum(a[r, k] * b[k, c] for k in range(a.shape[1])) for c in range(b.shape[1])]
                     for r in range(a.shape[0])])  # fmt: skip


exercise = Exercise(
    title="A product of matrices, four elements a thread",
    stars=3,
    minutes=60,
    needs=("gemm_tiled",),
    section="09",
    tasks=(
        Kernel(
            signature="gemm_micro(a, b, c)",
            cases=cases,
            reference=lambda a, b: a @ b if a.size > 1000 else row_by_row(a, b),
            outputs={"c": lambda a, b: (a.shape[0], b.shape[1])},
            threads=(16, 16),
            grid=lambda a, b: (-(-b.shape[1] // 16), -(-a.shape[0] // 64)),
            par={"sectors": 3040, "shared_accesses": 10200, "shared_passes": 1.0, "local": 0},
            naive={"sectors": 4480, "shared_accesses": 16320},
        ),
    ),
    says={
        "grid_of_16": (
            "cuda.grid(2) knows of 16 rows a block, because there are 16 rows of threads; a block owns 64 rows of C here.",
            "cuda.grid(2) 以为每块只有 16 行，因为线程有 16 行；而这里每块拥有 C 的 64 行。",
        ),
        "rows_together": (
            "Rows ty, ty + 1, ty + 2, ty + 3 of one thread are also rows of the next threads: the four are 16 apart.",
            "一个线程的 ty、ty + 1、ty + 2、ty + 3 行也是后面几个线程的行：这四行应相隔 16。",
        ),
        "one_of_four": (
            "Each thread has written one row of its four: the rows from 16 on of each block's 64 are nobody's.",
            "每个线程只写了四行中的一行：每块 64 行里从 16 起的那些没有人写。",
        ),
        "guard_of_one": (
            "The first of a thread's four rows exists; that says nothing of the other three. Each row has its own guard.",
            "线程四行中的第一行存在，不等于其余三行也存在：每一行要自己的判断。",
        ),
        "quarter_filled": (
            "The tile of A has 64 rows and the block 16 rows of threads: how many elements of it does each thread store?",
            "A 的块有 64 行，而线程只有 16 行：每个线程要存其中几个元素？",
        ),
        "one_total": (
            "All four rows of a thread hold the sum of the four: each of them wants a total of its own.",
            "一个线程的四行都得到了四行之和：每一行要有自己的 total。",
        ),
        "neighbours_read": (
            "The rows from 16 on are wrong: you write row ty + 16 · i, but multiply row ty + i of the tile of A.",
            "从 16 起的行是错的：写的是第 ty + 16 · i 行，乘的却是 A 的块里第 ty + i 行。",
        ),
        "first_row_for_all": (
            "All four rows of a thread are alike: each multiplies its own row of the tile of A.",
            "一个线程的四行都一样了：每一行要乘 A 的块里自己的那一行。",
        ),
        "b_turned": (
            "This is the product with each tile of B transposed: sb's first index is the place along K, the second the column.",
            "这是 B 的每一块都转置后的乘积：sb 的第一个下标是沿 K 的位置，第二个是列。",
        ),
        "tail_lost": (
            "The last {a1 % 16} terms of each sum are missing: how many tiles cover K = {a1}?",
            "每个和都缺最后 {a1 % 16} 项：多少块才能盖住 K = {a1}？",
        ),
        "last_tile_only": (
            "Only the last tile's sums arrive: where do the totals begin at 0?",
            "只有最后一块的和留下了：total 在哪里从 0 开始？",
        ),
        "b_four_times": (
            "The tile of B is filled four times over: it has 16 rows, and one element a thread does.",
            "B 的块被填了四遍：它只有 16 行，每个线程存一个元素就够。",
        ),
        "b_again": (
            "The number of B is the same for all four rows: fetch it once into a variable.",
            "四行用的是 B 的同一个数：取一次，放进变量。",
        ),
        "rows_side_by_side": (
            "With rows 4 ty to 4 ty + 3, the two rows that a warp reads at once lie 64 words apart: the same bank.",
            "若取 4 ty 到 4 ty + 3 行，一个 warp 同时读的两行相隔 64 个字：同一个存储体。",
        ),
        "not_registers": (
            "Registers have no index: an array of a thread can live in them where the compiler knows each index, by a "
            "number or a loop of a fixed length. Else it lies in memory.",
            "寄存器没有下标：只有编译器知道每个下标（常数，或固定次数的循环）时，线程的数组才能放在寄存器里；否则就在内存里。",
        ),
        "totals_in_shared": (
            "The totals lie in shared memory, where each addition fetches and stores one: nobody but their thread needs them.",
            "total 放在共享内存里，每加一次都要读出再写回：除了自己的线程没有人需要它们。",
        ),
        "no_tiles": (
            "The totals are in registers, but A and B come from global memory each time: exercise 24's tiles are missing.",
            "total 在寄存器里了，但 A 和 B 每次都从全局内存取：缺了练习 24 的块。",
        ),
        "all_four_or_none": (
            "Where the fourth of a thread's rows lies outside, the first may well exist: each row has its own guard.",
            "线程的第四行在外面时，第一行可能仍然存在：每一行要自己的判断。",
        ),
    },
    hints=(
        ("Which numbers of the two tiles do the four multiplications of one turn need, and how many different ones are they?",
         "一圈里的四次乘法需要两个块里的哪些数？不同的有几个？"),
        ("The block's first row is 64 · blockIdx.y. Each thread stores four elements of A's tile and one of B's; in the inner "
         "loop it takes its number of B once, and four numbers of A's column. Guards and barriers are those of exercise 24.",
         "块的第一行是 64 · blockIdx.y。每个线程存 A 的块的四个元素、B 的块的一个；内层循环里取一次 B 的数，再取 A 那一列的四个。"
         "边界判断和屏障与练习 24 相同。"),
        ("four totals = 0; for each tile along K: store four of A or 0, one of B or 0; wait; for each j: one number of B, "
         "four products; wait. Then four writes, each with its guard.",
         "四个 total = 0；沿 K 的每一块：存 A 的四个元素或 0、B 的一个或 0；等待；对每个 j：取 B 的一个数，做四个乘积；等待。"
         "最后四次写出，各有自己的判断。"),
    ),
)  # fmt: skip
