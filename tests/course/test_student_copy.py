"""The students' copy, from nothing to a first star, with no solution in it; and which texts of a class are alike."""

import datetime
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course import catalog
from minidl.course.teaching import planning, similar, student_copy
from minidl.course.teaching.course_file import Course
from minidl.course.teaching.submission import Entry, Submission
from minidl.errors import ArgumentError
from tests.course.test_handing_in import ADD

DAY = datetime.date(2026, 9, 7)
TAUGHT = (  # what a notebook shows on purpose, before the exercise asks for it
    "notebooks/09_shared_memory_and_barriers.ipynb has a line of 21,",  # the stencil with a halo
    "notebooks/10_adding_up.ipynb has a line of 30,",  # a warp's sum
)


@pytest.fixture(scope="module")
def whole():
    """The copy of a course of all exercises and notebooks."""
    return student_copy.files(Course("c", planning.plan(12, DAY), secret="the secret of the course"))


def test_no_line_and_no_block_of_a_solution_is_in_the_copy(whole):
    read = student_copy.texts(whole)
    assert len(read) > 100 and any("e13_vector_add.json" in path for path in read)
    shown = [leak for leak in student_copy.leaks(read) if not leak.startswith(TAUGHT)]
    assert shown == []
    assert not [path for path in whole if "course/" in path and "exercises" not in path]


@pytest.mark.parametrize("number", [1, 13, 24])
def test_a_solution_in_the_copy_would_be_seen(number):
    for source in catalog.bank(number).rights().values():
        cell = {"cell_type": "code", "source": source.splitlines(True)}
        read = student_copy.texts({"a.py": source.encode(), "b.ipynb": json.dumps({"cells": [cell]}).encode()})
        told = "\n".join(student_copy.leaks(read))
        if number != 13:  # whose solutions are too short to be told from anybody's
            assert re.search(r"a\.py has a (line|block)", told) and re.search(r"b\.ipynb has a (line|block)", told)


def test_the_secret_and_what_is_there_stop_it(tmp_path):
    with pytest.raises(ArgumentError, match="secret in it"):
        student_copy.files(Course("the secret", planning.plan(1, DAY, (13,)), secret="the secret"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    course = Course("c", planning.plan(1, DAY, (13,)), secret="xyzzy")
    with pytest.raises(ArgumentError, match="left as it is"):
        student_copy.write(course, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]
    place = student_copy.write(course, tmp_path / "copy", as_zip=True)
    with zipfile.ZipFile(place) as archive:
        assert archive.testzip() is None and "copy/README.md" in archive.namelist()
        assert all(name.startswith("copy/") for name in archive.namelist())


def test_from_nothing_to_a_first_star(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke

    def done(*command, code=0):
        result = run(app, list(command))
        assert result.exit_code == code, result.output
        return result.output

    done("course", "new", "gpu", "--weeks", "2", "--only", "13-15")
    assert "README.md" in done("course", "student-copy", "students", "--course", "gpu")
    os.chdir("students")
    listed = done("exercises", "list")
    assert "13 vector_add" in listed and "gemm_tiled" not in listed and "→ 13" in listed and "…" not in listed
    done("exercises", "check", code=2)
    Path("minidl_exercises/13_vector_add.py").write_text(ADD)
    assert "★★" in done("exercises", "check", "13")
    done("exercises", "submit", "--student", "ada", "--out", "../in.json")
    data = json.loads(Path("../in.json").read_text("utf-8"))
    assert data["course"] == "gpu" and [e["number"] for e in data["exercises"]] == [13]


# -- similar -----------------------------------------------------------------------------------------------------------


def handed(**sources):
    return [Submission(name, entries={24: Entry(24, text)}) for name, text in sources.items()]


def disguised(text):
    for old, new in (
        ("total", "acc"),
        ("tile", "t"),
        ("sa[", "left["),
        ("sb[", "right["),
        ("sa =", "left ="),
        ("sb =", "right ="),
    ):
        text = text.replace(old, new)
    return re.sub(r"(\w+\[[^\]]*\]) \* (\w+\[[^\]]*\])", r"\2 * \1", '"""My own."""\n' + text)


def test_a_disguised_copy_is_listed_and_other_styles_are_not():
    bank = catalog.bank(24)
    first, second, *_ = bank.rights().values()
    found = similar.pairs(handed(ada=first, bob=disguised(first), cy=second, di=second))
    seen = {(p.one, p.other): p for p in found if "our" not in p.other}
    assert set(seen) == {("ada", "bob"), ("cy", "di")}, similar.text(found)
    assert seen["cy", "di"].same_text and not seen["ada", "bob"].same_text and seen["ada", "bob"].alike > 0.9
    assert any(p.one == "ada" and p.other.startswith("our solution") for p in found)
    past = similar.pairs(handed(eve=disguised(second)), handed(flo=second))
    assert ("eve", "flo (past)") in {(p.one, p.other) for p in past}
    assert "flo (past)" in similar.text(past)


def test_texts_that_are_no_python_are_compared_as_lines():
    found = similar.pairs(handed(a="((( one\ntwo\nthree\nfour", b="((( one\n two\nthree\nfour", c="else"), least=0.5)
    assert [(p.one, p.other) for p in found] == [("a", "b")]
    assert similar.text([]) == "No two texts are so much alike."
