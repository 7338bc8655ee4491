"""The training setup in a file: optimizer, loss, metrics and their weights, as `compile` was given them."""

from __future__ import annotations

from typing import Any

from minidl import losses, metrics
from minidl.errors import FileFormatError
from minidl.keras.custom_objects import exact_object
from minidl.layers.base.naming import snake_case
from minidl.models.training.trainer import Trainer
from minidl.saving.config.read_objects import deserialize, is_object
from minidl.saving.config.write_objects import serialize
from minidl.saving.files import DAMAGE

ARGUMENTS = (
    "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile",
)  # fmt: skip
KINDS = {"optimizer": "optimizers", "loss": "losses", "metrics": "metrics", "weighted_metrics": "metrics"}


def compile_config(model: Any) -> dict[str, Any] | None:
    """Return how a model was compiled, in Keras' form; None before `compile`."""
    if not getattr(model, "compiled", False) or getattr(model, "optimizer", None) is None:
        return None
    if type(model).get_compile_config is not Trainer.get_compile_config:  # a model that says it its own way
        own: dict[str, Any] = serialize(model.get_compile_config())
        return own
    arguments = {name: model._compile_arguments.get(name) for name in ARGUMENTS}
    where = f"the training setup of model {model.name!r}"
    return {"optimizer": serialize(model.optimizer, where), **serialize(arguments, where)}


def training_config(model: Any) -> dict[str, Any] | None:
    """Return the same as a legacy `.h5` has it."""
    config = compile_config(model)
    if config is None:
        return None
    optimizer = config.pop("optimizer")
    for key in ("loss", "metrics", "weighted_metrics"):
        config[key] = _spelled_out(config.get(key), KINDS[key])
    return {**config, "optimizer_config": {key: optimizer[key] for key in ("class_name", "config")}}


def _spelled_out(value: Any, kind: str) -> Any:
    """Write "mse" as the class MeanSquaredError: Keras 3 fails on such names of functions in an `.h5`.

    The name that a metric has in the history stays.
    """
    if isinstance(value, list):
        return [_spelled_out(item, kind) for item in value]
    if isinstance(value, dict) and not is_object(value):
        return {key: _spelled_out(item, kind) for key, item in value.items()}
    if not isinstance(value, str) or value in ("accuracy", "acc", "crossentropy", "ce"):
        return value
    module = losses if kind == "losses" else metrics
    if exact_object(value) is not None:
        return value
    found = module.get(value)
    wanted = getattr(found, "__name__", snake_case(type(found).__name__))
    classes = [item for item in vars(module).values() if isinstance(item, type) and snake_case(item.__name__) == wanted]
    return {"class_name": classes[0].__name__, "config": {"name": value}} if classes else value


def compile_from_config(model: Any, config: dict[str, Any]) -> None:
    """Compile a model as a file says.

    Raises
    ------
    FileFormatError : an optimizer, loss or metric that does not exist here
    """
    if type(model).compile_from_config is not Trainer.compile_from_config:
        model.compile_from_config(config)
        return
    config = dict(config)
    if "optimizer_config" in config:
        config["optimizer"] = config.pop("optimizer_config")
    try:
        known = {key: _read(value, KINDS.get(key)) for key, value in config.items() if key in ("optimizer", *ARGUMENTS)}
        model.compile(**{key: value for key, value in known.items() if value is not None})
    except DAMAGE as error:
        raise FileFormatError(
            f"the training setup in the file cannot be used: {str(error)[:400]} "
            "load_model(path, compile=False) loads the model without it."
        ) from error


def _read(value: Any, kind: str | None) -> Any:
    if is_object(value):
        return deserialize(value, kind)
    if isinstance(value, dict):
        return {key: _read(item, kind) for key, item in value.items()}
    if isinstance(value, list):
        return [_read(item, kind) for item in value]
    if isinstance(value, str) and kind is not None:
        found = exact_object(value)
        return value if found is None else found
    return value
