"""out = scale · image + shift, a thread a pixel, in two dimensions.

A grid may have two axes. x is the first and runs along a row, so it numbers *columns*; y numbers rows. Blocks are of
16 x 16 threads, and as many of them as cover the image, which is not square, nor a multiple of 16:

    image (5, 20): two blocks side by side.   thread x = 3, y = 4 of block x = 1 does out[4, 19]

The second kernel does the same where the image is a flat array: rows follow each other without a gap, so element
(r, c) of an image of 20 columns is number 20 · r + c.
Par: each pixel read and written once, lanes that are neighbours taking neighbours of one row.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

SHAPES = ((5, 20), (20, 5), (1, 1), (16, 16), (33, 17), (3, 50))


def cases(d):
    for rows, cols in SHAPES:
        yield case("", d(rows, cols), np.float32(1.5), np.float32(-0.25))
    yield par("", d(48, 64), np.float32(-0.7), np.float32(2))
    yield extreme("zeros and infinities", np.array([[0, float("inf"), -0.0], [-float("inf"), 1e38, 1]], np.float32),
                  np.float32(-2), np.float32(0.5))  # fmt: skip


def flat_cases(d):
    for rows, cols in SHAPES:
        yield case(f"{rows} rows, {cols} columns", d(rows * cols), rows, cols, np.float32(1.5), np.float32(-0.25))
    yield par("", d(48 * 64), 48, 64, np.float32(-0.7), np.float32(2))


exercise = Exercise(
    title="A picture, and a grid of two axes",
    stars=1,
    minutes=20,
    needs=("vector_add",),
    section="07",
    tasks=(
        Kernel(
            signature="affine(image, out, scale, shift)",
            cases=cases,
            resized=False,
            reference=lambda image, scale, shift: image * np.float64(scale) + np.float64(shift),
            outputs={"out": lambda image: image.shape},
            threads=(16, 16),
            par={"sectors": 768},
        ),
        Kernel(
            signature="affine_flat(image, out, rows, cols, scale, shift)",
            cases=flat_cases,
            resized=False,
            reference=lambda image, rows, cols, scale, shift: image * np.float64(scale) + np.float64(shift),
            outputs={"out": lambda image: image.shape},
            threads=(16, 16),
            grid=lambda rows, cols: (-(-cols // 16), -(-rows // 16)),
            par={"sectors": 768},
        ),
    ),
    says={
        "exchanged": (
            "cuda.grid(2) gives x first, and x runs along a row: it is the column.",
            "cuda.grid(2) 先给出 x，x 沿着一行走：它是列号。",
        ),
        "rows_only": (
            "There are too many threads along both axes: who looks whether the column exists?",
            "两个轴上都有多余的线程：谁来判断列是否存在？",
        ),
        "cols_only": (
            "There are too many threads along both axes: who looks whether the row exists?",
            "两个轴上都有多余的线程：谁来判断行是否存在？",
        ),
        "rows_for_both": (
            "Both guards ask for the number of rows: image.shape is (rows, columns).",
            "两个判断问的都是行数：image.shape 是（行数，列数）。",
        ),
        "step_of_rows": (
            "From a row to the next it is as many elements as a row has: the number of *columns*.",
            "从一行到下一行隔着一整行的元素：步长是*列数*。",
        ),
        "by_columns": (
            "c · rows + r is the number of a pixel where column follows column. Each pixel has its thread all the same, but "
            "neighbours in a warp are a whole column apart: which of r and c should move by 1?",
            "c · rows + r 是按列存放时像素的编号。每个像素虽然仍有线程，但 warp 里的邻居相隔一整列：r 和 c 哪个该每次走 1？",
        ),
        "one_axis": (
            "cuda.grid(1) knows the x axis alone: threads of all rows of a block have the same number.",
            "cuda.grid(1) 只知道 x 轴：块里各行的线程得到相同的编号。",
        ),
        "thread_of_block": (
            "cuda.threadIdx begins anew in each block: the block's place along that axis is missing.",
            "cuda.threadIdx 在每个块里重新开始：缺了块在该轴上的位置。",
        ),
        "shift_first": (
            "This is scale · (image + shift): the shift comes last, unscaled.",
            "这是 scale · (image + shift)：shift 最后才加，不乘 scale。",
        ),
        "no_shift": (
            "This is scale · image: the shift is missing.",
            "这是 scale · image：缺了 shift。",
        ),
        "lanes_down": (
            "The lanes of a warp go down a column, and two pixels of a column lie a whole row apart. Let x, which moves "
            "first within a warp, be the column.",
            "warp 的通道沿着一列向下，同一列的两个像素相隔一整行。让 x（在 warp 内最先变化）作为列号。",
        ),
        "or_for_and": (
            "`or` lets a thread through that has a row and no column. It has a pixel only if it has both.",
            "`or` 会放过有行而没有列的线程。两者都有才有像素。",
        ),
        "too_far": (
            "`<=` lets through the number that is one past the last.",
            "`<=` 放过了最后一个之后的编号。",
        ),
        "into_next_row": (
            "A thread beyond the last column has an i too: it is a pixel of the next row, which has its own thread. Ask for the column, not for i alone.",
            "超出最后一列的线程也有一个 i：那是下一行的像素，已有自己的线程。要判断列，而不只是 i。",
        ),
        "turned_read": (
            "It writes pixel (r, c) and reads pixel (c, r).",
            "它写的是像素 (r, c)，读的却是 (c, r)。",
        ),
        "sum_of_both": (
            "row + col is no number of a pixel: many pixels share it. How many elements lie before row r?",
            "row + col 不是像素的编号：许多像素的都相同。第 r 行之前有多少个元素？",
        ),
    },
    hints=(
        ("An image of 5 rows and 20 columns: how many threads are there along x, how many along y, and which of them have "
         "no pixel?",
         "5 行 20 列的图像：x 方向有多少线程，y 方向有多少，哪些没有像素？"),
        ("col, row = cuda.grid(2): x is the column. A thread has a pixel if its row and its column both exist.",
         "col, row = cuda.grid(2)：x 是列号。行和列都存在，线程才有像素。"),
        ("The two numbers; one question with `and`; one line that reads, computes and writes. Flat: the index is the "
         "row times the length of a row, and the column.",
         "两个编号；一个带 `and` 的判断；一行读、算、写。平铺时：下标是行号乘一行的长度，再加列号。"),
    ),
)  # fmt: skip
