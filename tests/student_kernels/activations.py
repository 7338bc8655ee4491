"""Functions of one number, forward and backward."""

from __future__ import annotations

import math

from numba import cuda, float32

from student_kernels.bank import gradient, right, unary, wrong


def formula(kernel, what, of=wrong, build=unary):
    """Note `y = f(x)`, or with build=gradient `dx = f(dy, kept)`, as a kernel."""

    def note(function):
        of(kernel, what)(build(cuda.jit(device=True)(function)))
        return function

    return note


def slope(kernel, what, of=wrong):
    return formula(kernel, what, of, gradient)


# -- relu and its kind: wrong ------------------------------------------------------------------------------------------


@formula("relu", "times a mask: -inf * 0")
def _(x):
    return x * float32(x > float32(0))


@formula("relu", "stays alive a little left of 0")
def _(x):
    return x if x > float32(-0.5) else float32(0)


@slope("relu_backward", "the slope at 0 is 1")
def _(dy, kept):
    return dy if kept >= float32(0) else float32(0)


@slope("relu_backward", "asks dy instead of what was kept")
def _(dy, kept):
    return max(dy, float32(0))


@slope("relu_backward", "times what was kept")
def _(dy, kept):
    return dy * max(kept, float32(0))


@formula("relu6", "no upper bound")
def _(x):
    return max(x, float32(0))


@formula("relu6", "bound of 8")
def _(x):
    return min(max(x, float32(0)), float32(8))


@slope("relu6_backward", "no upper bound")
def _(dy, kept):
    return dy if kept > float32(0) else float32(0)


@slope("relu6_backward", "passes at 6")
def _(dy, kept):
    return dy if kept > float32(0) and kept <= float32(6) else float32(0)


@wrong("leaky_relu", "takes the slope, and uses 0.2")
@cuda.jit
def _(x, y, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else float32(0.2) * x[i]


@wrong("leaky_relu", "slope on both sides")
@cuda.jit
def _(x, y, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        y[i] = negative_slope * x[i]


@wrong("leaky_relu", "max(x, 0) + slope (x - |x|) / 2: inf - inf")
@cuda.jit
def _(x, y, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0)) + negative_slope * float32(0.5) * (x[i] - abs(x[i]))


@wrong("leaky_relu_backward", "the slope at 0 is 1")
@cuda.jit
def _(dy, kept, dx, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] >= float32(0) else negative_slope * dy[i]


@wrong("leaky_relu_backward", "0 on the left")
@cuda.jit
def _(dy, kept, dx, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > float32(0) else float32(0)


@wrong("elu", "takes alpha, and uses 1")
@cuda.jit
def _(x, y, size, alpha):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else math.exp(x[i]) - float32(1)


@wrong("elu", "both sides computed and masked: 0 * inf")
@cuda.jit
def _(x, y, size, alpha):
    i = cuda.grid(1)
    if i < size:
        left = float32(x[i] <= float32(0))
        y[i] = (float32(1) - left) * x[i] + left * alpha * (math.exp(x[i]) - float32(1))


@wrong("elu", "exp without - 1")
@cuda.jit
def _(x, y, size, alpha):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else alpha * math.exp(x[i])


@wrong("elu_backward", "slope alpha y on the left")
@cuda.jit
def _(dy, kept, dx, size, alpha):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > float32(0) else dy[i] * alpha * kept[i]


@wrong("elu_backward", "adds 1 for alpha")
@cuda.jit
def _(dy, kept, dx, size, alpha):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > float32(0) else dy[i] * (kept[i] + float32(1))


@wrong("elu_backward", "takes the kept y for x")
@cuda.jit
def _(dy, kept, dx, size, alpha):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > float32(0) else dy[i] * alpha * math.exp(kept[i])


@wrong("clipped_relu", "leaks slope x instead of slope (x - threshold)")
@cuda.jit
def _(x, y, size, max_value, negative_slope, threshold):
    i = cuda.grid(1)
    if i < size:
        y[i] = min(x[i], max_value) if x[i] > threshold else negative_slope * x[i]


@wrong("clipped_relu", "takes the threshold, and uses 0")
@cuda.jit
def _(x, y, size, max_value, negative_slope, threshold):
    i = cuda.grid(1)
    if i < size:
        y[i] = min(x[i], max_value) if x[i] > float32(0) else negative_slope * (x[i] - threshold)


@wrong("clipped_relu_backward", "passes above the maximum")
@cuda.jit
def _(dy, kept, dx, size, max_value, negative_slope, threshold):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > threshold else negative_slope * dy[i]


@wrong("clipped_relu_backward", "passes on the threshold")
@cuda.jit
def _(dy, kept, dx, size, max_value, negative_slope, threshold):
    i = cuda.grid(1)
    if i < size:
        inside = kept[i] >= threshold and kept[i] < max_value
        dx[i] = dy[i] if inside else (negative_slope * dy[i] if kept[i] < threshold else float32(0))


@wrong("clip", "only the upper bound")
@cuda.jit
def _(x, y, size, low, high):
    i = cuda.grid(1)
    if i < size:
        y[i] = min(x[i], high)


@wrong("clip_backward", "0 on the bounds")
@cuda.jit
def _(dy, kept, dx, size, low, high):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if low < kept[i] and kept[i] < high else float32(0)


# -- exponentials: wrong -----------------------------------------------------------------------------------------------


@formula("sigmoid", "the textbook's: inf / inf")
def _(x):
    e = math.exp(x)
    return e / (float32(1) + e)


@formula("sigmoid", "cut at 8: never nearer than 3e-4")
def _(x):
    cut = min(max(x, float32(-8)), float32(8))
    return float32(1) / (float32(1) + math.exp(-cut))


@formula("sigmoid", "a straight line (hard sigmoid)")
def _(x):
    return min(max(x / float32(6) + float32(0.5), float32(0)), float32(1))


@slope("sigmoid_backward", "y, without (1 - y)")
def _(dy, kept):
    return dy * kept


@slope("sigmoid_backward", "takes the kept y for x")
def _(dy, kept):
    s = float32(1) / (float32(1) + math.exp(-kept))
    return dy * s * (float32(1) - s)


@formula("tanh", "the textbook's: inf / inf on both sides")
def _(x):
    a, b = math.exp(x), math.exp(-x)
    return (a - b) / (a + b)


@formula("tanh", "from exp(2 x): inf / inf from 45 on")
def _(x):
    e = math.exp(float32(2) * x)
    return (e - float32(1)) / (e + float32(1))


@slope("tanh_backward", "1 - y, not squared")
def _(dy, kept):
    return dy * (float32(1) - kept)


@slope("tanh_backward", "takes the kept y for x")
def _(dy, kept):
    t = math.tanh(kept)
    return dy * (float32(1) - t * t)


@formula("softplus", "log(1 + exp(x)): inf from 89 on")
def _(x):
    return math.log(float32(1) + math.exp(x))


@formula("softplus", "x from 2 on")
def _(x):
    return x if x > float32(2) else math.log1p(math.exp(x))


@slope("softplus_backward", "exp(x) / (1 + exp(x)): NaN from 89 on")
def _(dy, kept):
    return dy * math.exp(kept) / (float32(1) + math.exp(kept))


@slope("softplus_backward", "the slope of relu")
def _(dy, kept):
    return dy if kept > float32(0) else float32(0)


@formula("swish", "x exp(x) / (1 + exp(x)): NaN from 89 on")
def _(x):
    return x * math.exp(x) / (float32(1) + math.exp(x))


@formula("swish", "relu's cousin x min(max(x + 3, 0), 6) / 6")
def _(x):
    return x * min(max(x + float32(3), float32(0)), float32(6)) / float32(6)


@slope("swish_backward", "the sigmoid alone")
def _(dy, kept):
    return dy / (float32(1) + math.exp(-kept))


@slope("swish_backward", "s + x s, without (1 - s)")
def _(dy, kept):
    s = float32(1) / (float32(1) + math.exp(-kept))
    return dy * (s + kept * s)


@wrong("gelu", "takes `approximate`, and always approximates")
@cuda.jit
def _(x, y, size, approximate):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        y[i] = float32(0.5) * v * (float32(1) + math.tanh(float32(0.79788456) * (v + float32(0.044715) * v * v * v)))


@formula("gelu", "x sigmoid(1.702 x)")
def _(x):
    return x / (float32(1) + math.exp(float32(-1.702) * x))


@formula("gelu", "erf(x), without / sqrt(2)")
def _(x):
    return float32(0.5) * x * (float32(1) + math.erf(x))


@slope("gelu_backward", "F(x) alone")
def _(dy, kept):
    return dy * float32(0.5) * (float32(1) + math.erf(kept * float32(0.70710678)))


@slope("gelu_backward", "exp(x^2 / 2), the minus forgotten")
def _(dy, kept):
    bell = math.exp(float32(0.5) * kept * kept) * float32(0.39894228)
    return dy * (float32(0.5) * (float32(1) + math.erf(kept * float32(0.70710678))) + kept * bell)


# -- arithmetic: wrong -------------------------------------------------------------------------------------------------


@formula("exp", "2 ** x")
def _(x):
    return math.pow(float32(2), x)


@formula("exp", "stopped at 80, so that it never overflows")
def _(x):
    return math.exp(min(x, float32(80)))


@slope("exp_backward", "takes the kept y for x")
def _(dy, kept):
    return dy * math.exp(kept)


@formula("log", "of at least 1e-7, so that it never is infinite")
def _(x):
    return math.log(max(x, float32(1e-7)))


@formula("log", "log(1 + x)")
def _(x):
    return math.log1p(x)


@formula("log", "the decimal one")
def _(x):
    return math.log10(x)


@slope("log_backward", "times x")
def _(dy, kept):
    return dy * kept


@formula("sqrt", "of |x|")
def _(x):
    return math.sqrt(abs(x))


@slope("sqrt_backward", "takes the kept y for x")
def _(dy, kept):
    return dy * float32(0.5) / math.sqrt(kept)


@slope("sqrt_backward", "kept away from a division by 0")
def _(dy, kept):
    return dy * float32(0.5) / (kept + float32(1e-6))


@formula("square", "exp(2 log x): nothing for negative x")
def _(x):
    return math.exp(float32(2) * math.log(x))


@slope("square_backward", "x, without 2")
def _(dy, kept):
    return dy * kept


@slope("absolute_backward", "1 at 0")
def _(dy, kept):
    return dy if kept >= float32(0) else -dy


@slope("absolute_backward", "x / |x|: 0 / 0 at 0")
def _(dy, kept):
    return dy * kept / abs(kept)


@wrong("negative_backward", "the sign forgotten")
@cuda.jit
def _(dy, dx, size):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i]


@wrong("power", "exp(e log x): NaN for negative x")
@cuda.jit
def _(x, y, size, exponent):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.exp(exponent * math.log(x[i]))


@wrong("power", "takes the exponent, and squares")
@cuda.jit
def _(x, y, size, exponent):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] * x[i]


@wrong("power_backward", "e x^e")
@cuda.jit
def _(dy, kept, dx, size, exponent):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] * exponent * math.pow(kept[i], exponent)


@formula("log1p", "log(1 + x): 0 for 1e-20")
def _(x):
    return math.log(float32(1) + x)


@formula("log1p", "log(x)")
def _(x):
    return math.log(x)


@slope("log1p_backward", "1 / x")
def _(dy, kept):
    return dy / kept


@formula("expm1", "exp")
def _(x):
    return math.exp(x)


@wrong("relu", "a grid of eight blocks, whatever the size", at="machine", threads=256, blocks=8)
@cuda.jit
def _(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


# -- right -------------------------------------------------------------------------------------------------------------


@formula("relu", "max", right)
def _(x):
    return max(x, float32(0))


@formula("relu", "if", right)
def _(x):
    return x if x > float32(0) else float32(0)


@formula("relu", "(x + |x|) / 2 is no way; a branch is", right)
def _(x):
    if x < float32(0):
        return float32(0)
    return x


@right("relu", "a stride of the whole grid", threads=32, blocks=3)
@cuda.jit
def _(x, y, size):
    for i in range(cuda.grid(1), size, cuda.gridsize(1)):
        y[i] = max(float32(0), x[i])


@right("relu", "four elements a thread, one after another")
@cuda.jit
def _(x, y, size):
    first = cuda.grid(1) * 4
    for i in range(first, min(first + 4, size)):
        y[i] = max(x[i], float32(0))


@slope("relu_backward", "if", right)
def _(dy, kept):
    return dy if kept > float32(0) else float32(0)


@slope("relu_backward", "times a mask", right)
def _(dy, kept):
    return dy * float32(kept > float32(0))


@formula("relu6", "min and max", right)
def _(x):
    return min(max(x, float32(0)), float32(6))


@right("leaky_relu", "max(x, slope x)")
@cuda.jit
def _(x, y, size, negative_slope):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], negative_slope * x[i])


@right("leaky_relu", "the default slope, which is all it takes")
@cuda.jit
def _(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else float32(0.2) * x[i]


@right("elu", "exp - 1")
@cuda.jit
def _(x, y, size, alpha):
    i = cuda.grid(1)
    if i < size:
        y[i] = x[i] if x[i] > float32(0) else alpha * (math.exp(x[i]) - float32(1))


@right("elu_backward", "y + alpha")
@cuda.jit
def _(dy, kept, dx, size, alpha):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if kept[i] > float32(0) else dy[i] * (kept[i] + alpha)


@right("clipped_relu", "all three settings")
@cuda.jit
def _(x, y, size, max_value, negative_slope, threshold):
    i = cuda.grid(1)
    if i < size:
        y[i] = min(x[i], max_value) if x[i] > threshold else negative_slope * (x[i] - threshold)


@right("clip", "min(max(x, low), high)")
@cuda.jit
def _(x, y, n, low, high):
    i = cuda.grid(1)
    if i < n:
        y[i] = min(max(x[i], low), high)


@right("clip_backward", "1 on the bounds")
@cuda.jit
def _(dy, kept, dx, n, low, high):
    i = cuda.grid(1)
    if i < n:
        dx[i] = float32(0) if kept[i] < low or kept[i] > high else dy[i]


@formula("sigmoid", "1 / (1 + exp(-x)), where 1 / inf is 0", right)
def _(x):
    return float32(1) / (float32(1) + math.exp(-x))


@formula("sigmoid", "by the hyperbolic tangent", right)
def _(x):
    return float32(0.5) * (float32(1) + math.tanh(float32(0.5) * x))


@formula("tanh", "1 - 2 / (exp(2 x) + 1)", right)
def _(x):
    return float32(1) - float32(2) / (math.exp(float32(2) * x) + float32(1))


@slope("tanh_backward", "(1 - y) (1 + y)", right)
def _(dy, kept):
    return dy * (float32(1) - kept) * (float32(1) + kept)


@formula("softplus", "x from 20 on", right)
def _(x):
    return x if x > float32(20) else math.log(float32(1) + math.exp(x))


@formula("softplus", "max(x, 0) + log1p", right)
def _(x):
    return max(x, float32(0)) + math.log1p(math.exp(-abs(x)))


@formula("swish", "x / (1 + exp(-x))", right)
def _(x):
    return x / (float32(1) + math.exp(-x))


@slope("swish_backward", "s + x s (1 - s)", right)
def _(dy, kept):
    s = float32(1) / (float32(1) + math.exp(-kept))
    return dy * (s + kept * s * (float32(1) - s))


@formula("gelu", "exact, and no other", right)
def _(x):
    return x * float32(0.5) * (float32(1) + math.erf(x / float32(1.41421356)))


@right("gelu", "both forms, as in the paper")
@cuda.jit
def _(x, y, size, approximate):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        if approximate:
            inner = float32(0.79788456) * (v + float32(0.044715) * v * v * v)
            y[i] = float32(0.5) * v * (float32(1) + math.tanh(inner))
        else:
            y[i] = float32(0.5) * v * (float32(1) + math.erf(v * float32(0.70710678)))


@slope("gelu_backward", "exact", right)
def _(dy, kept):
    bell = math.exp(float32(-0.5) * kept * kept) * float32(0.39894228)
    return dy * (float32(0.5) * (float32(1) + math.erf(kept * float32(0.70710678))) + kept * bell)


@slope("sqrt_backward", "dy / (2 y)", right)
def _(dy, kept):
    return dy / (float32(2) * kept)


@slope("log_backward", "times the reciprocal", right)
def _(dy, kept):
    return dy * (float32(1) / kept)


@slope("absolute_backward", "three cases", right)
def _(dy, kept):
    if kept == float32(0):
        return float32(0)
    return dy if kept > float32(0) else -dy


@right("power", "math.pow")
@cuda.jit
def _(x, y, size, exponent):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.pow(x[i], exponent)


@right("power_backward", "the exponent 0 apart")
@cuda.jit
def _(dy, kept, dx, size, exponent):
    i = cuda.grid(1)
    if i < size:
        if exponent == float32(0):
            dx[i] = float32(0)
        else:
            dx[i] = dy[i] * exponent * math.pow(kept[i], exponent - float32(1))


@formula("log1p", "math.log1p", right)
def _(x):
    return math.log1p(x)


@formula("expm1", "math.expm1", right)
def _(x):
    return math.expm1(x)


@right("power_backward", "e x^(e - 1) for all exponents")
@cuda.jit
def _(dy, kept, dx, size, exponent):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] * (exponent * math.pow(kept[i], exponent - float32(1)))


@right("elu", "max(x, 0) + min(alpha (exp(x) - 1), 0)")
@cuda.jit
def _(x, y, size, alpha):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0)) + min(alpha * (math.exp(x[i]) - float32(1)), float32(0))


@right("sqrt", "to the power of a half")
@cuda.jit
def _(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = math.pow(x[i], float32(0.5))


@right("sigmoid", "of a clamped x")
@cuda.jit
def _(x, y, size):
    i = cuda.grid(1)
    if i < size:
        clamped = min(max(x[i], float32(-88)), float32(88))
        y[i] = float32(1) / (float32(1) + math.exp(-clamped))


@right("tanh", "of a clamped x")
@cuda.jit
def _(x, y, size):
    i = cuda.grid(1)
    if i < size:
        e = math.exp(float32(2) * max(min(x[i], float32(10)), float32(-10)))
        y[i] = (e - float32(1)) / (e + float32(1))
