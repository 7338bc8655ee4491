"""From which size on is it faster? Of a launch's time there are variants."""

import re

import numpy as np

from minidl.course import Answers, Exercise, Function, case, constant

CHOICES = 10, 5
LAUNCH_US = constant("LAUNCH_US", CHOICES)
LAUNCH, PCIE, GPU_FLOPS, GPU_BYTES, CPU_FLOPS, CPU_BYTES = LAUNCH_US * 1e-6, 12e9, 6e13, 3e12, 1e11, 2e10


def answer(sizes, flops, moved, copied):
    """The first size of the model's crossing: by trying all sizes, far beyond any doubt."""
    gpu = [LAUNCH + copied * moved(n) / PCIE + max(flops(n) / GPU_FLOPS, moved(n) / GPU_BYTES) for n in sizes]
    cpu = [max(flops(n) / CPU_FLOPS, moved(n) / CPU_BYTES) for n in sizes]
    found = after_the_last_loss(np.array(cpu)[:, None], np.array(gpu)[:, None], sizes)
    return "never" if found < 0 else int(found)


def after_the_last_loss(times_a, times_b, sizes):
    """The size behind the last at which b is not faster; -1 where that is the last of all."""
    lost = [i for i in range(len(sizes)) if sorted(times_b[i])[times_b.shape[1] // 2] >= sorted(times_a[i])[times_a.shape[1] // 2]]
    k = max(lost, default=-1) + 1
    return -1.0 if k == len(sizes) else float(sizes[k])


def predicted():
    relu, gemm = [2**k for k in range(31)], list(range(16, 4000, 16))
    return {
        "relu, data on the device": answer(relu, lambda n: n, lambda n: 8 * n, 0),
        "relu, data on the host": answer(relu, lambda n: n, lambda n: 8 * n, 1),
        "product, data on the device": answer(gemm, lambda n: 2 * n**3, lambda n: 12 * n**2, 0),
        "product, data on the host": answer(gemm, lambda n: 2 * n**3, lambda n: 12 * n**2, 1),
    }


RELU, DEVICE, HOST = (predicted()[key] for key in ("relu, data on the device", "product, data on the device",
                                                   "product, data on the host"))  # fmt: skip


def told(size):
    return "None" if size is None or size < 0 else f"{size:g}"


def drive(crossing, times_a, times_b, sizes):
    return told(crossing(times_a, times_b, sizes))


def timed(d, exact, *interrupted, runs=5):
    """Times with noise of 2 %, and some, named by size and run, that took much longer."""
    times = np.asarray(exact, np.float64)[:, None] * (1 + 0.02 * d.random.standard_normal((len(exact), runs)))
    for i, run in interrupted:
        times[i, run] *= 40
    return times


SIZES = np.array([4, 8, 16, 32, 64, 128])


def cases(d):
    n = SIZES.astype(float)
    yield case("faster at 4 alone", timed(d, 4e-7 * n), timed(d, [1e-6, 5e-6, 1e-5, 4e-5, 7e-5, 2e-4]), SIZES)
    yield case("never", timed(d, 1e-7 * n), timed(d, 2e-5 + 2e-7 * n), SIZES)
    yield case("one clear crossing", timed(d, 1e-6 * n), timed(d, 2e-5 + 1e-7 * n, (3, 0), (4, 4)), SIZES)
    yield case("b faster everywhere", timed(d, 2e-6 * n), timed(d, 1e-6 * n, (0, 1)), SIZES)
    small = np.array([7, 8, 9, 10, 11])
    close = np.array([[10, 11, 10], [12, 13, 12], [13, 14, 13], [16, 15, 16], [18, 17, 18]]) * 1e-6
    other = np.array([[12, 11, 12], [11.9, 14, 11.8], [14, 13, 14], [15, 16, 15], [15, 16, 15]]) * 1e-6
    yield case("by 1 % at 8", close, other, small)
    widths = np.array([3, 5, 7, 9, 11, 13])
    fft = np.array([9, 9.1, 9, 9.2, 60, 9.3]) * 1e-3  # a filter of 11: a padded length of 74 = 2 · 37
    yield case("a filter of 11: length 2 · 37", timed(d, 1e-3 * widths**2 / 3), timed(d, fft, (5, 2), (4, 3)), widths)
    yield case("faster, but not at the end", timed(d, [3, 3, 3, 3]), timed(d, [4, 2, 2, 4]), np.array([1, 2, 3, 4]))
    equal = np.array([[2.0, 2, 2], [3, 3, 3], [4, 4, 4]])
    yield case("as fast at 20", equal, equal - [[-1], [0], [1]], np.array([10, 20, 30]))
    yield case("one size, one run", np.array([[2.0]]), np.array([[1.0]]), np.array([5]))
TEXT = f"""From which size on is it faster?

Two programs a and b do the same work. They have been timed at several sizes, each several times:

    times_a, times_b     (sizes, runs) seconds, row i belongs to sizes[i]; sizes rise
    crossing(...)        the smallest of these sizes from which on b is faster, at it and at all larger ones; None if
                         there is none

A single time proves nothing: compare medians over the runs. And a single size proves nothing either: where b wins by
1 % at 8 and loses at 9, the crossing has not been there yet.

Then predict, with paper and pencil or with your own function, for a GPU that is no more than this model:

    GPU    {LAUNCH_US} µs for a launch, plus copies at 12 GB/s (each array once, there or back), plus the larger of
           flops / 60 TFLOP/s and bytes / 3,000 GB/s
    CPU    the larger of flops / 100 GFLOP/s and bytes / 20 GB/s

relu of n float32 numbers moves 8 n bytes and counts n flops; the product of two n x n matrices moves 12 n² and counts
2 n³. With the data on the host all of these bytes are copied too, with the data on the device none. Of the sizes
n = 1, 2, 4, 8, 16, … for relu and n = 16, 32, 48, 64, 80, … for the product: from which on is the GPU faster? Write the
size, or "never".
"""


exercise = Exercise(
    title="The size from which on",
    text=TEXT,
    constants={"LAUNCH_US": CHOICES},
    stars=2,
    minutes=35,
    needs=("honest_clock",),
    section="11",
    tasks=(
        Function(
            signature="crossing(times_a, times_b, sizes)",
            results="size",
            cases=cases,
            drive=drive,
            reference=lambda times_a, times_b, sizes: told(after_the_last_loss(times_a, times_b, sizes)),
            keeps_dtype=False,
        ),
        Answers(
            signature="predictions",
            cases=lambda d: (),
            reference=predicted,
            wrong={
                "relu, data on the device": {"never": "cheap_to_launch", 1: "launch_forgotten", RELU // 2: "one_too_small", 2 * RELU: "one_too_large"},
                "relu, data on the host": {RELU: "copies_forgotten", 1: "copies_forgotten", 2 * RELU: "copies_forgotten"},
                "product, data on the device": {"never": "grows_faster", 16: "launch_forgotten_too", DEVICE - 16: "one_too_small", DEVICE + 16: "one_too_large", HOST: "copied_for_nothing"},
                "product, data on the host": {"never": "grows_faster", DEVICE: "copies_of_product", HOST - 16: "three_copies", HOST + 16: "one_too_large"},
            },
        ),
    ),
    says={
        "first_win": (
            "b wins for the first time there, and loses again further on. The question is from which size *on*: look from "
            "the end.",
            "b 在那里第一次赢，后面又输了。问的是从哪个大小*起*一直快：从末尾往前看。",
        ),
        "second_crossing": (
            "At 11 the lines cross once more: a filter of 11 makes a padded length of 74 = 2 · 37, and an FFT of a large "
            "prime factor is slow. b is not faster from {got} on.",
            "在 11 处两条线又交叉了：宽 11 的滤波器使补齐后的长度为 74 = 2 · 37，含大质因数的 FFT 很慢。b 并不是从 {got} 起一直更快。",
        ),
        "single_run": (
            "Each size has several runs, and one of them was interrupted. What you compare is not the usual time: take the "
            "median of each row.",
            "每个大小跑了几次，其中一次被打断。你比较的不是通常的时间：取每一行的中位数。",
        ),
        "never_is_none": (
            "At the largest size b is slower: there is no size from which on it is faster. That is None, not a number.",
            "在最大的大小上 b 更慢：没有从哪里起一直更快的大小。应返回 None，而不是一个数。",
        ),
        "from_the_first": (
            "b is faster at every size: from the first on. It need not have lost before to win.",
            "b 在每个大小上都更快：从第一个起就是。赢之前不必先输过。",
        ),
        "an_index": (
            "{got} is the row's number; wanted is the size that stands there.",
            "{got} 是行号；要的是那里的大小。",
        ),
        "size_before": (
            "{got} is the last size at which b is *not* faster: the next one is it.",
            "{got} 是 b *还没有*更快的最后一个大小：下一个才是。",
        ),
        "wrong_axis": (
            "A row belongs to a size, a column to a run: axis 0 goes from size to size. Which axis are the runs?",
            "一行对应一个大小，一列对应一次运行：第 0 轴是从一个大小到另一个大小。各次运行在哪个轴上？",
        ),
        "not_a_size": (
            "{got} is none of the sizes: what lies between two of them has not been timed.",
            "{got} 不是其中任何一个大小：两个大小之间的没有测过。",
        ),
        "tie": (
            "At 20 they are equally fast: as fast is not faster.",
            "在 20 处一样快：一样快不是更快。",
        ),
        "exchanged": (
            "That is the size from which on *a* is faster.",
            "这是从它起 *a* 更快的大小。",
        ),
        "no_answer_for_all": (
            "You return None where there is a crossing: does the loop look at all sizes before it gives up?",
            "有交叉的地方你返回了 None：循环在放弃之前看完所有大小了吗？",
        ),
        "cheap_to_launch": (
            f"On the device relu costs {LAUNCH_US} µs and little more, at any size; the CPU's time grows with n.",
            f"在设备上 relu 不论多大都是 {LAUNCH_US} µs 多一点；CPU 的时间却随 n 增长。",
        ),
        "launch_forgotten": (
            "8 bytes a number at 20 GB/s: the CPU is through with one number in 0.4 ns. And a launch?",
            "每个数 8 字节，20 GB/s：CPU 处理一个数只要 0.4 ns。启动一次呢？",
        ),
        "launch_forgotten_too": (
            "2 · 16³ flops are 0.08 µs on the CPU: how long does a launch take?",
            "2 · 16³ 次运算在 CPU 上是 0.08 µs：启动一次要多久？",
        ),
        "copies_forgotten": (
            "8 n bytes at 12 GB/s: the copies alone take longer than the CPU for all of it, at 20 GB/s.",
            "8 n 字节以 12 GB/s 拷贝：光拷贝就比 CPU 以 20 GB/s 做完全部还久。",
        ),
        "copies_of_product": (
            "That is right with the data on the device; here 12 n² bytes are copied at 12 GB/s first.",
            "数据在设备上时这是对的；这里先要以 12 GB/s 拷贝 12 n² 字节。",
        ),
        "copied_for_nothing": (
            "With the data on the device nothing is copied: a launch, and the product.",
            "数据在设备上就不用拷贝：只有启动和乘法。",
        ),
        "grows_faster": (
            "The CPU's time grows as n³, the copies as n², and a launch not at all: there is a size from which on it pays.",
            "CPU 的时间按 n³ 增长，拷贝按 n²，启动不变：总有一个大小起是划算的。",
        ),
        "one_too_small": (
            "At this size the CPU is still faster: put it into the two formulas.",
            "在这个大小上 CPU 还更快：代入两个公式看看。",
        ),
        "one_too_large": (
            "The GPU is faster at this size, and at the one before it already.",
            "这个大小上 GPU 更快，前一个也已经更快了。",
        ),
        "no_loss_at_all": (
            "Where b is faster at every size it has lost nowhere, and there is no last loss to look behind: from "
            "which size on is b faster then?",
            "b 在每个大小上都更快时，它一次也没输，没有“最后一次输”可找：那么从哪个大小起 b 更快？",
        ),
        "three_copies": (
            f"At {HOST - 16} the CPU is still faster: all three matrices are copied, two there and the result back, 12 n² "
            "bytes in all.",
            f"在 {HOST - 16} 处 CPU 还更快：三个矩阵都要拷贝，两个过去，结果回来，共 12 n² 字节。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("If you see the times of all sizes: where do you have to look to be sure that b does not lose again?",
         "看到所有大小的时间：要看哪里才能确定 b 不会再输？"),
        ("Medians along the runs, one number a size. Then the *last* size at which b is not faster: the answer is the one "
         "behind it. For the predictions: where are the two formulas equal?",
         "沿各次运行取中位数，每个大小一个数。再找 b 没有更快的*最后*一个大小：答案是它后面那个。预测：两个公式在哪里相等？"),
        ("medians of a and of b; walk from the end while b is smaller; what was the last one good? None, if there was none.",
         "a、b 的中位数；从末尾往前走，只要 b 更小；最后一个成立的是哪个？没有就是 None。"),
    ),
)  # fmt: skip


AXIS_0 = r"axis ?= ?0|median\([^()]*, 0\)"


def recognise(seen):
    """The case and the number returned show which rule was missed."""
    if seen.code == "raises" and seen.facts["kind"] == "IndexError" and re.search(AXIS_0, seen.source):
        return "wrong_axis"
    if seen.code != "values" or seen.case is None or seen.got is None:
        return None
    times_a, times_b, sizes = seen.case.inputs
    got, right = (-1.0 if str(part) == "None" else float(str(part)) for part in (seen.got[0], seen.expected[0]))
    label = seen.case.label
    if re.search(AXIS_0, seen.source):
        return "wrong_axis"
    if label != "never" and got == after_the_last_loss(times_b, times_a, sizes) and got >= 0:
        return "exchanged"
    if right < 0:
        return "first_win" if label.startswith("faster") and got in (2, 4) else "never_is_none"
    others = [(times_a[:, k : k + 1], times_b[:, k : k + 1]) for k in range(times_a.shape[1])]
    others.append((times_a.mean(1, keepdims=True), times_b.mean(1, keepdims=True)))
    if label in ("one clear crossing", "b faster everywhere") and got >= 0:
        if any(got == after_the_last_loss(a, b, sizes) for a, b in others):
            return "single_run"
    if got not in (-1, *sizes, *range(sizes.size)):
        return "not_a_size"
    if got == list(sizes).index(right) and label != "as fast at 20":
        return "an_index"
    if label == "b faster everywhere":
        return "from_the_first" if got < 0 or got > right else None
    if got < 0:
        return "no_answer_for_all"
    if label == "as fast at 20":
        return "tie"
    if got in sizes and got == sizes[list(sizes).index(right) - 1] and label.startswith("one"):
        return "size_before"
    if label.startswith("a filter"):
        return "second_crossing" if got in (5, 7, 9) else None
    return "first_win" if got == 8 else None
