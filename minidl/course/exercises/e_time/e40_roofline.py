"""Where does an op lie under the roof?

A machine does at most `peak` operations a second and moves at most `bandwidth` bytes a second. An op that needs so many
of the one and so many of the other takes at least the longer of the two times; whichever that is, it is bound by it.
Write

    roofline(op, sizes, seconds, peak, bandwidth)      returns flops, bytes, bound, share

flops and bytes are whole numbers, bound is "compute" or "memory", share is the least time divided by `seconds`, the time
that was measured: 1 lies on the roof. The ops, on float32:

    copy      n          y[i] = x[i]
    add       n          y[i] = a[i] + b[i]
    saxpy     n          y[i] = s · x[i] + y[i]           s is a number of the launch, no array
    dot       n          t = the sum of a[i] · b[i]
    row_sums  m, n       y[r] = the sum of x[r, c]
    gemv      m, n       y[r] = the sum of a[r, c] · x[c]
    outer     m, n       c[r, k] = a[r] · b[k]
    gemm      m, k, n    c[r, j] = the sum of a[r, i] · b[i, j]

Conventions: an addition is one operation, and so is a multiplication; a sum of n terms counts n additions. Each element
of an array is read once if it is needed at all, and written once: that is the least, whatever a cache does.
"""

import numpy as np

from minidl.course import Exercise, Function, case


class Counted:
    """Counts what loops do: operations one by one, and elements that are touched, each once for reading and writing."""

    def __init__(self):
        self.flops, self.touched = 0, set()

    def reads(self, name, *at):
        self.touched.add(("read", name, at))

    def writes(self, name, *at):
        self.touched.add(("write", name, at))


def rows(count, shape, reads, operations):
    for r in range(shape[0]):
        for c in range(shape[1]):
            for name, at in reads(r, c):
                count.reads(name, *at)
            count.flops += operations
        count.writes("y", r)


def played(op, sizes):
    """The loops of an op, played with a counter."""
    count = Counted()
    if op in ("copy", "add", "saxpy"):
        for i in range(sizes[0]):
            for name in {"copy": "x", "add": "ab", "saxpy": "xy"}[op]:
                count.reads(name, i)
            count.flops += {"copy": 0, "add": 1, "saxpy": 2}[op]
            count.writes("y", i)
    elif op == "dot":
        rows(count, (1, *sizes), lambda r, c: (("a", (c,)), ("b", (c,))), 2)
    elif op == "row_sums":
        rows(count, sizes, lambda r, c: (("x", (r, c)),), 1)
    elif op == "gemv":
        rows(count, sizes, lambda r, c: (("a", (r, c)), ("x", (c,))), 2)
    elif op == "outer":
        for r in range(sizes[0]):
            for k in range(sizes[1]):
                count.reads("a", r), count.reads("b", k)
                count.flops += 1
                count.writes("c", r, k)
    else:
        m, inner, n = sizes
        for r in range(m):
            for j in range(n):
                for i in range(inner):
                    count.reads("a", r, i), count.reads("b", i, j)
                    count.flops += 2
                count.writes("c", r, j)
    return count.flops, 4 * len(count.touched)


def placed(op, sizes, seconds, peak, bandwidth):
    flops, moved = played(op, sizes)
    roof = {"compute": flops / peak, "memory": moved / bandwidth}
    bound = max(roof, key=lambda name: roof[name])
    return np.int64(flops), np.int64(moved), bound, np.float64(100 * roof[bound] / seconds)


def drive(roofline, op, sizes, seconds, peak, bandwidth):
    found = roofline(op, sizes, seconds, peak, bandwidth)
    if not isinstance(found, tuple | list) or len(found) != 4:
        return found
    flops, moved, bound, share = found
    whole = [np.int64(n) if float(n).is_integer() else np.float64(n) for n in (flops, moved)]
    return *whole, str(bound), np.float64(100 * share)


def timed(op, sizes, share, peak, bandwidth):
    flops, moved = played(op, sizes)
    seconds = float(f"{max(flops / peak, moved / bandwidth) / share:.3g}")
    return case(f"{op} of {' x '.join(map(str, sizes))}", op, sizes, seconds, peak, bandwidth)


def cases(d):
    machines = ((67e12, 3.35e12), (1e11, 2e10))  # a GPU, a laptop: 20 and 5 operations a byte
    for op, many in (("add", 1), ("copy", 1), ("saxpy", 1), ("dot", 1), ("row_sums", 2), ("gemv", 2), ("outer", 2), ("gemm", 3)):
        for peak, bandwidth in machines:
            sizes = tuple(int(n) for n in d.integers(5, 20, many))
            yield timed(op, sizes, float(d.random.uniform(0.1, 0.9)), peak, bandwidth)
    yield timed("gemm", (40, 30, 44), 0.7, *machines[1])


exercise = Exercise(
    title="Under the roof",
    stars=2,
    minutes=30,
    needs=("gemm",),
    section="11",
    tasks=(
        Function(
            signature="roofline(op, sizes, seconds, peak, bandwidth)",
            inputs="op sizes seconds peak bandwidth",
            results="flops bytes bound percent_of_the_roof",
            cases=cases,
            drive=drive,
            reference=placed,
            keeps_dtype=False,
            tolerance=1e-6,
        ),
    ),
    says={
        "loads_alone": (
            "{op}: {got} bytes are what is read. The result has to be written too.",
            "{op}：{got} 字节只是读的。结果还要写出去。",
        ),
        "y_not_read": (
            "saxpy adds to y: y is read as well as written, {right} bytes in all.",
            "saxpy 是加到 y 上：y 既要读也要写，一共 {right} 字节。",
        ),
        "every_access": (
            "{op}: {got} bytes count every access. Each element is needed often, and has to be fetched once: that is the "
            "least, and the roof is made of it.",
            "{op}：{got} 字节把每次访问都算了。每个元素用很多次，却只必须取一次：这是最少的量，屋顶按它来算。",
        ),
        "eight_bytes": (
            "{op}: {got} bytes are those of float64. A float32 has 4.",
            "{op}：{got} 字节是 float64 的。一个 float32 是 4 字节。",
        ),
        "elements": (
            "{op}: {got} is the number of elements; each has 4 bytes.",
            "{op}：{got} 是元素个数；每个 4 字节。",
        ),
        "fma_as_one": (
            "{op}: you count a multiplication with its addition as one. The convention is two, and a peak in FLOP/s is "
            "told by it.",
            "{op}：你把一次乘法和随后的加法算作一次。惯例是两次，FLOP/s 的峰值就是这么报的。",
        ),
        "copy_computes": (
            "copy computes nothing: 0 operations.",
            "copy 什么也不算：0 次运算。",
        ),
        "one_less": (
            "A sum of n terms counts n additions here: the total begins at 0. You count n - 1.",
            "这里 n 项的和算 n 次加法：total 从 0 开始。你算了 n - 1 次。",
        ),
        "ridge_reversed": (
            "{op} does {intensity} operations a byte, and this machine {ridge} in the time of one: which of the two does it "
            "wait for?",
            "{op} 每字节做 {intensity} 次运算，而这台机器搬一字节的时间能做 {ridge} 次：它在等哪一个？",
        ),
        "one_is_the_ridge": (
            "{op} does {intensity} operations a byte. You compare with 1; the ridge of this machine lies at {ridge}.",
            "{op} 每字节做 {intensity} 次运算。你是和 1 比；这台机器的脊点在 {ridge}。",
        ),
        "of_the_peak": (
            "{op} is bound by memory, and you give its share of the *peak*: it could not get there with a perfect program. "
            "The roof above it is the bandwidth's.",
            "{op} 受内存限制，你给的却是相对*峰值*的份额：再完美的程序也到不了那里。它上方的屋顶是带宽的那一段。",
        ),
        "of_the_bandwidth": (
            "{op} is bound by compute here: what it reaches of the bandwidth says little. The roof above it is the peak.",
            "{op} 在这里受计算限制：达到带宽的几成说明不了什么。它上方的屋顶是峰值。",
        ),
        "upside_down": (
            "{got} % is the time measured by the least time. The share of the roof is the other way round: at most 100 %.",
            "{got} % 是实测时间除以最短时间。屋顶的份额要反过来：最多 100 %。",
        ),
        "both_times": (
            "You add the two times. Loads and additions go on at once: the longer one decides.",
            "你把两个时间加起来了。读写和运算同时进行：由较长的决定。",
        ),
        "copy_divides": (
            "copy does 0 operations, and you divide by them: operations a second are no measure of it. Compare times.",
            "copy 做 0 次运算，而你拿它作除数：每秒运算次数量不了它。要比较时间。",
        ),
        "other_word": (
            "The bound is one of two words, \"compute\" or \"memory\". Got {got}.",
            "限制只有两个词：\"compute\" 或 \"memory\"。得到 {got}。",
        ),
        "percent": (
            "Your share is in percent: on the roof it is 1.",
            "你的份额是百分数：在屋顶上应是 1。",
        ),
        "x_of_gemv": (
            "gemv: x has n elements, and every row needs them: they too are read once. {right} bytes.",
            "gemv：x 有 n 个元素，每一行都要用：它们也要读一次。{right} 字节。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("For each op: how many elements do its arrays have, which are read, which are written, and how often is there a + or "
         "a ·?",
         "对每个运算：各数组有多少元素，哪些读，哪些写，+ 和 · 各出现多少次？"),
        ("Two times: flops / peak and bytes / bandwidth. The longer one is the least time, and gives its name to the bound.",
         "两个时间：flops / peak 和 bytes / bandwidth。较长的就是最短可能时间，它也决定受什么限制。"),
        ("a table from op to (flops, elements); bytes = 4 · elements; the two times; the larger, its name, and it divided by "
         "seconds.",
         "从 op 到 (flops, 元素数) 的表；bytes = 4 · 元素数；两个时间；较大的、它的名字、它除以 seconds。"),
    ),
)  # fmt: skip


def recognise(seen):
    """Which convention was missed shows in the first number that is wrong."""
    if seen.facts.get("kind") == "ZeroDivisionError" and seen.case.inputs[0] == "copy":
        return "copy_divides"
    if seen.code != "values" or seen.got is None:
        return None
    op, sizes, seconds, peak, bandwidth = seen.case.inputs
    (flops, moved, bound, share), right = seen.got, seen.expected
    flops, moved, share = float(flops), float(moved), float(share)
    intensity, ridge = float(right[0]) / float(right[1]), peak / bandwidth
    seen.facts |= {"op": op, "intensity": f"{intensity:.2g}", "ridge": f"{ridge:.0f}"}
    if flops != right[0]:
        if op == "copy":
            return "copy_computes"
        sums = {"dot": 1, "row_sums": sizes[0], "gemv": sizes[0], "gemm": sizes[0] * sizes[-1]}.get(op, 0)
        return "fma_as_one" if 2 * flops == right[0] else "one_less" if sums and flops == right[0] - sums else None
    if moved != right[1]:
        written = {"dot": 1, "row_sums": sizes[0], "gemv": sizes[0], "outer": sizes[0] * sizes[-1],
                   "gemm": sizes[0] * sizes[-1]}.get(op, sizes[0])  # fmt: skip
        if op == "saxpy" and moved == 8 * sizes[0]:
            return "y_not_read"
        if moved in (2 * right[1], right[1] / 4):
            return "eight_bytes" if moved > right[1] else "elements"
        if moved == right[1] - 4 * written:
            return "loads_alone"
        if op == "gemv" and moved == right[1] - 4 * sizes[1]:
            return "x_of_gemv"
        return "every_access" if moved > 1.3 * right[1] else None
    if str(bound) != str(right[2]):
        if str(bound) not in ("compute", "memory"):
            return "other_word"
        above_one = "compute" if intensity > 1 else "memory"
        return "one_is_the_ridge" if str(bound) == above_one and 1 < intensity < ridge else "ridge_reversed"
    times = {"of_the_peak": right[0] / peak, "of_the_bandwidth": right[1] / bandwidth}
    for says, least in {**times, "both_times": sum(times.values()), "percent": 100 * max(times.values())}.items():
        if abs(share - 100 * least / seconds) < 1e-6 * share:
            return says
    return "upside_down" if abs(share - 100 * seconds / max(times.values())) < 1e-6 * share else None
