"""Ops in a functional model (`x + y`, `x[:, 0]`, `functional.relu(x)`) as Keras' operations, written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import functional as F
from minidl import layers
from minidl.errors import FileFormatError
from minidl.layers.base.op_layer import OpLayer
from minidl.layers.base.symbolic import SymbolicTensor
from minidl.ops.op import KerasForm, records
from minidl.saving.config.read_objects import as_tuples, deserialize
from minidl.saving.config.write_objects import serialize
from minidl.tensor import Tensor

FORMS: dict[str, KerasForm] = {}
for _op in records().values():
    if isinstance(_op.keras, KerasForm):
        FORMS[_op.name] = _op.keras
    elif isinstance(_op.keras, Mapping):
        FORMS |= {f"{_op.name} {function}": form for function, form in _op.keras.items()}
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
        form = KerasForm("numpy", "Matmul")
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


def _trailing(layer: OpLayer, form: KerasForm) -> list[Any]:
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
    static = {key: as_tuples(deserialize(value)) for key, value in config.get("static", {}).items()}
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
    static = {ours: as_tuples(config.get(theirs)) for theirs, ours in form.config.items()}
    count = len(args) - len(form.trailing)
    static |= {ours: as_tuples(value) for ours, value in zip(form.trailing, args[count:], strict=True)}
    op, _, function = op.partition(" ")
    static |= {"function": function} if function else {}
    tensors = list(args[0]) if form.listed else args[:count]
    symbolic = [t for t in tensors if isinstance(t, SymbolicTensor)]
    constants = {place: t for place, t in enumerate(tensors) if not isinstance(t, SymbolicTensor)}
    layer = OpLayer(op, static=static, constants=constants, name=entry["name"])
    layer(symbolic[0] if len(symbolic) == 1 else symbolic)
    return layer
