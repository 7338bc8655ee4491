"""A teacher's side: the course's file, grades on hidden cases, a class's report; bad input told in a sentence."""

import csv
import datetime
import io
import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course import catalog
from minidl.course.exercise import Draw
from minidl.course.teaching import course_file, gradebook, grading, planning, report
from minidl.course.teaching.course_file import Course, Week
from minidl.course.teaching.submission import Entry, Submission
from minidl.errors import ArgumentError, FileFormatError
from tests.course.test_handing_in import ADD, entry, handed_in

EXPLAINED = ADD.replace("    i = cuda", '    """' + "word " * 31 + '"""\n    i = cuda')
BY_SIZE = ADD.replace("a[i] + b[i]", "a[i] + b[i] if size in (1, 3, 5, 128, 300, 1024) else 0.0")
DAY = datetime.date(2026, 9, 7)


def course(**more):
    return Course("c", (Week(1, DAY, DAY + datetime.timedelta(days=6), (13,)),), secret="s", **more)


def handed(student, source, made="2026-09-10T08:00:00", guesses=(), **more):
    return Submission(student, made, {13: Entry(13, source, **more)}, list(guesses))


# -- the course's file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weeks", [1, 4, 12, 52])
def test_a_plan_has_every_exercise_once_and_in_order(tmp_path, weeks):
    made = planning.make(tmp_path / "c", 'a "name" \\ ü', weeks, DAY)
    chosen = [n for n in catalog.files() if weeks > 6 or n in planning.SHORT]
    assert made.exercises == chosen and len(made.weeks) == weeks and made.due(chosen[0]) == DAY + datetime.timedelta(6)
    minutes = [sum(catalog.load(n).minutes for n in week.exercises) for week in made.weeks]
    assert max(minutes) <= sum(minutes) / weeks + 60
    assert made.notebooks == list(planning.notebooks())
    assert course_file.read(tmp_path / "c") == made
    schedule = (tmp_path / "c" / "schedule.md").read_text("utf-8")
    assert all(catalog.load(n).name in schedule for n in chosen) and made.secret not in schedule
    assert made.secret not in (tmp_path / "c" / "letter.md").read_text("utf-8")
    with pytest.raises(ArgumentError, match="left as it is"):
        planning.make(tmp_path / "c", "", 1)


WRONG_COURSES = {
    "x": "Expected|Invalid|invalid",
    "format = 1": "has the format 1",
    "": "has the format None",
    'format = "minidl-course/2"': "minidl-course/1",
    'format = "minidl-course/1"': "no secret",
    "OK\nfoo = 1": "nothing is known of 'foo'",
    "OK\nallow = [1]": "allow: 1 is of another kind",
    "OK\nallow = 'scipy'": "allow has to be a list",
    "OK\n[points]\ncorrect = -1": "points.correct has to be a number",
    "OK\n[points]\nbonus = 1": "no points for 'bonus'",
    "OK\n[points]\npar = nan": "points.par",
    "OK\n[[week]]\nstarts = '2026-09-07'": "week 1: starts is a date",
    "OK\n[[week]]\nstarts = 2026-09-07\ndue = 2026-09-06": "before it starts",
    "OK\n[[week]]\nstarts = 2026-09-07\nexercises = [999]": "week 1: .*999",
    "OK\n[[week]]\nstarts = 2026-09-07\nhomework = 1": "got 'homework'",
    "OK\nweek = 3": "week has to be a list",
}


@pytest.mark.parametrize("text", WRONG_COURSES)
def test_a_wrong_course_file_is_told_in_a_sentence(tmp_path, text):
    path = tmp_path / "course.toml"
    path.write_text(text.replace("OK", 'format = "minidl-course/1"\nsecret = "s"'), "utf-8")
    with pytest.raises(FileFormatError, match=WRONG_COURSES[text]) as error:
        course_file.read(tmp_path)
    assert str(error.value).startswith(str(path))


def test_no_course_and_no_exercises(tmp_path):
    with pytest.raises(ArgumentError, match=r"no course\.toml there"):
        course_file.read(tmp_path)
    for text, words in (("", "names no exercise"), ("900-999", "names no exercise"), ("nope", "nope")):
        with pytest.raises(ArgumentError, match=words):
            course_file.numbers(text)
    with pytest.raises(ArgumentError, match="1 to 52"):
        planning.plan(0, DAY)


# -- grades ------------------------------------------------------------------------------------------------------------


def test_hidden_cases_have_other_numbers_and_sizes():
    task = catalog.load(13).tasks[0]
    public, hidden, again = (list(task.cases(Draw("vector_add", s, resized=bool(s)))) for s in (0, "s", "s"))
    sizes = [[c.inputs[0].size for c in cases] for cases in (public, hidden, again)]
    assert sizes[1] == sizes[2] and all(b > a for a, b in zip(*sizes[:2], strict=True) if a >= 5)
    assert sizes[0][1] == sizes[1][1] == 1 and (hidden[0].inputs[0] == again[0].inputs[0]).all()


def test_a_class_is_graded_on_cases_it_has_not_seen():
    guess = {"what": "sectors", "kind": "number", "said": 3, "was": 4, "off": 1.33}
    told = {"F1": 7, "too_far": 1, "made up": 3, "F13": 0}
    handed_in = [
        handed("ada", EXPLAINED, guesses=[guess]), handed("bob", BY_SIZE, told=told),
        handed("cy", ADD.replace("i < size", "i <= size"), claims={"state": "passed"}, minutes=30, checks=8, hints=2),
        handed("di", "not python", made="2026-09-16T08:00:00"), handed("eve", catalog.starter(13)),
        handed("flo", ADD, made="2026-09-16"),
    ]  # fmt: skip
    graded = grading.grade(course(late=1.5), handed_in, jobs=1)
    by = {g.student: g for g in graded.grades}
    states = {name: g.state for name, g in by.items()}
    assert states == {"ada": "passed", "bob": "passed on the public cases only", "cy": "failed", "di": "failed",
                      "eve": "not begun", "flo": "passed"}  # fmt: skip
    assert {name: g.total for name, g in by.items()} == {"ada": 9, "bob": 0, "cy": 0, "di": 0, "eve": 0, "flo": 3.5}
    assert by["ada"].words == 31 and by["flo"].words == 0 and by["flo"].late == 3
    assert by["cy"].mistake == "too_far" and by["cy"].claimed and not by["ada"].claimed
    assert not graded.problems

    rows = list(csv.DictReader(io.StringIO(gradebook.details(graded))))
    assert [r["explanation"] for r in rows] == ["", "0", "0", "0", "0", "0"] and rows[2]["claimed_otherwise"] == "1"
    table = list(csv.DictReader(io.StringIO(gradebook.grades(graded))))
    assert [(r["student"], float(r["total"])) for r in table][-1] == ("flo", 3.5)

    found = {m.name: (m.had, m.often, m.have) for m in report.mistakes(graded.grades)}
    assert found["too_far"] == (2, 0, 1) and found["F1"] == (1, 1, 0) and not {"made up", "F13"} & found.keys()
    text = report.text(graded)
    assert "2 of 6 passed, 2 with ★★, median minutes 30" in text and "1 on the public cases only" in text
    assert "2 of 6: `i <= size` lets i = size through" in text and "1 did not find it in 5 checks" in text
    assert "Monday: 13_vector_add" in text and "Ask: How many threads" in text
    page = report.html(graded)
    assert "1 numbers were guessed, 1 within" in page and not re.search(r"\b(ada|bob|cy|flo)\b", page)


def test_a_source_that_takes_all_time_or_memory_costs_its_own_grade_alone(monkeypatch):
    monkeypatch.setattr(grading, "SECONDS", 2.0)
    heads = ["while True: pass\n", "raise SystemExit(0)\n", "\ud800", "x = " + "(" * 5000, ""]
    graded = grading.grade(course(), [handed(s, head + ADD) for s, head in zip("abcde", heads, strict=True)], jobs=1)
    assert [g.passed for g in graded.grades] == [False] * 4 + [True]
    assert "\n".join(gradebook.student_page(graded, s) for s in "abcd")


def test_hidden_cases_that_our_own_solution_fails_are_left_out(monkeypatch):
    monkeypatch.setattr(catalog, "bank", lambda n: type("B", (), {"rights": lambda s: {"x": ADD.replace("+", "-")}})())
    graded = grading.grade(course(), [handed("a", ADD)], jobs=1)
    assert graded.grades[0].passed and graded.grades[0].hidden is None and "are left out" in graded.problems[0]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [key for key, _ in attrs]


def test_names_and_sources_are_shown_as_text(tmp_path):
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    graded = grading.grade(Course(evil, secret="s"), [handed(evil, f'"""{evil}"""\n{ADD}', guesses=[
        {"what": evil, "kind": evil, "said": 1, "was": 2, "off": 2.0}]), handed("../../x", f"{evil}\n")],
        [evil], jobs=1)  # fmt: skip
    written = gradebook.write(graded, tmp_path / "out", report.html(graded))
    for path in written:
        assert path.resolve().is_relative_to(tmp_path / "out"), path
        if path.suffix == ".html":
            tags = Tags(path.read_text("utf-8"))
            assert not {"script", "img"} & set(tags.tags) and "onerror" not in tags.attributes
    assert len(list((tmp_path / "out" / "students").iterdir())) == 2
    assert gradebook.slug("a/b") != gradebook.slug("a_b") and gradebook.slug("con") != "con" and gradebook.slug("")
    assert gradebook.table([["=cmd|' /C calc'!A0"]]).startswith("\"'=cmd") or "'=cmd" in gradebook.table([["=cmd"]])


def test_commands_from_nothing_to_grades(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    made = run(app, ["course", "new", "gpu", "--weeks", "2", "--only", "13-14", "--starts", "2026-09-07"])
    assert made.exit_code == 0 and "next: minidl course student-copy" in made.output, made.output
    for student, source in (("ada", ADD), ("bob", ADD.replace("i < size", "True")), ("cy", ADD.replace("+ b", "+ a"))):
        handed_in(tmp_path / "in" / f"{student}.json", student, entry(source), entry(id="gemm_tiled"))
    (tmp_path / "in" / "bad.json").write_text("{")
    done = run(app, ["course", "grade", "in", "--course", "gpu", "--jobs", "2"])
    assert done.exit_code == 0, done.output
    assert "1 of 3 passed" in done.output and "bad.json" in done.output and "gemm_tiled" not in done.output
    names = {p.name for p in (tmp_path / "grades").rglob("*.*")}
    assert names >= {"grades.csv", "details.csv", "report.html", "ada.html"}
    with pytest.raises(ArgumentError, match="no such folder"):
        run(app, ["course", "grade", "nowhere", "-c", "gpu"], catch_exceptions=False)
    told = run(app, ["course", "report", "in", "-c", "gpu", "--html", "r.html", "-j", "1"])
    assert told.exit_code == 0 and (tmp_path / "r.html").is_file() and "1 of 3" in told.output
