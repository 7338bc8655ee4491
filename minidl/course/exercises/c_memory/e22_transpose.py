"""out (N, M) = the transpose of a (M, N), coalesced both ways.

Written directly, out[col, row] = a[row, col], one of the two accesses goes down a column, and each lane moves a sector
for one number. So a block takes a tile of 32 x 32 through shared memory, where going down a column costs nothing, if
each lane's word lies in a bank of its own (bank = word % 32):

    load     tile[ty, tx] = a[…]      along a row of a, block (bx, by)
    wait
    store    out[…] = tile[tx, ty]    along a row of out, block (by, bx)

The grid covers a: x along its columns. Blocks are (32, 8), so each thread does 4 rows of the tile: ty, ty + 8, …
Nothing is square, nor a multiple of 32.
Par: each element read once and written once, 1 pass for each access to shared memory.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    for m, n in ((5, 3), (1, 1), (33, 31), (32, 32), (40, 70), (3, 65)):
        yield case("", d(m, n))
    yield par("", d(64, 96))
    yield extreme("zeros and infinities", np.array([[0, -0.0, float("inf")], [float("nan"), -float("inf"), 3e38]], np.float32))


exercise = Exercise(
    title="A transpose through shared memory",
    stars=2,
    minutes=40,
    needs=("count_sectors", "image_affine"),
    section="08",
    tasks=(
        Kernel(
            signature="transpose(a, out)",
            cases=cases,
            reference=lambda a: np.array([[a[r, c] for r in range(a.shape[0])] for c in range(a.shape[1])]),
            outputs={"out": lambda a: (a.shape[1], a.shape[0])},
            threads=(32, 8),
            grid=lambda a: (-(-a.shape[1] // 32), -(-a.shape[0] // 32)),
            par={"sectors": 1536, "shared_passes": 1.0},
            naive={"sectors": 6912},
        ),
    ),
    says={
        "direct": (
            "One of the two goes down a column, a sector for each number. Shared memory is where a tile can be read in "
            "the other direction.",
            "两次访问中有一次沿列走，每个数搬一个扇区。共享内存里的 tile 正可以换个方向来读。",
        ),
        "no_padding": (
            "A column of 32 rows of 32 words is 32 words of one bank. What if a row were one word longer?",
            "32 行、每行 32 个字的一列，32 个字都在同一个存储体。如果一行再长一个字呢？",
        ),
        "padded_rows": (
            "You have one row more; the step from row to row is still 32. Which of the two lengths is that step?",
            "你多了一行；行与行的距离仍是 32。两个长度中哪个是这个距离？",
        ),
        "same_block": (
            "Each tile is transposed within itself and put back where it was: only those of the diagonal are right. Where "
            "does tile (by, bx) belong?",
            "每个 tile 只在自己内部转置，又放回了原处：只有对角线上的是对的。tile (by, bx) 应该放到哪里？",
        ),
        "not_turned": (
            "Tiles go to the right places, but none is turned: tile[ty, tx] is what this thread itself stored.",
            "tile 都放对了地方，但没有转：tile[ty, tx] 正是这个线程自己存的。",
        ),
        "guard_of_load": (
            "That asks for the place of the load. For the store this thread stands somewhere else: in the rows and columns "
            "of out.",
            "这里判断的是读的位置。写的时候这个线程站在别处：在 out 的行和列里。",
        ),
        "guard_of_fill": (
            "It is one all the same, of the load: the thread has an element of out to store, and another place of a to "
            "load from, and at that place a may have nothing.",
            "这里其实还是少了判断，读的判断：这个线程写的是 out 的一个元素，读的却是 a 的另一处，而那里可能什么也没有。",
        ),
        "eight_rows": (
            "A block has 8 rows of threads and a tile 32 rows: each thread has four of them.",
            "一个线程块有 8 行线程，一个 tile 有 32 行：每个线程要做四行。",
        ),
        "load_still_strided": (
            "Now the store is coalesced and the load goes down a column: shared memory is used, and nothing gained.",
            "现在写是合并的，读却沿列走：用了共享内存，却什么也没赚到。",
        ),
        "blocks_of_eight": (
            "cuda.grid(2) counts threads, 8 to a block along y. A block's tile has 32 rows: it begins at 32 · blockIdx.y.",
            "cuda.grid(2) 数的是线程，y 方向每个线程块 8 个。而它的 tile 有 32 行：从 32 · blockIdx.y 开始。",
        ),
        "indices_turned": (
            "The grid covers a: x is a column of a, and a[x, y] asks for a row of that number.",
            "网格盖住的是 a：x 是 a 的列号，而 a[x, y] 把它当作行号。",
        ),
        "store_still_strided": (
            "The tile is there and gains nothing: each thread takes out what it put in, and lanes store down a column of out.",
            "tile 用上了却没赚到：每个线程取出的正是自己放进去的，通道仍沿 out 的列写。",
        ),
        "waits_in_loop": (
            "After the first turn only 8 of the tile's 32 rows are there: fill all of it in one loop, wait, and empty it in another.",
            "第一圈之后 32 行只填了 8 行：在一个循环里填满，等待，再在另一个循环里取。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Lane 0 and lane 1 of a warp: which two elements of a do they load, which two of out do they store, and how far "
         "apart are those?",
         "warp 的通道 0 和 1：它们读 a 的哪两个元素，写 out 的哪两个，各相隔多远？"),
        ("Load along a row of a, store along a row of out; the turn is made by reading the tile with its indices exchanged. "
         "out's tile has the block's two numbers exchanged, and its own guard. A tile of 33 columns has a bank for each lane.",
         "沿 a 的行读，沿 out 的行写；交换下标来读 tile，就完成了转置。out 里的 tile 要交换线程块的两个编号，并有自己的边界判断。"
         "33 列的 tile 让每个通道各有一个存储体。"),
        ("x, y from block and thread; four times: if inside a: fill the tile. Wait, all of you. x from blockIdx.y, y from "
         "blockIdx.x; four times: if inside out: store tile[x's place, y's place].",
         "x、y 由块和线程得到；四次：若在 a 内：填 tile。全体等待。x 用 blockIdx.y，y 用 blockIdx.x；四次：若在 out 内：写 tile[x 的位置, y 的位置]。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Both tiles have the same conflicts; which of the two was declared shows in the source."""
    if seen.code == "F22":
        return "padded_rows" if seen.has("(33, 32)", "+ 1, 32)", "+ 1, TILE)") else "no_padding"
    return None
