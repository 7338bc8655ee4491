"""Classes and functions of your own that a saved configuration may name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from minidl import activations, layers, losses, metrics
from minidl.errors import ArgumentError
from minidl.layers.base import serialization

Registered = TypeVar("Registered")

_GLOBAL: dict[str, Any] = {}
_NAMES: dict[Any, str] = {}


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Registered], Registered]:
    """Return a decorator that makes a class or function known to `load_model`, as "package>name".

    >>> import minidl
    >>> @register_keras_serializable("docs")
    ... class Twice(minidl.layers.Layer):
    ...     def call(self, x):
    ...         return x * 2
    >>> registered_name(Twice)
    'docs>Twice'
    """

    def register(item: Registered) -> Registered:
        if not callable(item):
            raise ArgumentError(f"register_keras_serializable: a class or function is needed. Got {item!r}.")
        if isinstance(item, type) and not hasattr(item, "get_config"):
            raise ArgumentError(
                f"register_keras_serializable: class {item.__name__} must define get_config(), "
                "which says how it is made."
            )
        key = f"{package}>{name or item.__name__}"  # type: ignore[attr-defined]
        _GLOBAL[key] = item
        _NAMES[item] = key
        return item

    return register


def registered_name(item: Any) -> str:
    """Return the name under which a class or function was registered, else its own name."""
    return _NAMES.get(item) or str(getattr(item, "__name__", item))


def get_custom_objects() -> dict[str, Any]:
    """Return the dict of everything that is registered; what you add to it is known to `load_model` too."""
    return _GLOBAL


def exact_object(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the class or function that is known by just this name, or None."""
    tables = (custom_objects or {}, _scoped(), _GLOBAL)
    return next((table[name] for table in tables if name in table), None) if isinstance(name, str) else None


def get_registered_object(
    name: Any, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """Return the class or function of a name, or None: from `custom_objects`, a scope, or the registered ones.

    "Custom>Twice" and plain "Twice" find each other, so that a file of either form loads.
    """
    if not isinstance(name, str):
        return None
    tables = [custom_objects or {}, _scoped(), _GLOBAL]
    found = exact_object(name, custom_objects)
    if found is not None:
        return found
    short = name.rsplit(">", 1)[-1]
    for table in tables:
        for key, item in table.items():
            # A plain name finds a registered one only where that was not given another package on purpose.
            if key == short or (">" not in name and key.rsplit(">", 1)[-1] == short):
                return item
    return (module_objects or {}).get(name)


@contextmanager
def custom_object_scope(custom_objects: dict[str, Any] | None) -> Iterator[None]:
    """Make classes and functions known by name inside a `with` block.

    >>> with custom_object_scope({"double": lambda x: 2 * x}):
    ...     get_registered_object("double")(4)
    8
    """
    if not isinstance(custom_objects, dict | None):
        raise ArgumentError(
            f"custom_object_scope: a dict of names and classes or functions is needed. Got {custom_objects!r}."
        )
    short = {name.rsplit(">", 1)[-1]: item for name, item in _GLOBAL.items()}
    # A registered function or class of yours may be called relu or Dense; the plain name stays minidl's.
    taken = (layers, activations, losses, metrics)
    registered = {**_GLOBAL, **{n: item for n, item in short.items() if not any(hasattr(m, n) for m in taken)}}
    outer = _scoped()
    with serialization.custom_object_scope({**registered, **outer, **(custom_objects or {})}):
        yield


def _scoped() -> dict[str, Any]:
    """Return what the `with` blocks around this call make known; the layers' own deserialize looks there too."""
    return serialization.custom_objects_here()


CustomObjectScope = custom_object_scope


def known_names() -> list[str]:
    """Return the names of all custom objects that are known now."""
    return [*_scoped(), *_GLOBAL]
