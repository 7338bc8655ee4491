"""The bank of 41, too_good."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def is_fraud(run, wait, reference, make_inputs, clock, least):
    # begin
    x = make_inputs()
    wait(run(x))  # the first call may be slow
    for turn in range(4):
        if turn % 2:
            x[...] = make_inputs()  # the same array, other numbers
        else:
            x = make_inputs()
        start = clock()
        y = run(x)
        wait(y)
        took = clock() - start
        got = np.array(y)
        right = reference(x)
        if not np.allclose(got, right, rtol=0, atol=1e-4 * abs(right).max()):
            return "its numbers are wrong"
        if took < least:
            return f"{took} s is less than any machine needs"
    return None
    # end
""", "four turns, every other in the same array")
bank.solution("""
def is_fraud(run, wait, reference, make_inputs, clock, least):
    inputs = [make_inputs() for _ in range(3)]
    inputs.append(inputs[1])
    answers, fastest = [], 1e9
    for k, x in enumerate(inputs):
        if k == 3:
            x *= 0.5
        before = clock()
        y = run(x)
        wait(y)
        after = clock()
        answers.append((x.copy(), y.copy()))
        fastest = min(fastest, after - before)
    if fastest < least:
        return "above the roof"
    for x, y in answers:
        right = reference(x)
        if not (abs(y - right) <= 1e-4 * abs(right).max()).all():
            return "wrong"
""", "all runs first, then all references")

NEAR = "not np.allclose(got, right, rtol=0, atol=1e-4 * abs(right).max())"
SAME = """        if turn % 2:
            x[...] = make_inputs()  # the same array, other numbers
        else:
            x = make_inputs()
"""
bank.mistake("one_input", "values", "one_input", "    wait(run(x))  # the first call may be slow\n =>", "range(4) => range(1)", f"{SAME} =>")
bank.mistake("same_input_four_times", "values", "one_input", f"{SAME} =>", "    wait(run(x))  # the first call may be slow\n =>")
bank.mistake("never_refilled", "values", "never_refilled", f"{SAME} =>         x = make_inputs()\n")
bank.mistake("too_loose", "values", "too_loose", "atol=1e-4 => atol=1e-1")
bank.mistake("a_thousandth", "values", "too_loose", "atol=1e-4 => atol=1e-3")
bank.mistake("exact", "values", "too_exact", f"{NEAR} => not np.array_equal(got, right)")
bank.mistake("strict", "values", "too_exact", "rtol=0, atol=1e-4 => rtol=1e-9, atol=1e-7")
bank.mistake("a_mean", "values", "one_input", f"{NEAR} => abs(got.mean() - right.mean()) > 0.2 * right.mean()")
bank.mistake("shape_alone", "values", "one_input", f"{NEAR} => got.shape != right.shape")
bank.mistake("first_ten", "values", "looked_at_a_part", f"{NEAR} => not np.allclose(got[:10], right[:10], rtol=0, atol=1e-4 * abs(right).max())")
bank.mistake("nan_passes", "values", "nan_passes", f"{NEAR} => (abs(got - right) > 1e-4 * abs(right).max()).any()")
bank.mistake("reference_first", "values", "reference_first", "        right = reference(x)\n =>", "        start = clock() => " "        right = reference(x).copy()\n        start = clock()")
bank.mistake("no_clock", "values", "no_clock", '        if took < least:\n            return f"{took} s is less than any machine needs"\n =>')
bank.mistake("looked_late", "values", "looked_late", "        got = np.array(y)\n        right = reference(x)\n => " "        right = reference(x)\n        got = np.array(y)\n")
bank.mistake("faster_than_before", "values", "faster_than_before", "        right = reference(x)\n => " "        start = clock()\n        right = reference(x)\n        slow = clock() - start\n",
             "if took < least: => if took < slow / 30:")
bank.mistake("not_waited", "values", "not_waited", "        wait(y)\n        took => " "        took")
bank.mistake("timed_before_wait", "values", "not_waited", "        wait(y)\n        took = clock() - start\n => " "        took = clock() - start\n        wait(y)\n")
bank.mistake("slow_at_first", "values", "slow_at_first", "    wait(run(x))  # the first call may be slow\n =>", "took < least: => took < least or took > 0.1:")
bank.mistake("always", "values", "all_are_frauds", "    return None => " '    return "who knows"')
bank.mistake("true_and_false", "values", "not_a_reason", "    return None => " "    return False", 'return "its numbers are wrong" => return True')
bank.mistake("never", "values", "one_input", f"if {NEAR}: => if False:", "took < least => False")
bank.mistake("references_first", "values", "all_are_frauds", source="""
import numpy as np


def is_fraud(run, wait, reference, make_inputs, clock, least):
    inputs = [make_inputs() for _ in range(3)]
    rights = [reference(x) for x in inputs]
    for x, right in zip(inputs, rights):
        y = run(x)
        wait(y)
        if not np.allclose(y, right, rtol=1e-4, atol=1e-3):
            return "wrong"
""")
bank.mistake("relative_to_each", "values", "relative_to_each", f"{NEAR} => not (abs(got - right) <= 1e-4 * abs(right)).all()")
bank.mistake("allclose_as_it_is", "values", "relative_to_each", f"{NEAR} => not np.allclose(got, right, rtol=1e-4)")
bank.mistake("a_little_more", "values", "relative_to_each", f"{NEAR} => not np.allclose(got, right, rtol=1e-4, atol=1e-6)")
bank.mistake("again_ref_first", "values", "reference_first", source="""
import numpy as np


def is_fraud(run, wait, reference, make_inputs, clock, least):
    rng = np.random.default_rng()
    x = make_inputs()
    wait(run(x))
    taken = []
    for turn in range(6):
        if turn % 2:
            x = make_inputs()
        x[...] = rng.standard_normal(x.shape)
        right = np.array(reference(x))
        start = clock()
        y = run(x)
        wait(y)
        taken.append(clock() - start)
        got = np.array(y)
        if got.shape != right.shape:
            return "another shape"
        if not np.allclose(got, right, rtol=0, atol=1e-4 * np.abs(right).max() + 1e-6):
            return "wrong numbers"
    if min(taken) < least:
        return "faster than memory"
    return None
""")
bank.mistake("again_same_x", "values", "never_refilled", source="""
import numpy as np


def is_fraud(run, wait, reference, make_inputs, clock, least):
    rng = np.random.default_rng()
    x = make_inputs()
    wait(run(x))
    taken = []
    for turn in range(6):
        if turn % 2:
            x = make_inputs()
        start = clock()
        y = run(x)
        wait(y)
        taken.append(clock() - start)
        got = np.array(y)
        right = np.array(reference(x))
        if got.shape != right.shape:
            return "another shape"
        if not np.allclose(got, right, rtol=0, atol=1e-4 * np.abs(right).max() + 1e-6):
            return "wrong numbers"
    if min(taken) < least:
        return "faster than memory"
    return None
""")
