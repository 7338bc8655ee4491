"""Objects as JSON in Keras' form: module, class_name, config, registered_name. Written, and made again."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, FileFormatError
from minidl.layers.base import Layer
from minidl.models.saving.reading import DAMAGE
from minidl.models.saving.registry import get_registered_object, known_names, registered_name
from minidl.tensor import Tensor

# Where the classes of a Keras module live here, and the modules that a Keras path's last known part stands for.
MODULES = {
    "layers": "minidl.layers", "initializers": "minidl.initializers", "regularizers": "minidl.regularizers",
    "constraints": "minidl.constraints", "schedules": "minidl.optimizers.schedules", "optimizers": "minidl.optimizers",
    "losses": "minidl.losses", "metrics": "minidl.metrics", "activations": "minidl.activations",
}  # fmt: skip
# Arguments of Keras that change nothing here at these values (None and False never do).
HARMLESS: dict[str, tuple[Any, ...]] = {
    "renorm_momentum": (0.99,), "use_cudnn": ("auto", True), "implementation": (0, 1, 2), "lora_alpha": (None,),
    "unroll": (True,), "time_major": (), "autocast": (True,), "jit_compile": (True,), "is_legacy_optimizer": (),
    "initial_decay": (0.0,), "decay": (0.0,), "scale_initializer": ("ones",), "fn": (), "ddtype": (),
}  # fmt: skip


def is_object(config: Any) -> bool:
    """Whether a piece of JSON describes an object."""
    return isinstance(config, dict) and "class_name" in config and "config" in config


# ---- writing


def serialize(value: Any, where: str = "") -> Any:
    """Return a value as JSON can hold it: objects by class and configuration, arrays by their numbers.

    Raises
    ------
    ArgumentError : something that no file can hold

    >>> serialize((1, np.float32(0.5), slice(0, 2)))
    [1, 0.5, {'class_name': '__slice__', 'config': {'start': 0, 'stop': 2, 'step': None}}]
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [serialize(item, where) for item in value]
    if isinstance(value, dict):
        return {str(key): serialize(item, where) for key, item in value.items()}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, slice):
        parts = {key: serialize(getattr(value, key), where) for key in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode("utf-8")}}
    if isinstance(value, np.ndarray | Tensor):
        array = value.data if isinstance(value, Tensor) else value
        name = "__tensor__" if isinstance(value, Tensor) else "__numpy__"
        return {"class_name": name, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(value, np.dtype):
        return value.name
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize_object(value)
    if callable(value):
        return serialize_function(value, where)
    raise ArgumentError(
        f"save: {where or 'the configuration'} holds a {type(value).__name__}, which no file can hold: {value!r}. "
        "get_config() must return numbers, strings, lists, dicts, or objects that have a get_config()."
    )


def serialize_object(item: Any, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the class and configuration of a layer, optimizer, loss, initializer …, in Keras' form."""
    cls = type(item)
    module = public_module(cls)
    where = f"{cls.__name__} {getattr(item, 'name', '')!r}"
    config = serialize(item.get_config() if config is None else config, where)
    if isinstance(item, Layer) and isinstance(config.get("dtype"), str) and cls.__name__ != "InputLayer":
        name = config["dtype"]
        config["dtype"] = {
            "module": "keras", "class_name": "DTypePolicy", "config": {"name": name}, "registered_name": None
        }  # fmt: skip
    described = {
        "module": module or cls.__module__,
        "class_name": cls.__name__,
        "config": config,
        "registered_name": None if module else registered_name(cls),
    }
    if module == "keras" and cls.__name__ == "Model":  # what Keras calls it when it has a graph
        described |= {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
    shape = getattr(item, "build_shape", None)
    if isinstance(item, Layer) and item.built and shape is not None:
        described["build_config"] = {"input_shape": serialize(_any_batch(shape))}
    return described


def serialize_function(function: Any, where: str) -> dict[str, Any]:
    """Return a function by its name; its code is not saved."""
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise ArgumentError(
            f"save: {where or 'the configuration'} holds a lambda, which no file can hold: only names are saved, never "
            "code. Write it as a function with a name (def …), and load with custom_objects={'its_name': its_name}. "
            "Or save the weights alone: model.save_weights."
        )
    return {
        # Keras looks its own functions up by name alone, under this module.
        "module": "builtins" if function.__module__.startswith("minidl.") else function.__module__,
        "class_name": "function",
        "config": name,
        "registered_name": registered_name(function),
    }


def public_module(cls: type) -> str | None:
    """Return Keras' name of the module that holds a class of minidl; None for a class of somebody else's."""
    if not cls.__module__.startswith("minidl."):
        return None
    if cls.__name__ in ("Model", "Sequential"):
        return "keras"
    for part, module in MODULES.items():
        if getattr(importlib.import_module(module), cls.__name__, None) is cls:
            return "keras.optimizers.schedules" if part == "schedules" else f"keras.{part}"
    return cls.__module__


def _any_batch(shape: Any) -> Any:
    """Return shapes with the batch's size left open."""
    if isinstance(shape, dict):
        return {key: _any_batch(item) for key, item in shape.items()}
    if isinstance(shape, list | tuple) and shape and isinstance(shape[0], list | tuple):
        return [_any_batch(item) for item in shape]
    return [None, *shape[1:]] if shape else []


# ---- reading


def deserialize(config: Any, kind: str | None = None) -> Any:
    """Return what `serialize`, or Keras, wrote down.

    Parameters
    ----------
    kind : where to look for a class that is named without its module, as older files do: "layers", "losses" …

    Raises
    ------
    FileFormatError : a class or function that does not exist here, or arguments that it does not take
    """
    if isinstance(config, list | tuple):
        return [deserialize(item, kind) for item in config]
    if not isinstance(config, dict):
        return config
    if not is_object(config):
        return {key: deserialize(item, kind) for key, item in config.items()}
    name, inner = config["class_name"], config["config"]
    if name in _SPECIAL:
        return _SPECIAL[name](inner)
    if name == "function":
        return find_function(inner, config.get("registered_name"), kind or kind_of(config.get("module")))
    return make(find_class(config, kind), inner if inner is not None else {}, str(name))


def _lambda(_: Any) -> Any:
    raise FileFormatError(
        "the file holds a Python lambda as code, and minidl never runs code from a file (safe_mode=False does not "
        "change that). Build the model in Python and load its weights with model.load_weights, or save it again "
        "with a named function and pass custom_objects={'its_name': its_name}."
    )


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__ellipsis__": lambda _: Ellipsis,
    "__slice__": lambda c: slice(*(deserialize(c[key]) for key in ("start", "stop", "step"))),
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__numpy__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__tensor__": lambda c: Tensor(np.array(c["value"], dtype=c["dtype"])),
    "__lambda__": _lambda,
    "DTypePolicy": lambda c: c["name"],
}


def kind_of(module: Any) -> str | None:
    """Return which of MODULES a Keras path means: "keras.src.optimizers.adam" is "optimizers"."""
    if not isinstance(module, str):
        return None
    parts = module.split(".")
    # "keras.optimizers.schedules" names two; the longer tells more.
    return "schedules" if "schedules" in parts else next((part for part in parts if part in MODULES), None)


def find_class(config: dict[str, Any], kind: str | None = None) -> Any:
    """Return the class that an object's description names: one of your own first, then minidl's.

    Raises
    ------
    FileFormatError : there is none; the nearest name is suggested
    """
    name = config["class_name"]
    for known_as in (config.get("registered_name"), name):
        # Keras' own classes are written with their plain name; yours may be called so too, and then are meant.
        found = get_registered_object(known_as)
        if found is not None:
            return found
    module = config.get("module")
    kind = kind_of(module) or kind
    if name in ("Sequential", "Functional", "Model") and kind in (None, "layers"):
        models = importlib.import_module("minidl.models")
        return models.Sequential if name == "Sequential" else models.Model
    own = not isinstance(module, str) or module.split(".")[0] in ("keras", "minidl", "tensorflow", "tf_keras")
    candidates = _classes(kind) if own else {}
    if kind == "layers" and name == "OpLayer":
        from minidl.layers.op_layer import OpLayer

        return OpLayer
    if isinstance(name, str) and name in candidates:
        return candidates[name]
    raise unknown_class(name, module, candidates)


def _classes(kind: str | None) -> dict[str, type]:
    """Return minidl's classes of one kind, or of all, by name."""
    found: dict[str, type] = {}
    for part in [kind] if kind in MODULES else MODULES:
        module = importlib.import_module(MODULES[str(part)])
        for name, item in vars(module).items():
            if isinstance(item, type) and not name.startswith("_") and item.__module__.startswith("minidl."):
                found.setdefault(name, item)
    return found


def unknown_class(name: Any, module: Any, candidates: dict[str, Any]) -> FileFormatError:
    """Return (not raise) the error for a class that is not there."""
    custom = known_names()
    near = difflib.get_close_matches(str(name), [*candidates, *custom], n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    origin = f" of module {module!r}" if module else ""
    return FileFormatError(
        f"the file names a class {name!r}{origin}, which is not known here.{hint} A class of your own must be given: "
        f"load_model(…, custom_objects={{{str(name)!r}: {name}}}), or decorated with "
        f"minidl.saving.register_keras_serializable(). Known custom objects: {', '.join(sorted(set(custom))) or 'none'}."
    )


def find_function(name: Any, registered: Any, kind: str | None) -> Any:
    """Return a function by name: one of your own, or an activation, loss or metric."""
    for known_as in (registered, name):
        found = get_registered_object(known_as)
        if found is not None:
            return found
    for part in [kind] if kind in MODULES else ["activations", "losses", "metrics"]:
        found = getattr(importlib.import_module(MODULES[str(part)]), str(name), None)
        if inspect.isfunction(found) and not str(name).startswith("_"):
            return found
    raise FileFormatError(
        f"the file names a function {name!r}, which is not known here. Pass custom_objects={{{str(name)!r}: {name}}}, "
        "or decorate it with minidl.saving.register_keras_serializable()."
    )


def make(cls: Any, config: dict[str, Any], name: str) -> Any:
    """Return the object of a class and its configuration.

    Raises
    ------
    FileFormatError : the class does not take these arguments
    """
    if not hasattr(cls, "from_config"):
        return cls(**config) if isinstance(cls, type) else cls
    if not isinstance(config, dict):
        raise FileFormatError(f"{name}: its configuration must be a dict. Got {type(config).__name__}.")
    label = f"{name} {config.get('name', '')!r}" if config.get("name") else name
    try:
        if cls.__module__.startswith("minidl.") and not hasattr(cls, "get_layer"):  # a model reads its own layers
            config = fit_arguments(cls, {key: _argument(key, value) for key, value in config.items()}, label)
        return cls.from_config(config)
    except FileFormatError:
        raise
    except DAMAGE as error:
        raise FileFormatError(
            f"the configuration of {label} makes no {name}: {type(error).__name__}: {str(error)[:400]}"
        ) from error


_FUNCTIONS = ("activation", "initializer", "regularizer", "constraint", "function", "fn")


def _argument(key: str, value: Any) -> Any:
    """Read one argument of a configuration; a name may be that of a function of your own."""
    end = key.rsplit("_", 1)[-1]
    if isinstance(value, str) and end in _FUNCTIONS:
        found = get_registered_object(value)
        if found is None and key == "fn":  # older files of a metric that is a function
            return find_function(value, None, "metrics")
        return value if found is None else found
    kind = {"activation": "activations", "initializer": "initializers", "regularizer": "regularizers"}.get(end)
    if key == "function" and is_object(value) and value["class_name"] == "function":
        return value  # Lambda says itself what is missing
    if is_object(value) and "module" in value:
        return deserialize(value)
    kind = kind or {"constraint": "constraints", "layer": "layers", "rate": "schedules"}.get(end)
    return _tuples(deserialize(value, kind))


def _tuples(value: Any) -> Any:
    """Return shapes and sizes, which JSON makes lists, as tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def fit_arguments(cls: type, config: dict[str, Any], label: str) -> dict[str, Any]:
    """Leave out what Keras writes and minidl does not have, where it would change nothing.

    Raises
    ------
    FileFormatError : an argument that minidl does not have is set to something
    """
    known, open_ended = _parameters(cls)
    kept: dict[str, Any] = {}
    for key, value in config.items():
        if key in known or (open_ended and key in _SHARED):
            kept[key] = value
        elif value not in (None, False, {}, (), []) and value not in HARMLESS.get(key, ()):
            raise FileFormatError(
                f"{label}: the file sets {key}={value!r}, an argument that minidl's {cls.__name__} does not have."
            )
    return kept


_SHARED = ("batch_input_shape", "batch_shape", "input_shape", "input_dim", "input_length", "batch_size", "weights")


def _parameters(cls: type) -> tuple[set[str], bool]:
    """Return the argument names of a class, with those of its bases as far as **kwargs hands them on."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names, False
    return names, True
