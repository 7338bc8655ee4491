"""The backward of max pooling.

Max pooling keeps the largest pixel of each window, of each channel by itself. Nudge any other pixel a little, and y does
not move: all of dy goes to the winner.

    x  1 5 2 0      size 2, stride 2      dy  10 20      dx   0 10  0  0        the window below on the right is all 0:
       3 4 1 6      y  5 6                    30 40           0  0  0 20        its first pixel in reading order has won,
       7 2 0 0         7 0                                   30  0 40  0        and has all of dy's 40
       1 0 0 0                                                0  0  0  0

Where several pixels of a window are the largest, the first in reading order wins, row by row; after a relu whole windows
are 0, so this is no rare case. Where windows overlap (stride < size) a pixel may win in several and hears from each; where
they lie apart (stride > size) some pixels are in none.

max_pool_backward(dy, x, y, size, stride) returns dx, for x (N, H, W, C) and y, dy (N, P, Q, C). Windows are size x size
and begin at p·stride, q·stride; none hangs over the edge, and the last rows and columns may be in none.
Par: 200 lines of your file for images of 21 x 19.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme, par


def window_by_window(dy, x, y, size, stride):
    dx = np.zeros(x.shape)
    for n, p, q, c in np.ndindex(dy.shape):
        places = [(p * stride + k // size, q * stride + k % size) for k in range(size * size)]
        i, j = max(places, key=lambda place: x[n, place[0], place[1], c])  # max() keeps the first of equal ones
        dx[n, i, j, c] += dy[n, p, q, c]
    return dx


def inputs(d, x, size, stride):
    n, h, width, c = x.shape
    p, q = (h - size) // stride + 1, (width - size) // stride + 1
    y = np.zeros((n, p, q, c), x.dtype)
    for i, j in np.ndindex(p, q):
        y[:, i, j] = x[:, i * stride : i * stride + size, j * stride : j * stride + size].max(axis=(1, 2))
    return d(n, p, q, c), x, y, size, stride


def cases(d):
    yield case("", *inputs(d, d(1, 4, 4, 1), 2, 2))
    yield case("", *inputs(d, d(2, 4, 6, 3), 2, 2))
    yield case("windows overlap", *inputs(d, d(2, 7, 5, 2), 3, 2))
    yield case("windows overlap", *inputs(d, d(1, 5, 6, 2), 3, 1))
    yield case("windows lie apart", *inputs(d, d(2, 8, 7, 2), 2, 3))
    yield case("the last row is in no window", *inputs(d, d(2, 5, 7, 1), 2, 2))
    yield case("all negative", *inputs(d, -np.abs(d(2, 6, 4, 2)) - 1, 2, 2))
    yield par("", *inputs(d, d(2, 21, 19, 3), 3, 2))
    yield extreme("after a relu: ties", *inputs(d, np.maximum(d(2, 6, 6, 2, shift=-0.7), 0), 2, 2))
    crossed = np.tile(np.array([[[0], [1]], [[1], [0]]], np.float32), (1, 2, 3, 1))
    yield extreme("two equal ones in each window", *inputs(d, crossed, 2, 2))
    yield extreme("ties in windows that overlap", *inputs(d, np.round(d(1, 6, 7, 2)), 3, 2))
    yield extreme("all equal", *inputs(d, np.full((1, 5, 5, 1), -200, np.float32), 3, 1))


exercise = Exercise(
    title="Max pooling's backward",
    stars=2,
    minutes=35,
    section="05",
    needs=("conv_backward",),
    tasks=(
        Function(
            signature="max_pool_backward(dy, x, y, size, stride)",
            results="dx",
            cases=cases,
            resized=False,
            reference=window_by_window,
            par={"steps": 200},
        ),
    ),
    says={
        "average": (
            "You share dy among all {size * size} pixels of the window, as average pooling does. Only the winner moves y: "
            "nudge another and look.",
            "你把 dy 平分给窗口的全部 {size * size} 个像素，那是平均池化。只有胜者影响 y：动一动别的像素看看。",
        ),
        "everybody": (
            "Every pixel of the window gets all of dy. A condition is missing: who of them is the one that y has been taken "
            "from?",
            "窗口里每个像素都得到了全部 dy。少了一个条件：y 是从哪一个像素取来的？",
        ),
        "overwritten": (
            "Right where windows do not overlap. Where they do, a pixel that wins in two windows has one's dy: another tap "
            "overwrites it, also with a 0. Add.",
            "窗口不重叠时是对的。重叠时，在两个窗口都胜出的像素只剩一个的 dy：别的位置把它覆盖了，用 0 覆盖也算。要相加。",
        ),
        "add_by_index": (
            "`dx[i] += d` with arrays of indices adds only one d where an index occurs twice. A pixel that wins in two windows "
            "occurs twice: there is `np.add.at`.",
            "用下标数组写 `dx[i] += d` 时，同一下标出现两次也只加一次。在两个窗口胜出的像素就出现两次：可用 `np.add.at`。",
        ),
        "every_tie": (
            "A window of equal pixels gives its dy to each of them, and more comes back than went in. One wins, the first in "
            "reading order: how does a window remember that it has found its winner?",
            "像素全等的窗口把 dy 给了每一个，回来的比进去的还多。只有一个胜者，按阅读次序的第一个：窗口怎么记住自己已经找到胜者？",
        ),
        "ties_shared": (
            "You divide dy among equal pixels. That is a possible rule, but not this one: the first in reading order has it "
            "all, as the forward's argmax does.",
            "你把 dy 分给相等的像素。那也是一种规则，但不是这里的：按阅读次序的第一个全得，和前向的 argmax 一样。",
        ),
        "last_tie": (
            "Among equal pixels your last one wins; it is the first in reading order (`>` against `>=`, or the order of your "
            "loops).",
            "相等的像素里你让最后一个胜出；应是阅读次序的第一个（`>` 与 `>=` 之别，或循环的次序）。",
        ),
        "columns_first": (
            "Among equal pixels yours is the first column by column; reading order goes along a row, then to the next.",
            "相等的像素里你取的是按列走的第一个；阅读次序是先走完一行，再到下一行。",
        ),
        "one_an_image": (
            "One winner for a whole image and channel: each *window* has one of its own.",
            "整张图每个通道只有一个胜者：每个*窗口*都有自己的胜者。",
        ),
        "one_for_all_channels": (
            "One pixel wins for all channels of a window. Each channel has a maximum, and a winner, of its own.",
            "窗口的所有通道共用了一个胜出的像素。每个通道有自己的最大值，也有自己的胜者。",
        ),
        "other_window": (
            "You stretch y to the size of x and compare: right where windows lie side by side. With stride {stride} and size "
            "{size} a pixel lies in several windows or in none, and is compared with the y of one only.",
            "你把 y 拉伸到 x 的大小再比较：窗口紧挨着时是对的。步幅 {stride}、窗口 {size} 时，一个像素在几个窗口里或不在任何窗口里，"
            "却只和一个 y 比较。",
        ),
        "stride_of_size": (
            "Your windows begin at p · {size}, their size; they begin at p · {stride}.",
            "你的窗口从 p · {size}（窗口大小）开始；应从 p · {stride} 开始。",
        ),
        "loops_over_windows": (
            "A loop over windows turns in Python once for each. For one place (i, j) inside the window, all windows' pixels "
            "are one strided slice of x: compare it with y.",
            "对窗口的循环要在 Python 里一个一个地转。对窗口内的一个位置 (i, j)，所有窗口的那个像素就是 x 的一个跨步切片：拿它和 y 比。",
        ),
        "place_in_window": (
            "The winner's place is counted from its window's corner, and the window begins at p · {stride}, not at p.",
            "胜者的位置是从窗口的角数起的，而窗口从 p · {stride} 开始，不是 p。",
        ),
        "relu_s_mask": (
            "x > 0 is the mask of a relu. What counts here is not whether a pixel is positive but whether it is its window's "
            "largest.",
            "x > 0 是 relu 的掩码。这里要看的不是像素是否为正，而是它是不是窗口里最大的。",
        ),
        "from_zero": (
            "Your search for the largest begins at 0: a window without a positive pixel has no winner, and its dy is lost. "
            "Begin at the first pixel, or at -∞.",
            "你找最大值是从 0 开始的：没有正像素的窗口就没有胜者，它的 dy 丢了。从第一个像素或 -∞ 开始。",
        ),
        "open_slice": (
            "There are as many windows as y says. Your slice runs to the edge of the image, and finds pixels there that belong "
            "to no window.",
            "窗口有多少个由 y 决定。你的切片一直走到图像边缘，那里有不属于任何窗口的像素。",
        ),
    },
    recognise=lambda seen: "open_slice" if seen.code == "raises" and "broadcast" in seen.facts["message"] else None,
    hints=(
        ("y is given as well as x. How can you see, without searching, whether a pixel has won in a window?",
         "除了 x 还给了 y。不用搜索，怎么看出一个像素在某个窗口里是否胜出？"),
        ("Go place by place through the window, in reading order: the pixels at place (i, j) of all windows are a strided "
         "slice, of y's shape. Where they equal y and the window has no winner yet, dy is theirs.",
         "按阅读次序逐个走过窗口里的位置：所有窗口在位置 (i, j) 的像素是一个跨步切片，与 y 同形。"
         "凡等于 y、且窗口还没有胜者的，就得到 dy。"),
        ("dx = 0; a bool array of y's shape, True while a window is without a winner; two short loops: slice, who wins, add dy "
         "there, cross the windows off.",
         "dx = 0；与 y 同形的布尔数组，窗口还没有胜者时为 True；两个短循环：切片，谁胜出，在那里加 dy，划掉这些窗口。"),
    ),
)  # fmt: skip
