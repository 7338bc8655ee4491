"""PyTorch's functions for minidl's ops: on tensors of PyTorch's shapes, with minidl's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..shapes import Job


def _pads(static: dict[str, Any]) -> list[int]:
    """One number an axis: the jobs pad both sides alike."""
    return [static["padding"][axis][0] for axis in range(2)]


def _conv(torch: Any, s: dict[str, Any], x: Any, w: Any, b: Any) -> Any:
    return torch.nn.functional.conv2d(x, w, b, s["strides"], _pads(s), s["dilation"], s["groups"])


def _depthwise(torch: Any, s: dict[str, Any], x: Any, w: Any, b: Any) -> Any:
    return torch.nn.functional.conv2d(x, w, b, s["strides"], _pads(s), s["dilation"], x.shape[1])


def _max_pool(torch: Any, s: dict[str, Any], x: Any) -> Any:
    return torch.nn.functional.max_pool2d(x, s["pool_size"], s["strides"], _pads(s))


def _average_pool(torch: Any, s: dict[str, Any], x: Any) -> Any:
    return torch.nn.functional.avg_pool2d(x, s["pool_size"], s["strides"], _pads(s), count_include_pad=False)


def _product(torch: Any, s: dict[str, Any], a: Any, b: Any) -> Any:
    return (a.mT if s.get("transpose_a") else a) @ (b.mT if s.get("transpose_b") else b)


def _sum(torch: Any, s: dict[str, Any], x: Any) -> Any:
    return x.sum() if s.get("axes") is None else x.sum(s["axes"])


def _max(torch: Any, s: dict[str, Any], x: Any) -> Any:
    if not x.requires_grad:
        return x.amax(s.get("axes") or ())
    # max gives the gradient to one place, as minidl does; amax would share it.
    return x.max() if s.get("axes") is None else x.max(s["axes"][0]).values


def _crossentropy(torch: Any, s: dict[str, Any], labels: Any, x: Any) -> Any:
    return torch.nn.functional.cross_entropy(x, labels, reduction="none")


def _batch_norm(torch: Any, s: dict[str, Any], x: Any, gamma: Any, beta: Any) -> Any:
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)


def _transpose(torch: Any, s: dict[str, Any], x: Any) -> Any:
    return (x.permute(s["axes"]) if s.get("axes") else x.mT).contiguous()


def _pad(torch: Any, s: dict[str, Any], x: Any) -> Any:
    return torch.nn.functional.pad(x, [n for pair in reversed(s["padding"]) for n in pair])


FORWARD: dict[str, Callable[..., Any]] = {
    "gemm": _product,
    "batched_gemm": _product,
    "conv2d": _conv,
    "depthwise_conv2d": _depthwise,
    "max_pool2d": _max_pool,
    "average_pool2d": _average_pool,
    "upsample2d": lambda torch, s, x: torch.nn.functional.interpolate(x, scale_factor=s["size"], mode="nearest"),
    "relu": lambda torch, s, x: torch.relu(x),
    "gelu": lambda torch, s, x: torch.nn.functional.gelu(x),
    "tanh": lambda torch, s, x: torch.tanh(x),
    "add": lambda torch, s, a, b: a + b,
    "multiply": lambda torch, s, a, b: a * b,
    "reduce_sum": _sum,
    "reduce_max": _max,
    "argmax": lambda torch, s, x: x.argmax(s["axis"]),
    "softmax": lambda torch, s, x: torch.softmax(x, -1),
    "log_softmax": lambda torch, s, x: torch.log_softmax(x, -1),
    "sparse_categorical_crossentropy": _crossentropy,
    "layer_norm": lambda torch, s, x, g, b: torch.nn.functional.layer_norm(x, x.shape[-1:], g, b, 1e-3),
    "batch_norm": _batch_norm,
    "dropout": lambda torch, s, x: torch.nn.functional.dropout(x, s["rate"], training=True),
    "embedding": lambda torch, s, ids, table: torch.nn.functional.embedding(ids, table),
    "transpose": _transpose,
    "concatenate": lambda torch, s, *xs: torch.cat(xs, s["axis"]),
    "pad": _pad,
    "slice": lambda torch, s, x: x[s["key"]].contiguous(),
}


# ---- recurrent layers: cuDNN's, through PyTorch's modules

RECURRENT = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}


def recurrent(torch: Any, job: Job, given: list[Any]) -> tuple[Callable[[], Any], list[Any]]:
    """Return a layer's forward (its sequence), and x with the weights: what gradients are asked for."""
    x, w, u, b = given[:4]
    units = u.shape[0]
    layer = getattr(torch.nn, RECURRENT[job.op])(x.shape[-1], units, batch_first=True).to(x.device)
    inner, outer = (b[0], b[1]) if b.ndim == 2 else (b, torch.zeros_like(b))

    def ordered(a: Any) -> Any:  # Keras counts the GRU's gates z, r, h, PyTorch r, z, n
        if job.op != "gru":
            return a
        z, r, h = a.split(units, -1)
        return torch.cat((r, z, h), -1)

    with torch.no_grad():
        layer.weight_ih_l0.copy_(ordered(w).mT)
        layer.weight_hh_l0.copy_(ordered(u).mT)
        layer.bias_ih_l0.copy_(ordered(inner))
        layer.bias_hh_l0.copy_(ordered(outer))
    return lambda: layer(x)[0], [x, *layer.parameters()]


# ---- optimizers: one step of torch.optim on one parameter

UPDATES = ("sgd_update", "adam_update", "adamw_update", "rmsprop_update", "adagrad_update")


def updates(torch: Any, job: Job, inputs: tuple[Any, ...], device: str) -> Iterator[Callable[[], Any]]:
    """Yield a step of the optimizer by each of its implementations that there is: fused, and foreach."""
    rate = job.static["learning_rate"]
    names: dict[str, tuple[str, dict[str, Any]]] = {
        "sgd_update": ("SGD", {"momentum": job.static.get("momentum", 0.0)}),
        "adam_update": ("Adam", {"eps": 1e-7}),
        "adamw_update": ("AdamW", {"eps": 1e-7, "weight_decay": 0.004}),
        "rmsprop_update": ("RMSprop", {"alpha": 0.9, "eps": 1e-7}),
        "adagrad_update": ("Adagrad", {"eps": 1e-7}),
    }
    name, settings = names[job.op]
    for way in ("fused", "foreach"):
        w = torch.nn.Parameter(torch.from_numpy(inputs[0].copy()).to(device))
        w.grad = torch.from_numpy(inputs[1].copy()).to(device)
        try:
            optimizer = getattr(torch.optim, name)([w], lr=rate, **settings, **{way: True})
        except (TypeError, RuntimeError):  # not all optimizers have all of them
            continue

        def step(optimizer: Any = optimizer, w: Any = w) -> Any:
            optimizer.step()
            return w

        yield step
