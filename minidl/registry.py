"""Registry: the classes and functions of one kind by name: looked up, written down in Keras' form, and read again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.keras.custom_objects import custom_object_scope, exact_object, get_registered_object, registered_name

# All registries, by the last part of their module's name: "losses", "schedules" …
REGISTRIES: dict[str, Registry] = {}


class Configured:
    """Base of objects that are made of their configuration: by default, all attributes are arguments of their names."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal one."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the object of a configuration."""
        return cls(**config)


def constructor(
    arguments: Mapping[str, Any], begin: Callable[..., None], unknown: Callable[[str, Any], None] | None = None
) -> Any:
    """Return an `__init__` that takes these arguments, with these defaults, and hands all of them on by name.

    begin : called with the object and the arguments
    unknown : called with the class's name and the names of arguments that are not among these, to say what is to be
        used instead; by default they are a TypeError, as of any function
    """
    anyhow = inspect.Parameter.POSITIONAL_OR_KEYWORD
    defaults = {"self": inspect.Parameter.empty, **arguments}
    taken = [inspect.Parameter(name, anyhow, default=default) for name, default in defaults.items()]
    if unknown is not None:
        taken.append(inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD))
    signature = inspect.Signature(taken)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}: {error}. See help({name}).") from None
        given.apply_defaults()
        if unknown is not None:
            unknown(name, given.arguments.pop("kwargs"))
        begin(**given.arguments)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def settings_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what a function of (y_true, y_pred) takes behind these two, with its defaults."""
    return {p.name: p.default for p in list(inspect.signature(function).parameters.values())[2:]}


class Registry:
    """What the losses (metrics, initializers …) have in common: names.

    Parameters
    ----------
    kind : "loss", for messages
    module : the globals of a module: the classes in its `__all__` can be named, with `functions` the functions too
    bases : the class that objects of the kind derive from, then others that no name stands for
    wanted : what `get` takes, for its message
    also : more names
    any_case : whether "Adam" and "ADAM" are "adam"
    callables : whether a function may stand for an object
    """

    def __init__(
        self,
        kind: str,
        module: dict[str, Any],
        bases: tuple[type, ...],
        wanted: str,
        *,
        also: Mapping[str, Any] | None = None,
        functions: bool = False,
        any_case: bool = False,
        callables: bool = True,
    ) -> None:
        self.kind, self.bases, self.wanted = kind, bases, wanted
        self.any_case, self.callables = any_case, callables
        public = {name: module[name] for name in module["__all__"] if name in module}
        self.functions = {name: item for name, item in public.items() if inspect.isfunction(item)}
        classes = {name: item for name, item in public.items() if isinstance(item, type)}
        named = classes | (self.functions if functions else {}) | dict(also or {})
        self.names = {name: item for name, item in named.items() if item not in bases}
        REGISTRIES[module["__name__"].rpartition(".")[2]] = self

    @property
    def classes(self) -> dict[str, type]:
        """The classes that a description may name, by all their names."""
        named = {name: item for name, item in self.names.items() if isinstance(item, type)}
        return named | {base.__name__: base for base in self.bases}

    def get(self, identifier: Any) -> Any:
        """Return the object or function of a name, class or configuration; what is one already, or None, as it is.

        A class or function of your own is known by its name inside `custom_object_scope`, or when it is registered.

        Raises
        ------
        UnknownNameError : no such name; the nearest is suggested
        ArgumentError : nothing of this kind

        >>> from minidl import losses, optimizers
        >>> losses.get("mse") is losses.mean_squared_error, float(optimizers.get("adam").learning_rate)
        (True, 0.001...)
        >>> losses.get("msee")
        Traceback (most recent call last):
        minidl.errors.UnknownNameError: unknown loss: 'msee'. Did you mean 'mse'? ...
        """
        if identifier is None or isinstance(identifier, self.bases[:1]):
            return identifier
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            found = self._find({"class_name": identifier}, self.names)
            if found is None:
                raise unknown_name(self.kind, identifier, self.names)
        elif callable(identifier) and self.callables:
            found = identifier
        else:
            got = f"the class; write {identifier.__name__}()" if isinstance(identifier, type) else repr(identifier)
            raise ArgumentError(f"{self.kind}: {self.wanted} is needed. Got {got}.")
        return found() if isinstance(found, type) else found

    def serialize(self, item: Any) -> Any:
        """Return what a configuration says of an object, in Keras' form; of a function its name."""
        return described(item) if hasattr(item, "get_config") else getattr(item, "__name__", item)

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the object that `serialize`, or Keras, described.

        Parameters
        ----------
        config : a dict with `class_name` and `config`; or what `get` takes
        custom_objects : your own classes and functions, by name

        Raises
        ------
        UnknownNameError : no class of that name; the nearest is suggested
        """
        with custom_object_scope(custom_objects):
            if not isinstance(config, dict):
                return self.get(config)
            name, arguments = config.get("class_name"), config.get("config") or {}
            if name == "function":  # Keras writes functions so
                return self.get(arguments)
            if not isinstance(name, str):
                raise ArgumentError(f"{self.kind}: a dict with class_name and config is needed. Got {config!r}.")
            found = self._find(config, self.classes)
            if found is None:
                raise unknown_name(f"{self.kind} class (your own go into custom_objects=)", name, self.classes)
            return found.from_config(dict(arguments)) if hasattr(found, "from_config") else found

    def _find(self, config: dict[str, Any], names: Mapping[str, Any]) -> Any:
        found = find(config, names)
        if found is None and self.any_case:
            found = find({**config, "class_name": config["class_name"].lower()}, names)
        return found


def described(item: Any) -> dict[str, Any]:
    """Return the class and configuration of a layer, optimizer, loss, initializer …, as Keras writes them.

    >>> from minidl import layers
    >>> described(layers.Flatten(name="f"))["module"]
    'keras.layers'
    """
    cls = type(item)
    home, own = cls.__module__, cls.__module__.split(".")[0] != "minidl"
    if not own:
        home = next((keras for ours, keras in _HOMES.items() if home.startswith(ours)), f"keras.{home.split('.')[1]}")
    names = {"module": home, "class_name": cls.__name__}
    registered = registered_name(cls) if own else None
    if (home, cls.__name__) == ("keras", "Model"):  # what Keras calls it when it has a graph
        names, registered = {"module": "keras.src.models.functional", "class_name": "Functional"}, "Functional"
    return {**names, "config": item.get_config(), "registered_name": registered}


# Keras' names of modules that are called otherwise here.
_HOMES = {
    "minidl.models": "keras", "minidl.config": "keras.random",
    "minidl.optimizers.schedules": "keras.optimizers.schedules",
}  # fmt: skip


def find(config: dict[str, Any], names: Mapping[str, Any]) -> Any:
    """Return what a description names, or None: a class or function of your own first, then one of `names`."""
    name, module, registered = config["class_name"], config.get("module"), config.get("registered_name")
    # A class of yours may be called Dense too; where the description means Keras' Dense, it stays Keras'.
    if not (name in names and registered is None and isinstance(module, str) and module.startswith("keras.")):
        for known_as in (registered, name):
            found = exact_object(known_as)
            if found is not None:
                return found
    theirs = module is None or str(module).split(".")[0] in ("keras", "minidl", "tensorflow", "tf_keras")
    found = names.get(name) if theirs else None
    return found or get_registered_object(registered) or get_registered_object(name)
