"""A benchmark with six faults: mend it.

measure says how long run(x) takes, in seconds. As it stands it may well say 0 of work that takes 5 ms. It is given:

    make_inputs()          a new x, with other numbers each time; this takes time too
    run(x)                 returns a result y, perhaps long before y is computed
    wait(y)                returns when y is computed
    time.perf_counter()    seconds, of a clock that only ever goes forward
    time.time()            seconds since 1970, of a clock that is set right now and then

Your function is tried on devices whose time is known, since they are simulated: one that returns at once and computes
afterwards, one that computes only what somebody waits for, one whose first calls are slow, one that remembers what it
was asked before, one that is interrupted at every fourth call, one whose clock is set back. Within 2 % is right.
"""

import re

import numpy as np

from minidl.course import Exercise, Function, case

MAKING, ASKING, WAITING = 4e-3, 3e-6, 1e-6  # seconds
DEVICES = ("plain", "computes afterwards", "computes what is waited for", "slow at first", "remembers",
           "is interrupted", "has its clock set back")  # fmt: skip


class Result:
    """A result that may not be there yet."""

    def __init__(self, seconds):
        self.seconds = seconds  # of work that is left
        self.ready = None  # when it is there, once that is known


class World:
    """A device and its clocks; nothing passes but what a call takes."""

    def __init__(self, device, work):
        self.device, self.work = device, work
        self.now, self.free, self.calls, self.made = 1000.0, 0.0, 0, 0
        self.known = set()

    def perf_counter(self):
        self.now += 1e-7
        return self.now

    def time(self):
        self.now += 1e-7
        back = 3600 if self.device == "has its clock set back" and self.now > 1000 + 3.5 * self.work else 0
        return 1.8e9 + round((self.now - back) * 64) / 64

    def make_inputs(self):
        self.now += MAKING
        self.made += 1
        return np.full(3, self.made, np.float32)

    def seconds_of(self, x):
        k, self.calls = self.calls, self.calls + 1
        seconds = self.work * (1 + 0.004 * ((k * 7) % 5 - 2) / 2)
        asked = x.tobytes()
        if self.device == "remembers" and asked in self.known:
            return 1e-6
        self.known.add(asked)
        if self.device == "slow at first" and k < 2:
            return seconds + (0.2, 0.02)[k]
        if self.device == "is interrupted" and k % 4 == 1:
            return 2.6 * seconds
        return seconds

    def run(self, x):
        y = Result(self.seconds_of(x))
        self.now += ASKING
        if self.device == "computes afterwards":
            self.free = y.ready = max(self.free, self.now) + y.seconds
        elif self.device != "computes what is waited for":
            self.now += y.seconds
            y.ready = self.now
        return y

    def wait(self, y):
        if not isinstance(y, Result):
            raise TypeError(f"wait(y) waits for what run has returned. Got {type(y).__name__}.")
        self.now += WAITING
        if y.ready is None:
            self.now += y.seconds
            y.ready = self.now
        self.now = max(self.now, y.ready)


def drive(measure, device, work):
    world = World(device, work / 1000)
    seconds = measure(world.make_inputs, world.run, world.wait, world)
    return None if seconds is None else np.float64(1000 * seconds)


def cases(d):
    for device in DEVICES:
        yield case("", device, float(d.integers(40, 60)) / 10)
    yield case("", "computes afterwards", 300.0)
    yield case("", "is interrupted", 40.0)


exercise = Exercise(
    title="An honest clock",
    stars=2,
    minutes=30,
    section="11",
    tasks=(
        Function(
            signature="measure(make_inputs, run, wait, time)",
            inputs="device work",
            results="milliseconds",
            cases=cases,
            drive=drive,
            reference=lambda device, work: work,
            tolerance=0.02,
        ),
    ),
    says={
        "the_asking": (
            "You measured {got} ms for work of {right} ms: that is the asking alone. The device has not begun when run "
            "returns; before the second look at the clock wait for the result.",
            "{right} 毫秒的工作你测得 {got} 毫秒：那只是发出请求的时间。run 返回时设备还没开始算；第二次看表之前要等结果。",
        ),
        "only_the_last": (
            "You waited for the last result alone, and this device computes nothing that nobody asks for: one run was "
            "done, and its time divided by all. Wait for each.",
            "你只等了最后一个结果，而这个设备不算没人要的东西：只做了一次，时间却按全部次数去除。每一个都要等。",
        ),
        "wall_clock": (
            "time.time() says what time of day it is: it is set back when it is wrong, and moves in steps of 1/64 s here. "
            "Which of the two clocks is for durations?",
            "time.time() 说的是现在几点：它不准时会被拨回去，这里还以 1/64 秒为一格跳动。两个钟里哪个是量时长的？",
        ),
        "remembered": (
            "You measured {got} ms, for the device remembered: it has been asked for this x before. Each run wants inputs of "
            "its own, the warm-up's included.",
            "你测得 {got} 毫秒，因为设备记得：这个 x 以前问过。每次运行都要有自己的输入，预热也算在内。",
        ),
        "first_call_counted": (
            "The first call of 200 ms is in your result: the device was still preparing. Run it a few times before you "
            "look at the clock.",
            "你的结果里有第一次调用的 200 毫秒：设备还在准备。看表之前先运行几次。",
        ),
        "one_warm_up": (
            "Here the second call is slow too, not only the first: its 20 ms are in your result.",
            "这里不只第一次慢，第二次也慢：它的 20 毫秒进了你的结果。",
        ),
        "mean": (
            "One call in four was interrupted, and moved your mean by {percent} %. "
            "Which number in the middle does not care how far off the outliers are?",
            "四次里有一次被打断，就把你的平均值带偏了 {percent} %。"
            "哪一个“中间的数”不在乎离群值有多远？",
        ),
        "once": (
            "One run, and just that one was slow. How many would show which number is the usual one?",
            "只跑了一次，偏偏那次慢。跑多少次才能看出哪个数是通常的？",
        ),
        "worst": (
            "That is the worst of your runs: it tells of what interrupted it.",
            "这是最慢的一次：它说的是打断它的东西。",
        ),
        "making_counted": (
            "Making the inputs is in your time: {got} ms instead of {right} ms. Make them before you look at the clock.",
            "造输入的时间也算进去了：{got} 毫秒而不是 {right} 毫秒。看表之前先造好。",
        ),
        "not_divided": (
            "That is the time of all your runs together: {times} of them.",
            "这是你所有运行加起来的时间：一共 {times} 次。",
        ),
        "milliseconds": (
            "Your result is in milliseconds: it should be seconds.",
            "你的结果以毫秒计：应该用秒。",
        ),
        "waits_for_x": (
            "wait takes a result of run: waiting for the inputs, or for nothing, waits for nothing.",
            "wait 要的是 run 的结果：等输入，或者什么都不给，就什么也没等。",
        ),
    },
    recognise=lambda seen: recognise(seen),
    hints=(
        ("Between your two looks at the clock: what has happened that is not the work, and what of the work has not "
         "happened?",
         "两次看表之间：有哪些不是这项工作的事发生了？又有哪些工作还没有发生？"),
        ("Before: new inputs for every run, and some runs that do not count. Between: run and wait, nothing else. After: many "
         "times instead of one, and the median of them.",
         "之前：每次运行都有新输入，先跑几次不算数。之间：run 和 wait，没有别的。之后：多次而不是一次，取中位数。"),
        ("for a few: wait(run(new x)). For ten or more: new x; start; wait(run(x)); note the time. Return the median.",
         "先几次：wait(run(新 x))。然后十次以上：新 x；记开始；wait(run(x))；记下时长。返回中位数。"),
    ),
)  # fmt: skip


def recognise(seen):
    if seen.stage == "runs" and "wait" in seen.facts.get("message", ""):
        return "waits_for_x"
    if seen.code != "values":
        return None
    device, work = seen.case.inputs
    got = float(seen.got[0])
    times = got / work
    seen.facts |= {"times": f"{times:.0f}", "percent": f"{100 * times - 100:.0f}"}
    once = not re.search(r"^\s*(for|while) .*:|\bfor\b.*\bin\b", seen.source, re.M)
    if device == "has its clock set back" or seen.has("time.time()") and device == "plain":
        return "wall_clock"
    if device == "plain":
        if abs(got - work - 1000 * MAKING) < 0.05 * work:
            return "making_counted"
        return "milliseconds" if 900 < times < 1100 else "not_divided" if times > 1.9 else None
    if device == "slow at first":
        if abs(got - work - 20) < 0.05 * work:
            return "once" if once else "one_warm_up"
        return "first_call_counted" if times > 1.5 else "one_warm_up"
    if device == "is interrupted":
        return None if times < 1 else "mean" if times < 2.3 else "once" if once else "worst"
    return {"computes afterwards": "the_asking", "computes what is waited for": "only_the_last",
            "remembers": "remembered"}[device] if times < 0.95 else None  # fmt: skip
