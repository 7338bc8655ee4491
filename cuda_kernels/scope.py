"""What a `with` block puts in force, for its own thread, task and generator alone.

A plain global would hold for every thread. A ContextVar holds for one thread or one asyncio task, and that is not
enough: a generator has no context of its own, so what its `with` block puts in force would stay in force for the
caller while the generator is suspended (PEP 568 would have changed that, and was not accepted). A `Scope` is a
ContextVar that knows which generator entered a block, and passes the block over while that generator does not run.

>>> depth = Scope[int]("depth")
>>> def numbers():
...     with depth.block(7):
...         yield depth.get()
>>> generator = numbers()
>>> next(generator), depth.get()
((7,), ())

A generator that is itself a `with` block, by `contextlib.contextmanager` or as a pytest fixture, stands for the block
that it is, and what it puts in force holds there.
"""

from __future__ import annotations

import inspect
import sys
from contextvars import ContextVar
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class Scope(Generic[T]):
    """The values that are in force here, `get()`, and `with scope.block(value):` to add one."""

    def __init__(self, name: str) -> None:
        # The blocks, and what is in force by them: None where it depends on who asks, as one of them is in a generator.
        self._state: ContextVar[State[T]] = ContextVar(name, default=((), ()))

    def block(self, value: T) -> Block[T]:
        """A `with` block in which `value` is in force, innermost."""
        return Block(self._state, (value,))

    def empty(self) -> Block[T]:
        """A `with` block in which nothing from outside is in force."""
        return Block(self._state, ())

    def get(self) -> tuple[T, ...]:
        """What is in force, the innermost block's last."""
        blocks, values = self._state.get()
        if values is None:
            values = _values([b for b in blocks if b.generator is None or _is_running(b.generator)])
        return values


class Block(Generic[T]):
    """One `with` block of a scope. Blocks may end in another order than they began: each takes itself out."""

    __slots__ = ("_state", "generator", "value")

    def __init__(self, state: ContextVar[State[T]], value: tuple[T] | tuple[()]) -> None:
        self._state = state
        self.value = value
        self.generator: list[FrameType] | None = None  # the frame of the one that the block is in, until it ends

    def __enter__(self) -> Any:
        frame = _generator(sys._getframe(1))
        self.generator = None if frame is None else [frame]
        self._set([*self._state.get()[0], self])
        return self.value[0] if self.value else None

    def __exit__(self, *error: object) -> None:
        self._set([b for b in self._state.get()[0] if b is not self])
        if self.generator:
            self.generator.clear()  # a copied context may still hold the block

    def _set(self, blocks: list[Block[T]]) -> None:
        anywhere = all([b.generator is None for b in blocks])
        self._state.set((tuple(blocks), _values(blocks) if anywhere else None))


State = tuple[tuple[Block[T], ...], tuple[T, ...] | None]


def _values(blocks: list[Block[T]]) -> tuple[T, ...]:
    """What blocks put in force together."""
    found: list[T] = []
    for block in blocks:
        if block.value:
            found.append(block.value[0])
        else:
            found.clear()
    return tuple(found)


def _generator(frame: FrameType | None) -> FrameType | None:
    """The frame of the generator that has entered a block at `frame`; None for a function or a coroutine."""
    while frame is not None:
        while frame is not None and _enters_for_its_caller(frame):
            frame = frame.f_back
        if frame is None or not frame.f_code.co_flags & _SUSPENDABLE:
            return None
        caller = frame.f_back
        by = caller.f_globals.get("__name__", "") if caller is not None else ""
        if by != "contextlib":
            return None if by.startswith("_pytest.") else frame
        frame = caller
    return None


def _enters_for_its_caller(frame: FrameType) -> bool:
    return frame.f_code.co_name == "__enter__" or frame.f_globals.get("__name__") == "contextlib"  # ExitStack


def _is_running(generator: list[FrameType]) -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if generator and frame is generator[0]:
            return True
        frame = frame.f_back
    return False
