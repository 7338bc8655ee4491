"""Until all use it by its own name: `minidl.course.checker.judging`."""

from minidl.course.checker.judging import *  # noqa: F403
