"""Variants: other numbers for each student, drawn from the secret; a file is graded as what it should be."""

import dataclasses
import json
import re

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.folder import Folder
from minidl.course.teaching import course_file, gradescope, grading, variants
from minidl.course.teaching.course_file import Course
from minidl.course.teaching.submission import Entry, Submission
from minidl.errors import ArgumentError, FileFormatError, UnknownNameError

COURSE = Course("c", secret="s", variants=(18, 24, 29))
VARIED = [n for n in catalog.files() if len(catalog.variants(n)) > 1]


def solved(number, variant=""):
    """A right solution under the starter's docstring."""
    key = f"{number}@{variant}" if variant else number
    head = catalog.starter(key).split('"""')[1]
    return f'"""{head}"""\n\n' + next(iter(catalog.bank(key).rights().values()))


def test_which_exercises_have_variants():
    assert VARIED == [18, 21, 24, 29, 39, 46, 50] and {catalog.load(n).track for n in VARIED} == set("CDEFG")
    assert len(catalog.variants(18)) == 16 and next(iter(catalog.variants(24))) == ""


def all_but_shift(number, variant):
    return {name: n for name, n in catalog.variants(number)[variant].items() if name != "SHIFT"}


@pytest.mark.parametrize("number", VARIED)
def test_a_right_answer_for_one_variant_is_told_in_another(number):
    there = list(catalog.variants(number))
    for own, other in zip(there, [*there[1:], there[0]], strict=True):
        for source in catalog.bank(catalog.keyed(number, own)).rights().values():
            result = check_source(number, source, variant=other)
            if all_but_shift(number, own) == all_but_shift(number, other):
                assert result.passed  # in 18, where each SHIFT moves as many sectors
                continue
            assert not result.passed and result.failure.code == "variant", (own, other, result)


@pytest.mark.parametrize("number", VARIED)
def test_a_file_is_checked_as_the_variant_that_it_says_it_is(number):
    *_, variant = catalog.variants(number)
    other = solved(number, variant)
    assert catalog.variant_of(other) == variant and check_source(number, other).stars >= 2
    assert check_source(number, catalog.starter(f"{number}@{variant}")).state == "not begun"
    public = solved(number)
    assert check_source(number, public).stars >= 2
    mixed = other.replace(f"variant: {variant}\n", "")  # answers for other numbers than are asked for
    assert not (result := check_source(number, mixed)).passed or result.stars < 2


def test_what_a_mistake_is_told_has_the_variant_s_numbers():
    source = catalog.bank("24@TILE=8").wrong["tail_lost"].source
    result = check_source("24@TILE=8", source)
    assert result.failure.mistake == "tail_lost" and "last 3 terms" in result.failure.said[0]  # 3 of K = 19
    assert "64 numbers in a line" in catalog.load("29@THREADS=64").says["one_adds"][0]
    assert "128 numbers in a line" in catalog.load(29).says["one_adds"][0]


@pytest.mark.parametrize("said", ["TILE=9", "TILE", "8", "TILE=8 SIDE=3", "ü"])
def test_a_variant_that_there_is_not(said):
    source = solved(24).replace("check 24\n", f"check 24\nvariant: {said}\n")
    result = check_source(24, source)
    assert result.failure.code == "variant" and "TILE = 16 / TILE = 8" in result.failure.said[0]
    with pytest.raises(UnknownNameError, match="no variant"):
        catalog.load(f"24@{said}")
    with pytest.raises(UnknownNameError, match="it has no variants"):
        catalog.load(f"13@{said}")


def test_names_draw_variants_that_nobody_can_guess():
    names = [f"student {k}" for k in range(400)]
    drawn = [variants.drawn(COURSE, 18, name) for name in names]
    counts = [drawn.count(v) for v in catalog.variants(18)]
    assert min(counts) >= 10 and sum(counts) == 400  # 25 of each on average
    assert drawn == [variants.drawn(COURSE, 18, f" {name.upper()} ") for name in names]
    other = [variants.drawn(dataclasses.replace(COURSE, secret="t"), 18, name) for name in names]
    assert sum(a == b for a, b in zip(drawn, other, strict=True)) < 60


def graded(student, source, number=24, course=COURSE):
    one = Submission(student, "2026-09-10T08:00:00", {number: Entry(number, source)})
    return grading.grade(course, [one], jobs=1).grades[0]


def test_grade_holds_a_student_to_the_own_variant():
    drawn = {variants.drawn(COURSE, 24, name): name for name in ("ann", "bob", "cem", "dora", "eve")}
    eight, sixteen = drawn["TILE=8"], drawn[""]
    assert graded(eight, solved(24, "TILE=8")).passed and graded(sixteen, solved(24)).passed
    copied = graded(eight, solved(24))
    assert not copied.passed and copied.mistake == "variant"
    assert "answers for TILE = 16; yours is TILE = 8" in copied.shown.failure.said[0]
    assert not graded(sixteen, solved(24, "TILE=8")).passed
    renamed = graded(eight, solved(24).replace("check 24\n", "check 24\nvariant: TILE=8\n"))
    bare = graded(eight, next(iter(catalog.bank(24).rights().values())))
    for copied in (renamed, bare):  # whatever a file says of itself, or does not say: the answer is a neighbour's
        assert not copied.passed and copied.mistake == "variant" and copied.shown.failure.stage == "machine"
    right = next(iter(catalog.bank("24@TILE=8").rights().values()))
    assert graded(eight, right).passed and graded(eight, right).variant == "TILE=8"  # without its starter's text
    said = solved(24).split('"""')[1]
    assert graded(eight, f'"""{said}"""\n{right}').passed  # under a neighbour's text, and right for the own numbers
    assert graded(eight, solved(24), course=dataclasses.replace(COURSE, variants=())).passed
    assert grading.explained(Entry(24, solved(24, "TILE=8"))) == 0  # the starter's text is no explanation


@pytest.mark.parametrize("source", ["x = (", "raise SystemExit(0)\n", "", "\ud800"])
def test_a_file_that_is_none_is_told_as_ever(source):
    student = next(name for name in ("ann", "bob", "cem", "dora", "eve") if variants.drawn(COURSE, 24, name))
    grade = graded(student, source)
    assert not grade.passed and grade.mistake != "variant"


def test_a_mistake_in_the_own_variant_is_told_as_that_mistake():
    student = next(name for name in ("ann", "bob", "cem", "dora", "eve") if variants.drawn(COURSE, 24, name))
    for wrong in catalog.bank("24@TILE=8").wrong.values():
        if wrong.stage != "par":
            assert graded(student, wrong.source).mistake != "variant", wrong.name


def test_predictions_for_other_numbers_are_told():
    there = list(catalog.variants(18))
    student = next(name for name in map(str, range(99)) if variants.drawn(COURSE, 18, name) == there[-1])
    copied = graded(student, next(iter(catalog.bank(18).rights().values())), 18)
    assert copied.mistake == "variant" and copied.shown.failure.stage == "values"


def test_what_a_submission_says_of_its_variant_is_a_claim():
    student = next(name for name in ("ann", "bob", "cem", "dora", "eve") if variants.drawn(COURSE, 24, name))
    right = solved(24, "TILE=8")
    for said, told in (("TILE=8", 0), ("", 1), (None, 0), (["x"], 0)):
        one = Submission(student, entries={24: Entry(24, right, claims={"variant": said})})
        found = grading.grade(COURSE, [one], jobs=1)
        assert found.grades[0].passed and sum("graded as TILE=8" in p for p in found.problems) == told


def test_two_students_with_one_text_get_each_their_own_verdict():
    source = solved(24)
    class_ = [Submission(name, "2026-09-10", {24: Entry(24, source)}) for name in ("ann", "bob", "cem", "dora", "eve")]
    grades = grading.grade(COURSE, class_, jobs=1).grades
    assert [g.passed for g in grades] == [variants.drawn(COURSE, 24, g.student) == "" for g in grades]
    assert len({g.passed for g in grades}) == 2


def test_a_student_s_folder_keeps_its_variant(tmp_path):
    (tmp_path / ".course").mkdir()
    folder = Folder(tmp_path)
    folder.file(24).write_text(catalog.starter("24@TILE=8"), encoding="utf-8")
    assert not folder.begun(24)
    folder.file(24).write_text(solved(24, "TILE=8"), encoding="utf-8")
    assert folder.begun(24) and folder.check(24).passed
    folder.start(24, again=True)
    assert folder.source(24) == catalog.starter("24@TILE=8")


def test_a_copy_for_each_student_from_start_to_grade(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def done(*command, code=0):
        result = CliRunner().invoke(app, list(map(str, command)))
        assert result.exit_code == code, result.output
        return result.output

    done("course", "new", "gpu", "--weeks", "1", "--only", "13 24")
    text = (tmp_path / "gpu" / "course.toml").read_text("utf-8")
    text = text.replace("variants = []", "variants = [24]")
    (tmp_path / "gpu" / "course.toml").write_text(re.sub("secret = .*", 'secret = "xyzzy"', text), encoding="utf-8")
    (tmp_path / "names").write_text("ann\nbob\neve\nJ. Eve\ndora\ncem\n", encoding="utf-8")
    assert "6 copies" in done("course", "student-copy", "out", "-c", "gpu", "--students", "names")
    (tmp_path / "in").mkdir()
    course = course_file.read(tmp_path / "gpu")
    by_variant = {variants.drawn(course, 24, name): name for name in ("ann", "bob", "eve", "J. Eve", "dora", "cem")}
    assert len(by_variant) == 2
    for own, name in by_variant.items():
        monkeypatch.chdir(tmp_path / "out" / name)
        folder = Folder.find()
        assert folder.source(24) == catalog.starter(folder.key(24)) and not folder.begun(24)
        folder.file(24).unlink()
        done("exercises", "start", "24")
        assert folder.source(24) == catalog.starter(catalog.keyed(24, own)) and folder.variant(24) == own
        assert ("8 x 8" in done("exercises", "start", "24")) == bool(own)
        folder.file(24).write_text(next(iter(catalog.bank(24).rights().values())), encoding="utf-8")
        said = done("exercises", "check", "24", code=1 if own else 0)
        assert ("answers for TILE = 16; yours is TILE = 8" in said) == bool(own)
        folder.file(24).write_text(next(iter(catalog.bank(folder.key(24)).rights().values())), encoding="utf-8")
        done("exercises", "check", "24")
        done("exercises", "submit", "24", "--out", tmp_path / "in" / f"{name}.json")
        data = json.loads((tmp_path / "in" / f"{name}.json").read_text("utf-8"))
        assert data["student"] == name and data["exercises"][0]["variant"] == own
    monkeypatch.chdir(tmp_path)
    assert "2 of 2 passed" in done("course", "grade", "in", "-c", "gpu", "-j", "1")
    assert "TILE=8" in (tmp_path / "grades" / "details.csv").read_text("utf-8")
    assert "no starter of 24" in done("course", "student-copy", "all", "-c", "gpu")
    assert not (tmp_path / "all" / "minidl_exercises" / "24_gemm_tiled.py").exists()
    done("course", "student-copy", "zips", "-c", "gpu", "--student", "J. Eve", "--zip")
    assert (tmp_path / "zips.zip").is_file()


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"variants": 3}', '{"variants": {"24": "TILE=9"}}', '{"variants": {"24": 8}}']
)
def test_a_damaged_course_json_leaves_the_public_exercise(tmp_path, damaged):
    (tmp_path / ".course").mkdir()
    (tmp_path / ".course" / "course.json").write_text(damaged)
    folder = Folder(tmp_path)
    assert folder.variant(24) is None and folder.key(24) == "24"
    folder.start(24)
    assert folder.check(24).state == "not begun"


def test_gradescope_draws_for_who_has_uploaded(tmp_path):
    eight = next(name for name in ("ann", "bob", "cem", "dora", "eve") if variants.drawn(COURSE, 24, name))
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "24_gemm_tiled.py").write_text(solved(24, "TILE=8"), encoding="utf-8")
    assert "does not say whose it is" in gradescope.results(COURSE, folder)["output"]
    about = tmp_path / "submission_metadata.json"
    about.write_text(json.dumps({"users": [{"name": eight.title(), "email": "x@y.z"}]}))
    found = gradescope.results(COURSE, folder)
    assert [t["status"] for t in found["tests"]][:2] == ["passed", "passed"] and found["output"] == ""
    for damaged in ("", "[]", '{"users": [3]}', '{"users": null}'):
        about.write_text(damaged)
        assert gradescope.uploaders(folder) == []


def run(*arguments):
    return CliRunner().invoke(app, ["course", "variant", *map(str, arguments)])


def test_the_command_writes_a_class(tmp_path):
    text = COURSE.text()
    assert "variants = [18, 24, 29]" in text
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    assert course_file.read(tmp_path).variants == (18, 24, 29)
    names = tmp_path / "names.csv"
    names.write_text("ann, 1001\n\nbob\nÜmit\n", encoding="utf-8")
    out = tmp_path / "out"
    done = run("24", "18", "-c", tmp_path, "--students", names, "-o", out)
    assert done.exit_code == 0 and "6 files" in done.output
    for name in ("ann", "bob", "Ümit"):
        written = (out / name / "24_gemm_tiled.py").read_text("utf-8")
        assert catalog.variant_of(written) == variants.drawn(COURSE, 24, name)
    again = run("24", "-c", tmp_path, "--students", names, "-o", out)
    assert again.exit_code != 0 and "is there already" in again.output + str(again.exception)
    one = run("24", "-c", tmp_path, "--student", "ann")
    assert one.output.strip() == (out / "ann" / "24_gemm_tiled.py").read_text("utf-8").strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "nobody is in"), ("ann\nAnn\n", "twice"), ("../x\n", "cannot be the name"), ("..\n", "cannot be the name")],
)
def test_names_that_cannot_be_folders(tmp_path, text, said):
    (tmp_path / "names").write_text(text)
    with pytest.raises(ArgumentError, match=said):
        variants.students(tmp_path / "names")
    with pytest.raises(ArgumentError, match="no file"):
        variants.students(tmp_path / "nobody")


def test_an_exercise_without_variants_says_which_have_some(tmp_path):
    with pytest.raises(ArgumentError, match="13_vector_add has no numbers .* 18_count_sectors, 21_stencil"):
        variants.write(COURSE, [24, 13], ["ann"], tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "course.toml").write_text(COURSE.text().replace("[18, 24, 29]", "[13]"))
    with pytest.raises(FileFormatError, match="exercise 13 has no numbers"):
        course_file.read(tmp_path)
