"""What the exercises on the framework take for right is what minidl's own tools say."""

import types

import numpy as np
import pytest

from minidl import lens
from minidl.backends import unregister_kernel
from minidl.course import catalog


def starter_of(number):
    """The starter of an exercise as a module."""
    module = types.ModuleType("starter")
    exec(compile(catalog.bank(number).starter(), f"<starter {number}>", "exec"), module.__dict__)
    return module


def test_the_nan_of_nan_hunt_is_born_where_the_answers_say():
    from minidl.course.exercises.g_framework.e56_nan_hunt import RIGHT
    from minidl.course.exercises.g_framework.training import problem

    x, t, w, rate, steps = problem()
    with lens.watch(mode="collect") as seen:
        losses, _ = starter_of(56).train(x, t, w, rate, steps)
    born = next(found for found in seen.found if found.kind in ("inf", "nan"))
    assert (born.step, born.op, born.direction) == (RIGHT["step"], RIGHT["op"], RIGHT["direction"])
    row = int(born.what.rpartition("(")[2].split(",")[0])
    assert (16 * born.step + row) % len(x) == RIGHT["image"]
    assert list(losses == losses).index(False) == RIGHT["step"]


MENDED = {
    "a": (22, "        for k in range(0, inner - 1, 2):", None),
    "b": (13, "ALL_LANES = 0xF7FFFFFF", "ALL_LANES = 0xFFFFFFFF"),
    "c": (49, "                if h >= 0 and h < x.shape[1] and v >= 0 and v < x.shape[1]:",
          "                if h >= 0 and h < x.shape[1] and v >= 0 and v < x.shape[2]:"),
}  # fmt: skip


def suspects(edits=()):
    """The file of the suspects as a module, with some of its lines changed."""
    import linecache

    from minidl.course.exercises.g_framework import suspects

    with open(suspects.__file__, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, new in edits:
        lines[number - 1] = new
    name = f"<suspects {len(edits)} {hash(tuple(edits))}>"
    text = "\n".join(lines) + "\n"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    module = types.ModuleType("suspects")
    exec(compile(text, name, "exec"), module.__dict__)
    return module, lines


@pytest.fixture
def taken_away(suspect):
    """Take the suspect's rung away after a test: others list the rungs that there are."""
    yield
    kernel = {"a": "gemm", "b": "relu_backward", "c": "conv2d", "d": "gemm"}[suspect]
    unregister_kernel(kernel, f"suspect_{suspect}")


@pytest.mark.usefixtures("taken_away")
@pytest.mark.parametrize("suspect", "abcd")
def test_the_suspects_of_first_divergence_are_what_the_answers_say(suspect):
    from minidl.course.exercises.g_framework.e55_first_divergence import RIGHT

    module, lines = suspects()
    found = lens.compare(*module.step(suspect)).divergence
    if suspect == "d":
        assert found is None and RIGHT["d op"] == "none"
        return
    said = {key[2:]: value for key, value in RIGHT.items() if key.startswith(suspect)}
    assert (found.row.op, found.row.direction, str(found.index)) == (said["op"], said["direction"], said["index"])
    apart = np.sort(np.abs(found.wrong).ravel())
    assert 0 < apart.sum() < apart.size
    if suspect == "b":
        owner = found.blame.owner
        assert (owner.thread[0], owner.block[0]) == (said["thread"], said["block"])
    line, before, after = MENDED[suspect]
    assert said["line"] == line and lines[line - 1] == before
    edits = [(22, "        for k in range(inner):"), (24, "")] if after is None else [(line, after)]
    assert lens.compare(*suspects(edits)[0].step(suspect)).ok
