"""Gradients of gradients, and of those: against finite differences in float64, and PyTorch's recorded numbers.

Where a test gives numbers, PyTorch 2 computed them with torch.autograd.grad(…, create_graph=True) in float64.
"""

import numpy as np
import pytest

import minidl
import minidl.functional as F
from minidl.backends.table import NO_GRADIENT
from minidl.errors import TapeError
from minidl.ops.op import of_form, records
from minidl.tape import apply
from minidl.tape.differentials import OTHERS, SLOPES
from minidl.testing.gradients import numerical_gradient

rng = np.random.default_rng(7)


def cells(*shape, low=-2.0, high=2.0):
    """Numbers in [low, high], no two of which are close: no corner is crossed by a finite difference."""
    count = max(int(np.prod(shape)), 1)
    spread = np.linspace(low, high, count + 2)[1:-1] + 0.0031
    return rng.permutation(spread).reshape(shape)


def positive(*shape):
    return cells(*shape, low=0.3, high=2.0)


IMAGES = {"strides": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}
WINDOWS = {"pool_size": (2, 3), "strides": (1, 2), "padding": ((1, 0), (1, 1))}
LABELS = np.array([[2, 0, 1], [1, 1, 2]])
MASK = rng.random((2, 1, 4)) > 0.5

# op, inputs (float arrays get gradients), static
CASES = [
    *(
        (op, [cells(2, 5, low=0.3 if records()[op].values == "positive" else -2)], dict(records()[op].static))
        for op in of_form("cell")
    ),
    ("add", [cells(2, 1, 3), cells(4, 1)], {}),
    ("subtract", [cells(3), cells(2, 3)], {}),
    ("multiply", [cells(2, 1, 3), cells(4, 1)], {}),
    ("divide", [cells(2, 1, 3), positive(4, 1)], {}),
    ("maximum", [cells(2, 1, 3), cells(4, 1) + 0.01], {}),
    ("minimum", [cells(3) + 0.01, cells(2, 3)], {}),
    ("mod", [cells(2, 3, low=3.1, high=3.9), cells(3, low=1.1, high=1.5)], {}),
    ("mod", [cells(3, low=3.1, high=3.9), cells(2, 3, low=1.1, high=1.5)], {}),
    ("pow", [positive(2, 1, 3), cells(4, 1)], {}),
    ("where", [MASK, cells(3, 1), cells(2, 3, 4)], {}),
    ("where", [MASK, cells(), cells(3, 4)], {}),
    ("log1p", [positive(2, 3) - 0.5], {}),
    ("power", [cells(2, 3)], {"exponent": 3.0}),
    ("power", [np.array([-1.0, 0.0, 2.0])], {"exponent": 2.0}),
    ("power", [np.array([-1.0, 0.0, 2.0])], {"exponent": 1.0}),
    ("power", [np.array([-1.0, 0.0, 2.0])], {"exponent": 0.0}),
    ("relu6", [cells(2, 5, low=-3, high=9)], {}),
    ("leaky_relu", [cells(2, 5)], {"negative_slope": 0.3}),
    ("elu", [cells(2, 5)], {"alpha": 0.7}),
    ("gelu", [cells(2, 5)], {"approximate": True}),
    ("gelu", [cells(2, 9, low=-5, high=5)], {}),
    ("gelu", [np.array([-1e-3, 0.0, 1e-9, 0.69, 0.71])], {}),
    ("softmax", [cells(2, 3, 2)], {"axis": 1}),
    ("softmax", [cells(2, 3)], {}),
    ("log_softmax", [cells(2, 3, 2)], {"axis": 1}),
    ("reduce_sum", [cells(2, 3, 2)], {"axes": (0, 2), "keepdims": True}),
    ("reduce_mean", [cells(2, 3, 2)], {"axes": 1}),
    ("reduce_max", [cells(2, 3, 2)], {"axes": (0, 2)}),
    ("reduce_min", [cells(2, 3, 2)], {"axes": -2, "keepdims": True}),
    ("reshape", [cells(2, 3)], {"shape": (3, -1)}),
    ("transpose", [cells(2, 3, 2)], {"axes": (2, 0, 1)}),
    ("concatenate", [cells(2, 1), cells(2, 3)], {"axis": 1}),
    ("stack", [cells(2, 3), cells(2, 3)], {"axis": 1}),
    ("pad", [cells(2, 3)], {"padding": ((1, 0), (0, 2)), "value": 5.0}),
    ("slice", [cells(4, 3)], {"key": (slice(None, None, -2), None, 1)}),
    ("slice", [cells(4, 3)], {"key": np.array([[0, 2], [2, -1]])}),
    ("broadcast_to", [cells(3, 1)], {"shape": (2, 3, 2)}),
    ("cast", [cells(2, 3)], {"dtype": "float64"}),
    ("gemm", [cells(2, 3), cells(3, 4)], {}),
    ("gemm", [cells(3, 2), cells(4, 3)], {"transpose_a": True, "transpose_b": True}),
    ("batched_gemm", [cells(2, 2, 3), cells(2, 4, 3)], {"transpose_b": True}),
    ("dense", [cells(2, 2, 3), cells(3, 4), cells(4)], {}),
    ("dense", [cells(2, 3), cells(3, 4), None], {}),
    ("conv2d", [cells(2, 4, 5, 2), cells(2, 3, 1, 2), cells(2)], {**IMAGES, "groups": 2}),
    ("conv2d", [cells(1, 4, 3, 1), cells(2, 2, 1, 2), None], {}),
    ("conv2d_transpose", [cells(1, 2, 3, 2), cells(2, 2, 1, 2), cells(1)], {**IMAGES, "output_padding": (1, 0)}),
    ("depthwise_conv2d", [cells(1, 3, 5, 2), cells(2, 2, 2, 2), cells(4)], IMAGES),
    ("average_pool2d", [cells(1, 3, 5, 2)], WINDOWS),
    ("max_pool2d", [cells(1, 3, 5, 2)], WINDOWS),
    ("upsample2d", [cells(1, 2, 3, 1)], {"size": (2, 3), "interpolation": "bilinear"}),
    ("embedding", [np.array([[0, 2], [2, 1]]), cells(3, 2)], {}),
    ("dropout", [cells(3, 4)], {"rate": 0.4, "seed": 3, "offset": 0, "noise_shape": None}),
    ("mean_squared_error", [cells(2, 3), cells(2, 3)], {}),
    ("mean_absolute_error", [cells(2, 3), cells(2, 3) + 0.01], {}),
    ("huber", [cells(2, 3), cells(2, 3)], {"delta": 0.8}),
    ("categorical_crossentropy", [positive(2, 3), cells(2, 3)], {"from_logits": True, "label_smoothing": 0.1}),
    ("categorical_crossentropy", [positive(2, 3, 2), cells(2, 3, 2)], {"from_logits": True, "axis": 1}),
    ("categorical_crossentropy", [positive(2, 3), positive(2, 3)], {"label_smoothing": 0.1}),
    ("categorical_crossentropy", [positive(1, 3), np.array([[-0.2, 0.5, 0.4]])], {}),  # the first is clipped
    ("sparse_categorical_crossentropy", [LABELS, cells(2, 3, 4)], {"from_logits": True, "ignore_class": 1}),
    ("sparse_categorical_crossentropy", [LABELS[..., None], positive(2, 3, 4)], {}),
    ("sparse_categorical_crossentropy", [LABELS - 1, cells(2, 3, 4)], {"from_logits": True, "ignore_class": -1}),
    ("binary_crossentropy", [positive(2, 3), cells(2, 3)], {"from_logits": True, "label_smoothing": 0.2}),
    ("binary_crossentropy", [positive(2, 3), cells(2, 3, low=0.1, high=0.9)], {"label_smoothing": 0.2}),
    ("binary_crossentropy", [np.array([[0.0, 1.0]]), np.array([[-1.0, 2.0]])], {}),  # both are clipped
    ("batch_norm", [cells(2, 2, 2), cells(2), cells(2)], {}),
    ("batch_norm", [cells(5, 2), None, None], {"epsilon": 0.1}),
    ("batch_norm_inference", [cells(3, 2), cells(2), cells(2), cells(2), positive(2)], {}),
    ("batch_norm_inference", [cells(3, 2), None, None, cells(2), positive(2)], {}),
    ("layer_norm", [cells(2, 3, 2), cells(3, 2), cells(3, 2)], {"axes": (1, 2)}),
    ("layer_norm", [cells(2, 3), None, cells(3)], {"epsilon": 0.1}),
]
UNSUPPORTED = {op.name for op in records().values() if op.differential == "refused"}
NAMES = [f"{op}-{number}" for number, (op, _, _) in enumerate(CASES)]


def once(op, given, static, dys, weights):
    """The weighted sum of an op's gradients, a number that depends on its inputs and on dy."""
    tensors = [None if x is None else x if isinstance(x, minidl.Tensor) else minidl.Tensor(x) for x in given]
    floating = [t for t in tensors if t is not None and t.dtype.kind == "f"]
    with minidl.GradientTape() as tape:
        tape.watch(floating)
        y = apply(op, *tensors, **static)
    outputs = y if isinstance(y, tuple) else (y,)
    gradients = tape.gradient(list(outputs), floating, output_gradients=list(dys), unconnected_gradients="zero")
    return _weighted(gradients, weights)


def twice(op, given, static, dys, weights, more):
    """The weighted sum of the gradients of that number."""
    wanted = [t for t in (*given, *dys) if isinstance(t, minidl.Tensor) and t.dtype.kind == "f"]
    with minidl.GradientTape() as tape:
        tape.watch(wanted)
        number = once(op, given, static, dys, weights)
    gradients = tape.gradient(number, wanted, unconnected_gradients="zero")
    return gradients, _weighted(gradients, more)


def _weighted(gradients, weights):
    total = (gradients[0] * weights[0]).sum()
    for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
        total = total + (gradient * weight).sum()
    return total


def prepared(op, arrays, static):
    rng = np.random.default_rng(11)
    point = [None if a is None else minidl.Tensor(a) for a in arrays]
    y = apply(op, *point, **static)
    dys = [rng.uniform(0.5, 1.5, part.shape) for part in (y if isinstance(y, tuple) else (y,))]
    floating = [a for a in arrays if a is not None and a.dtype.kind == "f"]
    weights = [rng.uniform(-1, 1, a.shape) for a in floating]
    more = [rng.uniform(-1, 1, a.shape) for a in (*floating, *dys)]
    point = [*arrays, *dys]
    return point, [i for i, a in enumerate(point) if a is not None and a.dtype.kind == "f"], (weights, more)


@pytest.mark.parametrize(("op", "arrays", "static"), CASES, ids=NAMES)
def test_a_gradient_of_a_gradient_is_that_of_finite_differences(op, arrays, static):
    point, wanted, (weights, more) = prepared(op, arrays, static)
    count = len(arrays)
    tensors = [None if a is None else minidl.Tensor(a) for a in point]
    gradients, _ = twice(op, tensors[:count], static, tensors[count:], weights, more)

    def number(*values):
        return once(op, values[:count], static, values[count:], weights).item()

    for place, gradient in zip(wanted, gradients, strict=True):
        expected = numerical_gradient(number, point, place, epsilon=1e-5)
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-5, atol=2e-7, err_msg=f"input {place}")


@pytest.mark.parametrize(("op", "arrays", "static"), CASES, ids=NAMES)
def test_a_third_derivative_is_that_of_finite_differences(op, arrays, static):
    point, wanted, (weights, more) = prepared(op, arrays, static)
    count = len(arrays)
    tensors = [None if a is None else minidl.Tensor(a) for a in point]
    sources = [tensors[place] for place in wanted]
    with minidl.GradientTape() as tape:
        tape.watch(sources)
        _, number = twice(op, tensors[:count], static, tensors[count:], weights, more)
    gradients = tape.gradient(number, sources, unconnected_gradients="zero")
    rng = np.random.default_rng(13)
    # A derivative in one random direction: cell by cell it would take too long.
    directions = [rng.uniform(-1, 1, a.shape) for a in (point[place] for place in wanted)]

    def moved(step):
        values = list(point)
        for place, direction in zip(wanted, directions, strict=True):
            values[place] = point[place] + step * direction
        given = [None if a is None else minidl.Tensor(a) for a in values]
        return twice(op, given[:count], static, given[count:], weights, more)[1].item()

    expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
    got = sum(float((g.numpy() * d).sum()) for g, d in zip(gradients, directions, strict=True))
    assert got == pytest.approx(expected, rel=2e-5, abs=2e-6)


def test_every_op_with_a_gradient_is_differentiated_twice_or_refused():
    known = {op.name for op in records().values() if op.differential} | set(SLOPES) | set(OTHERS)
    assert known == set(records()) - NO_GRADIENT
    assert known - UNSUPPORTED == {op for op, _, _ in CASES} and set(of_form("recurrent")) == UNSUPPORTED


def grid(*shape):
    return np.cos(np.arange(int(np.prod(shape))) * 1.7 + 0.3).reshape(shape)


def agree(gradients, expected, rtol=1e-5, atol=2e-6):
    for gradient, numbers in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(np.ravel(gradient.numpy())[: len(numbers)], numbers, rtol=rtol, atol=atol)


WGAN = (
    [18.915944, -2.669295, -7.1806, 13.397867, 17.509574, -2.585239, -6.32523, 12.138213, 11.896193, -1.716085,
     -3.610074, 8.065846],
    [0.337708, 0.050583, 0.119696, 0.235102],
    [31.282471, -15.509426, -11.990798, 37.955347],
)  # fmt: skip


def wgan_step(critic, weights, dtype):
    """One step of a Wasserstein GAN's critic with a gradient penalty (Gulrajani et al., arXiv:1704.00028)."""
    real, fake = grid(5, 3).astype(dtype), grid(5, 3)[::-1].astype(dtype) * 0.5
    share = np.array([[0.1], [0.3], [0.5], [0.7], [0.9]], dtype)
    with minidl.GradientTape() as tape:
        mixed = minidl.Tensor(real * share + fake * (1 - share))
        with minidl.GradientTape() as inner:
            inner.watch(mixed)
            score = critic(mixed).sum()
        slope = inner.gradient(score, mixed)
        length = F.sqrt(F.square(slope).sum(axis=1))
        loss = critic(fake).mean() - critic(real).mean() + 10.0 * F.square(length - 1.0).mean()
    return loss, tape.gradient(loss, weights)


def test_a_gradient_penalty_has_the_gradients_of_pytorch():
    w1, b1, w2 = (minidl.Variable(a) for a in (grid(3, 4), grid(4) * 0.5, grid(4, 1) + 0.1))
    loss, gradients = wgan_step(lambda x: F.dense(F.leaky_relu(F.dense(x, w1, b1), 0.2), w2), [w1, b1, w2], "float64")
    assert loss.item() == pytest.approx(23.054423333582637)
    agree(gradients, WGAN)


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_a_gradient_penalty_of_layers_has_the_gradients_of_pytorch(backend):
    critic = minidl.Sequential(
        [
            minidl.layers.Input((3,)), minidl.layers.Dense(4), minidl.layers.LeakyReLU(0.2),
            minidl.layers.Dense(1, use_bias=False),
        ]
    )  # fmt: skip
    critic.set_weights([grid(3, 4), grid(4) * 0.5, grid(4, 1) + 0.1])
    with minidl.using(backend):
        loss, gradients = wgan_step(critic, critic.trainable_variables, "float32")
    assert loss.item() == pytest.approx(23.0544233, rel=1e-5)
    agree(gradients, WGAN, rtol=1e-4, atol=1e-4)


def test_a_gradient_penalty_through_a_convolution_has_the_gradients_of_pytorch():
    x, w, d = minidl.Tensor(grid(2, 7, 4, 2)), minidl.Variable(grid(3, 2, 2, 3) * 0.5), minidl.Variable(grid(18, 1) / 2)
    with minidl.GradientTape() as tape:
        with minidl.GradientTape() as inner:
            inner.watch(x)
            maps = F.conv2d(x, w, strides=(2, 1), padding=((1, 1), (0, 0)))
            pooled = F.max_pool2d(F.tanh(maps), pool_size=(2, 1))
            score = F.silu(F.reshape(pooled, (2, -1)) @ d).sum()
        length = F.sqrt(F.square(inner.gradient(score, x)).sum(axis=(1, 2, 3)))
        penalty = F.square(length - 1.0).mean()
    gradients = tape.gradient(penalty, [w, d])
    assert penalty.item() == pytest.approx(0.2621663757253151)
    agree(
        gradients,
        [
            [-0.126489, -0.279418, -0.021387, -0.008404, -0.1483, 0.001972],
            [-0.183209, -0.107117, -0.140027, -0.34381],
        ],
    )
    assert np.abs(gradients[0].numpy()).sum() == pytest.approx(4.182958944457708)


def test_two_steps_of_maml_have_the_gradients_of_pytorch():
    """Learning to learn (Finn et al., arXiv:1703.03400): back through two steps of gradient descent."""
    start = [minidl.Variable(a) for a in (grid(3, 4), grid(4) * 0.1, grid(4, 3), grid(3) * 0.1)]

    def loss_of(weights, x, labels):
        scores = F.tanh(x @ weights[0] + weights[1]) @ weights[2] + weights[3]
        return F.sparse_categorical_crossentropy(np.array(labels), scores, from_logits=True).mean()

    with minidl.GradientTape() as tape:
        weights = start
        for _ in range(2):
            with minidl.GradientTape() as inner:
                loss = loss_of(weights, grid(6, 3), [0, 1, 2, 2, 1, 0])
            steps = inner.gradient(loss, weights)
            weights = [w - 0.5 * step for w, step in zip(weights, steps, strict=True)]
        after = loss_of(weights, grid(4, 3) * 1.3, [1, 0, 2, 1])
    assert after.item() == pytest.approx(1.2119951243032996)
    agree(
        tape.gradient(after, start),
        [
            [0.084482, -0.002935, -0.072707, -0.077587, 0.016116, -0.061608, 0.036296, 0.123503, -0.088635, 0.018811,
             0.063354, 0.045762],
            [0.067607, -0.098576, -0.040089, 0.099456],
            [0.046618, 0.052901, -0.09952, 0.118696, -0.048671, -0.070025, -0.038067, -0.044566, 0.082632, -0.132222,
             0.033856, 0.098366],
            [0.071002, -0.20208, 0.131077],
        ],
    )  # fmt: skip


def test_a_hessian_times_a_vector_with_broadcasting_is_that_of_pytorch():
    a, b = minidl.Variable(grid(2, 1, 3)), minidl.Variable(grid(4, 1) + 2.5)
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            mixed = F.softmax(a * b) * F.log(b) / (F.absolute(a) + 1.0)
            value = (mixed**2).sum() + F.exp(F.layer_norm(a * b, None, None)).mean()
        da, db = inner.gradient(value, [a, b])
        along = (da * grid(2, 1, 3)).sum() + (db * grid(4, 1)).sum()
    agree(
        outer.gradient(along, [a, b]),
        [
            [0.446993, 0.4609, 0.106694, 0.23923, 0.42344, 0.132066],
            [-0.34977, -0.278379, -0.329307, -0.343011],
        ],
    )


def test_powers_at_zero_have_second_derivatives_by_hand():
    """Of a^b: d²/da² = b (b - 1) a^(b - 2), and d²/da db = a^(b - 1) (1 + b log a), which is 1/a for b = 0."""
    a, b = minidl.Variable(np.array([0.0, 0.0, 2.0])), minidl.Variable(np.array([2.0, 3.0, 0.0]))
    with minidl.GradientTape(persistent=True) as outer:
        with minidl.GradientTape() as inner:
            y = a**b
        da, db = inner.gradient(y, [a, b])
    agree(outer.gradient(da, [a, b]), [[2.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    agree(outer.gradient(db, [a, b]), [[0.0, 0.0, 0.5], [0.0, 0.0, np.log(2.0) ** 2]])


def test_the_first_of_equal_values_gets_the_whole_second_derivative():
    x = minidl.Variable([1.0, 1.0, 0.0])
    for largest in (lambda x: x.max(), lambda x: F.maximum(F.maximum(x[0], x[1]), x[2])):
        with minidl.GradientTape() as outer:
            with minidl.GradientTape() as inner:
                y = largest(x) ** 3
            dx = inner.gradient(y, x)
        agree([outer.gradient(dx, x)], [[6.0, 0.0, 0.0]])
    image = minidl.Variable(np.ones((1, 2, 2, 1)))
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = F.max_pool2d(image) ** 2
        dx = inner.gradient(y, image)
    agree([outer.gradient(dx, image)], [[2.0, 0.0, 0.0, 0.0]])


def test_tensors_that_play_several_parts_get_the_gradient_of_each():
    x = minidl.Variable([3.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = x * x
        dx = inner.gradient(y, x, output_gradients=x)  # 2 x · x
        z = dx * x  # 2 x³
    assert outer.gradient(z, x).item() == 54.0
    with minidl.GradientTape() as outer:
        with minidl.GradientTape(persistent=True) as inner:
            y = x * x * x
        dx, dy = inner.gradient(y, [x, y])
        total = dx * inner.gradient(y, x) + dy * x  # (3 x²)² + x
    assert outer.gradient(total, x).item() == 36.0 * 27.0 + 1.0


def test_each_of_four_tapes_differentiates_the_one_inside():
    x = minidl.Variable(np.array([0.7]))
    tapes = [minidl.GradientTape() for _ in range(4)]
    with tapes[0]:
        with tapes[1]:
            with tapes[2]:
                with tapes[3]:
                    y = F.sigmoid(x) * F.exp(x * 0.5)
                first = tapes[3].gradient(y, x)
            second = tapes[2].gradient(first, x)
        third = tapes[1].gradient(second, x)
    fourth = tapes[0].gradient(third, x)

    def of(order):  # s e^(x/2), by Leibniz' rule and the derivatives of the sigmoid
        s = 1 / (1 + np.exp(-0.7))
        p = s * (1 - s)
        slopes = [s, p, p * (1 - 2 * s), p * (1 - 6 * p), p * (1 - 2 * s) * (1 - 12 * p)]
        choose = [[1], [1, 1], [1, 2, 1], [1, 3, 3, 1], [1, 4, 6, 4, 1]][order]
        return np.exp(0.35) * sum(c * slopes[k] * 0.5 ** (order - k) for k, c in enumerate(choose))

    for order, got in enumerate([first, second, third, fourth], 1):
        assert got.item() == pytest.approx(of(order), rel=1e-12)


def test_a_persistent_tape_differentiates_its_own_gradient():
    w = minidl.Variable([2.0])
    with minidl.GradientTape(persistent=True) as tape:
        y = (w * w * w).sum()
        dw = tape.gradient(y, w)
        ddw = tape.gradient(dw, w)
    assert tape.gradient(dw, w).item() == 12.0
    assert tape.gradient(ddw, w).item() == 6.0


def test_the_first_gradients_are_the_same_numbers_under_another_tape():
    w, x = minidl.Variable(grid(5, 4).astype(np.float32)), grid(3, 5).astype(np.float32)

    def gradient(tape):
        with tape:
            loss = F.softmax(F.gelu(F.dense(x, w))).max()
        return tape.gradient(loss, w).numpy()

    alone = gradient(minidl.GradientTape())
    with minidl.GradientTape():
        np.testing.assert_array_equal(gradient(minidl.GradientTape()), alone)


def test_a_variable_that_was_frozen_in_between_still_gets_its_gradient():
    for before in (True, False):
        w = minidl.Variable([3.0])
        with minidl.GradientTape() as outer:
            with minidl.GradientTape() as inner:
                y = w * w * w
            w.trainable = before
            dw = inner.gradient(y, w)
        w.trainable = False
        assert outer.gradient(dw, w).item() == 18.0


def refused(use, x):
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            inner.watch(x)
            y = use(x)
        loss = (inner.gradient(y, x) ** 2).sum() + x.sum()
    return outer.gradient(loss, x)


def recurrent(op, gates, states, **static):
    def use(x):
        w, u, b = (minidl.Tensor(grid(*shape)) for shape in ((2, 3 * gates), (3, 3 * gates), (3 * gates,)))
        zeros = [minidl.Tensor(np.zeros((2, 3)))] * states
        return apply(op, x, w, u, b, *zeros, None, None, **static)[0].sum()

    return use


@pytest.mark.parametrize(
    ("op", "use"),
    [
        ("simple_rnn", recurrent("simple_rnn", 1, 1, activation="tanh")),
        ("lstm", recurrent("lstm", 4, 2, activation="tanh", recurrent_activation="sigmoid")),
        (
            "gru",
            recurrent("gru", 3, 1, activation="tanh", recurrent_activation="sigmoid", reset_after=False),
        ),
    ],
)
def test_an_op_without_a_differential_is_refused_by_its_name(op, use):
    with pytest.raises(TapeError, match=f"not supported for the op '{op}'.*wrong number.*detach"):
        refused(use, minidl.Tensor(grid(2, 3, 2), name="x"))


def own_cube():
    return minidl.register_op("second_cube", lambda x: (x**3, x), lambda dy, x: (3 * x**2 * dy,), replace=True)


def test_an_op_of_ones_own_is_refused():
    with pytest.raises(TapeError, match="not supported for the op 'second_cube'"):
        refused(own_cube(), minidl.Tensor([2.0]))


def test_an_op_without_a_differential_is_refused_only_where_a_gradient_goes_through_it():
    cube = own_cube()
    v, w = minidl.Variable(grid(3)), minidl.Variable(grid(3))
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = (cube(v) + w * w * w).sum()
        dv, dw = inner.gradient(y, [v, w])
        loss = (dw * 2.0 + dv.detach()).sum()
    agree([outer.gradient(loss, w)], [12.0 * grid(3)])


def test_a_tape_that_has_not_seen_the_forward_refuses():
    w = minidl.Variable([2.0], name="w")
    with minidl.GradientTape() as inner:
        y = F.sigmoid(F.reshape(w, (1, 1)) ** 2)
    with minidl.GradientTape() as outer:
        dw = inner.gradient(y, w)
    with pytest.raises(TapeError, match="depend on 'w'.*open the outer tape before both"):
        outer.gradient(dw, w)
    with minidl.GradientTape() as middle:
        with minidl.GradientTape() as inner:
            y = w * w * w
        dw = inner.gradient(y, w)
    with minidl.GradientTape() as outer:
        ddw = middle.gradient(dw, w)
    assert ddw.item() == 12.0
    with pytest.raises(TapeError, match="open the outer tape before both"):
        outer.gradient(ddw, w)


def test_the_slope_of_a_line_has_no_gradient():
    x = minidl.Variable([2.0, 3.0])
    with minidl.GradientTape(persistent=True) as outer:
        with minidl.GradientTape() as inner:
            y = F.relu(x * 3.0 + 1.0)
        dx = inner.gradient(y, x)
    assert outer.gradient(dx, x, unconnected_gradients="zero").numpy().tolist() == [0.0, 0.0]
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = x[::-1].sum()
        dx = inner.gradient(y, x)
    assert outer.gradient(dx, x) is None


def test_a_value_that_was_changed_in_place_is_refused():
    w = minidl.Variable([2.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = w * w * w
        dw = inner.gradient(y, w)
    w.assign([5.0])
    with pytest.raises(TapeError, match="changed in place"):
        outer.gradient(dw, w)


@pytest.mark.parametrize("settings", [{}, {"cap": 2.0}])
def test_an_op_of_ones_own_with_a_slope_has_a_second_gradient(settings):
    def forward(x, *, cap=15.0):
        y = (cap * np.tanh(x / cap)).astype(x.dtype)
        return y, (y, cap)

    def backward(dy, cache):
        y, cap = cache
        return ((dy * (1 - (y / cap) ** 2)).astype(dy.dtype),)

    softcap = minidl.register_op(
        "test_softcap", forward, backward, replace=True, differential=lambda x, y, *, cap=15.0: 1.0 - (y / cap) ** 2
    )
    x = minidl.Variable([1.0, -20.0])
    with minidl.GradientTape() as outer:
        with minidl.GradientTape() as inner:
            y = softcap(x, **settings)
        dx = inner.gradient(y, x)
    cap = settings.get("cap", 15.0)
    t = np.tanh(x.numpy() / cap)  # y'' = -2 t (1 - t²) / cap
    np.testing.assert_allclose(outer.gradient(dx, x).numpy(), -2 / cap * t * (1 - t * t), rtol=1e-5, atol=1e-6)
