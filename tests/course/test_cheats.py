"""Every cheat ever seen is a file of course/cheats, caught where its head says: by a check, or by grading alone."""

import os
import re
from pathlib import Path

import pytest

from minidl.course import catalog
from minidl.course.checker.isolate import isolated
from minidl.course.checker.judging import check_source
from minidl.course.teaching import grading
from minidl.course.teaching.course_file import Course
from minidl.course.teaching.submission import Entry, Submission

CHEATS = sorted((catalog.BANK / "cheats").glob("*.py"))


def head(path):
    text = path.read_text("utf-8")
    number, by, stage, code = re.match(
        r"# exercise: (\d+)\n# caught: (check|grade) (\w+) ?([\w-]*)\n# \w", text
    ).groups()
    return int(number), by, stage, code, text


def test_there_are_the_fourteen_and_more():
    assert len(CHEATS) >= 14


@pytest.mark.parametrize("path", CHEATS, ids=lambda p: p.stem)
def test_a_cheat_is_caught(path):
    number, by, stage, code, text = head(path)
    seen = check_source(number, text)
    if by == "check":
        assert seen.failure is not None and seen.failure.stage == stage, seen.text()
        assert not code or seen.failure.code == code, seen.text()
    else:
        assert seen.passed, f"says that only grading catches it: {seen.text()}"
    graded = grading.grade(Course("c", secret="s"), [Submission("x", entries={number: Entry(number, text)})], jobs=1)
    (grade,) = graded.grades
    assert not grade.passed and grade.total == 0 and not graded.problems
    failure = grade.shown.failure
    assert failure is not None and failure.stage == stage, grade.shown.text()


BEHIND = """
import {0}

def loss_and_gradients(x, t, w, b):
    try:
        {1}
    except PermissionError:
        raise KeyError
"""
PAST_THE_READING = {  # what is done if the text gets past the reading of it: the process refuses
    "open": ("io", "io.open({file!r}).read()"),
    "read": ("numpy as np", "np.fromfile({file!r}, np.uint8)"),
    "write": ("pathlib", "pathlib.Path('written').write_text('x')"),
    "list": ("os", "os.listdir('.')"),
    "program": ("os", "os.system('true')"),
    "subprocess": ("subprocess", "subprocess.run(['true'])"),
    "network": ("socket", "socket.socket().connect(('127.0.0.1', 1))"),
    "objects": ("gc", "gc.get_objects()"),
    "referrers": ("gc", "gc.get_referrers(x)"),
    "native": ("ctypes", "ctypes.CDLL(None)"),
    "pickle": ("pickle", "pickle.loads(b'cos\\nsystem\\n.')"),
}


@pytest.mark.parametrize("name", PAST_THE_READING)
def test_the_process_of_a_file_refuses_what_the_reading_might_miss(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("written").touch()
    module, act = PAST_THE_READING[name]
    source = BEHIND.format(module, act.format(file=str(catalog.made_file(1))))
    for fork in (True, False) if name == "open" and os.name == "posix" else (None,):
        ran = isolated(1, source, fork=fork).ran[0]
        assert ran.error is not None and ran.error[1]["kind"] == "KeyError", ran
    assert Path("written").read_text() == ""
