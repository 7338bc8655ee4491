"""OptionLayer: a layer whose arguments are fields of its class; attributes, checks and configuration follow."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, dataclass_transform, get_args, get_origin

import numpy as np

from minidl.keras.removed import refuse_removed
from minidl.layers.base.layer import Layer
from minidl.tensor import Tensor, Variable

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
    """Base of layers whose arguments are fields of the class: `name: type = default`, or `name: type` if required.

    The class takes the fields of its bases, its own, and by name what every layer takes (`name`, `dtype`, …). Each
    field becomes an attribute and an entry of the configuration, read and written as its type says. `__post_init__`
    checks or makes what depends on several of them. As in a dataclass, an `InitVar` is handed to `__post_init__` and
    not kept, and a `ClassVar` is no field; nor is a weight (`Variable`), a layer, or a name that begins with "_".

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

    options: ClassVar[dict[str, Option]] = {}

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
        cls.options = {name: option for base in reversed(cls.__bases__)
                       for name, option in getattr(base, "options", {}).items()}  # fmt: skip
        if _declare(cls) and "__init__" not in vars(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse_removed(type(self), kwargs)
        given = _named(type(self), args, self.accept(kwargs))
        super().__init__(
            **{name: given.pop(name) for name in list(given) if name in SHARED or name not in self.options}
        )
        handed = {}
        for name, option in self.options.items():
            value = given.get(name, option.default)
            if option.kind is None:
                handed[name] = value
            elif name not in SHARED:
                setattr(self, name, as_python(option.kind.read(self, name, value)))
        self.__post_init__(**handed)

    @classmethod
    def accept(cls, arguments: dict[str, Any]) -> dict[str, Any]:
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
        kept = {name: option.kind for name, option in self.options.items() if option.kind and option.kind.saved}
        return super().get_config() | {name: kind.write(getattr(self, name)) for name, kind in kept.items()}


OptionLayer.__init__.__signature__ = inspect.signature(Layer.__init__)  # type: ignore[attr-defined]
# What Layer takes, and keeps itself; a field of that name is handed to it.
SHARED = frozenset(inspect.signature(Layer.__init__).parameters) - {"self", "kwargs"}


def _declare(cls: type[OptionLayer]) -> bool:
    """Put the fields written in the body of a class among its options; return whether there are any."""
    own = {}
    annotations = inspect.get_annotations(cls)
    # `after(…)` without an annotation: one of Layer's own, such as `name`, which Keras takes by place here.
    bare = {name: Any for name, value in vars(cls).items() if isinstance(value, _After) and name not in annotations}
    for name, annotation in {**annotations, **bare}.items():
        hint = _resolved(annotation, cls)
        if hint is ClassVar or get_origin(hint) is ClassVar:
            cls.options.pop(name, None)
        elif not name.startswith("_") and not (isinstance(hint, type) and issubclass(hint, Tensor | Layer)):
            default = vars(cls).get(name, REQUIRED)
            if name in vars(cls):
                delattr(cls, name)  # so that no value of the class hides a property of that name
            place, default = default if isinstance(default, _After) else ("", default)
            own[name] = Option(default, annotation, _kind(hint))
            cls.options = _placed(cls.options, name, own[name], place)
    return bool(own)


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


def _kind(hint: Any) -> Kind | None:
    if isinstance(hint, InitVar):
        return None
    said = getattr(hint, "__metadata__", ()) if get_origin(hint) is Annotated else ()
    return next((one for one in said if isinstance(one, Kind)), Kind())


def _shown(option: Option) -> Any:
    """Return the annotation without what only minidl reads in it."""
    return get_args(option.annotation)[0] if get_origin(option.annotation) is Annotated else option.annotation


def _constructor(cls: type[OptionLayer]) -> Callable[..., None]:
    """Return the `__init__` of a class, which shows its options as arguments."""

    def __init__(self: OptionLayer, *args: Any, **kwargs: Any) -> None:
        OptionLayer.__init__(self, *args, **kwargs)

    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken = [inspect.Parameter(n, either, default=o.default, annotation=_shown(o)) for n, o in cls.options.items()]
    others = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation="Any")
    __init__.__signature__ = inspect.Signature([inspect.Parameter("self", either), *taken, others])  # type: ignore
    __init__.made_of_fields = True  # type: ignore[attr-defined]  # its get_config says them all
    __init__.__qualname__, __init__.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return __init__


def _named(cls: type[OptionLayer], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of a call by name."""
    given = dict(zip(cls.options, args, strict=False))
    twice = [repr(name) for name in given if name in kwargs]
    missing = [repr(n) for n, o in cls.options.items() if o.default is REQUIRED and n not in {**given, **kwargs}]
    if len(args) > len(given) or twice or missing:
        count = f"it takes {len(cls.options)} arguments without a name, and got {len(args)}"
        wrong = f"it lacks {', '.join(missing)}" if missing else f"it got {', '.join(twice)} twice" if twice else count
        if missing and not cls.__module__.startswith("minidl."):
            wrong += ": an annotated name without a value in the class is a required argument, but not a ClassVar"
        takes = [n if o.default is REQUIRED else f"{n}={o.default!r}" for n, o in cls.options.items()]
        raise TypeError(f"{cls.__name__}: {wrong}. It is called as {cls.__name__}({', '.join(takes)}).")
    return given | kwargs
