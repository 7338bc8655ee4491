"""Pictures of failures: each fault has its own, numbers and texts in them are those of the verdict, all is escaped."""

import base64
import io
import re

import numpy as np
import pytest
from numba import cuda
from typer.testing import CliRunner

from minidl import course
from minidl.cli.app import app
from minidl.course.checker.isolate import packed, unpacked
from minidl.course.checker.judging import check_source
from minidl.course.checker.running import Ran, Runs
from minidl.course.explaining import drawing, programs
from minidl.course.explaining.maps import maps, sliced
from minidl.course.explaining.picture import picture, write
from minidl.course.folder import Folder
from minidl.course.watch import Watch

PROGRAMS = programs()
ADD = """
from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""


@pytest.mark.parametrize("code", PROGRAMS)
@pytest.mark.parametrize("k", [0, 1])
def test_a_page_has_the_sentence_the_lines_and_a_picture(code, k):
    result = PROGRAMS[code].result()
    page = str(picture(result, ("en", "zh")[k]))
    told = result.failure or result.remarks[0]
    plain = (
        re.sub(r"<[^>]*>", "", page.split("</style>")[1])
        .replace("&#39;", "'")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
    )
    assert told.said[k].replace("`", "") in plain
    for line in told.lines:
        assert f"<b>{line:4d} | " in page
    drawn = ("<svg", "<table", "<img")
    assert any(tag in page for tag in drawn) or code in ("F13", "F16", "F17")  # whose line, or index, says it all
    assert page.count("<svg") == page.count("</svg>") and "{" not in plain


def test_a_race_shows_both_threads_and_the_cell():
    page = str(picture(PROGRAMS["F5"].result()))
    for said in ("thread 63 of block 0", "line 10: reads", "thread 0 of block 0", "line 8: writes", ">s[0]<"):
        assert said in page
    assert page.count(drawing.RED) >= 3 and page.count(f'stroke="{drawing.BLUE}"') == 1


def test_a_thread_outside_stands_beyond_the_last_cells():
    page = str(picture(PROGRAMS["F1"].result()))
    cells = re.findall(r'text-anchor="middle" fill="(#\w+)"[^>]*>(\d+)<', page)
    assert cells == [(drawing.INK, "1"), (drawing.INK, "2"), (drawing.INK, "3"), (drawing.INK, "4"), (drawing.RED, "5")]
    before = re.findall(r'text-anchor="middle" fill="(#\w+)"[^>]*>(-?\d+)<', str(picture(PROGRAMS["F3"].result())))
    assert before[0] == (drawing.RED, "-1") and before[1:] == [(drawing.INK, str(n)) for n in range(4)]


def test_a_barrier_shows_who_came():
    page = str(picture(PROGRAMS["F8"].result()))
    assert page.count(f'fill="{drawing.GREEN}" stroke') == 50 and "14 never come" in page


def test_sectors_and_banks_are_the_reports_own_pictures():
    image = pytest.importorskip("PIL.Image")
    for code in ("F21", "F22"):
        page = str(picture(PROGRAMS[code].result()))
        data = base64.b64decode(re.search(r"data:image/png;base64,([^']+)", page)[1])
        size = image.open(io.BytesIO(data)).size
        assert size[0] > 800 and size[1] > 200
    kept = PROGRAMS["F22"].result().remarks[0].shown.ran.accesses
    assert {(a["space"], a["ways"]) for a in kept} >= {("shared", 32)}


def test_accesses_travel_as_data():
    access = {"line": 7, "array": "s", "space": "shared", "addresses": [0, 128], "ways": 2}
    assert unpacked(packed(Runs([Ran(0, 0, accesses=[access])]))).ran[0].accesses == [access]


def test_a_map_is_of_the_slice_with_the_first_wrong_cell():
    right = np.arange(2 * 3 * 4 * 2.0).reshape(2, 3, 4, 2)
    got = right.copy()
    got[1, 2, 0, 1] = np.inf
    part = sliced("dx", right, got, got != right)
    assert part.label == "dx[1, :, :, 1]" and part.wrong.sum() == 1 and part.wrong[2, 0]
    page = str(maps("dx", right, got, got != right, ("right", "got", "wrong")))
    assert "<td class='bad'>∞</td>" in page and "<td class='good'>41</td>" in page and "<img" not in page
    long = np.zeros(1000)
    long[700] = np.nan
    page = str(maps("y", np.zeros(1000), long, np.isnan(long), ("right", "got", "wrong")))
    assert "<th>700</th>" in page and "NaN" in page and page.count("<img") == 3
    scalar = str(maps("n", np.float64(2), np.float32(3), np.array(True), ("right", "got", "wrong")))
    assert "<td class='bad'>3</td>" in scalar


def test_what_a_student_writes_is_escaped():
    source = ADD.replace("if i < size:", "if True:  # <script>alert(1)</script>")
    page = str(picture(check_source(13, source)))
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>" not in drawing.svg(1, 1, "<b>", [drawing.text(0, 0, "<b>")])


def test_a_notebook_shows_it_with_the_result():
    @cuda.jit
    def add(a, b, y, size):
        i = cuda.threadIdx.x
        if i < size:
            y[i] = a[i] + b[i]

    html = course.check("vector_add", add)._repr_html_()
    assert type(html) is str and "thread 0 of block 2" in html and ">y[0]<" in html


def test_at_the_command_line_and_in_watch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Folder.make()
    folder.start(13)
    path = folder.file(13)
    path.write_text(ADD.replace("if i < size", "if True"))
    run = CliRunner().invoke(app, ["exercises", "picture", "--language", "zh"])
    page = path.with_suffix(".html")
    assert run.exit_code == 0 and run.output.strip() == str(page) and "不存在" in page.read_text("utf-8")
    assert "default-src 'none'" in page.read_text("utf-8")
    said = []
    watch = Watch(folder, 13, said.append)
    watch.begin()
    page.unlink()
    assert watch.key("p") and str(page) in said[-1] and "does not exist" in page.read_text("utf-8")
    path.write_text(ADD)
    assert CliRunner().invoke(app, ["exercises", "picture", "13", "-o", "here.html"]).exit_code == 0
    assert "it passed" in (tmp_path / "here.html").read_text("utf-8")


def test_a_file_that_is_not_begun_has_a_page_too(tmp_path):
    write(check_source(13, ""), tmp_path / "page.html")
    assert "not begun" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.slow
def test_the_page_asks_for_nothing(tmp_path, browser, outside_requests):
    write(PROGRAMS["F21"].result(), tmp_path / "page.html")
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.title == "0 explained" and outside_requests() == []
    image = browser.find_element("tag name", "img")
    assert browser.execute_script("return arguments[0].naturalWidth", image) > 800
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
