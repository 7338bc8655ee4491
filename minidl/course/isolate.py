"""Until all use it by its own name: `minidl.course.checker.isolate`."""

from minidl.course.checker.isolate import *  # noqa: F403
