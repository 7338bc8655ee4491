"""OptionLayer: a layer whose arguments are fields of its class; attributes, checks and configuration follow."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, dataclass_transform, get_args, get_origin

import numpy as np

from minidl.errors import ArgumentError
from minidl.keras.removed import refuse_removed
from minidl.layers.base.layer import Layer
from minidl.tensor import Variable

REQUIRED = inspect.Parameter.empty


def as_python(value: Any) -> Any:
    """Return the value with NumPy's numbers as Python's, which a configuration can hold."""
    if type(value) in (list, tuple):
        return type(value)(as_python(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


class Kind(NamedTuple):
    """What a field's type says of it, as in `units: Annotated[int, Kind(positive)]`; `kinds` has the usual ones.

    Parameters
    ----------
    read : function of (layer, name, argument) that checks the argument and returns the attribute
    write : function of the attribute that returns what the configuration says
    saved : whether the configuration says it
    """

    read: Callable[[Any, str, Any], Any] = lambda layer, name, value: value
    write: Callable[[Any], Any] = lambda value: value
    saved: bool = True


class Option(NamedTuple):
    """One argument of a layer; its kind is None if it is handed to `__post_init__` and not kept."""

    default: Any
    annotation: Any
    kind: Kind | None
    by_name: bool  # and not by its place


class _After(NamedTuple):
    place: str
    default: Any


def after(place: str, default: Any) -> Any:
    """Return the default of a field that stands behind the field `place`, as in Keras, rather than at the end."""
    return _After(place, default)


@dataclass_transform(eq_default=False)
class _Declaring(Layer):
    """Type checkers take the annotated names of its subclasses for their arguments."""


class OptionLayer(_Declaring):
    """Base of layers whose arguments are fields of the class: `name: type = default`, or `name: Positive` if required.

    The class takes the fields of its bases, its own, and by name what every layer takes (`name`, `dtype`, …). Each
    field becomes an attribute and an entry of the configuration, read and written as its type says. `__post_init__`
    checks or makes what depends on several of them. As in a dataclass, an `InitVar` is handed to `__post_init__` and
    not kept, what stands below `_: KW_ONLY` is taken by name only, and a `ClassVar` is no field. Nor is a name without
    a value whose type is none of `kinds`; nor anything in a class that writes its own `__init__`.

    >>> from minidl.layers.base.kinds import Initializer
    >>> class Shift(OptionLayer):
    ...     by_initializer: Initializer = "zeros"
    ...     times: float = 1.0
    ...     def build(self, input_shape):
    ...         self.by = self.add_option_weight("by", input_shape[1:])
    ...     def call(self, inputs):
    ...         return inputs + self.by * self.times
    >>> Shift("ones", times=2.0, name="s")([[5.0]]).numpy(), list(inspect.signature(Shift).parameters)
    (array([[7.]], dtype=float32), ['by_initializer', 'times', 'kwargs'])
    """

    _options: ClassVar[dict[str, Option]] = {}
    _takes: ClassVar[inspect.Signature]  # the same as arguments

    if TYPE_CHECKING:  # what every layer takes, by name: see Layer
        _: KW_ONLY
        name: Any = None
        trainable: Any = True
        dtype: Any = None
        autocast: Any = True
        backend: Any = None
        input_shape: Any = None
        input_dim: Any = None
        batch_input_shape: Any = None
        batch_shape: Any = None
        batch_size: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls._options = {name: option for base in reversed(cls.__bases__)
                        for name, option in getattr(base, "_options", {}).items()}  # fmt: skip
        if "__init__" not in vars(cls) and _declare(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
        cls._takes = _arguments(cls._options)
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse_removed(type(self), kwargs)
        given = _named(type(self), args, self._of_today(kwargs))
        super().__init__(
            **{name: given.pop(name) for name in list(given) if name in SHARED or name not in self._options}
        )
        handed = {}
        for name, option in self._options.items():
            value = given.get(name, option.default)
            if option.kind is None:
                handed[name] = value
            elif name not in SHARED:
                setattr(self, name, as_python(option.kind.read(self, name, value)))
        self.__post_init__(**handed)

    @classmethod
    def _of_today(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments given by name, those that only older files of Keras have turned into today's."""
        return arguments

    def __post_init__(self) -> None:
        """Check or make what depends on several fields, once all are set."""

    def add_option_weight(self, name: str, shape: tuple[int, ...], options: str | None = None) -> Variable:
        """Make the weight `name`, with the initializer, regularizer and constraint kept under `options` (or its name).

        A weight "kernel" has the fields `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`.
        """
        options = options or name
        return self.add_weight(
            shape,
            getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer", None),
            constraint=getattr(self, f"{options}_constraint", None),
            name=name,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        kept = {name: option.kind for name, option in self._options.items() if option.kind and option.kind.saved}
        return super().get_config() | {name: kind.write(getattr(self, name)) for name, kind in kept.items()}


OptionLayer.__init__.__signature__ = inspect.signature(Layer.__init__)  # type: ignore[attr-defined]
# What Layer takes, and keeps itself; a field of that name is handed to it.
SHARED = frozenset(inspect.signature(Layer.__init__).parameters) - {"self", "kwargs"}


def _declare(cls: type[OptionLayer]) -> bool:
    """Put the fields written in the body of a class among its options; return whether there are any."""
    declares = by_name = False
    annotations = inspect.get_annotations(cls)
    # `after(…)` without an annotation: one of Layer's own, such as `name`, which Keras takes by place here.
    bare = {name: Any for name, value in vars(cls).items() if isinstance(value, _After) and name not in annotations}
    for name, annotation in {**annotations, **bare}.items():
        hint, default = _resolved(annotation, cls), vars(cls).get(name, REQUIRED)
        by_name |= hint is KW_ONLY
        if hint is ClassVar or get_origin(hint) is ClassVar:
            cls._options.pop(name, None)
        elif not name.startswith("_") and (default is not REQUIRED or _is_kind(hint)):
            place, default = default if isinstance(default, _After) else ("", default)
            if default is REQUIRED and any(option.default is not REQUIRED for option in cls._options.values()):
                raise ArgumentError(
                    f"class {cls.__name__}: the field {name!r} has no default, and stands behind ones that have. Write "
                    "it above them, or give it a default."
                )
            cls._options = _placed(cls._options, name, Option(default, annotation, _kind(hint), by_name), place)
            if name in vars(cls):
                setattr(cls, name, default)
            if isinstance(getattr(Layer, name, None), property):
                delattr(cls, name)  # a value of the class would hide it
            declares = True
    return declares


def _placed(options: dict[str, Option], name: str, option: Option, place: str) -> dict[str, Option]:
    """Return the options with one more: where it was, at the end, or behind `place`."""
    if not place:
        return options | {name: option}
    names = [known for known in options if known != name]
    names.insert(names.index(place) + 1, name)
    options = options | {name: option}
    return {known: options[known] for known in names}


def _resolved(annotation: Any, cls: type) -> Any:
    """Return the type that an annotation names; one known to type checkers only stays a text."""
    if not isinstance(annotation, str):
        return annotation
    # Where the class was written: its methods know it, also in a program that is run as a text.
    methods = (item for item in vars(cls).values() if inspect.isfunction(item))
    written_in = next((method.__globals__ for method in methods), vars(sys.modules[cls.__module__]))
    try:
        return eval(annotation, written_in)
    except NameError:
        return ClassVar if "ClassVar" in annotation else annotation


def _is_kind(hint: Any) -> bool:
    return isinstance(hint, InitVar) or get_origin(hint) is Annotated


def _kind(hint: Any) -> Kind | None:
    if isinstance(hint, InitVar):
        return None
    said = getattr(hint, "__metadata__", ()) if get_origin(hint) is Annotated else ()
    return next((one for one in said if isinstance(one, Kind)), Kind())


def _arguments(options: dict[str, Option]) -> inspect.Signature:
    """Return the arguments that a class with these options takes."""
    taken = []
    for name, option in options.items():
        shown = option.annotation  # without what only minidl reads in it
        shown = get_args(shown)[0] if get_origin(shown) is Annotated else shown
        how = inspect.Parameter.KEYWORD_ONLY if option.by_name else inspect.Parameter.POSITIONAL_OR_KEYWORD
        taken.append(inspect.Parameter(name, how, default=option.default, annotation=shown))
    others = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation="Any")
    return inspect.Signature([*sorted(taken, key=lambda one: one.kind), others])


def _constructor(cls: type[OptionLayer]) -> Callable[..., None]:
    """Return the `__init__` of a class, which shows its options as arguments."""

    def __init__(self: OptionLayer, *args: Any, **kwargs: Any) -> None:
        OptionLayer.__init__(self, *args, **kwargs)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    arguments = _arguments(cls._options)
    __init__.__signature__ = arguments.replace(parameters=[own, *arguments.parameters.values()])  # type: ignore
    __init__.made_of_fields = True  # type: ignore[attr-defined]  # its get_config says them all
    __init__.__qualname__, __init__.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return __init__


def _named(cls: type[OptionLayer], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of a call by name."""
    try:
        given = cls._takes.bind(*args, **kwargs).arguments
    except TypeError as error:
        bare = [one.replace(annotation=REQUIRED) for one in cls._takes.parameters.values()]
        call = f"{cls.__name__}{inspect.Signature(bare)}"
        raise TypeError(f"{cls.__name__}: {error}. It is called as {call}.") from None
    return given | given.pop("kwargs", {})
