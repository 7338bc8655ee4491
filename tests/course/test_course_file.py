"""What a teacher's course.toml may not say, and a course that is there already."""

from __future__ import annotations

import pytest

from minidl.course.teaching import course_file, planning
from minidl.errors import ArgumentError


@pytest.mark.parametrize("value", [True, "3", None, [1], -1, -0.5, 1e6, float("inf"), float("nan")])
def test_points_that_are_none_are_told(value):
    with pytest.raises(ValueError, match="points.star has to be a number from 0 on; got"):
        course_file._points("star", value)


@pytest.mark.parametrize("value", [0, 1, 2.5, 999999])
def test_points_are_numbers(value):
    assert course_file._points("star", value) == float(value)


def test_a_course_that_is_there_is_left_as_it_is(tmp_path):
    planning.make(tmp_path, "one", 12)
    before = (tmp_path / course_file.FILE).read_bytes()
    with pytest.raises(ArgumentError, match="is there, and is left as it is"):
        planning.make(tmp_path, "two", 10)
    assert (tmp_path / course_file.FILE).read_bytes() == before
