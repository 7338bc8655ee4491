"""Until all use it by its own name: `minidl.course.checker.running`."""

from minidl.course.checker.running import *  # noqa: F403
