"""A convolution as a tiled product of matrices, whose left one is never written; of the tile there are variants."""

import numpy as np

from minidl.course import Exercise, Kernel, case, constant, extreme, par

INF = float("inf")
CHOICES = 16, 8
TILE = constant("TILE", CHOICES)
PAR, PASSES, NAIVE = {16: (2300, 1.1, 11_200), 8: (3600, 1.16, 8950)}[TILE]
FIRST = {16: (1, 4, 5, 2), 8: (1, 2, 4, 1)}[TILE]  # threads of the block without a window, places of the tile without a tap
TEXT = f"""A convolution as a tiled product of matrices, whose left one is never written.

A convolution is a product (exercise 8): a row of A for each window, holding the pixels under it, a column of B for each filter:

    A (N·P·Q, R·S·C)     A[m, t] = x[n, i, j, c]     m = (n · P + p) · Q + q      t = (r · S + s) · C + c
    B (R·S·C, K)         B[t, k] = w[r, s, c, k]     i = p · stride + r - pad     j = q · stride + s - pad

A would be R·S times as large as x. So nobody writes it: the kernel of exercise 24 multiplies tiles of {TILE} x {TILE}, and where a
thread would fetch A[m, t] it takes m and t apart and fetches that pixel of x; 0 where there is no such pixel, window or tap.

`implicit_gemm(x, w, y, stride, pad)` for x (N, H, W, C), w (R, S, C, K), y (N, P, Q, K). Threads are ({TILE}, {TILE}): x along the
filters, y along the windows; the grid covers K and N·P·Q. 27 taps are no multiple of {TILE}, nor are windows or filters.
Par: {PAR:,} sectors for 2 images of 9 x 8 with 3 channels and 20 filters of 3 x 3, where exercise 42's kernel moves {NAIVE:,}.
"""


def sizes(x, w, stride, pad):
    p, q = ((n + 2 * pad - r) // stride + 1 for n, r in zip(x.shape[1:3], w.shape, strict=False))
    return x.shape[0], p, q, w.shape[3]


def cases(d):
    for kind, (n, h, width, c), (r, s, k), stride, pad in (
        (case, FIRST, (2, 3, 3), 1, 0),
        (case, (2, 5, 3, 16), (1, 1, 16), 1, 0),
        (case, (3, 5, 6, 3), (3, 2, 17), 1, 0),
        (case, (2, 6, 4, 1), (3, 5, 5), 1, 2),
        (case, (2, 9, 7, 2), (2, 3, 18), 2, 1),
        (par, (2, 9, 8, 3), (3, 3, 20), 1, 1),
    ):
        yield kind("", d(n, h, width, c), d(r, s, c, k), stride, pad)
    x = d(1, 4, 5, 1)
    x[0, 0, 0, 0], x[0, 3, 4, 0] = INF, -INF
    yield extreme("infinite corners", x, np.abs(d(3, 3, 1, 2)) + 1, 1, 1)


def handed_out(x, w, stride, pad):
    """Pixel by pixel: each adds to the windows that it lies in."""
    y = np.zeros(sizes(x, w, stride, pad))
    for i, j, r, s in np.ndindex(*x.shape[1:3], *w.shape[:2]):
        (p, left), (q, over) = divmod(i + pad - r, stride), divmod(j + pad - s, stride)
        if not left and not over and 0 <= p < y.shape[1] and 0 <= q < y.shape[2]:
            y[:, p, q] += np.einsum("nc,ck->nk", x[:, i, j], w[r, s])
    return y


exercise = Exercise(
    title="A convolution as a product, its columns never written",
    text=TEXT,
    constants={"TILE": CHOICES},
    stars=3,
    minutes=75,
    needs=("conv_kernel", "gemm_tiled"),
    section="12",
    tasks=(
        Kernel(
            signature="implicit_gemm(x, w, y, stride, pad)",
            cases=cases,
            reference=handed_out,
            outputs={"y": sizes},
            threads=(TILE, TILE),
            grid=lambda y: (-(-y.shape[3] // TILE), -(-(y.size // y.shape[3]) // TILE)),
            outside={"x": "0"},
            par={"sectors": PAR, "shared_passes": PASSES},
            naive={"sectors": NAIVE},
        ),
    ),
    says={
        "taps_empty": (
            f"There are {{w0 * w1 * w2}} taps in tiles of {TILE}: the last tile has places without a tap, and they hold what the tile before "
            "left, or nothing.",
            f"{{w0 * w1 * w2}} 个位置按 {TILE} 个一块分：最后一块里有些地方没有对应的位置，那里是上一块留下的，或什么都没有。",
        ),
        "w_beyond_taps": (
            f"The rows of B end at R·S·C = {{w0 * w1 * w2}}; a tile of {TILE} goes further.",
            f"B 的行到 R·S·C = {{w0 * w1 * w2}} 为止；{TILE} 个一块会走得更远。",
        ),
        "tail_lost": (
            f"The last {{w0 * w1 * w2 % {TILE}}} of {{w0 * w1 * w2}} taps are missing: how many tiles cover them?",
            f"{{w0 * w1 * w2}} 个位置中少了最后 {{w0 * w1 * w2 % {TILE}}} 个：多少块才能盖住？",
        ),
        "one_image": (
            "Right for N = 1. The number of a window counts through all images; a row of y, p, begins again at 0 in each.",
            "N = 1 时是对的。窗口编号数遍所有图；而 p 在每张图里都从 0 重新开始。",
        ),
        "sizes_of_x": (
            "Right where y is as large as x. Windows are counted by P and Q, the sizes of y.",
            "y 与 x 一样大时是对的。窗口是按 y 的大小 P、Q 来数的。",
        ),
        "channels_first": (
            "In w's memory c runs fastest among the taps, then s, then r: A's columns have to stand in the same order.",
            "w 在内存里，各位置中 c 变得最快，其次 s，再次 r：A 的列要按同样的次序排。",
        ),
        "taps_mixed": (
            "A tap's row r is what is left after dividing by S · C; you divide by R · C.",
            "位置的行号 r 要除以 S · C 得到；你除的是 R · C。",
        ),
        "pad_forgotten": (
            "Right without padding. With pad {pad}, window 0 begins {pad} before the first row and column.",
            "没有填充时是对的。pad 为 {pad} 时，第 0 个窗口从第一行、第一列之前 {pad} 处开始。",
        ),
        "stride_forgotten": (
            "Right for stride 1. With stride {stride}, window p begins at row p · {stride} - pad.",
            "步幅为 1 时是对的。步幅为 {stride} 时，第 p 个窗口从第 p · {stride} - pad 行开始。",
        ),
        "tile_turned": (
            "Each tile of A is read transposed: its first index is the window's.",
            "A 的每一块读成了转置：第一个下标是窗口的。",
        ),
        "last_tile_only": (
            "Only the last tile's sum arrives: where does the total begin at 0?",
            "只有最后一块的和留下了：total 在哪里从 0 开始？",
        ),
        "times_zero": (
            "Right for numbers, but infinity times 0 is NaN: a pixel that does not exist is a 0, not another pixel times 0.",
            "对普通的数是对的，但无穷乘 0 是 NaN：不存在的像素就是 0，而不是别的像素乘 0。",
        ),
        "no_tiles": (
            f"Each pixel is fetched by every filter's thread. {TILE} filters could share one fetch.",
            f"每个像素都被每个滤波器的线程各取一次。{TILE} 个滤波器可以共用一次读取。",
        ),
        "same_tap_for_b": (
            "The tile of B is filled for the tap of A: thread (x, y) has tap start + x in a row of A, and tap start "
            "+ y in a column of B.",
            "填 B 的块时用了 A 的抽头：线程 (x, y) 在 A 的行里是第 start + x 个，在 B 的列里是第 start + y 个。",
        ),
    },
    hints=(
        ("Thread (x, y) of a block fetches A[m, t] and B[t', k]. What are m, t, t' and k, and which pixel is A[m, t]?",
         "块里的线程 (x, y) 取 A[m, t] 和 B[t', k]。m、t、t'、k 各是多少？A[m, t] 是哪个像素？"),
        ("Exercise 24, with another fetch: m becomes q, p, n and t becomes c, s, r by remainders and quotients. B needs no taking apart "
         "but for w's four indices, since w lies in memory as B does.",
         "练习 24，只是取数不同：m 用余数和商变成 q、p、n，t 变成 c、s、r。w 在内存里就是 B 的样子，拆下标只是因为 w 有四个下标。"),
        ("q, p, n of my m once; total = 0; for each tile: t, its c, s, r, then i, j; if window, tap, row and column exist: x, else 0; the "
         f"same for w; wait; {TILE} products; wait. If m and k exist: write y[n, p, q, k].",
         f"先由 m 得 q、p、n；total = 0；对每块：t，其 c、s、r，再 i、j；窗口、位置、行、列都存在：x，否则 0；w 同样；等；{TILE} 个乘积；等。"
         "m 和 k 存在：写 y[n, p, q, k]。"),
    ),
)  # fmt: skip
