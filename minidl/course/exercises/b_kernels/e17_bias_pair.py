"""A bias for each column, and its gradient: many rows, one sum.

Forward, y[r, c] = x[r, c] + b[c], a thread an element; blocks are of (16, 16), x along the columns.
Backward, b[c] was used in every row, so each row's gradient counts: db[c] is the sum of dy[r, c] over r. db is 0 before
the launch.

    dy   1   2        b[0] was added to 1, 3 and 5's x:   db   9  12
         3   4
         5   6

The backward is launched with blocks of 32 threads: along x as many as cover the columns, along y one for every 64 rows.
So several threads have the same column, each another 64 rows of it, in blocks that do not know of each other.
`db[c] += v` reads, adds and writes; `cuda.atomic.add(db, c, v)` does the three without being interrupted. It costs, and
those who want one address queue.
Par: one atomic addition a thread.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

SHAPES = ((5, 3), (3, 5), (1, 1), (64, 32), (65, 33), (200, 7), (129, 40))


def forward_cases(d):
    for rows, cols in SHAPES:
        yield case("", d(rows, cols), d(cols))
    yield par("", d(64, 48), d(48))
    yield extreme("infinities", np.array([[1, float("inf"), 0], [-0.0, 2, -1e38]], np.float32),
                  np.array([-float("inf"), 1, -2e38], np.float32))  # fmt: skip


def backward_cases(d):
    for rows, cols in SHAPES:
        yield case("", d(rows, cols))
    yield par("", d(256, 64))
    yield extreme("an infinite row", np.array([[1, float("inf"), 0], [2, 2, 0], [-3, 2, 0]], np.float32))


exercise = Exercise(
    title="A bias and its gradient",
    stars=2,
    minutes=30,
    needs=("image_affine", "broadcast_backward"),
    section="08",
    tasks=(
        Kernel(
            signature="add_bias(x, b, y)",
            cases=forward_cases,
            reference=lambda x, b: np.stack([row + b for row in x]),
            outputs={"y": lambda x: x.shape},
            threads=(16, 16),
            par={"sectors": 1152},
        ),
        Kernel(
            signature="bias_backward(dy, db)",
            cases=backward_cases,
            reference=lambda dy: np.ones(len(dy)) @ np.where(np.isinf(dy), 0, dy) + np.where(np.isinf(dy), dy, 0).sum(0),
            outputs={"db": lambda dy: dy.shape[1]},
            start={"db": 0.0},
            threads=32,
            grid=lambda dy: (-(-dy.shape[1] // 32), -(-dy.shape[0] // 64)),
            par={"atomics": 256, "sectors": 2056},
            naive={"atomics": 16384},
        ),
    ),
    says={
        "rows_overlap": (
            "Block number k along y begins at row k, not behind the rows of the block before: rows are counted several times.",
            "沿 y 的第 k 块从第 k 行开始，而不是接在前一块的行之后：有些行被重复计数。",
        ),
        "bias_of_row": (
            "There is one bias for each column: which of the element's two numbers picks it?",
            "每一列有一个偏置：元素的两个编号中，哪个用来选它？",
        ),
        "bias_once": (
            "Every column gets the first bias: b has one for each.",
            "每一列都加了第一个偏置：b 里每列各有一个。",
        ),
        "exchanged": (
            "cuda.grid(2) gives x first, and blocks lie with x along the columns.",
            "cuda.grid(2) 先给出 x，而块的 x 沿着列号的方向。",
        ),
        "no_atomic": (
            "Blocks that have other rows of column c come to db[c] as well.",
            "负责第 c 列其他行的块也要来改 db[c]。",
        ),
        "written": (
            "Several blocks along y have this column. If each brings the sum of its own rows, it has to be added to what the "
            "others bring; if each has the sum of all, one of them should write.",
            "y 方向有好几个块负责这一列。若各自带来自己那些行的和，就要与别人的相加；若各自都有全部的和，只应由一个来写。",
        ),
        "all_rows_in_each": (
            "Each row counts once for every block along y: {dy0} rows, and each of those blocks adds all of them. A block "
            "has 64 of its own.",
            "每一行都被 y 方向的每个块加了一次：共 {dy0} 行，每个块都加了全部。一个块只负责自己的 64 行。",
        ),
        "rows_end": (
            "The last block along y has fewer than 64 rows: where do the rows end?",
            "y 方向最后一个块不足 64 行：行在哪里结束？",
        ),
        "last_rows_lost": (
            "The last {dy0 % 64} rows count for nothing: a block along y that is not full has rows too.",
            "最后 {dy0 % 64} 行没有算进去：y 方向没满的块也有行要做。",
        ),
        "first_block_alone": (
            "Only the first 64 rows count: dy has {dy0}. Who does those from row 64 on?",
            "只算了前 64 行：dy 有 {dy0} 行，第 64 行起由谁来做？",
        ),
        "mean": (
            "db is 1/{dy0} of what it should be. Each row's x was given the whole b, so each row's dy counts in full: a sum, "
            "not a mean.",
            "db 只有应有的 1/{dy0}。每一行的 x 都加了完整的 b，所以每一行的 dy 都要全算：是和，不是平均。",
        ),
        "first_row_missing": (
            "The first row of each block is left out: its rows begin at 64 · the block's y, and that one is among them.",
            "每个块的第一行漏掉了：它的行从 64 · 块的 y 开始，这一行也在内。",
        ),
        "atomic_per_element": (
            "Each element queues for one of {dy1} addresses. A thread can sum its 64 rows alone and queue once.",
            "每个元素都要为 {dy1} 个地址之一排队。线程可以先独自加完它的 64 行，只排一次队。",
        ),
        "columns_summed": (
            "db adds up along a row here. b[c] was used in every row, so its gradient runs down column c.",
            "这里的 db 沿着一行相加。b[c] 在每一行都用过，它的梯度要沿第 c 列往下加。",
        ),
        "row_a_block": (
            "Along y there is a block for every 64 rows, not one for each row: its number is no row, and it has 64 of them.",
            "y 方向每 64 行才有一个块，而不是每行一个：它的编号不是行号，它要做 64 行。",
        ),
        "thread_of_block": (
            "cuda.threadIdx.x begins anew in each block, so the columns from 32 on have nobody and the first ones too many.",
            "cuda.threadIdx.x 在每个块里重新开始：第 32 列起没人负责，前面的列却重复了。",
        ),
    },
    hints=(
        ("Which threads want to change db[3], and when?",
         "哪些线程要改 db[3]，什么时候改？"),
        ("A thread sums its 64 rows of its column in a variable of its own, where nobody disturbs it; only that sum goes "
         "to db, by an addition that cannot be interrupted.",
         "线程先在自己的变量里把自己那一列的 64 行加起来，没人打扰；只把这个和用不会被打断的加法送进 db。"),
        ("c from x; if the column exists: total = 0; r from 64 times the block's y to 64 more or to the last row: add; then "
         "one atomic addition of total to db at c.",
         "c 来自 x；若该列存在：total = 0；r 从块的 y 乘 64 起走 64 行或到最后一行：累加；然后一次原子加，把 total 加到 db 的 c 处。"),
    ),
)  # fmt: skip
