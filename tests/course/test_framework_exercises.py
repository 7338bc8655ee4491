"""What the exercises on the framework take for right is what minidl's own tools say."""

import types

from minidl import lens
from minidl.course import catalog


def starter_of(number):
    """The starter of an exercise as a module."""
    module = types.ModuleType("starter")
    exec(compile(catalog.bank(number).starter(), f"<starter {number}>", "exec"), module.__dict__)
    return module


def test_the_nan_of_nan_hunt_is_born_where_the_answers_say():
    from minidl.course.exercises.g_framework.e56_nan_hunt import RIGHT, problem

    x, t, w, rate, steps = problem()
    with lens.watch(mode="collect") as seen:
        losses, _ = starter_of(56).train(x, t, w, rate, steps)
    born = next(found for found in seen.found if found.kind in ("inf", "nan"))
    assert (born.step, born.op, born.direction) == (RIGHT["step"], RIGHT["op"], RIGHT["direction"])
    row = int(born.what.rpartition("(")[2].split(",")[0])
    assert (16 * born.step + row) % len(x) == RIGHT["image"]
    assert list(losses == losses).index(False) == RIGHT["step"]
