"""Objects from JSON in Keras' form (module, class_name, config, registered_name), by Keras or `write_objects`."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.config import SeedGenerator
from minidl.errors import FileFormatError
from minidl.keras.custom_objects import exact_object, get_registered_object, known_names
from minidl.layers.base.layer import Layer
from minidl.registry import REGISTRIES, find
from minidl.saving.files import DAMAGE
from minidl.tensor import Tensor

# Arguments of Keras that change nothing here at these values (None and False never do).
HARMLESS: dict[str, tuple[Any, ...]] = {
    "renorm_momentum": (0.99,), "use_cudnn": ("auto", True), "implementation": (0, 1, 2), "unroll": (True,),
    "groups": (1,), "autocast": (True,), "jit_compile": (True,),
    "initial_decay": (0.0,), "decay": (0.0,),
}  # fmt: skip


_RUNS_CODE = frozenset({"eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "breakpoint", "system"})


def is_object(config: Any) -> bool:
    """Whether a piece of JSON describes an object."""
    return isinstance(config, dict) and "class_name" in config and "config" in config


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
    if not isinstance(name, str):
        raise FileFormatError(f"the file names a class {name!r}, which is no name.")
    if name in _SPECIAL:
        return _SPECIAL[name](inner)
    if name == "function":
        module = config.get("module")
        return find_function(inner, config.get("registered_name"), kind or kind_of(module), module)
    made = make(find_class(config, kind), inner if inner is not None else {}, name)
    if isinstance(made, Layer) and type(made).build_from_config is not Layer.build_from_config:
        made.build_from_config(config.get("build_config"))
    return made


def _refuse_code(module: Any, name: Any) -> None:
    """Refuse, among what is not known, what only a file that means harm names: functions of Python's own library."""
    home = module.split(".")[0] if isinstance(module, str) else ""
    # Keras writes "builtins" as the module of any function, also of yours.
    if home in sys.stdlib_module_names - {"builtins"} or (isinstance(name, str) and name in _RUNS_CODE):
        raise FileFormatError(
            f"the file names {name!r}{f' of the module {module!r}' if home else ''}, which is no part of any network: "
            "such a name is put into a file to run code. None ran. Where is the file from?"
        )


def _lambda(_: Any) -> Any:
    raise FileFormatError(
        "the file holds a Python lambda as code, and minidl never runs code from a file (safe_mode=False does not "
        "change that). Build the model in Python and load its weights with model.load_weights, or save it again "
        "with a named function and pass custom_objects={'its_name': its_name}."
    )


def policy_dtype(config: dict[str, Any]) -> str:
    """Return the dtype that a policy of Keras names.

    Raises
    ------
    FileFormatError : a mixed policy, under which layers compute in another dtype than their weights have
    """
    name = str(config["name"])
    if name.startswith("mixed_"):
        raise FileFormatError(
            f"the file has the dtype policy {name!r}; minidl computes in the dtype of the weights, float32. Build the "
            "model in Python and load its weights with model.load_weights: they are float32 in the file."
        )
    return name


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__ellipsis__": lambda _: Ellipsis,
    "__slice__": lambda c: slice(*(deserialize(c[key]) for key in ("start", "stop", "step"))),
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__numpy__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__tensor__": lambda c: Tensor(np.array(c["value"], dtype=c["dtype"])),
    "__lambda__": _lambda,
    "DTypePolicy": lambda c: policy_dtype(c),
    "FloatDTypePolicy": lambda c: policy_dtype(c),
    "SeedGenerator": lambda c: SeedGenerator(c["seed"]),
}


def kind_of(module: Any) -> str | None:
    """Return which of REGISTRIES a Keras path means: "keras.src.optimizers.adam" is "optimizers"."""
    if not isinstance(module, str):
        return None
    parts = module.split(".")
    # "keras.optimizers.schedules" names two; the longer tells more.
    return "schedules" if "schedules" in parts else next((part for part in parts if part in REGISTRIES), None)


def find_class(config: dict[str, Any], kind: str | None = None) -> Any:
    """Return the class that an object's description names: one of your own first, then minidl's.

    Raises
    ------
    FileFormatError : there is none; the nearest name is suggested
    """
    kind = kind_of(config.get("module")) or kind
    # Of all kinds the first that was made counts (a loss rather than a metric), but a layer most of all.
    kinds = [REGISTRIES[kind]] if kind in REGISTRIES else [*reversed(REGISTRIES.values()), REGISTRIES["layers"]]
    names = {name: item for registry in kinds for name, item in registry.classes.items()}
    found = find(config, names)
    if found is None:
        _refuse_code(config.get("module"), config["class_name"])
        raise unknown_class(config["class_name"], config.get("module"), names)
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
        "minidl.saving.register_keras_serializable(). Known custom objects: "
        f"{', '.join(sorted(set(custom))) or 'none'}."
    )


def find_function(name: Any, registered: Any, kind: str | None, module: Any = None) -> Any:
    """Return a function by name: one of your own, or an activation, loss or metric."""
    for known_as in (registered, name):
        found = exact_object(known_as)
        if found is not None:
            return found
    for part in [kind] if kind in REGISTRIES else ["activations", "losses", "metrics"]:
        if name in REGISTRIES[str(part)].functions:
            return REGISTRIES[str(part)].functions[name]
    found = get_registered_object(registered) or get_registered_object(name)
    if found is not None:
        return found
    _refuse_code(module, name)
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


def _argument(key: str, value: Any) -> Any:
    """Read one argument of a configuration; names of functions and objects are looked up by who takes them."""
    if key == "fn" and isinstance(value, str):  # older files of a metric that is a function
        return find_function(value, None, "metrics")
    if key == "function" and is_object(value) and value["class_name"] == "function":
        return value  # Lambda says itself what is missing
    kinds = f"{key.rsplit('_', 1)[-1]}s"  # `kernel_initializer` is one of the initializers
    kind = None if is_object(value) and "module" in value else "schedules" if kinds == "rates" else kinds
    return as_tuples(deserialize(value, kind))


def as_tuples(value: Any) -> Any:
    """Return shapes and sizes, which JSON makes lists, as tuples."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


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
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names, False
    return names, True
