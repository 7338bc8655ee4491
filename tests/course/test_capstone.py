"""`minidl exercises capstone`: a whole one passes, and each part that is broken is told."""

import runpy
from pathlib import Path

import pytest

from minidl.course.capstone import check
from minidl.errors import ArgumentError

RIGHT = Path(__file__).with_name("capstone_bell.py")


def test_a_whole_capstone_passes():
    told = check(RIGHT, other=RIGHT)
    assert all(each.passed for each in told), "\n".join(map(str, told))
    assert sum(each.points for each in told) == 90 and "24576 counted; rung2" in told[2].sentence


def test_a_notebook_hands_over_its_names():
    names = runpy.run_path(str(RIGHT))
    assert all(each.passed for each in check(names))
    del names["checker"]
    assert [each.passed for each in check(names)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("deliverable", "line", "instead", "sentence"),
    [
        (1, "return (-2 * x", "return (2 * x", "GradientError"),
        (1, "(1,), (7, 3), (127,), (5, 1, 13), (8192,)", "(1,), (127,), (8192,)", "3 different shapes"),
        (2, '"width": self.width', "", "get_config"),
        (2, "return bell(x *", "return layers.Activation('tanh')(x *", "does not run the registered op"),
        (3, "launched(strided, 8), launched(side_by_side)", "launched(strided, 8), launched(half)", "rung2: values"),
        (3, '"rung2": 3 * 1024', '"rung2": 2 * 1024', "2048 sectors predicted, 3072 counted"),
        (
            3,
            "launched(strided, 8), launched(side_by_side)",
            "launched(no_guard), launched(side_by_side)",
            "rung1: the machine",
        ),
        (
            3,
            "rung1, rung2 = launched(strided, 8), launched(side_by_side)",
            "rung1 = rung2 = launched(side_by_side)",
            "itself",
        ),
        (5, "for size in (1, 130):", "for size in (1, 130)[2]:", "mine.py, line 100: IndexError"),
        (4, "lambda x: (rung2(x)[0], x)", "lambda x: (2 * rung2(x)[0], x)", "finds a difference"),
        (5, "(launched(half),", "(launched(side_by_side),", "wrong kernel 4 is right"),
        (5, "the exponent is halved", "x is not squared", "a sentence of its own"),
        (5, "if report.faults or not", "if False and not", "accepts wrong kernel 1"),
        (5, "def checker(rung):", "def checker(rung):\n    return False", "rejects rung1"),
        (5, "def checker(rung):", "def nothing(rung):", "no checker"),
    ],
)
def test_what_is_broken_is_told(tmp_path, deliverable, line, instead, sentence):
    text = RIGHT.read_text(encoding="utf-8")
    assert line in text
    file = tmp_path / "mine.py"
    file.write_text(text.replace(line, instead), encoding="utf-8")
    told = check(file)[deliverable - 1]
    assert not told.passed and sentence in told.sentence, told


def test_a_file_that_is_not_there():
    with pytest.raises(ArgumentError, match="is no file"):
        check("nothing.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("op = (\n", "SyntaxError"),
        ("import nothing_of_this_name\n", "mine.py, line 1: ModuleNotFoundError"),
        ("\nop = 1 / 0\n", "mine.py, line 2: ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "mine.py, line 2: SystemExit"),
    ],
)
def test_a_file_that_does_not_run_is_told_without_a_traceback(tmp_path, text, said):
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ArgumentError, match=said):
        check(file)


def test_the_command_counts_points_and_says_so_by_its_exit_code(tmp_path):
    from typer.testing import CliRunner

    from minidl.cli.exercises import exercises

    file = tmp_path / "mine.py"
    file.write_text("op = 'nothing'\n", encoding="utf-8")
    run = CliRunner().invoke(exercises, ["capstone", str(file)])
    assert run.exit_code == 1 and "0 of 90 points" in run.output and run.output.count("not yet") == 5
    assert CliRunner().invoke(exercises, ["capstone", str(RIGHT)]).exit_code == 0
