"""The bank of 38, honest_clock."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def measure(make_inputs, run, wait, time):
    for _ in range(3):
        wait(run(make_inputs()))
    times = []
    for _ in range(15):
        x = make_inputs()
        start = time.perf_counter()
        y = run(x)
        wait(y)
        times.append(time.perf_counter() - start)
    return np.median(times)
""", "each run by itself, the median")
bank.solution("""
def measure(make_inputs, run, wait, time):
    waiting = [make_inputs() for _ in range(33)]
    seconds = []
    while waiting:
        x = waiting.pop()
        before = time.perf_counter()
        wait(run(x))
        after = time.perf_counter()
        seconds.append(after - before)
    best = sorted(seconds[2:])  # two to warm up
    return best[len(best) // 2]
""", "all inputs first, sorted by hand")
bank.solution("""
import numpy as np


def measure(make_inputs, run, wait, time):
    wait(run(make_inputs()))
    wait(run(make_inputs()))
    rounds = []
    for _ in range(12):
        x = make_inputs()
        start = time.perf_counter()
        wait(run(x))
        rounds.append(time.perf_counter() - start)
    return min(rounds)
""", "the best case")
bank.starter_is("""
def measure(make_inputs, run, wait, time):
    x = make_inputs()
    start = time.time()
    for _ in range(10):
        run(x)
    return (time.time() - start) / 10
""")

RUN = "        y = run(x)\n        wait(y)\n"
TIMED = "        x = make_inputs()\n        start = time.perf_counter()\n"
LOOP = f"""    times = []
    for _ in range(15):
{TIMED}{RUN}        times.append(time.perf_counter() - start)
    return np.median(times)
"""
bank.mistake("no_wait", "values", "the_asking", f"{RUN} =>         y = run(x)\n")
bank.mistake("waits_afterwards", "values", "the_asking", "        wait(y)\n        times.append(time.perf_counter() - start)\n => "
             "        times.append(time.perf_counter() - start)\n        wait(y)\n")
bank.mistake("only_the_last", "values", "only_the_last", f"{LOOP} => " """    inputs = [make_inputs() for _ in range(10)]
    start = time.perf_counter()
    for x in inputs:
        y = run(x)
    wait(y)
    return (time.perf_counter() - start) / 10
""")
bank.mistake("wall_clock", "values", "wall_clock", "start = time.perf_counter() => start = time.time()", "(time.perf_counter() - start) => (time.time() - start)")
bank.mistake("same_input", "values", "remembered", TIMED + " =>         start = time.perf_counter()\n", "    times = [] =>     x = make_inputs()\n    times = []")
bank.mistake("warm_up_input", "values", "remembered", "    for _ in range(3):\n        wait(run(make_inputs())) =>     x = make_inputs()\n    for _ in range(3):\n        wait(run(x))",
             TIMED + " =>         start = time.perf_counter()\n")
bank.mistake("mean_without_warm_up", "values", "first_call_counted", "    for _ in range(3):\n        wait(run(make_inputs()))\n =>", "np.median => np.mean")
bank.mistake("mean_one_warm_up", "values", "one_warm_up", "range(3) => range(1)", "np.median => np.mean")
bank.mistake("mean", "values", "mean", "np.median => np.mean")
bank.mistake("once", "values", "once", "    for _ in range(3):\n        wait(run(make_inputs())) =>     wait(run(make_inputs()))", f"{LOOP} => " """    x = make_inputs()
    start = time.perf_counter()
    wait(run(x))
    return time.perf_counter() - start
""")
bank.mistake("worst", "values", "worst", "np.median => max")
bank.mistake("making_counted", "values", "making_counted", f"{TIMED} => " "        start = time.perf_counter()\n        x = make_inputs()\n")
bank.mistake("making_in_call", "values", "making_counted", f"{TIMED}{RUN} => " "        start = time.perf_counter()\n        wait(run(make_inputs()))\n")
bank.mistake("not_divided", "values", "not_divided", "np.median => np.sum")
bank.mistake("milliseconds", "values", "milliseconds", "np.median(times) => 1000 * np.median(times)")
bank.mistake("waits_for_x", "runs", "waits_for_x", "        wait(y) =>         wait(x)")
bank.mistake("waits_for_nothing", "runs", "waits_for_x", "        wait(y) =>         wait()")
bank.mistake("imports_time", "file", "import", "import numpy as np => import time\n\nimport numpy as np")
bank.mistake("mean_of_40", "values", "mean", "np.median => np.mean", "range(15) => range(40)")
bank.mistake("cold_mean_of_50", "values", "first_call_counted", "    for _ in range(3):\n        wait(run(make_inputs()))\n =>", "np.median => np.mean", "range(15) => range(50)")
bank.mistake("two_inputs_in_turn", "values", "remembered", "        x = make_inputs()\n =>         x = both[_ % 2]\n",
             "    times = [] =>     both = make_inputs(), make_inputs()\n    times = []")
bank.mistake("median_of_three_cold", "values", "one_warm_up", "    for _ in range(3):\n        wait(run(make_inputs()))\n =>", "range(15) => range(3)")
bank.mistake("no_return", "runs", "none", "    return np.median(times) =>     np.median(times)")
bank.mistake("wait_last_only", "values", "the_asking", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(5):
        wait(run(make_inputs()))
    inputs = [make_inputs() for _ in range(20)]
    times = []
    for x in inputs:
        start = time.perf_counter()
        y = run(x)
        times.append(time.perf_counter() - start)
    wait(y)
    times.sort()
    return times[len(times) // 2]
""")
bank.mistake("mean_again", "values", "mean", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(10):
        wait(run(make_inputs()))
    total = 0.0
    for _ in range(20):
        x = make_inputs()
        start = time.perf_counter()
        wait(run(x))
        total += time.perf_counter() - start
    return total / 20
""")
bank.mistake("inputs_reused", "values", "remembered", source="""
def measure(make_inputs, run, wait, time):
    x = make_inputs()
    for _ in range(5):
        wait(run(x))
    laps = []
    for _ in range(15):
        start = time.perf_counter()
        wait(run(x))
        laps.append(time.perf_counter() - start)
    laps.sort()
    return laps[7]
""")
bank.mistake("inputs_timed", "values", "making_counted", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(5):
        wait(run(make_inputs()))
    laps = []
    for _ in range(15):
        start = time.perf_counter()
        wait(run(make_inputs()))
        laps.append(time.perf_counter() - start)
    return sorted(laps)[len(laps) // 2]
""")
bank.mistake("again_inputs_timed", "values", "making_counted", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(20):
        wait(run(make_inputs()))
    taken = []
    for _ in range(31):
        start = time.perf_counter()
        x = make_inputs()
        wait(run(x))
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]
""")
bank.mistake("again_mean", "values", "mean", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(20):
        wait(run(make_inputs()))
    taken = []
    for _ in range(31):
        x = make_inputs()
        start = time.perf_counter()
        wait(run(x))
        taken.append(time.perf_counter() - start)
    return sum(taken) / len(taken)
""")
bank.mistake("again_wait_last", "values", "only_the_last", source="""
def measure(make_inputs, run, wait, time):
    for _ in range(20):
        wait(run(make_inputs()))
    xs = [make_inputs() for _ in range(31)]
    start = time.perf_counter()
    for x in xs:
        y = run(x)
    wait(y)
    return (time.perf_counter() - start) / 31
""")
