"""Other graders' forms: nbgrader, otter, Gradescope; the first two by the real programs, where they are installed."""

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.teaching import gradescope, notebooks, wheel
from minidl.course.teaching.course_file import Course
from minidl.errors import ArgumentError

ADD = """
from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""
WRONG = ADD.replace("i < size", "True")
PUBLIC_ONLY = ADD.replace("a[i] + b[i]", "a[i] + b[i] if size in (1, 3, 5, 128, 300, 1024) else 0.0")
COURSE = Course("ps1", secret="a secret")


def needs(package):
    why = f"needs {package}: `make check-grading` installs it, in an environment of its own"
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=why)


def run(place, *command, input=None):
    env = os.environ | {"PYTHONPATH": str(wheel.ROOT), "JUPYTER_PLATFORM_DIRS": "1", "OPENBLAS_NUM_THREADS": "1"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"  # the kernel's command
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=place, env=env, capture_output=True, text=True, timeout=900
    )
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def cells_of(text):
    return {
        cell["metadata"].get("nbgrader", {}).get("grade_id", n): cell
        for n, cell in enumerate(json.loads(text)["cells"])
    }


def source(cell):
    return "".join(cell["source"])


def plain(text):
    return notebooks.notebook([notebooks._cell("code", text)])


# -- nbgrader ----------------------------------------------------------------------------------------------------------


def test_nbgraders_source_has_answers_between_marks_and_locked_tests():
    cells = cells_of(notebooks.nbgrader([13, 24], COURSE))
    answer, test = cells["24_gemm_tiled_answer"], cells["24_gemm_tiled"]
    assert answer["metadata"]["nbgrader"]["solution"] and "### BEGIN SOLUTION" in source(answer)
    of = test["metadata"]["nbgrader"]
    assert (of["grade"], of["locked"], of["solution"], of["points"], of["schema_version"]) == (True, True, False, 6, 3)
    hidden = source(test).partition("### BEGIN HIDDEN TESTS")[2]
    assert "a secret 24" in hidden and "a secret" not in source(test).replace(hidden, "")
    total = sum(c["metadata"].get("nbgrader", {}).get("points", 0) for c in cells.values())
    assert total == 18  # two exercises: six for right results, two for par, one for an explanation
    assert len({c["id"] for c in cells.values()}) == len(cells)


def test_cells_of_the_source_run_and_the_starter_is_not_begun():
    cells = cells_of(notebooks.nbgrader([1, 19], COURSE))
    answer = source(cells["01_neuron_answer"])
    assert check_source(1, answer).passed
    begun = answer.partition("    ### BEGIN")[0] + "    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    assert check_source(1, begun).state == "not begun"
    repair = next(source(c) for c in cells.values() if "def grey" in source(c))
    assert repair == catalog.bank(19).starter().rstrip("\n") or repair == catalog.bank(19).starter()


@needs("nbgrader")
def test_nbgrader_takes_the_answers_out_and_grades_a_right_and_a_wrong_submission(tmp_path):
    place = tmp_path / "source" / "ps1" / "ps1.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(notebooks.nbgrader([13], COURSE), "utf-8")
    run(tmp_path, "nbgrader", "generate_assignment", "ps1", "--create")
    text = (tmp_path / "release" / "ps1" / "ps1.ipynb").read_text("utf-8")
    assert "if i < size" not in text and "a secret" not in text and "NotImplementedError" in text
    for student, answer in (("right", ADD), ("wrong", WRONG), ("public", PUBLIC_ONLY)):
        data = json.loads(text)
        for cell in data["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "13_vector_add_answer":
                cell["source"] = answer.splitlines(True)
            if student == "wrong" and cell["metadata"].get("nbgrader", {}).get("grade_id") == "13_vector_add":
                cell["source"] = ["pass"]  # an edited test costs nothing: it is put back
        (tmp_path / "submitted" / student / "ps1").mkdir(parents=True)
        (tmp_path / "submitted" / student / "ps1" / "ps1.ipynb").write_text(json.dumps(data), "utf-8")
    run(tmp_path, "nbgrader", "autograde", "ps1", "--create")
    run(tmp_path, "nbgrader", "export")
    rows = [line.split(",") for line in (tmp_path / "grades.csv").read_text().splitlines()]
    student, score = rows[0].index("student_id"), rows[0].index("score")
    assert {row[student]: float(row[score]) for row in rows[1:]} == {"right": 8, "wrong": 0, "public": 0}


# -- otter -------------------------------------------------------------------------------------------------------------


def test_otters_tests_have_a_case_a_stage_and_the_students_have_no_secret():
    text, students = notebooks.otter(24, COURSE), notebooks.otter(24)
    for one in (text, students):
        compile(one, "q24.py", "exec")
        assert "OK_FORMAT = False" in one and one.count("@test_case") in (5, 6)
    assert "a secret" in text and "secret" not in students and "hidden=True" not in students
    files = notebooks.exported("otter", [13, 24], COURSE)
    assert set(files) == {
        f"{f}/q{n}.py" for f in ("tests", "student_tests") for n in ("13_vector_add", "24_gemm_tiled")
    }


def test_require_says_what_a_check_says():
    scope = {}
    import linecache

    for name, text in (("right", ADD), ("wrong", WRONG), ("public", PUBLIC_ONLY)):
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(text, name, "exec"), scope)
        scope[name] = scope["add"]
    for stage in ("file", "values", "par"):
        notebooks.require("vector_add", stage, scope["right"], seed="s")
    notebooks.require("vector_add", "values", scope["public"])
    for stage, function, words in (
        ("machine", scope["wrong"], "extra threads"), ("values", scope["wrong"], "extra threads"),
        ("par", scope["public"], "Every element of y is 0"), ("file", None, "defines no add"),
    ):  # fmt: skip
        with pytest.raises(AssertionError, match=words):
            notebooks.require("vector_add", stage, function, seed="s")


@needs("otter")
def test_otter_checks_and_grades_a_right_and_a_wrong_notebook(tmp_path):
    for path, text in notebooks.exported("otter", [13], COURSE).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    scores = {"right": 8, "wrong": 0, "public": 0}
    for name, text in (("right", ADD), ("wrong", WRONG), ("public", PUBLIC_ONLY)):
        (tmp_path / f"{name}.ipynb").write_text(plain(text), "utf-8")
    assert "All tests passed" in run(tmp_path, "otter", "check", "right.ipynb", "-t", "student_tests")
    assert "extra threads" in run(tmp_path, "otter", "check", "wrong.ipynb", "-t", "student_tests")
    run(tmp_path, "otter", "generate", "-t", "tests", "-o", "auto.zip", "--no-environment")
    for name, score in scores.items():
        (tmp_path / name).mkdir()
        run(tmp_path, "otter", "run", f"{name}.ipynb", "-a", "auto.zip", "-o", name, "--no-logo")
        found = json.loads((tmp_path / name / "results.json").read_text("utf-8"))
        assert sum(test.get("score") or 0 for test in found["tests"]) == score, found


@needs("junitparser")
def test_junitparser_reads_our_xml():
    import junitparser

    from minidl.course.teaching.junit import junit

    suites = junitparser.JUnitXml.fromstring(junit([check_source(13, WRONG), check_source(13, ADD)]).encode())
    assert [(s.name, s.tests, s.failures, s.skipped) for s in suites] == [
        ("13_vector_add", 5, 1, 2),
        ("13_vector_add", 5, 0, 0),
    ]


# -- Gradescope --------------------------------------------------------------------------------------------------------


def test_gradescopes_archive_has_all_that_its_setup_installs(tmp_path):
    with pytest.raises(ArgumentError, match="no wheel in"):
        gradescope.archive(COURSE, tmp_path)
    (tmp_path / "numpy-2.0-x.whl").write_bytes(b"x")
    data = gradescope.archive(COURSE, tmp_path)
    assert data == gradescope.archive(COURSE, tmp_path)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        assert {"setup.sh", "run_autograder", "course.toml", "wheels/numpy-2.0-x.whl"} < names
        assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111
        archive.extract(f"wheels/{wheel.name()}", tmp_path)
        for script in ("setup.sh", "run_autograder"):
            archive.extract(script, tmp_path)
            if os.name == "posix":
                assert not subprocess.run(["bash", "-n", str(tmp_path / script)]).returncode
    with zipfile.ZipFile(tmp_path / "wheels" / wheel.name()) as inside:
        names = inside.namelist()
        assert "minidl/course/exercises/b_kernels/e13_vector_add.json" in names and not inside.testzip()
        assert not [n for n in names if not n.startswith(("minidl", "cuda_kernels")) or "__pycache__" in n]


@pytest.fixture
def container(tmp_path):
    """Gradescope's folders, with its scripts as they are but for where the folders lie."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(gradescope.archive(COURSE))) as archive:
        archive.extractall(root / "source")
    for script in ("setup.sh", "run_autograder"):
        path = root / "source" / script
        path.write_text(path.read_text("utf-8").replace("/autograder", str(root)), "utf-8")
        path.chmod(0o755)
    return root


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n", "utf-8")
    path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="a script of Gradescope's container, which runs Linux")
@pytest.mark.parametrize(
    ("image", "packaged", "chosen"),
    [("python3", "", "python3"), ("python3.12", "", "python3.12"), ("", "python3.12", "python3.12"), ("", "", "")],
)
def test_gradescopes_setup_takes_a_python_that_suits(container, image, packaged, chosen):
    stubs = container / "stubs"
    program(container / "pip", f'echo pip "$@" >> {container}/log')
    makes = f"""[ "$1" = -c ] && exit 0
        echo "$(basename $0) $@" >> {container}/log
        mkdir -p "$3/bin" && cp {container}/pip "$3/bin/pip\""""
    for name in ("python3", "python3.11", "python3.12", "python3.13"):  # too old, or cannot make environments
        program(stubs / name, makes if name == image else "exit 1")
    program(container / "packaged", makes)
    program(stubs / "apt-get", f"""[ "$1" = update ] && exit 0
        [ -n "{packaged}" ] && [ "$3" = "{packaged}" ] && cp {container}/packaged {stubs}/$3 && exit 0
        exit 100""")  # fmt: skip
    env = {"PATH": f"{stubs}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", str(container / "source" / "setup.sh")], env=env, capture_output=True, text=True, timeout=60
    )
    if not chosen:
        assert done.returncode == 1 and "needs Python 3.11 or newer" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    log = (container / "log").read_text("utf-8").splitlines()
    assert log[0] == f"{chosen} -m venv {container}/env"
    assert log[1] == f"pip install --find-links wheels wheels/{wheel.name()}"  # the file: an index may have the name


@pytest.mark.skipif(os.name != "posix", reason="a script of Gradescope's container, which runs Linux")
def test_gradescopes_run_writes_results_of_whatever_is_uploaded(container):
    env = os.environ | {"PYTHONPATH": str(wheel.ROOT)}
    program(container / "env" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    scores = {}
    uploads = {
        "right": {"13_vector_add.py": ADD},
        "wrong": {"13_vector_add.py": WRONG},
        "empty": {},
        "junk": {"a.json": "{", "photo.png": "x"},
        "folder": {"mine/13_vector_add.py": ADD},
    }
    for name, files in uploads.items():
        for path in sorted((container / "submission").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (container / "results" / "results.json").unlink(missing_ok=True)
        for path, text in files.items():
            (container / "submission" / path).parent.mkdir(exist_ok=True)
            (container / "submission" / path).write_text(text, "utf-8")
        script = container / "source" / "run_autograder"
        done = subprocess.run([str(script)], cwd=container, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        found = json.loads((container / "results" / "results.json").read_text("utf-8"))
        scores[name] = sum(test["score"] for test in found["tests"])
        assert found["tests"] and all(
            {"name", "score", "max_score", "visibility"} <= test.keys() for test in found["tests"]
        )
        assert (name in ("empty", "junk")) == ("Nothing here can be graded" in found["output"])
    assert scores == {"right": 8, "wrong": 0, "empty": 0, "junk": 0, "folder": 8}


def test_the_wheel_is_one_that_pip_installs(tmp_path):
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    (tmp_path / wheel.name()).write_bytes(wheel.made())
    run(tmp_path, "pip", "install", "-q", "--no-deps", "--no-index", "--target", "there", wheel.name())
    code = "import sys; sys.path.insert(0, 'there'); import minidl; print(minidl.__file__)"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert str(tmp_path / "there") in done.stdout, done.stderr


def test_gradescopes_results(tmp_path):
    course = Course("c", secret="s")

    def graded(**files):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        (folder / "course.toml").write_text(course.text())
        gradescope.main([str(folder / "course.toml"), str(folder), str(folder / "results" / "results.json")])
        return json.loads((folder / "results" / "results.json").read_text("utf-8"))

    right = graded(**{"13_vector_add": ADD})
    tests = {t["name"].partition(": ")[2]: t for t in right["tests"]}
    assert [tests[n]["score"] for n in ("public cases", "hidden cases", "par", "a guess")] == [0, 6, 2, 0]
    assert tests["hidden cases"]["visibility"] == "after_published" and tests["public cases"]["visibility"] == "visible"
    assert {t["status"] for t in right["tests"]} == {"passed", "failed"}
    public = graded(**{"13_vector_add": PUBLIC_ONLY})
    assert [t["score"] for t in public["tests"]] == [0, 0, 0, 0] and public["tests"][0]["status"] == "passed"
    wrong = graded(**{"13_vector_add": WRONG})
    assert "extra threads" in wrong["tests"][0]["output"] and sum(t["score"] for t in wrong["tests"]) == 0
    nothing = graded(notes="x = 1")
    assert nothing["tests"][0]["score"] == 0 and "minidl exercises submit" in nothing["output"]


def test_commands_of_the_teacher(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def done(*command):
        result = CliRunner().invoke(app, ["course", *command])
        assert result.exit_code == 0, result.output
        return result.output

    done("new", "c", "-w", "1", "--only", "18")
    assert "ps/tests/q18_count_sectors.py" in done("export", "otter", "18", "-c", "c", "-o", "ps").replace("\\", "/")
    assert "ps/c.ipynb" in done("export", "nbgrader", "18", "-c", "c", "-o", "ps").replace("\\", "/")
    assert "upload it" in done("gradescope", "-c", "c") and zipfile.is_zipfile("autograder.zip")
    assert CliRunner().invoke(app, ["course", "export", "moodle", "18"]).exit_code == 2
    seen = done("preview", "18")
    assert all(f"[{name}]" in seen for name in catalog.bank(18).wrong)
    done("mutation-table", "18")
