"""A translated kernel: the program's text, its constants, and the device functions that it calls."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

import numpy as np

from ..machine.machine import PARTS
from . import names
from .captured import Captured
from .draft import ANY, Draft
from .source import Source
from .translate import Statements

_captured: weakref.WeakKeyDictionary[Any, dict[tuple, Captured]] = weakref.WeakKeyDictionary()


class Program:
    """A translated kernel: `run(machine, *arguments)`, and the text of the program."""

    def __init__(self, function: Any, stepping: bool = False, captured: Captured | None = None,
                 unsigned: bool = False) -> None:
        self.source = Source(function)
        self.captured = captured or Captured()
        self.stepping = stepping
        self.unsigned = unsigned  # 64-bit unsigned integers occur
        self.namespace: dict[str, Any] = {"none_": None}
        self.texts: list[str] = []
        self.translated: dict[tuple, tuple[str, Any]] = {}
        self.under_way: list[Any] = []
        self.numbers = itertools.count(1)  # one for each function: those of one factory have one name
        self.pool: dict[tuple, str] = {}
        self.taken = {"slice", "locals", "True", "False", "None",
                      "m", "line", "result", "before", "quiet", *PARTS}  # what a program itself uses, and its functions
        self.sites = 0
        self.loops = False  # has a `while`
        self.waits = False  # has a `while` whose end depends on memory: threads may wait for others
        self.polls = False  # has one that does nothing else
        self.local_bytes = 0  # of a thread
        self.shared_bytes = 0  # of a block, static
        self.dynamic_sites: dict[str, set[int]] = {}  # in each function: its names for the dynamic shared memory
        self.breakpoints = False
        self.cooperative = False  # uses cuda.cg.this_grid(): all blocks must be there at a time
        self.helper_lines: dict[int, str] = {}
        name, kernel = self.function(function, None)
        self.stored = set(kernel.parameters) if ANY in kernel.stored else kernel.stored
        self.parameters = kernel.parameters
        self.text = "\n\n".join(self.texts)
        self.filename = f"<translation of {self.source.name}>"
        exec(compile(self.text, self.filename, "exec"), self.namespace)
        self.run = self.namespace[name]
        self.translated.clear()  # a program must not keep its function alive: it is cached for as long as that lives
        self.source.function = None

    def function(self, function: Any, caller: Any, bound: dict[str, Any] | None = None,
                 literals: dict[str, Any] | None = None) -> tuple[str, Draft]:
        """The translated name of `function` (a kernel if `caller` is None) and its draft.

        bound : its parameters that are functions; each set of them makes a translation of its own
        literals : the values of its parameters that are literals at this call; one that is a shape makes another
        """
        foreign = caller is not None and function.__code__.co_filename != self.source.filename
        if caller is None:
            if function.__code__.co_name == "<lambda>":
                raise self.source.fail(self.source.tree, "a kernel is a plain `def` function; a lambda can only return "
                                       "a value. Write it with def")
            self.captured.watch(function, self.source.tree)
            return self._translate(function, self.source, self.source.name, Draft(self, self.source))
        key = (function, *sorted((n, id(f)) for n, f in (bound or {}).items()))
        known = self.translated.get((key, foreign))
        if known is not None:
            return known
        self.refuse_recursion(key, function.__name__, caller)
        source = Source(function)
        self.captured.watch(function, source.tree)
        if not foreign:
            self.helper_lines.update(source.lines)
        draft = Draft(self, source, kernel=False, foreign=foreign, bound=bound,
                                        literals=literals)
        found = self._translate(key, source, f"{source.name}_{next(self.numbers)}", draft)
        if draft.literals_used:
            del self.translated[key, foreign]
        return found

    def nested(self, source: Source, caller: Draft) -> tuple[str, Draft]:
        """The same for a function that is defined inside another."""
        known = self.translated.get((source.definition, caller.foreign))
        if known is not None:
            return known
        self.refuse_recursion(source.definition, source.name, caller)
        draft = Draft(self, source, kernel=False, foreign=caller.foreign)
        draft.nested.update(caller.nested)
        return self._translate(source.definition, source, f"{source.name}_{next(self.numbers)}", draft)

    def refuse_recursion(self, key: Any, name: str, caller: Draft) -> None:
        """A kernel has no stack to recurse on."""
        if key in self.under_way:
            raise caller.fail(caller.call_node, f"{name!r} calls itself; recursion needs a stack that a kernel does "
                                                "not have: write a loop")

    def _translate(self, key: Any, source: Source, name: str,
                   draft: Draft) -> tuple[str, Draft]:
        self.under_way.append(key)
        while name in self.taken or name in self.namespace:
            name += "_"
        self.taken.add(name)
        draft.name = name
        self.texts.append(Statements(draft).translate())
        self.under_way.pop()
        self.translated[key, draft.foreign] = (draft.name, draft)
        return draft.name, draft

    def constant(self, value: Any, hint: str = "k") -> str:
        """A name in the program's namespace for a value known now."""
        if isinstance(value, np.ndarray):
            value = self.captured.array(value)
        number = isinstance(value, np.generic)
        key = (type(value), value.tobytes()) if number else ("id", id(value))
        if key not in self.pool:
            name = f"{hint}{len(self.pool)}"
            if number and hint == "k":
                shown = str(value.item()).replace(".", "p").replace("-", "m").replace("+", "")
                name = f"{value.dtype.name}_{shown}" if shown.isidentifier() or shown[:1].isdigit() else name
                name = name if name.isidentifier() and name not in self.namespace else f"{hint}{len(self.pool)}"
            while name in self.taken or name in self.namespace:
                name += "_"
            self.pool[key] = name
            self.namespace[name] = value
        return self.pool[key]


def program_of(kernel: Any, args: tuple = (), stepping: bool = False) -> Program:
    """The translated program of a kernel: one for as long as what it names around it stays as it is.

    For arguments of types that it was launched with before, that is for ever (see captured.py).
    """
    function = names.python_function(kernel)
    if function is None:
        raise TypeError("simt.launch: the kernel must be a function or a @cuda.jit kernel, got "
                        f"{type(kernel).__name__}")
    by_types, types = _captured.setdefault(function, {}), _types(args)
    if types not in by_types:
        latest = next(reversed(by_types.values()), None)
        by_types[types] = latest if latest is not None and latest.unchanged() else Captured()
    captured = by_types[types]
    if types not in captured.unsigned:
        captured.unsigned[types] = "u8" in str(types) or "uint64" in str(types) or any(
            "uint64" in code.co_names for code in _codes(function))
    unsigned = captured.unsigned[types]
    if (stepping, unsigned) not in captured.programs:
        captured.programs[stepping, unsigned] = Program(function, stepping, captured, unsigned)
    return captured.programs[stepping, unsigned]


def _codes(function: Any) -> list[Any]:
    """The code of a function, and of the functions that it names."""
    own = function.__code__
    named = [names.python_function(function.__globals__.get(name)) for name in own.co_names]
    return [own, *(f.__code__ for f in named if f is not None)]


def _types(args: tuple) -> tuple:
    """What Numba would compile a kernel anew for."""
    return tuple((a.dtype.str, a.ndim, a.flags.c_contiguous) if isinstance(a, np.ndarray) else
                 _types(a) if isinstance(a, tuple) else type(a) for a in args)
