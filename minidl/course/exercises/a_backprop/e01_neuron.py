"""The loss of a neuron, and its gradients.

A neuron looks at D numbers and says how likely the answer is yes: z = x @ w + b, p = 1 / (1 + e^-z). x is (N, D), t is
(N,), 0 or 1, w is (D,), b one number. Return the loss, the mean of -t log p - (1 - t) log(1 - p), and its gradients by w
and b:

    def loss_and_gradients(x, t, w, b):      x [[2.]], t [1.], w [0.], b 0.
        return loss, dw, db                  0.6931 (log 2),  [-1.],  -0.5

z may be ±1000: the loss is then 0 or 1000, and no NaN.
"""

import numpy as np

from minidl.course import Exercise, Function, case, extreme


def loss_and_gradients_in_float64(x, t, w, b):
    z = x @ w + b
    dz = (0.5 * (1 + np.tanh(z / 2)) - t) / t.size  # the logistic function, another way
    return np.mean(np.logaddexp(0, z) - t * z), x.T @ dz, dz.sum()


def cases(d):
    for n, k in ((1, 1), (4, 3), (3, 3), (50, 7)):
        yield case("", d(n, k), d.integers(0, 2, n).astype("float32"), d(k), float(d(1)[0]))
    sure = np.array([[-20.0], [20.0], [-20.0]], np.float32)
    yield case("sure, and wrong", sure, np.array([1, 0, 0], np.float32), np.array([1], np.float32), 0.0)
    huge = np.array([[1000.0], [-1000.0], [1000.0], [-1000.0]], np.float32)
    yield extreme("z = ±1000", huge, np.array([1, 0, 0, 1], np.float32), np.array([1], np.float32), 0.0)


exercise = Exercise(
    title="A neuron's loss and gradients",
    stars=1,
    minutes=25,
    section="01",
    tasks=(
        Function(
            signature="loss_and_gradients(x, t, w, b)",
            results="loss dw db",
            cases=cases,
            reference=loss_and_gradients_in_float64,
        ),
    ),
    says={
        "log_of_p": (
            "For z = 1000 your p is exactly 1 and log(1 - p) is -inf. The loss in z is max(z, 0) - t z + log(1 + e^-|z|): "
            "no p in it.",
            "z = 1000 时你的 p 恰好是 1，log(1 - p) 是 -inf。用 z 写的损失是 max(z, 0) - t z + log(1 + e^-|z|)：里面没有 p。",
        ),
        "epsilon_in_log": (
            "For z = 1000 and t = 0 the loss must be 1000; a small number added inside the log stops it early.",
            "z = 1000、t = 0 时损失应为 1000；log 里加的小数让它早早停住了。",
        ),
        "sum_not_mean": (
            "The gradients are N times too large: the loss is a mean, so each row speaks with 1/N.",
            "梯度大了 N 倍：损失是平均值，每一行只占 1/N。",
        ),
        "slope_of_p": (
            "Your gradient vanishes where the neuron is surest and wrong (z = -20, t = 1). Cross-entropy cancels p(1 - p); "
            "write the chain rule out once.",
            "神经元最有把握却错了的地方（z = -20，t = 1），你的梯度消失了。交叉熵会把 p(1 - p) 消去；把链式法则写一遍。",
        ),
        "db_of_rows": (
            "b is one number, so its gradient is one number: every row's dz added up.",
            "b 是一个数，它的梯度也是一个数：每一行的 dz 之和。",
        ),
        "uphill": (
            "All gradients point uphill: with this sign the loss grows. Nudge w[0] by 0.001 and look.",
            "所有梯度都指向上坡：这个符号会让损失变大。把 w[0] 动 0.001 看看。",
        ),
        "double": (
            "x is float32 and dw is float64: the network's numbers stay float32.",
            "x 是 float32，dw 却是 float64：网络里的数保持 float32。",
        ),
        "p_clipped": (
            "p is kept away from 0 and 1 by a small number, and no loss can pass its logarithm, some 16. A sure and wrong answer costs |z|: write the loss in z, without p.",
            "你用一个小数让 p 离开 0 和 1，于是损失超不过它的对数，约 16。有把握却错了，损失应是 |z|：用 z 写损失，不经过 p。",
        ),
        "db_mean_twice": (
            "db is N times too small: dz is divided by N already, and its mean divides by N once more.",
            "db 小了 N 倍：dz 已经除过 N，再取平均又除了一次。",
        ),
        "labels_exchanged": (
            "The loss is that of the other answer, as if t were 1 - t; the gradients are right. The sure and right neuron should cost nothing.",
            "损失算成了另一个答案的，好像 t 是 1 - t；梯度是对的。有把握又答对时损失应接近 0。",
        ),
    },
    hints=(
        ("How does the loss move when z moves by a little, for t = 1 and for t = 0?",
         "z 稍微动一点，损失怎么变？t = 1 和 t = 0 各如何？"),
        ("dL/dz of one row is (p - t) / N. w reaches the loss through z = x @ w + b alone.",
         "一行的 dL/dz 是 (p - t) / N。w 只通过 z = x @ w + b 影响损失。"),
        ("z; loss from z without p; dz; dw: x transposed times dz; db: a sum.",
         "z；不用 p、由 z 得到的损失；dz；dw：x 转置乘 dz；db：求和。"),
    ),
)  # fmt: skip
