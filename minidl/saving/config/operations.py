"""Ops in a functional model (`x + y`, `x[:, 0]`, `functional.relu(x)`) as Keras' operations, written and read."""

from __future__ import annotations

from typing import Any, NamedTuple

from minidl import functional as F
from minidl import layers
from minidl.errors import FileFormatError
from minidl.layers.base.op_layer import OpLayer
from minidl.layers.base.symbolic import SymbolicTensor
from minidl.saving.config.read_objects import deserialize
from minidl.saving.config.write_objects import serialize
from minidl.tensor import Tensor


class Form(NamedTuple):
    """How Keras writes an op: its class, the arguments of the class, and what follows the tensors in a call."""

    module: str
    name: str
    config: dict[str, str] = {}  # Keras' argument: our static argument
    trailing: tuple[str, ...] = ()  # static arguments that Keras takes in the call, after the tensors
    listed: bool = False  # the tensors come as one list


def _plain(module: str, names: str) -> dict[str, Form]:
    return {item.split(":")[0]: Form(module, item.split(":")[1]) for item in names.split()}


_OVER = {"axis": "axis", "keepdims": "keepdims"}
_OVER_AXES = ("all", "any", "argmin")
_REDUCTION = {"axis": "axes", "keepdims": "keepdims"}
FORMS: dict[str, Form] = {
    **_plain("numpy", "add:Add subtract:Subtract multiply:Multiply divide:TrueDivide maximum:Maximum minimum:Minimum"),
    **_plain("numpy", "exp:Exp expm1:Expm1 log:Log log1p:Log1p mod:Mod pow:Power sqrt:Sqrt"),
    **_plain("numpy", "square:Square absolute:Absolute negative:Negative tanh:Tanh"),
    **_plain("numpy", "where:Where"),
    **{
        f"discrete {name}": Form("numpy", name.title().replace("_", ""))
        for name in (
            "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not "
            "bitwise_and bitwise_or bitwise_xor floor ceil sign floor_divide"
        ).split()
    },
    **{f"discrete {name}": Form("numpy", name.title()) for name in ("isnan", "isinf", "isfinite")},
    **{f"discrete {name}": Form("numpy", name.title(), _OVER) for name in _OVER_AXES},
    "discrete positive": Form("core", "StopGradient"),
    "discrete invert": Form("numpy", "BitwiseInvert"),
    "discrete round": Form("numpy", "Round", {"decimals": "decimals"}),
    **_plain("nn", "relu:Relu relu6:Relu6 sigmoid:Sigmoid softplus:Softplus swish:Silu"),
    "power": Form("numpy", "Power", trailing=("exponent",)),
    "slice": Form("numpy", "GetItem", trailing=("key",)),
    "clip": Form("numpy", "Clip", {"x_min": "low", "x_max": "high"}),
    "cast": Form("core", "Cast", {"dtype": "dtype"}),
    "reshape": Form("numpy", "Reshape", {"newshape": "shape"}),
    "transpose": Form("numpy", "Transpose", {"axes": "axes"}),
    "concatenate": Form("numpy", "Concatenate", {"axis": "axis"}, listed=True),
    "stack": Form("numpy", "Stack", {"axis": "axis"}, listed=True),
    "reduce_sum": Form("numpy", "Sum", _REDUCTION),
    "reduce_mean": Form("numpy", "Mean", _REDUCTION),
    "reduce_max": Form("numpy", "Max", _REDUCTION),
    "reduce_min": Form("numpy", "Min", _REDUCTION),
    "argmax": Form("numpy", "Argmax", {"axis": "axis"}),
    "leaky_relu": Form("nn", "LeakyRelu", {"negative_slope": "negative_slope"}),
    "elu": Form("nn", "Elu", {"alpha": "alpha"}),
    "gelu": Form("nn", "Gelu", {"approximate": "approximate"}),
    "softmax": Form("nn", "Softmax", {"axis": "axis"}),
    "log_softmax": Form("nn", "LogSoftmax", {"axis": "axis"}),
}
_BY_CLASS = {form.name: op for op, form in FORMS.items()} | {"Divide": "divide"}


def is_operation(entry: dict[str, Any]) -> bool:
    """Whether an entry of a functional configuration is an operation of Keras rather than a layer."""
    if "module" in entry:
        return str(entry["module"]).startswith("keras.src.ops")
    # A legacy file names no module, and Add may be the layer or the operation; only layers have one of these.
    of_layers = {"dtype", "trainable", "layers", "batch_shape", "batch_input_shape"}
    if not isinstance(entry.get("config"), dict) or of_layers & set(entry["config"]):
        return False
    return is_known(entry) or not hasattr(layers, str(entry["class_name"]))


def is_known(entry: dict[str, Any]) -> bool:
    """Whether there is an op for an operation."""
    return entry["class_name"] in _BY_CLASS or entry["class_name"] == "Matmul"


def describe(layer: OpLayer, refer: Any) -> dict[str, Any]:
    """Return the entry of an op in a functional configuration: Keras' operation, or an OpLayer that only minidl reads.

    `refer` gives the reference to a symbolic tensor.
    """
    node = layer.inbound_nodes[0]
    inputs = [refer(tensor) for tensor in node.inputs]
    for position, value in sorted(layer.constants.items()):
        inputs.insert(position, _constant(value))
    form = FORMS.get(f"discrete {layer.static['function']}" if layer.op == "discrete" else layer.op)
    if layer.op in ("gemm", "batched_gemm") and not any(layer.static.values()):
        form = Form("numpy", "Matmul")
    if form is None:
        return _describe_own(layer, refer)
    args = [inputs] if form.listed else inputs
    config = {theirs: serialize(layer.static.get(ours)) for theirs, ours in form.config.items()}
    return {
        "module": f"keras.src.ops.{form.module}",
        "class_name": form.name,
        "config": {"name": layer.name, **config},
        "registered_name": form.name,
        "name": layer.name,
        "inbound_nodes": [{"args": [*args, *_trailing(layer, form)], "kwargs": {}}],
    }


def _trailing(layer: OpLayer, form: Form) -> list[Any]:
    values = {name: layer.static[name] for name in form.trailing}
    if "key" in values:
        values["key"] = _without_ellipsis(values["key"], layer.inbound_nodes[0].inputs[0].ndim)
    return [serialize(value) for value in values.values()]


def _without_ellipsis(key: Any, rank: int) -> Any:
    """Write `x[..., 0]` as `x[:, :, 0]`: Keras does not get an Ellipsis out of an `.h5`."""
    parts = list(key) if isinstance(key, tuple | list) else [key]
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(places) != 1 or not all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts):
        return key
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    parts[places[0] : places[0] + 1] = [slice(None)] * (rank - taken)
    return tuple(parts)


def _constant(value: Any) -> Any:
    """Write a number as a number, an array as a tensor."""
    if isinstance(value, Tensor) and value.ndim == 0:
        return value.item()
    return serialize(value if value is None or isinstance(value, int | float | Tensor) else Tensor(value))


def _describe_own(layer: OpLayer, refer: Any) -> dict[str, Any]:
    node = layer.inbound_nodes[0]
    tensors = [refer(tensor) for tensor in node.inputs]
    return {
        "module": "minidl.layers",
        "class_name": "OpLayer",
        "config": {
            "name": layer.name,
            "op": layer.op,
            "static": serialize(layer.static, f"op {layer.op!r}"),
            "constants": {str(place): _constant(value) for place, value in layer.constants.items()},
        },
        "registered_name": "OpLayer",
        "name": layer.name,
        "inbound_nodes": [{"args": tensors if len(tensors) == 1 else [tensors], "kwargs": {}}],
    }


def own_layer(config: dict[str, Any]) -> OpLayer:
    """Return the layer of such an entry."""
    static = {key: _as_static(deserialize(value)) for key, value in config.get("static", {}).items()}
    constants = {int(place): deserialize(value) for place, value in config.get("constants", {}).items()}
    return OpLayer(config["op"], static=static, constants=constants, name=config.get("name"))


def call_operation(entry: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Put one of Keras' operations into the graph, as an op; return its layer.

    Raises
    ------
    FileFormatError : there is no such op here
    """
    name, config = entry["class_name"], entry.get("config") or {}
    if not is_known(entry):
        raise FileFormatError(
            f"the file uses Keras' operation {name!r}, for which minidl has no op. "
            f"Known: {', '.join(sorted(_BY_CLASS))}."
        )
    args = [*args, *kwargs.values()]
    if name == "Matmul":
        product: Any = F.matmul(*args)
        layer = product.history[0]
        layer.name = entry["name"]
        return layer
    op = _BY_CLASS[name]
    if op == "power" and not isinstance(args[1], int | float):
        op = "pow"  # Keras has one class for a number and for a tensor of exponents
    form = FORMS[op]
    static = {ours: _as_static(config.get(theirs)) for theirs, ours in form.config.items()}
    count = len(args) - len(form.trailing)
    static |= {ours: _as_static(value) for ours, value in zip(form.trailing, args[count:], strict=True)}
    op, _, function = op.partition(" ")
    static |= {"function": function} if function else {}
    tensors = list(args[0]) if form.listed else args[:count]
    symbolic = [t for t in tensors if isinstance(t, SymbolicTensor)]
    constants = {place: t for place, t in enumerate(tensors) if not isinstance(t, SymbolicTensor)}
    layer = OpLayer(op, static=static, constants=constants, name=entry["name"])
    layer(symbolic[0] if len(symbolic) == 1 else symbolic)
    return layer


def _as_static(value: Any) -> Any:
    return tuple(_as_static(item) for item in value) if isinstance(value, list) else value
