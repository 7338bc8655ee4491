"""The bank of 12, rnn_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    # begin
    dxs = np.zeros_like(xs)
    dw_x, dw_h, db = np.zeros_like(w_x), np.zeros_like(w_h), np.zeros_like(w_h[0])
    dh = np.zeros_like(hs[0])
    for t in range(len(xs) - 1, -1, -1):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dw_x += xs[t].T @ dz
        dw_h += hs[t].T @ dz
        db += dz.sum(axis=0)
        dxs[t] = dz @ w_x.T
        dh = dz @ w_h.T
    dh0 = dh
    # end
    return dxs, dw_x, dw_h, db, dh0
""", "one loop, last step first")
bank.solution("""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    slopes = 1 - hs[1:] * hs[1:]
    dzs = []
    back = 0 * hs[0]
    for dh, slope in zip(dhs[::-1], slopes[::-1]):
        dzs.append((dh + back) * slope)
        back = np.einsum("nv,uv->nu", dzs[-1], w_h)
    dzs = np.stack(dzs[::-1])
    dw_x = np.einsum("tnd,tnu->du", xs, dzs)
    dw_h = np.einsum("tnv,tnu->vu", hs[:-1], dzs)
    return dzs @ w_x.T, dw_x, dw_h, dzs.sum((0, 1)), back
""", "all dz first, then the weights at once")
bank.solution("""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    def step(t, from_later):
        dz = (dhs[t] + from_later) * (1 + hs[t + 1]) * (1 - hs[t + 1])
        back = dz @ w_h.T
        if t == 0:
            before = [], 0 * w_x, 0 * w_h, 0 * w_h[0], back
        else:
            before = step(t - 1, back)
        dxs, dw_x, dw_h, db, dh0 = before
        return [*dxs, dz @ w_x.T], dw_x + xs[t].T @ dz, dw_h + hs[t].T @ dz, db + np.sum(dz, 0), dh0

    dxs, *others = step(len(xs) - 1, np.zeros_like(hs[0]))
    return (np.array(dxs), *others)
""", "recursion in time")

DZ = "dz = dh * (1 - hs[t + 1] ** 2)"
bank.mistake("no_next_step", "values", "no_next_step", "dh = dh + dhs[t] => dh = dhs[t]")
bank.mistake("direct_part_lost", "values", "direct_part_lost", "        dh = dh + dhs[t]\n =>", "dh = np.zeros_like(hs[0]) => dh = dhs[-1]")
bank.mistake("last_step_weights", "values", "last_step_weights", "dw_x += xs => dw_x = xs", "dw_h += hs => dw_h = hs")
bank.mistake("weights_of_the_end", "values", "last_step_weights", "        dw_x += xs[t].T @ dz\n        dw_h += hs[t].T @ dz\n =>         if t == len(xs) - 1:\n"
             "            dw_x, dw_h = xs[t].T @ dz, hs[t].T @ dz\n")
bank.mistake("last_step_weights_and_bias", "values", "last_step_weights", "dw_x += xs => dw_x = xs", "dw_h += hs => dw_h = hs", "db += dz => db = dz")
bank.mistake("last_step_bias", "values", "last_step_bias", "db += dz => db = dz")
bank.mistake("bias_of_rows", "values", "bias_of_rows", "db += dz.sum(axis=0) => db = db + dz")
bank.mistake("mean_of_steps", "values", "mean_of_steps", "return dxs, dw_x, dw_h, db, dh0 => return dxs, dw_x / len(xs), dw_h / len(xs), db / len(xs), dh0")
bank.mistake("tanh_of_h", "values", "tanh_of_h", f"{DZ} => dz = dh * (1 - np.tanh(hs[t + 1]) ** 2)")
bank.mistake("one_minus_h", "values", "one_minus_h", f"{DZ} => dz = dh * hs[t + 1] * (1 - hs[t + 1])")
bank.mistake("slope_of_before", "values", "slope_of_before", f"{DZ} => dz = dh * (1 - hs[t] ** 2)")
bank.mistake("no_slope", "values", "no_slope", f"{DZ} => dz = dh")
bank.mistake("forward_in_time", "values", "forward_in_time", "range(len(xs) - 1, -1, -1) => range(len(xs))")
bank.mistake("w_h_as_it_is", "values", "w_h_as_it_is", "dh = dz @ w_h.T => dh = dz @ w_h")
bank.mistake("w_h_met_after", "values", "w_h_met_after", "dw_h += hs[t].T => dw_h += hs[t + 1].T")
bank.mistake("dh0_too_early", "values", "dh0_too_early", "dh0 = dh => dh0 = dz")
bank.mistake("dh0_before_tanh", "values", "dh0_too_early", "    dh0 = dh\n =>", "        dz = dh * => ".rstrip() + "         dh0 = dh\n        dz = dh *")
bank.mistake("steps_reversed", "values", "steps_reversed", "dxs = np.zeros_like(xs) => dxs = []", "dxs[t] = dz @ w_x.T => dxs.append(dz @ w_x.T)",
             "    dh0 = dh\n =>     dh0, dxs = dh, np.array(dxs)\n")
bank.mistake("dhs_changed", "values", "F17", "dh = dh + dhs[t] => dhs[t] += dh\n        dh = dhs[t]")
bank.mistake("one_h_too_early", "values", "one_h_too_early", f"{DZ} => dz = dh * (1 - hs[t] ** 2)", "dw_h += hs[t].T => dw_h += hs[t - 1].T")
bank.mistake("step_0_left_out", "values", "step_0_left_out", "range(len(xs) - 1, -1, -1) => range(len(xs) - 1, 0, -1)")
bank.mistake("back_without_tanh", "values", "back_without_tanh", "dh = dz @ w_h.T => dh = dh @ w_h.T")
bank.mistake("not_squared", "values", "not_squared", f"{DZ} => dz = dh * (1 - hs[t + 1])")
bank.mistake("dw_turned", "runs", "dw_turned", "dw_x += xs[t].T @ dz => dw_x += dz.T @ xs[t]", "dw_h += hs[t].T @ dz => dw_h += dz.T @ hs[t]")
bank.mistake("dw_h_turned", "values", "dw_turned", "dw_h += hs[t].T @ dz => dw_h += dz.T @ hs[t]")
bank.mistake("never_used_up", "values", "never_used_up", "dh = dh + dhs[t] => told = dh + dhs[t]", f"{DZ} => dz = told * (1 - hs[t + 1] ** 2)", "dh = dz @ w_h.T => dh = dh + dz @ w_h.T")
bank.mistake("never_used_up_at_all", "values", "never_used_up", "dh = dz @ w_h.T => dh = dh + dz @ w_h.T")
bank.mistake("back_past_tanh", "values", "back_past_tanh", "        dh = dh + dhs[t]\n =>", f"{DZ} => dz = dhs[t] * (1 - hs[t + 1] ** 2) + dh")
bank.mistake("last_dhs_lost", "values", "last_dhs_lost", "dh = dh + dhs[t] => dh = dh + dhs[t] * (t < len(xs) - 1)")
bank.mistake("as_seen_1", "values", "w_h_met_after", source="""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    dxs = np.zeros_like(xs)
    dw_x, dw_h, db = np.zeros_like(w_x), np.zeros_like(w_h), np.zeros_like(w_h[0])
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dhs[t] + dh_next
        dz = dh * (1 - hs[t + 1] ** 2)
        dxs[t] = dz @ w_x.T
        dw_x += xs[t].T @ dz
        dw_h += hs[t + 1].T @ dz
        db += dz.sum(axis=0)
        dh_next = dz @ w_h.T
    return dxs, dw_x, dw_h, db, dh_next
""")
bank.mistake("as_seen_2", "values", "back_without_tanh", source="""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    dxs = np.zeros_like(xs)
    dw_x, dw_h, db = np.zeros_like(w_x), np.zeros_like(w_h), np.zeros_like(w_h[0])
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dhs[t] + dh_next
        dz = dh * (1 - hs[t + 1] ** 2)
        dxs[t] = dz @ w_x.T
        dw_x += xs[t].T @ dz
        dw_h += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh_next = dh @ w_h.T
    return dxs, dw_x, dw_h, db, dh_next
""")
bank.mistake("again_h_before", "values", "slope_of_before", source="""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    dxs = np.zeros_like(xs)
    dw_x = np.zeros_like(w_x)
    dw_h = np.zeros_like(w_h)
    db = np.zeros_like(w_h[0])
    dh = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t] ** 2)
        dxs[t] = dz @ w_x.T
        dw_x += xs[t].T @ dz
        dw_h += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ w_h.T
    return dxs, dw_x, dw_h, db, dh
""")
bank.mistake("again_no_T", "values", "w_h_as_it_is", source="""
import numpy as np


def rnn_backward(dhs, xs, hs, w_x, w_h):
    dxs = np.zeros_like(xs)
    dw_x = np.zeros_like(w_x)
    dw_h = np.zeros_like(w_h)
    db = np.zeros_like(w_h[0])
    dh = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dh = dh + dhs[t]
        dz = dh * (1 - hs[t + 1] ** 2)
        dxs[t] = dz @ w_x.T
        dw_x += xs[t].T @ dz
        dw_h += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ w_h
    return dxs, dw_x, dw_h, db, dh
""")
