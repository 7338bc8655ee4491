"""Is it fast, or is it a fraud?

Somebody offers an op that is faster than any before. Write the referee:

    is_fraud(run, wait, reference, make_inputs, clock, least)      returns the reason, a text, or None for an honest op

    make_inputs()       a new x, a float32 array, always of one shape
    run(x), wait(y)     the op on offer: run returns y, and wait(y) returns when y is ready; the first call may be slow
    reference(x)        the right result, slowly, always in one and the same array, which is overwritten each time
    clock()             seconds
    least               seconds that no machine can do it in: what it has to move, by the bandwidth of its memory

There are frauds that compute nothing twice, for the same shape or for the same array; that compute half; that compute
in float16; that look at what the reference has left; that know the inputs before you give them; whose wait does not wait.
And there are honest ones: a hundred times faster than the reference, adding in another order (float32 agrees to about
1e-5 of the largest result then; a sum that comes out as almost 0 is off by as much), returning before all is done. To call an honest one a fraud is as bad as the reverse.

You may fill x anew with numbers of your own (x[...] = …): it is yours.
"""

import numpy as np

from minidl.course import Exercise, Function, case

LEAST = 2e-6  # seconds, of the simulated machine
SLOW = 1e-3  # of the reference
SIZE = 48

HONEST = ("honest, as slow as the reference", "honest, a hundred times faster", "honest, adds in another order",
          "honest, returns before it is done", "honest, slow at first")  # fmt: skip
FRAUDS = ("remembers by the shape", "remembers by the array", "computes half", "computes half, the rest is NaN",
          "computes in float16", "looks at what the reference has left", "knows the inputs", "does not wait")  # fmt: skip
CANCELS = "honest, its terms cancel"  # the last: who compares too little should be told that first


class World:
    """An op on offer, with a clock on which only calls take time."""

    def __init__(self, offer, seed):
        self.offer, self.now, self.calls = offer, 0.0, 0
        self.random = np.random.default_rng(seed)
        self.out, self.kept, self.known, self.later = np.zeros(SIZE, np.float32), {}, {}, []

    def clock(self):
        self.now += 1e-9
        for ready, y, result in self.later:
            if self.now >= ready:
                y[...] = result
        return self.now

    def make_inputs(self):
        x = self.random.standard_normal((SIZE, 40)).astype(np.float32)
        self.known[x.tobytes()] = self.right(x)
        return x

    def right(self, x):
        terms = np.exp(x.astype(np.float64) / 3)
        if self.offer == CANCELS:
            terms[:, ::2] *= -1
        return terms.sum(axis=1).astype(np.float32)

    def reference(self, x):
        self.now += SLOW
        self.clock()
        self.out[...] = self.right(x)
        return self.out

    def passes(self, seconds):
        self.now += seconds
        self.clock()

    def run(self, x):
        self.calls += 1
        y = getattr(self, "_" + self.offer.replace(",", "").replace(" ", "_"))(x)
        return y

    def wait(self, y):
        if self.offer == "honest, returns before it is done":
            self.now = max([self.now, *[ready for ready, one, _ in self.later if one is y]])
        self.clock()

    def delayed(self, x, seconds):
        y = np.full(SIZE, np.nan, np.float32)
        self.later.append((self.now + seconds, y, self.right(x)))
        self.passes(3e-7)
        return y

    def _honest_as_slow_as_the_reference(self, x):
        self.passes(SLOW)
        return self.right(x)

    def _honest_a_hundred_times_faster(self, x):
        self.passes(SLOW / 100)
        return self.right(x)

    def _honest_adds_in_another_order(self, x):
        self.passes(SLOW / 20)
        return self.right(x) * np.float32(1 + 6e-6 * (-1) ** self.calls)

    def _honest_returns_before_it_is_done(self, x):
        return self.delayed(x, SLOW / 50)

    def _honest_slow_at_first(self, x):
        self.passes(0.5 if self.calls == 1 else SLOW / 10)
        return self.right(x)

    def _honest_its_terms_cancel(self, x):
        self.passes(SLOW / 10)
        rounding = np.float32(1e-6) * np.exp(x / 3).sum(axis=1)  # of the terms, not of what is left of them
        return self.right(x) + rounding * np.float32((-1) ** self.calls)

    def _remembers_by_the_shape(self, x):
        self.passes(SLOW / 10)
        return self.kept.setdefault(x.shape, self.right(x)).copy()

    def _remembers_by_the_array(self, x):
        self.passes(SLOW / 10)
        return self.kept.setdefault(id(x), (x, self.right(x)))[1].copy()

    def _computes_half(self, x):
        self.passes(SLOW / 10)
        y = self.right(x)
        y[SIZE // 2 :] = y[: SIZE - SIZE // 2]
        return y

    def _computes_half_the_rest_is_NaN(self, x):
        self.passes(SLOW / 10)
        y = self.right(x)
        y[SIZE // 2 :] = np.nan
        return y

    def _computes_in_float16(self, x):
        self.passes(SLOW / 10)
        return self.right(x).astype(np.float16).astype(np.float32)

    def _looks_at_what_the_reference_has_left(self, x):
        self.passes(SLOW / 10)
        return self.out.copy()

    def _knows_the_inputs(self, x):
        self.passes(3e-7)
        return self.known.get(x.tobytes(), self.out).copy()

    def _does_not_wait(self, x):
        self.passes(SLOW / 100)
        return self.delayed(x, SLOW / 5)


def drive(is_fraud, offer, seed):
    world = World(offer, seed)
    found = is_fraud(world.run, world.wait, world.reference, world.make_inputs, world.clock, LEAST)
    return np.int64(0 if found is None else 1 if isinstance(found, str) and found else 2)


def cases(d):
    for offer in (*HONEST, *FRAUDS, CANCELS):
        yield case("", offer, int(d.integers(0, 1000)))


exercise = Exercise(
    title="Too good to be true",
    stars=2,
    minutes=40,
    needs=("honest_clock", "roofline"),
    section="11",
    tasks=(
        Function(
            signature="is_fraud(run, wait, reference, make_inputs, clock, least)",
            inputs="offer seed",
            results="fraud",
            cases=cases,
            drive=drive,
            reference=lambda offer, seed: np.int64(offer in FRAUDS),
            keeps_dtype=False,
        ),
    ),
    says={
        "faster_than_before": (
            "An honest op is called a fraud: faster than the reference is no crime, however much. Faster than `least` is "
            "one.",
            "诚实的被当成了作弊：比参考快不是罪，快多少都不是。比 `least` 还快才是。",
        ),
        "too_exact": (
            "An honest op that adds in another order is called a fraud: float32 sums differ by some 1e-6 of their size. "
            "Equal to the last bit is too much to ask.",
            "一个诚实的、只是相加次序不同的运算被当成了作弊：float32 的和会差大约自身的 1e-6。要求每一位都相同太苛刻了。",
        ),
        "not_waited": (
            "An honest op that returns before it is done is called a fraud: look at y, and at the clock, after wait(y).",
            "一个诚实的、先返回后算完的运算被当成了作弊：wait(y) 之后再看 y，也再看表。",
        ),
        "slow_at_first": (
            "An honest op is called a fraud for its slow first call. That it is slow is no fraud at all.",
            "一个诚实的运算因为第一次慢而被当成作弊。慢根本不是作弊。",
        ),
        "relative_to_each": (
            "An honest op is called a fraud whose terms cancel: what rounding does to a sum is measured by its terms. A sum that "
            "comes out as almost 0 is off by as much as the others, and that is large beside itself. Beside what should a "
            "difference be small?",
            "一个诚实的、只是各项相互抵消的运算被当成了作弊：舍入误差由各项的大小决定。"
            "结果接近 0 的和与其他的和误差一样大，和它自己相比就很大。差值应当与什么相比才算小？",
        ),
        "all_are_frauds": (
            "The plainest honest op is called a fraud, as slow as the reference and right to the last bit. Is what you compare "
            "with still this x's result? The reference overwrites its array each time.",
            "最普通的诚实运算被当成了作弊：它和参考一样慢，每一位都对。你拿来比的还是这个 x 的结果吗？参考每次都会覆盖它的数组。",
        ),
        "one_input": (
            "This one remembers its first result, by the shape of x, and passes: is it asked about a second x, and is every "
            "element of that answer compared?",
            "它按 x 的形状记住第一次的结果，却通过了：有没有拿第二个 x 问它，并比较那次回答的每个元素？",
        ),
        "never_refilled": (
            "This one remembers by the array, by `id(x)`, and passes: each of your inputs is a new array. Change the numbers "
            "in the same one.",
            "它按数组（`id(x)`）记住，却通过了：你的每个输入都是新数组。在同一个数组里换上别的数。",
        ),
        "too_loose": (
            "float16 passes: it is right to some 5e-4 of a number's size. float32 does better than 1e-4.",
            "float16 通过了：它只精确到数值的 5e-4 左右。float32 要好过 1e-4。",
        ),
        "looked_at_a_part": (
            "This one computes half, and passes: compare every element, not a sum, a shape or the first few.",
            "它只算了一半，却通过了：要比较每个元素，而不是总和、形状或前几个。",
        ),
        "nan_passes": (
            "Half of y is NaN, and it passes: `nan > tolerance` is False. Ask whether all are near, not whether one is far.",
            "y 有一半是 NaN，却通过了：`nan > 容差` 为 False。要问是否都接近，而不是有没有离得远的。",
        ),
        "reference_first": (
            "This one copies what the reference has left in its array, and passes: when it was run, the right result lay "
            "there already.",
            "它抄了参考留在数组里的结果，却通过了：运行它的时候，正确结果已经在那里。",
        ),
        "no_clock": (
            "This one knows the inputs beforehand and answers in less than `least`, and passes: right numbers in an "
            "impossible time.",
            "它事先知道输入，用比 `least` 还短的时间作答，却通过了：数是对的，时间却不可能。",
        ),
        "looked_late": (
            "When its wait returned, y was not ready; when you looked, it was: the reference took its time in between. Copy y "
            "at once.",
            "wait 返回时 y 还没好；等你看时却好了：中间参考花了时间。要马上复制 y。",
        ),
        "not_a_reason": (
            "Return the reason as a text, or None: True and False do not say why.",
            "返回作为理由的文字，或 None：True 和 False 说不出为什么。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("For each of the frauds: what would you have to do so that it gives itself away? And would an honest op stand that?",
         "对每种作弊：你要做什么才能让它露馅？诚实的运算经得起这样做吗？"),
        ("Several inputs, among them an array filled anew. Each: time run and wait together, copy y, and only then ask the "
         "reference. All elements near (about 1e-4 of the largest), and no time below `least`.",
         "用几个输入，其中有重新填过的同一个数组。每次：把 run 和 wait 一起计时，复制 y，然后才问参考。"
         "所有元素都接近（约为最大值的 1e-4），时间都不小于 `least`。"),
        ("a run to warm up; for three turns: new numbers, once in the old array; start; run, wait; time; copy; reference; two "
         "ifs that return a reason. At the end None.",
         "先跑一次预热；三圈：新的数，其中一次放进旧数组；记开始；run、wait；时长；复制；参考；两个返回理由的 if。最后 None。"),
    ),
)  # fmt: skip

PASSED = {
    "remembers by the shape": "one_input", "remembers by the array": "never_refilled", "computes half": "looked_at_a_part",
    "computes half, the rest is NaN": "nan_passes", "computes in float16": "too_loose",
    "looks at what the reference has left": "reference_first", "knows the inputs": "no_clock",
    "does not wait": "looked_late",
}  # fmt: skip
ACCUSED = {
    **dict(zip(HONEST, ("all_are_frauds", "faster_than_before", "too_exact", "not_waited", "slow_at_first"), strict=True)),
    CANCELS: "relative_to_each",
}


def recognise(seen):
    if seen.got is None or seen.case is None or seen.code != "values":
        return None
    return "not_a_reason" if int(seen.got[0]) == 2 else {**PASSED, **ACCUSED}[seen.case.inputs[0]]
