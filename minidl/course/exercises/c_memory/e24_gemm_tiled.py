"""C = A @ B, each tile fetched once; of the tile's side there are variants."""

from minidl.course import Exercise, Kernel, case, constant, par

CHOICES = 16, 8
TILE = constant("TILE", CHOICES)
# Counted: sectors of tiles, of four elements a thread, of no tiles; and passes, of which the second needs a few more.
PAR, THIRD, NAIVE, PASSES = {16: (4480, 2752, 31360, 1.0), 8: (8320, 4480, 39040, 1.03)}[TILE]
TEXT = f"""C (M, N) = A (M, K) @ B (K, N), each tile fetched once.

One thread owns c[row, col]. A block of {TILE} x {TILE} threads fetches a tile of A and one of B into shared memory, waits,
uses them, waits, and goes on to the next tiles along K:

    sa[ty, tx] = a[row, tile * {TILE} + tx]      sb[ty, tx] = b[tile * {TILE} + ty, col]

No size is a multiple of {TILE}. Threads are ({TILE}, {TILE}), x along the columns; the grid covers C.
Par: {PAR:,} sectors for (64, 48) @ (48, 80), where one thread an element without tiles moves {NAIVE:,}.
"""


def cases(d):
    for m, k, n in ((1, 1, 1), (TILE, TILE, TILE), (17, 19, 33), (5, 40, 7), (30, 3, 18)):
        yield case("", d(m, k), d(k, n))
    yield par("", d(64, 48), d(48, 80))


exercise = Exercise(
    title="A product of matrices, tile by tile",
    text=TEXT,
    constants={"TILE": CHOICES},
    stars=3,
    minutes=60,
    needs=("gemm",),
    section="09",
    tasks=(
        Kernel(
            signature="gemm_tiled(a, b, c)",
            cases=cases,
            reference=lambda a, b: a @ b,
            outputs={"c": lambda a, b: (a.shape[0], b.shape[1])},
            threads=(TILE, TILE),
            par={"sectors": PAR, "shared_passes": PASSES},
            third={"sectors": THIRD},
            naive={"sectors": NAIVE},
        ),
    ),
    third=(
        f"a tile of {2 * TILE} x {2 * TILE}, as rung r3 of the ladder has one: four elements a thread, and fewer blocks at work.",
        f"像阶梯的 r3 那样用 {2 * TILE} x {2 * TILE} 的块：每个线程四个元素，干活的块更少。",
    ),
    says={
        "tail_lost": (
            f"The last {{a1 % {TILE}}} terms of each sum are missing: how many tiles cover K = {{a1}}?",
            f"每个和都缺最后 {{a1 % {TILE}}} 项：多少块才能盖住 K = {{a1}}？",
        ),
        "tile_turned": (
            "This is the product with each tile of A transposed: sa's first index is the row.",
            "这是 A 的每一块都转置后的乘积：sa 的第一个下标是行。",
        ),
        "last_tile_only": (
            "Only the last tile's sum arrives: where does the total begin at 0?",
            "只有最后一块的和留下了：total 在哪里从 0 开始？",
        ),
        "tile_of_two": (
            "Store the tile the way you read it: neighbours in x side by side.",
            "块怎么读就怎么存：x 相邻的放在一起。",
        ),
        "sb_turned": (
            "This is the product with each tile of B transposed: sb's *second* index is the column, tx.",
            "这是 B 的每一块都转置后的乘积：sb 的*第二个*下标才是列 tx。",
        ),
    },
    hints=(
        ("Who needs sa[ty, tx], and how do they know that it is there?",
         "谁需要 sa[ty, tx]，他们怎么知道它已在那里？"),
        ("Two barriers a turn: one after filling, one after using. All threads of the block come to both, also those "
         "without an element of C; a place without data holds 0.",
         "每圈两个屏障：填充之后一个，使用之后一个。块里所有线程都要到达，没有 C 元素的也一样；没有数据的位置放 0。"),
        (f"total = 0; for each tile along K: store one element of each tile or 0; wait; {TILE} products; wait. Then, if the "
         "thread has an element: write.",
         f"total = 0；沿 K 的每一块：各存一个元素或 0；等待；{TILE} 个乘积；等待。最后，若线程有元素：写出。"),
    ),
)  # fmt: skip
