"""The bank of 16, image_affine."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    # begin
    col, row = cuda.grid(2)
    if row < image.shape[0] and col < image.shape[1]:
        out[row, col] = scale * image[row, col] + shift
    # end


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    # begin
    col, row = cuda.grid(2)
    if row < rows and col < cols:
        i = row * cols + col
        out[i] = scale * image[i] + shift
    # end
""", "both guards in one if")
bank.solution("""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    r = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    c = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    rows, cols = out.shape
    if r >= rows:
        return
    if c >= cols:
        return
    pixel = image[r, c]
    out[r, c] = pixel * scale + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    across, down = cuda.gridsize(2)
    first, top = cuda.grid(2)
    for r in range(top, rows, down):
        for c in range(first, cols, across):
            out[c + r * cols] = shift + image[c + r * cols] * scale
""", "early returns, and a loop as wide as the grid")

FIRST = "    col, row = cuda.grid(2)\n    if row < image.shape[0] => "
bank.mistake("exchanged", "machine", "F11 + exchanged", FIRST + "    row, col = cuda.grid(2)\n    if row < image.shape[0]")
bank.mistake("no_guard", "machine", "F1", "row < image.shape[0] and col < image.shape[1] => True")
bank.mistake("rows_only", "machine", "F1 + rows_only", "row < image.shape[0] and col < image.shape[1] => row < image.shape[0]")
bank.mistake("cols_only", "machine", "F1 + cols_only", "row < image.shape[0] and col < image.shape[1] => col < image.shape[1]")
bank.mistake("rows_for_both", "machine", "F11 + rows_for_both", "col < image.shape[1] => col < image.shape[0]")
bank.mistake("one_axis", "machine", "F6 + one_axis", FIRST +
             "    i = cuda.grid(1)\n    row = i // image.shape[1]\n    col = i % image.shape[1]\n    if row < image.shape[0]")
bank.mistake("thread_of_block", "machine", "F6 + thread_of_block", FIRST +
             "    col, row = cuda.threadIdx.x, cuda.threadIdx.y\n    if row < image.shape[0]")
bank.mistake("double", "machine", "F13", "scale * image[row, col] => 1.0 * scale * image[row, col]")
bank.mistake("step_of_rows", "machine", "F6 + step_of_rows", "row * cols + col => row * rows + col")
bank.mistake("by_columns", "par", "F21 + by_columns", "row * cols + col => col * rows + row")
bank.mistake("shift_first", "values", "shift_first", "scale * image[row, col] + shift => scale * (image[row, col] + shift)")
bank.mistake("no_shift", "values", "no_shift", "scale * image[row, col] + shift => scale * image[row, col]")
bank.mistake("in_place", "machine", "F11", "out[row, col] = => image[row, col] =")
bank.mistake("adds_to_out", "values", "F18", "out[row, col] = => out[row, col] +=")
bank.mistake("lanes_down", "par", "F21 + lanes_down", FIRST[:-4] + " => "
             "    top, first = cuda.grid(2)\n    down, across = cuda.gridsize(2)\n    for row in range(top, image.shape[0], down):\n"
             "      for col in range(first, image.shape[1], across):\n       if row < image.shape[0]")
bank.mistake("one_thread", "par", "F20", "    if row < image.shape[0] and col < image.shape[1]:\n        out[row, col] = => "
             "    if row == 0 and col == 0:\n        for k in range(out.size):\n            row = k // out.shape[1]\n"
             "            col = k % out.shape[1]\n            out[row, col] =")
bank.mistake("or_for_and", "machine", "F1 + or_for_and", "image.shape[0] and col => image.shape[0] or col")
bank.mistake("too_far", "machine", "F1 + too_far", "row < image.shape[0] and col < image.shape[1] => row <= image.shape[0] and col <= image.shape[1]")
bank.mistake("into_next_row", "machine", "F6 + into_next_row", "    if row < rows and col < cols:\n        i = row * cols + col\n => "
             "    i = row * cols + col\n    if i < rows * cols:\n")
bank.mistake("one_axis_flat", "machine", "F6 + one_axis", "    col, row = cuda.grid(2)\n    if row < rows and col < cols:\n        i = row * cols + col\n => "
             "    i = cuda.grid(1)\n    if i < rows * cols:\n")
bank.mistake("turned_read", "machine", "F2 + turned_read", "scale * image[row, col] => scale * image[col, row]")
bank.mistake("sum_of_both", "machine", "F6 + sum_of_both", "row * cols + col => row + col")
bank.mistake("guard_or", "machine", "F1 + or_for_and", source="""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    col, row = cuda.grid(2)
    if row < image.shape[0] or col < image.shape[1]:
        out[row, col] = image[row, col] * scale + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    col, row = cuda.grid(2)
    if row < rows and col < cols:
        i = row * cols + col
        out[i] = image[i] * scale + shift
""")
bank.mistake("flat_guard", "machine", "F6 + into_next_row", source="""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    x, y = cuda.grid(2)
    h, w = image.shape
    if y < h and x < w:
        out[y, x] = scale * image[y, x] + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    x, y = cuda.grid(2)
    i = y * cols + x
    if i < rows * cols:
        out[i] = scale * image[i] + shift
""")
bank.mistake("flat_by_rows", "machine", "F6 + step_of_rows", source="""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    c, r = cuda.grid(2)
    if r < image.shape[0] and c < image.shape[1]:
        out[r, c] = scale * image[r, c] + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    c, r = cuda.grid(2)
    if r < rows and c < cols:
        k = r * rows + c
        out[k] = scale * image[k] + shift
""")
bank.mistake("as_seen_1", "machine", "F6 + into_next_row", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def affine(image, out, scale, shift):
    c, r = cuda.grid(2)
    if r < image.shape[0] and c < image.shape[1]:
        out[r, c] = scale * image[r, c] + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    c, r = cuda.grid(2)
    i = r * cols + c
    if i < rows * cols:
        out[i] = scale * image[i] + shift
""")
bank.mistake("as_seen_2", "machine", "F11 + exchanged", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def affine(image, out, scale, shift):
    r, c = cuda.grid(2)
    if r < image.shape[0] and c < image.shape[1]:
        out[r, c] = scale * image[r, c] + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    c, r = cuda.grid(2)
    if r < rows and c < cols:
        i = r * cols + c
        out[i] = scale * image[i] + shift
""")
bank.mistake("again_stride_rows", "machine", "F6 + step_of_rows", source="""
from numba import cuda


@cuda.jit
def affine(image, out, scale, shift):
    c, r = cuda.grid(2)
    if r < image.shape[0] and c < image.shape[1]:
        out[r, c] = scale * image[r, c] + shift


@cuda.jit
def affine_flat(image, out, rows, cols, scale, shift):
    c, r = cuda.grid(2)
    if r < rows and c < cols:
        i = r * rows + c
        out[i] = scale * image[i] + shift
""")
