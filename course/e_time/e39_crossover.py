"""The bank of 39, crossover."""

from minidl.course import Bank, constant

LAUNCH_US = constant("LAUNCH_US")
RELU, DEVICE, HOST = {10: (32768, 80, 112), 5: (16384, 64, 96)}[LAUNCH_US]

bank = Bank()
bank.solution(f"""
import numpy as np


def crossing(times_a, times_b, sizes):
    # begin
    faster = np.median(times_b, axis=1) < np.median(times_a, axis=1)
    found = None
    for size, wins in zip(reversed(sizes), reversed(faster)):
        if not wins:
            break
        found = int(size)
    return found
    # end


predictions = {{
    # begin
    "relu, data on the device": {RELU},
    "relu, data on the host": "never",
    "product, data on the device": {DEVICE},
    "product, data on the host": {HOST},
    # end
}}
""", "from the end")
bank.solution(f"""
import numpy as np


def crossing(times_a, times_b, sizes):
    lost = np.flatnonzero(np.median(times_a, 1) <= np.median(times_b, 1))
    first = lost[-1] + 1 if lost.size else 0
    return sizes[first] if first < len(sizes) else None


LAUNCH = {LAUNCH_US}e-6


def model(sizes, flops, moved, copied):
    n = np.array(sizes, float)
    gpu = LAUNCH + copied * moved(n) / 12e9 + np.maximum(flops(n) / 60e12, moved(n) / 3e12)
    cpu = np.maximum(flops(n) / 100e9, moved(n) / 20e9)
    found = crossing(cpu[:, None], gpu[:, None], sizes)
    return "never" if found is None else found


POWERS, SIXTEENS = [2**k for k in range(30)], [16 * k for k in range(1, 200)]
predictions = {{
    "relu, data on the device": model(POWERS, lambda n: n, lambda n: 8 * n, 0),
    "relu, data on the host": model(POWERS, lambda n: n, lambda n: 8 * n, 1),
    "product, data on the device": model(SIXTEENS, lambda n: 2 * n**3, lambda n: 12 * n**2, 0),
    "product, data on the host": model(SIXTEENS, lambda n: 2 * n**3, lambda n: 12 * n**2, 1),
}}
""", "behind the last loss; computed")
bank.starter_is('''
import numpy as np


def crossing(times_a, times_b, sizes):
    ...  # about 7 lines


predictions = {
    "relu, data on the device": ...,
    "relu, data on the host": ...,
    "product, data on the device": ...,
    "product, data on the host": ...,
}
''')
MEDIANS = "faster = np.median(times_b, axis=1) < np.median(times_a, axis=1)"
LOOP = """    found = None
    for size, wins in zip(reversed(sizes), reversed(faster)):
        if not wins:
            break
        found = int(size)
    return found
"""
FIRST = """    for size, wins in zip(sizes, faster):
        if wins:
            return int(size)
    return None
"""
bank.mistake("first_win", "values", "first_win", f"{LOOP} => {FIRST}")
bank.mistake("two_in_a_row", "values", "second_crossing", f"{LOOP} => " """    for k, size in enumerate(sizes):
        if faster[k] and faster[min(k + 1, len(sizes) - 1)]:
            return int(size)
    return None
""")
bank.mistake("last_run", "values", "single_run", f"{MEDIANS} => faster = times_b[:, -1] < times_a[:, -1]")
bank.mistake("single_run", "values", "single_run", f"{MEDIANS} => faster = times_b[:, 0] < times_a[:, 0]")
bank.mistake("mean", "values", "single_run", f"{MEDIANS} => faster = times_b.mean(axis=1) < times_a.mean(axis=1)")
bank.mistake("never_is_last", "values", "never_is_none", "    found = None => " "    found = int(sizes[-1])")
bank.mistake("never_is_zero", "values", "never_is_none", "    found = None => " "    found = 0")
bank.mistake("an_index", "values", "an_index", "found = int(size) => found = list(sizes).index(size)")
bank.mistake("size_before", "values", "size_before", f"{LOOP} => " """    lost = np.flatnonzero(~faster)
    if not faster[-1]:
        return None
    return int(sizes[lost[-1]]) if lost.size else int(sizes[0])
""")
bank.mistake("from_the_first", "values", "from_the_first", f"{LOOP} => " """    for i in range(len(sizes) - 1, 0, -1):
        if faster[i:].all() and not faster[i - 1]:
            return int(sizes[i])
    return None
""")
bank.mistake("tie", "values", "tie", f"{MEDIANS} => {MEDIANS.replace('<', '<=')}")
bank.mistake("exchanged", "values", "exchanged", f"{MEDIANS} => {MEDIANS.replace('<', '>')}")
bank.mistake("gives_up", "values", "no_answer_for_all", f"{LOOP} => " """    for k, size in enumerate(sizes):
        if faster[k:].all():
            return int(size)
        return None
""")
for key, right, said in (
    ("relu, data on the device", RELU, {'"never"': "cheap_to_launch", 1: "launch_forgotten", RELU // 2: "one_too_small",
                                        2 * RELU: "one_too_large"}),
    ("relu, data on the host", '"never"', {RELU: "copies_forgotten"}),
    ("product, data on the device", DEVICE, {'"never"': "grows_faster", 16: "launch_forgotten_too",
                                             DEVICE - 16: "one_too_small", HOST: "copied_for_nothing"}),
    ("product, data on the host", HOST, {DEVICE: "copies_of_product", HOST + 16: "one_too_large"}),
):  # fmt: skip
    for number, says in said.items():
        bank.mistake(f"{key.split()[0][:-1]} {key.split()[-1]} {says}", "values", says, f'"{key}": {right} => "{key}": {number}')
bank.mistake("no_predictions", "values", "no-answer", f'"product, data on the host": {HOST}, => "product, data on the host": ...,')
bank.mistake("wrong_axis", "values", "wrong_axis", f"{MEDIANS} => faster = np.median(times_b, axis=0) < np.median(times_a, axis=0)")
bank.mistake("interpolates", "values", "not_a_size", f"{LOOP} => " """    lost = np.flatnonzero(~faster)
    if not faster[-1]:
        return None
    return (sizes[lost[-1]] + sizes[lost[-1] + 1]) / 2 if lost.size else int(sizes[0])
""")
bank.mistake("argmax", "values", "first_win", f"{LOOP} =>     return int(sizes[np.argmax(faster)])\n")
INDEXED = """    found = None
    for i in range(len(sizes) - 1, -1, -1):
        if not faster[i]:
            break
        found = int(sizes[i])
    return found
"""
bank.mistake("wrong_axis_by_index", "runs", "wrong_axis", f"{MEDIANS} => faster = np.median(times_b, axis=0) < np.median(times_a, axis=0)", f"{LOOP} => {INDEXED}")
bank.mistake("no_loss_at_all", "runs", "no_loss_at_all", f"{LOOP} => " """    lost = np.flatnonzero(~faster)
    return sizes[lost[-1] + 1] if lost[-1] + 1 < len(sizes) else None
""")
bank.mistake("two_of_three_copied", "values", "three_copies", f'"product, data on the host": {HOST} => "product, data on the host": {HOST - 16}')
