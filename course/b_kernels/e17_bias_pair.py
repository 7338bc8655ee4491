"""The bank of 17, bias_pair."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    # begin
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]
    # end


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    # begin
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(first, min(first + ROWS, dy.shape[0])):
            total += dy[r, c]
        cuda.atomic.add(db, c, total)
    # end
""", "rows summed, then one atomic")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def add_bias(x, b, y):
    col, row = cuda.grid(2)
    if col >= y.shape[1]:
        return
    if row < y.shape[0]:
        y[row, col] = b[col] + x[row, col]


@cuda.jit
def bias_backward(dy, db):
    col = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if cuda.blockIdx.y > 0 or col >= db.size:
        return
    sum_of_column = float32(0)
    row = 0
    while row < dy.shape[0]:
        sum_of_column += dy[row, col]
        row += 1
    db[col] = sum_of_column
""", "one owner a column")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(cuda.blockIdx.y, dy.shape[0], cuda.gridDim.y):
            total += dy[r, c]
        cuda.atomic.add(db, c, total)
""", "rows in turns")

TOTAL = "        cuda.atomic.add(db, c, total) => "
bank.mistake("no_guard", "machine", "F1", "r < x.shape[0] and c < x.shape[1] => True")
bank.mistake("bias_of_row", "machine", "F2 + bias_of_row", "b[c] => b[r]")
bank.mistake("bias_once", "values", "bias_once", "x[r, c] + b[c] => x[r, c] + b[0]")
bank.mistake("exchanged", "machine", "F11 + exchanged", "    c, r = cuda.grid(2) =>     r, c = cuda.grid(2)")
bank.mistake("no_atomic", "machine", "F7 + no_atomic", TOTAL + "        db[c] += total")
bank.mistake("no_atomic_per_row", "machine", "F7 + no_atomic", "        total += dy[r, c] => ".replace("  total", "      total") + "            db[c] += dy[r, c]",
             TOTAL + "        pass")
bank.mistake("written", "machine", "F6 + written", TOTAL + "        db[c] = total")
bank.mistake("all_rows_in_each", "values", "all_rows_in_each", "range(first, min(first + ROWS, dy.shape[0])) => range(dy.shape[0])")
bank.mistake("rows_end", "machine", "F2 + rows_end", "min(first + ROWS, dy.shape[0]) => first + ROWS")
bank.mistake("no_guard_backward", "machine", "F1", "if c < dy.shape[1]: => if True:")
bank.mistake("last_rows_lost", "values", "last_rows_lost",
             "range(first, min(first + ROWS, dy.shape[0])) => range(first, min(first + ROWS, dy.shape[0] // ROWS * ROWS))")
bank.mistake("first_block_alone", "values", "first_block_alone", "    first = cuda.blockIdx.y * ROWS => "
             "    first = 0", "if c < dy.shape[1]: => if c < dy.shape[1] and cuda.blockIdx.y == 0:")
bank.mistake("mean", "values", "mean", "add(db, c, total) => add(db, c, total / float32(dy.shape[0]))")
bank.mistake("double", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("first_row_missing", "values", "first_row_missing", "range(first, min => range(first + 1, min")
bank.mistake("atomic_per_element", "par", "F21f + atomic_per_element", "            total += dy[r, c] =>             cuda.atomic.add(db, c, dy[r, c])",
             TOTAL + "        total += float32(0)")
bank.mistake("columns_summed", "values", "columns_summed",
             "if c < dy.shape[1]: => if c < dy.shape[1] and cuda.blockIdx.y == 0:",
             "range(first, min(first + ROWS, dy.shape[0])) => range(dy.shape[1])",
             "total += dy[r, c] => total += dy[min(c, dy.shape[0] - 1), r]")
bank.mistake("dy_changed", "values", "F17", "total += dy[r, c] => total += dy[r, c]\n            dy[r, c] = float32(0)")
bank.mistake("row_a_block", "values", "row_a_block", "range(first, min(first + ROWS, dy.shape[0])) => range(cuda.blockIdx.y, cuda.blockIdx.y + 1)")
bank.mistake("thread_of_block", "values", "thread_of_block", "    c = cuda.grid(1) =>     c = cuda.threadIdx.x")
bank.mistake("all_rows_written", "machine", "F6 + written", "range(first, min(first + ROWS, dy.shape[0])) => range(dy.shape[0])", TOTAL + "        db[c] = total")
bank.mistake("bias_by_row", "machine", "F2 + bias_of_row", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < y.shape[0] and c < y.shape[1]:
        y[r, c] = x[r, c] + b[r]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    if c >= dy.shape[1]:
        return
    s = float32(0)
    for r in range(first, min(first + ROWS, dy.shape[0])):
        s += dy[r, c]
    cuda.atomic.add(db, c, s)
""")
bank.mistake("writes_not_adds", "machine", "F6 + written", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if c < x.shape[1] and r < x.shape[0]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    if c < db.size:
        total = float32(0)
        for r in range(ROWS):
            if first + r < dy.shape[0]:
                total += dy[first + r, c]
        db[c] = total
""")
bank.mistake("rows_overlap", "values", "rows_overlap", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(first, min(first + ROWS, dy.shape[0])):
            total += dy[r, c]
        cuda.atomic.add(db, c, total)
""")
bank.mistake("as_seen_1", "machine", "F6 + written", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(first, min(first + ROWS, dy.shape[0])):
            total += dy[r, c]
        db[c] = total
""")
bank.mistake("again_all_rows", "values", "all_rows_in_each", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(dy.shape[0]):
            total += dy[r, c]
        cuda.atomic.add(db, c, total)
""")
bank.mistake("again_race", "machine", "F7 + no_atomic", source="""
from numba import cuda, float32

ROWS = 64


@cuda.jit
def add_bias(x, b, y):
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        y[r, c] = x[r, c] + b[c]


@cuda.jit
def bias_backward(dy, db):
    c = cuda.grid(1)
    first = cuda.blockIdx.y * ROWS
    if c < dy.shape[1]:
        total = float32(0)
        for r in range(first, min(first + ROWS, dy.shape[0])):
            total += dy[r, c]
        db[c] += total
""")
