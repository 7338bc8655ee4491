"""Guesses: said before the answer, kept with their time, told how far off, and summed up."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from minidl import course
from minidl.cli.app import app
from minidl.course import commands, guesses
from minidl.course.folder import Folder
from minidl.errors import ArgumentError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No folder of exercises, and a user of their own."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINIDL_LANGUAGE", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("said", "was", "sentence"),
    [
        (512, 4096, "You said 512; it is 4,096: 8 times too few."),
        (4096, 512, "You said 4,096; it is 512: 8 times too many."),
        (0.5, 2.0, "You said 0.5; it is 2: 4 times too low."),
        (-4.0, -1.0, "You said -4; it is -1: 4 times too high."),
        (96, 96, "You said 96; it is 96."),
        (97.0, 95.2, "You said 97; it is 95.2: within 2 %."),
        (0, 4096, "You said 0; it is 4,096."),
        (-1, 2, "You said -1; it is 2."),
        (1, 1_000_000, "You said 1; it is 1,000,000: 1,000,000 times too few."),
    ],
)
def test_a_number_is_told_how_far_off(said, was, sentence):
    g = course.guess("how many")
    g(said)
    assert g.reveal(np.asarray(was)[()]) == sentence and repr(g.reveal(was)) == sentence


def test_without_a_guess_nothing_is_kept(home):
    g = course.guess("sectors", unit="sectors")
    assert repr(g(None)) == "no guess made" and g.reveal(4096) == "No guess was made; it is 4,096 sectors."
    assert not home.exists() and guesses.all_guesses() == [] and "No guess has been revealed" in guesses.report()


def test_the_guess_before_the_answer_counts(home):
    g = course.guess("sectors", unit="sectors")
    assert g(100) == "Noted: 100 sectors." and g(512) == "Noted: 512 sectors."
    again = course.guess("sectors", unit="sectors")  # the notebook was opened anew
    assert again.reveal(4096).startswith("You said 512 sectors")
    assert "512 sectors, is what counts" in again(4096)
    assert again.reveal(4096) == "You said 512 sectors; it is 4,096 sectors: 8 times too few."
    (entry,) = json.loads((home / "guesses.json").read_text("utf-8")).values()
    assert entry["said"] == 512 and entry["was"] == 4096 and entry["off"] == 8 and entry["at"] <= entry["revealed"]


def test_a_word():
    g = course.guess("which row is longest", among=["dense", "softmax", "loss"])
    with pytest.raises(ArgumentError, match="one of dense, softmax, loss"):
        g("relu")
    g("dense")
    assert g.reveal("loss") == "You said dense; it is loss." and guesses.all_guesses()[0]["off"] is None
    right = course.guess("and now", among=["yes", "no"])
    right("no")
    assert right.reveal("no") == "You said no; it is no." and guesses.calibration(guesses.all_guesses())["exact"] == 1


def test_a_drawing_on_a_grid():
    g = course.guess("which cells does block (1, 0) own", grid=(2, 3))
    with pytest.raises(ArgumentError, match=r"shape \(2, 3\)"):
        g(np.ones((3, 2)))
    assert g("##.\n...") == "Noted: \n##.\n...."
    assert g.reveal("##.\n##.") == "4 of 6 cells are as you said (below: . as said, x otherwise).\n...\nxx."
    other = course.guess("an array", grid=(2,))
    other(np.array([True, False]))
    assert other.reveal(np.array([1.0, 0.0], "f")).startswith("2 of 2") and guesses.all_guesses()[-1]["off"] == 1
    with pytest.raises(ArgumentError, match="a drawing of shape"):
        other([[1], [2, 3]])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "many", [1, 2], None])
def test_a_number_has_to_be_one(bad):
    g = course.guess("how many", unit="bytes")
    with pytest.raises(ArgumentError, match="a number of bytes"):
        g.reveal(bad)


def test_calibration_at_the_command_line(monkeypatch):
    for k, (said, was) in enumerate([(1, 10), (2, 10), (10, 3), (10, 12), (5, 9), (7, 7)]):
        g = course.guess(f"question {k}")
        g(said), g.reveal(was)
    course.guess("not yet shown")(3)
    said = CliRunner().invoke(app, ["exercises", "guesses"]).output
    assert "3 of 6 numbers within a factor of 2 (50 %)" in said and "first half 0 %, second half 100 %" in said
    assert "✗ question 0: 1 → 10" in said and "✓ question 5" in said and "not yet shown" not in said
    data = json.loads(CliRunner().invoke(app, ["exercises", "guesses", "--json"]).output)
    assert data["calibration"]["second_half"] == 1 and len(data["guesses"]) == 7
    monkeypatch.setenv("MINIDL_LANGUAGE", "zh")
    assert "2 倍以内" in guesses.report() and "猜" in course.guess("question 0").reveal(10)


def test_a_folder_of_exercises_keeps_them_and_hands_them_in(home):
    folder = Folder.make()
    folder.start(18)
    g = course.guess("sectors")
    g(512), g.reveal(4096)
    assert not home.exists() and (folder.path / ".course" / "guesses.json").is_file()
    _, data = commands.submit(folder, ["18"])
    (entry,) = data["guesses"]
    assert {"what": "sectors", "said": 512, "was": 4096, "off": 8.0}.items() <= entry.items()


def test_what_cannot_be_kept_is_said(home, monkeypatch):
    home.write_text("a file where the folder would be")
    g = course.guess("sectors")
    assert "could not be kept" in g(5) and g.reveal(10) == "You said 5; it is 10: 2 times too few."
    home.unlink()
    home.mkdir()
    (home / "guesses.json").write_text("[1, 2")  # damaged
    assert g(5) == "Noted: 5." and "2 times too few" in g.reveal(10)


def test_none_shows_no_guess_of_another_time(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    course.guess("sectors", unit="sectors")(512)
    again = course.guess("sectors", unit="sectors")
    again(None)
    assert again.reveal(4096) == "No guess was made; it is 4,096 sectors."  # as in a notebook that is built anew
    assert "You said 512" in course.guess("sectors", unit="sectors").reveal(4096)  # what was said is still there
