"""Classes and functions of your own that a configuration may name (`keras.saving.register_keras_serializable`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from minidl.errors import ArgumentError
from minidl.scope import Scope

Registered = TypeVar("Registered")

_GLOBAL: dict[str, Any] = {}
_NAMES: dict[Any, str] = {}
_SCOPED: Scope[Mapping[str, Any]] = Scope("minidl_custom_objects")


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


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Make classes and functions known by name inside a `with` block; an inner block's are stronger.

    >>> with custom_object_scope({"double": lambda x: 2 * x}):
    ...     get_registered_object("double")(4)
    8
    """
    if not isinstance(custom_objects, Mapping | None):
        raise ArgumentError(
            f"custom_object_scope: a dict of names and classes or functions is needed. Got {custom_objects!r}."
        )
    with _SCOPED.block(custom_objects or {}):
        yield


CustomObjectScope = custom_object_scope


def exact_object(name: Any) -> Any:
    """Return the class or function of your own that is known by just this name, or None."""
    return _known().get(name) if isinstance(name, str) else None


def get_registered_object(name: Any, custom_objects: Any = None, module_objects: Any = None) -> Any:
    """Return the class or function of a name, or None: from `custom_objects`, a scope, or the registered ones.

    "Custom>Twice" and plain "Twice" find each other, so that a file of either form loads.
    """
    if not isinstance(name, str):
        return None
    known = _known() | (custom_objects or {})
    if name in known:
        return known[name]
    short = name.rsplit(">", 1)[-1]
    for key, item in reversed(known.items()):
        # A plain name finds a registered one only where that was not given another package on purpose.
        if key == short or (">" not in name and key.rsplit(">", 1)[-1] == short):
            return item
    return (module_objects or {}).get(name)


def known_names() -> list[str]:
    """Return the names of all custom objects that are known now."""
    return list(_known())


def _known() -> dict[str, Any]:
    """Return all that is known here, what is stronger behind what it replaces."""
    return _GLOBAL | {name: item for objects in _SCOPED.get() for name, item in objects.items()}
