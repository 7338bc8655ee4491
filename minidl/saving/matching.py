"""Which weight in a file is which of a model's, by their names; by their order where the names say nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any


def match(own: list[str], saved: list[str]) -> list[int] | None:
    """Return for each weight of a layer its place in a file; None where neither names nor order can tell.

    A layer writes its trained weights first, so that the order in a file depends on what was frozen then. Names decide
    if they are the same in both, apart from the outermost layer's and the numbers that a program gives to layers
    without a name, of which the smallest is the same layer again.

    >>> match(["base/one/kernel", "base/two/kernel"], ["base/two/kernel", "base/one/kernel"])
    [1, 0]
    >>> match(["net/dense_4/kernel", "net/dense_5/kernel"], ["base/dense_1/kernel:0", "base/dense/kernel:0"])
    [1, 0]
    >>> match(["a/kernel", "a/bias"], ["dense_1_W", "dense_1_b"])
    [0, 1]
    >>> match(["x/bn/gamma", "x/bn/mean", "x/d/kernel"], ["y/bn_of_old/gamma", "y/d_of_old/kernel", "y/bn_of_old/mean"])
    """
    if len(own) != len(saved):
        return None
    plain = _plain(own), _plain(saved)
    inner = _inner(plain[0]), _inner(plain[1])
    pairs = [plain, inner, (inner[0], plain[1])]  # Keras 2 wrote no name of the outermost layer
    for mine, theirs in [*pairs, *((_numbered(a), _numbered(b)) for a, b in pairs)]:
        if len(set(mine)) == len(mine) and set(mine) == set(theirs):
            return [theirs.index(name) for name in mine]
    return list(range(len(own))) if _in_step(own, saved) else None


def _plain(names: list[str]) -> list[str]:
    """Return the names without the ":0" of Keras 2."""
    return [re.sub(r":\d+$", "", name) for name in names]


def _inner(names: list[str]) -> list[str]:
    """Return the names without that of the outermost layer."""
    return [name.partition("/")[2] or name for name in names]


def _numbered(names: list[str]) -> list[str]:
    """Return the names with the layers of a kind counted from 0: dense_4, dense_7 as dense#0, dense#1."""
    split = [name.split("/") for name in names]
    numbers: dict[str, set[int]] = defaultdict(set)
    for parts in split:
        for part in parts[:-1]:
            kind, number = _counted(part)
            numbers[kind].add(number)
    ranks = {kind: sorted(found) for kind, found in numbers.items()}

    def rename(part: str) -> str:
        kind, number = _counted(part)
        return f"{kind}#{ranks[kind].index(number)}"

    return ["/".join([*map(rename, parts[:-1]), parts[-1]]) for parts in split]


def _counted(name: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+)_(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 0)


def _in_step(own: list[str], saved: list[str]) -> bool:
    """Whether two lists of weights, side by side, always change layers together."""
    if any("/" not in name for name in [*own, *saved]):
        return True  # names of long ago: "dense_1_W"
    layers = [(mine.rpartition("/")[0], theirs.rpartition("/")[0]) for mine, theirs in zip(own, saved, strict=True)]
    return len(set(layers)) == len({mine for mine, _ in layers}) == len({theirs for _, theirs in layers})


def renamed_siblings(own: dict[str, str], saved: dict[str, str]) -> dict[str, Any]:
    """Return where layers of one list, told apart in a file as dense, dense_1 …, stand under the name of another.

    Parameters
    ----------
    own, saved : names of the layers by such places, in the model and in the file

    >>> renamed_siblings({"dense": "y", "dense_1": "z"}, {"dense": "z", "dense_1": "y"})
    {'dense': 'dense_1', 'dense_1': 'dense'}
    >>> renamed_siblings({"dense": "y", "dense_1": "z"}, {"dense": "a", "dense_1": "y"})
    {}
    """
    if own == saved or sorted(own.values()) != sorted(saved.values()) or len(set(own.values())) != len(own):
        return {}
    place = {name: where for where, name in saved.items()}
    return {where: place[name] for where, name in own.items() if place[name] != where}
