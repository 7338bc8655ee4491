"""Handing in: what `submit` writes, what a teacher reads of damaged ones, and JUnit's XML."""

import json
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course.checker.judging import check_source
from minidl.course.checker.results import Failure, Result
from minidl.course.folder import Folder
from minidl.course.teaching.junit import junit
from minidl.course.teaching.submission import FORMAT, LONGEST, digest, gathered, read
from minidl.errors import ArgumentError, FileFormatError

ADD = """
from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""


def entry(source=ADD, **more):
    return {"id": "vector_add", "number": 13, "source": source, "sha256": digest(str(source)), **more}


def handed_in(path, student, *entries, made="2026-09-01T10:00:00", **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"format": FORMAT, "student": student, "made": made, "exercises": list(entries), "guesses": [], **more}
    path.write_text(json.dumps(data), "utf-8")
    return path


def test_submit_writes_the_whole_format(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Folder.make()
    folder.write("course.json", {"name": "gpu", "student": "Ada"})
    folder.write(
        "guesses.json", {"sectors": {"kind": "number", "said": 512, "was": 4096, "off": 8.0}, "open": {"said": 1}}
    )
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path))
    folder.start(13)
    folder.file(13).write_text(ADD)
    folder.note(13, hints=1, checked="2026-09-01T10:00:00+0000", worked=600)
    folder.check(13)
    assert CliRunner().invoke(app, ["exercises", "submit", "13", "--out", "s.json"]).exit_code == 0
    data = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert list(data) == ["format", "course", "minidl", "student", "made", "exercises", "guesses"]
    assert (data["course"], data["student"]) == ("gpu", "Ada") and len(data["guesses"]) == 1
    (one,) = data["exercises"]
    assert {"id", "number", "state", "stars", "points", "of", "stages", "failure", "figures", "hints", "checks",
            "minutes", "source", "sha256", "environment"} <= one.keys()  # fmt: skip
    assert one["state"] == "passed" and one["figures"]["sectors"] == 384 and one["sha256"] == digest(ADD)
    assert (one["hints"], one["checks"], one["minutes"], one["failure"]) == (1, 1, 10, None)
    assert {"python", "numpy", "numba", "gpu"} <= one["environment"].keys()
    back = read(tmp_path / "s.json")
    assert (
        back.guesses[0]["off"] == 8.0
        and back.student == "Ada"
        and back.entries[13].source == ADD
        and back.entries[13].checks == 1
    )
    assert not back.remarks


def test_minutes_count_from_check_to_check_without_pauses(tmp_path, monkeypatch):
    from minidl.course import folder as module

    monkeypatch.chdir(tmp_path)
    folder = Folder.make()
    folder.start(13)
    begun = module.time.time()
    for minutes, worked in ((5, 5), (10, 10), (300, 10), (301, 11)):
        monkeypatch.setattr(module.time, "time", lambda m=minutes: begun + 60 * m)
        monkeypatch.setattr(
            module,
            "now",
            lambda m=minutes: module.time.strftime("%Y-%m-%dT%H:%M:%S", module.time.localtime(begun + 60 * m)),
        )
        folder.check(13)
        assert folder.of(13)["worked"] / 60 == pytest.approx(worked, abs=0.2)


DAMAGED = {
    "cut": (b'{"format": "minidl-cou', "cut off"),
    "empty": (b"", "cut off"),
    "picture": (b"\x89PNG\r\n\x1a\n\xff", "cut off"),
    "deep": (b"[" * 100_000, "cut off"),
    "list": (b"[1, 2]", "no submission"),
    "older": (b'{"format": "minidl-course-submission/0", "exercises": []}', "another version"),
    "other": (b'{"format": 7}', "no submission"),
    "no_list": (b'{"format": "minidl-course-submission/1", "exercises": {"a": 1}}', "no list"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_submission_is_told_in_a_sentence(tmp_path, name):
    data, words = DAMAGED[name]
    path = tmp_path / "s.json"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=words) as error:
        read(path)
    assert str(error.value).startswith("s.json: ") and str(error.value).endswith(".")
    handed_in(tmp_path / "good.json", "ada", entry())
    found, problems = gathered(tmp_path)
    assert [s.student for s in found] == ["ada"] and len(problems) == 1


def test_what_is_odd_in_a_submission_is_told_and_the_rest_is_read(tmp_path):
    path = handed_in(
        tmp_path / "s.json", "a\nb\x1b[31m<b>", entry(hints="many", checks=-3, minutes=float("nan")), entry("other"),
        entry(number=99, id="no_such"), entry(id="neuron", source=None), entry(id="tape", source="x" * (LONGEST + 1)),
        "nothing", {**entry(id="nudge"), "sha256": "0"},
    )  # fmt: skip
    found = read(path)
    assert found.student == "a b[31m<b>" and sorted(found.entries) == [2, 13]
    one = found.entries[13]
    assert (one.source, one.hints, one.checks, one.minutes) == (ADD, 0, 0, 0)
    told = "\n".join(found.remarks)
    for words in (
        "twice",
        "'no_such' is no exercise",
        "has no source",
        "200,001 characters",
        "is not one",
        "was changed",
    ):
        assert words in told
    (tmp_path / "huge.json").write_bytes(b" " * (9 << 20))
    with pytest.raises(FileFormatError, match="8 MiB"):
        read(tmp_path / "huge.json")


def test_a_folder_of_submissions_as_learning_platforms_give_it(tmp_path):
    handed_in(tmp_path / "ada_1" / "submission.json", "ada", entry("first"), made="2026-09-01T10:00:00")
    handed_in(tmp_path / "ada_2" / "submission.json", "ada", entry(ADD), made="2026-09-02T10:00:00")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "13_vector_add.py").write_text(ADD)
    (tmp_path / "bob" / "notes.py").write_text("")
    found, problems = gathered(tmp_path)
    assert [(s.student, list(s.entries)) for s in found] == [("ada", [13]), ("bob", [13])]
    assert found[0].entries[13].source == ADD and "ada handed in 13 twice" in problems[0]
    assert gathered(tmp_path, {24})[0][0].entries == {}
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path / "bob" / "13_vector_add.py", "no such")):
        with pytest.raises(ArgumentError, match=words):
            gathered(folder)
    (tmp_path / "void").mkdir()
    with pytest.raises(ArgumentError, match="no submission in it"):
        gathered(tmp_path / "void")


def test_junit_has_a_suite_an_exercise_and_a_case_a_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Folder.make()
    folder.start(13)
    run = CliRunner().invoke
    assert run(app, ["exercises", "check", "13", "--junit", "begun.xml"]).exit_code == 2
    assert ET.parse("begun.xml").getroot()[0].get("failures") == "1"
    folder.file(13).write_text(ADD.replace("i < size", "True"))
    assert run(app, ["exercises", "check", "13", "--junit", "j.xml", "--language", "zh"]).exit_code == 1
    (suite,) = ET.parse("j.xml").getroot()
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == ["file", "runs", "machine", "values", "par"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "1", "2")
    failure = cases["machine"].find("failure")
    assert (
        failure.get("type") == "F1" and "线程" in failure.get("message") and cases["values"].find("skipped") is not None
    )
    right = ET.fromstring(junit([check_source(13, ADD)] * 2))
    assert [s.get("failures") for s in right] == ["0", "0"] and not list(right.iter("failure"))


def test_junit_holds_only_what_xml_can():
    said = "]]> & <b> \x00\x1b \ud800 \ufffe 漢"
    bad = Result(1, "x", "x", "failed", {"file": "failed"}, failure=Failure("file", "F1", (said, said)), printed=said)
    (suite,) = ET.fromstring(junit([bad]))
    assert suite.find(".//failure").get("message") == "]]> & <b>    漢"
