"""Convolution in its three directions, depthwise convolution, and pooling both ways."""

from __future__ import annotations

from numba import cuda, float32

from student_kernels.bank import right, wrong

# -- pooling -----------------------------------------------------------------------------------------------------------


def pooling(start=-1e30, mean=False, rows="right", columns="right", count="inside"):
    """Max or average pooling. rows, columns: "right", or what is forgotten: "pad", "stride", "window", "last"."""
    pad_h, pad_w = rows != "pad", columns != "pad"
    stays_h, stays_w = rows == "stride", columns == "stride"
    one_h, one_w = int(rows == "last"), int(columns == "last")
    swapped = rows == "window"
    begin = float32(start)
    by_area, by_rows = count == "area", count == "rows"

    @cuda.jit
    def pool(x, y, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < y.size:
            c = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            top = p * (stride_w if stays_h else stride_h) - (pad_top if pad_h else 0)
            left = q * (stride_h if stays_w else stride_w) - (pad_left if pad_w else 0)
            best, total, seen, rows_seen = begin, float32(0), 0, 0
            for r in range((pool_w if swapped else pool_h) - one_h):
                inside = 0
                for s in range((pool_h if swapped else pool_w) - one_w):
                    row, col = top + r, left + s
                    if 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]:
                        best = max(best, x[n, row, col, c])
                        total += x[n, row, col, c]
                        seen += 1
                        inside = 1
                rows_seen += inside
            if mean:
                if by_area:
                    y[n, p, q, c] = total / float32(pool_h * pool_w)
                elif by_rows:
                    y[n, p, q, c] = total / float32(rows_seen * pool_w)
                else:
                    y[n, p, q, c] = total / float32(seen)
            else:
                y[n, p, q, c] = best

    return pool


for op, mean in (("max_pool2d", False), ("average_pool2d", True)):
    for what, options in {
        "pad_top forgotten": {"rows": "pad"}, "pad_left forgotten": {"columns": "pad"},
        "stride_w for the rows": {"rows": "stride"}, "stride_h for the columns": {"columns": "stride"},
        "pool_h and pool_w exchanged": {"rows": "window"}, "the window's last row left out": {"rows": "last"},
        "the window's last column left out": {"columns": "last"},
    }.items():  # fmt: skip
        wrong(op, what)(pooling(mean=mean, **options))
    right(op, "all its numbers")(pooling(mean=mean))
for start in (0, -100, -9999):
    wrong("max_pool2d", f"the largest starts from {start}")(pooling(start=start))
wrong("average_pool2d", "divides by the window's area, padding too")(pooling(mean=True, count="area"))
wrong("average_pool2d", "counts the padding of the columns")(pooling(mean=True, count="rows"))


@right("max_pool2d", "two by two and nothing else")
@cuda.jit
def _(x, y):
    i = cuda.grid(1)
    if i < y.size:
        c = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        above = max(x[n, 2 * p, 2 * q, c], x[n, 2 * p, 2 * q + 1, c])
        below = max(x[n, 2 * p + 1, 2 * q, c], x[n, 2 * p + 1, 2 * q + 1, c])
        y[n, p, q, c] = max(above, below)


@right("max_pool2d", "any window and strides, no padding", threads=64)
@cuda.jit
def _(x, y, pool_h, pool_w, stride_h, stride_w):
    i = cuda.grid(1)
    if i < y.size:
        c = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        best = x[n, p * stride_h, q * stride_w, c]
        for r in range(pool_h):
            for s in range(pool_w):
                best = max(best, x[n, p * stride_h + r, q * stride_w + s, c])
        y[n, p, q, c] = best


@wrong("average_pool2d", "a quarter of the sum, whatever the window; no padding, no strides")
@cuda.jit
def _(x, y, pool_h, pool_w):
    i = cuda.grid(1)
    if i < y.size:
        c = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(pool_h):
            for s in range(pool_w):
                total += x[n, 2 * p + r, 2 * q + s, c]
        y[n, p, q, c] = total * float32(0.25)


def scattered(ties=False, last=False, everybody=False, assigned=False, pad=True):
    """Max pooling's backward: one thread a window, which adds into dx."""

    @cuda.jit
    def pool_backward(dy, x, y, dx, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < dy.size:
            c = i % dy.shape[3]
            q = i // dy.shape[3] % dy.shape[2]
            p = i // (dy.shape[3] * dy.shape[2]) % dy.shape[1]
            n = i // (dy.shape[3] * dy.shape[2] * dy.shape[1])
            top, left = p * stride_h - (pad_top if pad else 0), q * stride_w - (pad_left if pad else 0)
            row_of, col_of, given = -1, -1, False
            for r in range(pool_h):
                for s in range(pool_w):
                    row, col = top + r, left + s
                    if 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]:
                        wins = everybody or x[n, row, col, c] == y[n, p, q, c]
                        if wins and (ties or everybody):
                            cuda.atomic.add(dx, (n, row, col, c), dy[n, p, q, c])
                        elif wins and (last or not given):
                            row_of, col_of, given = row, col, True
            if given and assigned:
                dx[n, row_of, col_of, c] = dy[n, p, q, c]
            elif given:
                cuda.atomic.add(dx, (n, row_of, col_of, c), dy[n, p, q, c])

    return pool_backward


A_WINDOW = {"threads": 128, "start": 0, "blocks": lambda dy, *rest: -(-dy.size // 128)}
wrong("max_pool2d_backward", "all of the equal ones", **A_WINDOW)(scattered(ties=True))
wrong("max_pool2d_backward", "the last of equal ones", **A_WINDOW)(scattered(last=True))
wrong("max_pool2d_backward", "everybody in the window", **A_WINDOW)(scattered(everybody=True))
wrong("max_pool2d_backward", "= for +=", at="machine", **A_WINDOW)(scattered(assigned=True))
wrong("max_pool2d_backward", "padding forgotten", **A_WINDOW)(scattered(pad=False))
right("max_pool2d_backward", "the first of equal ones, by atomics", **A_WINDOW)(scattered())


@right("max_pool2d_backward", "two by two, one thread a pixel")
@cuda.jit
def _(dy, x, y, dx):
    i = cuda.grid(1)
    if i < dx.size:
        c = i % dx.shape[3]
        col = i // dx.shape[3] % dx.shape[2]
        row = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        p, q, value = row // 2, col // 2, float32(0)
        if p < dy.shape[1] and q < dy.shape[2] and x[n, row, col, c] == y[n, p, q, c]:
            value = dy[n, p, q, c]
            for r in range(2):
                for s in range(2):
                    before = r * 2 + s < row % 2 * 2 + col % 2
                    if before and x[n, 2 * p + r, 2 * q + s, c] == y[n, p, q, c]:
                        value = float32(0)
        dx[n, row, col, c] = value


def gathered(area=False, stride=True, pad=True):
    """Average pooling's backward: one thread a pixel, which asks all windows."""

    @cuda.jit
    def average_backward(dy, dx, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < dx.size:
            c = i % dx.shape[3]
            col = i // dx.shape[3] % dx.shape[2]
            row = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
            n = i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
            total = float32(0)
            for p in range(dy.shape[1]):
                for q in range(dy.shape[2]):
                    top = p * (stride_h if stride else pool_h) - (pad_top if pad else 0)
                    left = q * (stride_w if stride else pool_w) - (pad_left if pad else 0)
                    if top <= row and row < top + pool_h and left <= col and col < left + pool_w:
                        high = min(top + pool_h, dx.shape[1]) - max(top, 0)
                        wide = min(left + pool_w, dx.shape[2]) - max(left, 0)
                        cells = pool_h * pool_w if area else high * wide
                        total += dy[n, p, q, c] / float32(cells)
            dx[n, row, col, c] = total

    return average_backward


wrong("average_pool2d_backward", "divides by the window's area, padding too")(gathered(area=True))
wrong("average_pool2d_backward", "windows side by side, whatever the strides")(gathered(stride=False))
wrong("average_pool2d_backward", "padding forgotten")(gathered(pad=False))
right("average_pool2d_backward", "one thread a pixel")(gathered())


# -- convolution -------------------------------------------------------------------------------------------------------


def convolution(mistake=""):
    flipped, transposed, stride, pad = (mistake == name for name in ("flipped", "transposed", "stride", "pad_left"))
    plus, dilation, channels, first = (mistake == name for name in ("plus", "dilation", "channels", "first"))
    group, clamped = mistake == "group", mistake == "clamped"

    @cuda.jit
    def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups):
        i = cuda.grid(1)
        if i < y.size:
            k = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = 0 if first else i // (y.shape[3] * y.shape[2] * y.shape[1])
            each = y.shape[3] // groups
            from_channel = (0 if group else k // each) * w.shape[2]
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    row = p * stride_h + r * (dilation_w if dilation else dilation_h)
                    row = row + pad_top if plus else row - pad_top
                    col = q * (stride_h if stride else stride_w) + s * dilation_w - (0 if pad else pad_left)
                    inside = 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]
                    if clamped:
                        row, col = min(max(row, 0), x.shape[1] - 1), min(max(col, 0), x.shape[2] - 1)
                        inside = True
                    if inside:
                        for c in range(1 if channels else w.shape[2]):
                            tap = w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k] if flipped else w[r, s, c, k]
                            if transposed and r < w.shape[1] and s < w.shape[0]:
                                tap = w[s, r, c, k]
                            total += x[n, row, col, from_channel + c] * tap
            y[i // (y.shape[3] * y.shape[2] * y.shape[1]), p, q, k] = total

    return conv2d


for mistake, what in {
    "flipped": "w flipped, as in mathematics", "transposed": "w[s, r]", "stride": "stride_h for the columns",
    "pad_left": "pad_left forgotten", "plus": "+ pad_top", "dilation": "dilation_w for the rows",
    "channels": "only the first channel", "first": "only the first image", "group": "all groups read the first",
    "clamped": "the edge repeated in place of zeros",
}.items():  # fmt: skip
    wrong("conv2d", what)(convolution(mistake))
right("conv2d", "all its numbers")(convolution())


@right("conv2d", "no settings at all", threads=(8, 8))
@cuda.jit
def _(x, w, y):
    k, rest = cuda.grid(2)
    if k < y.shape[3] and rest < y.shape[0] * y.shape[1] * y.shape[2]:
        q, p, n = rest % y.shape[2], rest // y.shape[2] % y.shape[1], rest // (y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                for c in range(w.shape[2]):
                    total += x[n, p + r, q + s, c] * w[r, s, c, k]
        y[n, p, q, k] = total


@wrong("conv2d", "square windows only: no settings, and R for S")
@cuda.jit
def _(x, w, y):
    i = cuda.grid(1)
    if i < y.size:
        k = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[0]):
                for c in range(w.shape[2]):
                    total += x[n, p + r, q + s, c] * w[r, min(s, w.shape[1] - 1), c, k]
        y[n, p, q, k] = total * float32(w.shape[1]) / float32(w.shape[0])


def data_gradient(mistake=""):
    forward, modulo, pad, filters = (mistake == name for name in ("forward", "modulo", "pad", "filters"))
    dilation = mistake == "dilation"

    @cuda.jit
    def backward_data(dy, w, dx, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < dx.size:
            c = i % dx.shape[3]
            col = i // dx.shape[3] % dx.shape[2]
            row = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
            n = i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    a = row + (0 if pad else pad_top) - r * (1 if dilation else dilation_h)
                    b = col + pad_left - s * dilation_w
                    if a >= 0 and b >= 0 and (modulo or (a % stride_h == 0 and b % stride_w == 0)):
                        p, q = a // stride_h, b // stride_w
                        if p < dy.shape[1] and q < dy.shape[2]:
                            for k in range(1 if filters else w.shape[3]):
                                there = w.shape[0] - 1 - r if forward else r
                                total += dy[n, p, q, k] * w[there, s, c, k]
            dx[n, row, col, c] = total

    return backward_data


for mistake, what in {
    "forward": "w not flipped: its rows the other way round", "modulo": "pixels between windows get somebody's dy",
    "pad": "pad_top forgotten", "filters": "only the first filter", "dilation": "dilation_h forgotten",
}.items():  # fmt: skip
    wrong("conv2d_backward_data", what)(data_gradient(mistake))
right("conv2d_backward_data", "one thread a pixel, no groups")(data_gradient())


@right("conv2d_backward_data", "neither padding nor dilation nor groups")
@cuda.jit
def _(dy, w, dx, stride_h, stride_w):
    i = cuda.grid(1)
    if i < dx.size:
        c = i % dx.shape[3]
        col = i // dx.shape[3] % dx.shape[2]
        row = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        total = float32(0)
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                r, s = row - p * stride_h, col - q * stride_w
                if 0 <= r and r < w.shape[0] and 0 <= s and s < w.shape[1]:
                    for k in range(w.shape[3]):
                        total += dy[n, p, q, k] * w[r, s, c, k]
        dx[n, row, col, c] = total


def weight_gradient(mistake=""):
    first, averaged, stride, flipped = (mistake == name for name in ("first", "averaged", "stride", "flipped"))
    pad = mistake == "pad"

    @cuda.jit
    def backward_weights(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < dw.size:
            k = i % dw.shape[3]
            c = i // dw.shape[3] % dw.shape[2]
            s = i // (dw.shape[3] * dw.shape[2]) % dw.shape[1]
            r = i // (dw.shape[3] * dw.shape[2] * dw.shape[1])
            total = float32(0)
            for n in range(1 if first else x.shape[0]):
                for p in range(dy.shape[1]):
                    for q in range(dy.shape[2]):
                        row = p * (1 if stride else stride_h) + (-r if flipped else r) - pad_top
                        col = q * stride_w + s - (0 if pad else pad_left)
                        if 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]:
                            total += x[n, row, col, c] * dy[n, p, q, k]
            dw[r, s, c, k] = total / float32(x.shape[0]) if averaged else total

    return backward_weights


for mistake, what in {
    "first": "only the first image", "averaged": "the mean over the images", "stride": "stride_h forgotten",
    "flipped": "x[p - r] for x[p + r]", "pad": "pad_left forgotten",
}.items():  # fmt: skip
    wrong("conv2d_backward_weights", what)(weight_gradient(mistake))
right("conv2d_backward_weights", "neither dilation nor groups")(weight_gradient())


@wrong("conv2d_backward_bias", "the sum over the rows alone")
def _(dy, *, on=None):
    from cuda_kernels import ladder

    return ladder.rung("reduce_sum").run(dy[:, :, 0].copy(), axes=(0, 1), on=on)


# -- depthwise ---------------------------------------------------------------------------------------------------------


def depthwise(mistake=""):
    order, stride, pad, dilation = (mistake == name for name in ("order", "stride", "pad", "dilation"))

    @cuda.jit
    def depthwise_conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < y.size:
            o = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            c, m = o // w.shape[3], o % w.shape[3]
            if order:
                c, m = o % w.shape[2], o // w.shape[2]
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    row = p * stride_h + r * (1 if dilation else dilation_h) - (0 if pad else pad_top)
                    col = q * (1 if stride else stride_w) + s * dilation_w - pad_left
                    if 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]:
                        total += x[n, row, col, c] * w[r, s, c, m]
            y[n, p, q, o] = total

    return depthwise_conv2d


for mistake, what in {
    "order": "channels in the order m C + c", "stride": "stride_w forgotten", "pad": "pad_top forgotten",
    "dilation": "dilation_h forgotten",
}.items():  # fmt: skip
    wrong("depthwise_conv2d", what)(depthwise(mistake))
right("depthwise_conv2d", "all its numbers")(depthwise())


def depthwise_data(multiplier=True, pad=True):
    @cuda.jit
    def backward_data(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < dx.size:
            c = i % dx.shape[3]
            col = i // dx.shape[3] % dx.shape[2]
            row = i // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
            n = i // (dx.shape[3] * dx.shape[2] * dx.shape[1])
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    a, b = row + pad_top - r, col + (pad_left if pad else 0) - s
                    if a >= 0 and b >= 0 and a % stride_h == 0 and b % stride_w == 0:
                        p, q = a // stride_h, b // stride_w
                        if p < dy.shape[1] and q < dy.shape[2]:
                            for m in range(w.shape[3] if multiplier else 1):
                                total += dy[n, p, q, c * w.shape[3] + m] * w[r, s, c, m]
            dx[n, row, col, c] = total

    return backward_data


wrong("depthwise_conv2d_backward_data", "only the first of M")(depthwise_data(multiplier=False))
wrong("depthwise_conv2d_backward_data", "pad_left forgotten")(depthwise_data(pad=False))
right("depthwise_conv2d_backward_data", "no dilation")(depthwise_data())


@wrong("depthwise_conv2d_backward_weights", "stride_w for both")
@cuda.jit
def _(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
    i = cuda.grid(1)
    if i < dw.size:
        m = i % dw.shape[3]
        c = i // dw.shape[3] % dw.shape[2]
        s = i // (dw.shape[3] * dw.shape[2]) % dw.shape[1]
        r = i // (dw.shape[3] * dw.shape[2] * dw.shape[1])
        total = float32(0)
        for n in range(x.shape[0]):
            for p in range(dy.shape[1]):
                for q in range(dy.shape[2]):
                    row, col = p * stride_w + r - pad_top, q * stride_w + s - pad_left
                    if 0 <= row and row < x.shape[1] and 0 <= col and col < x.shape[2]:
                        total += x[n, row, col, c] * dy[n, p, q, c * dw.shape[3] + m]
        dw[r, s, c, m] = total


@right("max_pool2d_backward", "windows side by side: each writes its winner into zeros", **A_WINDOW)
@cuda.jit
def _(dy, x, y, dx):
    i = cuda.grid(1)
    if i < dy.size:
        c = i % dy.shape[3]
        q = i // dy.shape[3] % dy.shape[2]
        p = i // (dy.shape[3] * dy.shape[2]) % dy.shape[1]
        n = i // (dy.shape[3] * dy.shape[2] * dy.shape[1])
        given = False
        for r in range(2):
            for s in range(2):
                if not given and x[n, 2 * p + r, 2 * q + s, c] == y[n, p, q, c]:
                    dx[n, 2 * p + r, 2 * q + s, c] = dy[n, p, q, c]
                    given = True
