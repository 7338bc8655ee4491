"""Lists and dicts of a layer that notice what is put into them, so that `self.blocks.append(Dense(8))` is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def tracked(value: Any, track: Callable[[Any], None]) -> Any:
    """Return a value whose lists and dicts tell `track` of every item that they get, now or later."""
    if type(value) in (list, TrackedList):
        return TrackedList([tracked(item, track) for item in value], track)
    if type(value) in (dict, TrackedDict):
        return TrackedDict({key: tracked(item, track) for key, item in value.items()}, track)
    if type(value) is tuple:
        return tuple(tracked(item, track) for item in value)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        tracked(item, track)  # of another kind of list: as it is now
    track(value)
    return value


def _nothing(_: Any) -> None:
    """What a copy of such a list does: it belongs to no layer."""


class TrackedList(list[Any]):
    """A list that belongs to a layer."""

    _track: Callable[[Any], None] = staticmethod(_nothing)  # while it is unpickled, item by item

    def __init__(self, values: Any = (), track: Callable[[Any], None] = _nothing) -> None:
        super().__init__(values)
        self._track = track

    def append(self, item: Any) -> None:
        """Add an item at the end."""
        super().append(tracked(item, self._track))

    def extend(self, items: Any) -> None:
        """Add several."""
        super().extend([tracked(item, self._track) for item in items])

    def __iadd__(self, items: Any) -> TrackedList:  # type: ignore[misc]
        self.extend(items)
        return self

    def insert(self, place: Any, item: Any) -> None:
        """Add an item at a place."""
        super().insert(place, tracked(item, self._track))

    def __setitem__(self, place: Any, item: Any) -> None:
        super().__setitem__(place, tracked(list(item) if isinstance(place, slice) else item, self._track))


class TrackedDict(dict[Any, Any]):
    """A dict that belongs to a layer."""

    _track: Callable[[Any], None] = staticmethod(_nothing)

    def __init__(self, values: Any = (), track: Callable[[Any], None] = _nothing) -> None:
        super().__init__(values)
        self._track = track

    def __setitem__(self, key: Any, item: Any) -> None:
        super().__setitem__(key, tracked(item, self._track))

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the item of a key, put there if it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **items: Any) -> None:
        """Set several."""
        for key, item in dict(*others, **items).items():
            self[key] = item
