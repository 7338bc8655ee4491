"""Until all use it by its own name: `minidl.course.checker.results`."""

from minidl.course.checker.results import *  # noqa: F403
