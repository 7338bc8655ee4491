"""Four rungs, one step: which of them is wrong, and where does it begin?

A network of three layers is trained for one step on NumPy, and once more with one rung exchanged: a, b, c or d. Nothing to
program: compare, read, and write down what you find. For one suspect:

    from minidl import lens
    from minidl.course.exercises.g_framework.suspects import step

    print(lens.compare(*step("a")))

or `python minidl_exercises/55_first_divergence.py` for all four. A wrong value makes all that follows wrong. The column "free run"
shows what has become of the whole step, "op alone" what this op does when what goes in is right; the first op that is wrong
alone is the culprit. The kernels are in `minidl/course/exercises/g_framework/suspects.py`.

    op           that is wrong, as the table calls it; "none" where no op is
    direction    "forward" or "backward"
    index        of the cell that is furthest off, as a tuple: the axes as minidl has them
    thread       (b) that wrote this cell, its number in its block
    block        (b) and the block's number
    line         of suspects.py that has to be changed. The thread's line stores a wrong value; which one makes it wrong?
"""

from minidl.course import Answers, Exercise

RIGHT = {
    "a op": "dense", "a direction": "forward", "a index": "(3, 5)", "a line": 22,
    "b op": "relu", "b direction": "backward", "b index": "(1, 3, 6, 1)", "b thread": 59, "b block": 2, "b line": 13,
    "c op": "conv2d", "c direction": "forward", "c index": "(1, 1, 5, 0)", "c line": 49,
    "d op": "none",
}  # fmt: skip
BEHIND = ("relu", "reshape", "sparse_categorical_crossentropy", "reduce_mean", "sgd_update")

exercise = Exercise(
    title="The first op that is wrong",
    stars=2,
    minutes=30,
    section="12",
    needs=("relu_pair",),
    allow=("minidl", "minidl.course.exercises.g_framework.suspects"),
    tasks=(
        Answers(
            reference=lambda: RIGHT,
            wrong={
                "a op": {**dict.fromkeys(BEHIND, "behind_it"), "gemm": "kernel_for_op", "none": "not_none"},
                "a direction": {"backward": "forward_first"},
                "a index": {"(5, 3)": "axes_exchanged", "(0, 0)": "first_cell"},
                "a line": {25: "stores_it", 23: "terms_are_right", 24: "terms_are_right"},
                "b op": {"conv2d": "behind_it", "dense": "before_it", "sgd_update": "behind_it", "none": "not_none"},
                "b direction": {"forward": "forward_is_right"},
                "b index": {"(1, 6, 3, 1)": "rows_and_columns", "(1, 1, 3, 6)": "other_layout", 187: "flat_index"},
                "b thread": {187: "number_in_grid", 27: "lane_for_thread", 1: "warp_for_thread"},
                "b block": {7: "how_many_blocks", 64: "how_many_blocks"},
                "b line": {34: "stores_it", 32: "lane_is_right", 33: "mask_is_elsewhere"},
                "c op": {**dict.fromkeys((*BEHIND, "dense"), "behind_it"), "none": "not_none"},
                "c direction": {"backward": "forward_first"},
                "c index": {"(1, 5, 1, 0)": "rows_and_columns", "(1, 0, 1, 5)": "other_layout", "(1, 1, 5)": "other_layout"},
                "c line": {52: "stores_it", 51: "terms_are_right", 48: "place_is_right"},
                "d op": {"dense": "rounding", "gemm": "rounding", "conv2d": "rounding", "relu": "rounding"},
            },
        ),
    ),
    says={
        "behind_it": (
            "`{got}` is wrong because what goes into it is: its difference in the column \"op alone\" is 0, or not known any "
            "more. The first op that is wrong by itself is the culprit.",
            "`{got}` 错是因为送进去的就错了：它在“op alone”一列的差为 0，或已无从得知。第一个自己就错的运算才是祸首。",
        ),
        "before_it": (
            "`{got}` agrees to the last digit in this step: its row says ok. Which is the first that does not?",
            "这一步里 `{got}` 分毫不差：它那一行写着 ok。第一个不是 ok 的是谁？",
        ),
        "kernel_for_op": (
            "gemm is the kernel that was exchanged. Which op of the table runs it here?",
            "gemm 是被换掉的内核。表里哪个运算在这里用到它？",
        ),
        "not_none": (
            "There is a row that says WRONG: look at the last one.",
            "有一行写着 WRONG：看最后一行。",
        ),
        "forward_first": (
            "The losses of the two sides differ already, and no gradient has gone into them: it begins in the forward.",
            "两边的损失已经不同，而损失里没有任何梯度：错从前向开始。",
        ),
        "forward_is_right": (
            "Forward and loss agree to the last digit: look at the first row that does not say ok.",
            "前向和损失分毫不差：看第一个不是 ok 的行。",
        ),
        "axes_exchanged": (
            "The first axis is of samples, and there are 4: a 5 cannot stand there.",
            "第一轴是样本，一共 4 个：那里不可能是 5。",
        ),
        "first_cell": (
            "Not the first cell that is wrong, but the one that is furthest off; the report names it.",
            "不是第一个错的元素，而是差得最远的那个；报告里写着。",
        ),
        "other_layout": (
            "(n, c, h, w) is not how it lies: activations are (n, h, w, c), samples, rows, columns, channels.",
            "它不是按 (n, c, h, w) 放的：激活是 (n, h, w, c)，即样本、行、列、通道。",
        ),
        "flat_index": (
            "That is the place in a row of all cells. As a tuple, the array has four axes.",
            "那是把所有元素排成一列时的位置。写成元组，数组有四个轴。",
        ),
        "number_in_grid": (
            "That is its number in the grid: block × 64 + thread.",
            "那是它在网格里的编号：块号 × 64 + 线程号。",
        ),
        "lane_for_thread": (
            "That is its lane, the thread's number in its warp. Two warps make a block of 64.",
            "那是它的通道号，即线程在 warp 里的编号。一个 64 线程的块有两个 warp。",
        ),
        "warp_for_thread": (
            "That is its warp.",
            "那是它的 warp 号。",
        ),
        "how_many_blocks": (
            "The grid has 7 blocks of 64 threads. Which of them, from 0, has the thread?",
            "网格有 7 个块，每块 64 个线程。这个线程在第几块（从 0 数）？",
        ),
        "stores_it": (
            "Line {got} stores what is wrong already, and rightly so. Which line makes it wrong, in these cells and not in "
            "others?",
            "第 {got} 行存的时候值已经错了，存本身没错。是哪一行让它在这些元素上出错、在别处却不错？",
        ),
        "terms_are_right": (
            "Each term on line {got} is right. Are they all there: which of them does the loop, or the condition, leave out?",
            "第 {got} 行的每一项都对。项都齐了吗：循环或条件漏掉了哪些？",
        ),
        "lane_is_right": (
            "i % 32 is the lane. What is asked of the mask is right; is the mask?",
            "i % 32 就是通道号。向掩码问的没错；掩码本身呢？",
        ),
        "mask_is_elsewhere": (
            "This line takes a bit out of the mask, and does it well. Write the mask in binary: which of its 32 bits is 0?",
            "这一行从掩码里取一位，取得没错。把掩码写成二进制：32 位里哪一位是 0？",
        ),
        "place_is_right": (
            "Line {got} finds the place of a tap. Wrong are columns 4 to 6 alone: which taps are taken there, and which not?",
            "第 {got} 行算的是采样的位置。错的只有第 4 到 6 列：那里取了哪些采样，没取哪些？",
        ),
        "rounding": (
            "Sums in another order differ by rounding: 1e-6 is far within the tolerance that stands beside it. What is wrong "
            "differs by 0.3, or in one cell of 32.",
            "换一种次序求和会有舍入差：1e-6 远在旁边写的容许之内。真正的错会差 0.3，或每 32 个元素错一个。",
        ),
        "rows_and_columns": (
            "Rows come before columns: activations are (n, h, w, c), samples, rows, columns, channels.",
            "行在列之前：激活是 (n, h, w, c)，即样本、行、列、通道。",
        ),
    },
    hints=(
        ("In which row of the table is \"op alone\" larger than \"tolerance\" for the first time, and do the losses agree?",
         "表中哪一行的“op alone”第一次大于“tolerance”？两边的损失一样吗？"),
        ("Which cells are wrong, and which are not? All of a few rows; one in 32 in a row of all; the last columns: each speaks "
         "of a line of the kernel.",
         "哪些元素错，哪些不错？几行全错；排成一列时每 32 个错一个；最后几列错：每一种都指向内核里的一行。"),
        ("a: count the terms of a sum of 105. b: the mask in binary, and the thread's lane. c: a picture has 5 rows and 7 "
         "columns; what does the condition compare the column with?",
         "a：数一数 105 项的和里有几项。b：掩码的二进制，和线程的通道号。c：图有 5 行 7 列；条件拿列与什么比？"),
    ),
)  # fmt: skip
