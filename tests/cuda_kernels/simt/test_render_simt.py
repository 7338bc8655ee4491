"""The report as text, data, HTML and pictures, on a report written by hand."""

import json
from html.parser import HTMLParser

import pytest
from bank import WRONG

from cuda_kernels import simt
from cuda_kernels.simt.report.report import Fault, Figures, Report, TimelineStep, WarpAccess
from tests.bank.examples import EXAMPLES

SOURCE = {
    10: "@cuda.jit",
    11: "def column_sums(x, out):",
    12: '    """Not shown."""',
    13: "    tile = cuda.shared.array((32, 32), float32)",
    14: "    lane = cuda.threadIdx.x",
    15: "    tile[lane, 0] = x[lane, 0]  # a column < a row",
    16: "    if lane < 16:",
    17: "        out[lane] = tile[lane, 0] + float32(1)",
}


def access(line, array, space, operation, addresses, ways=0, width=4):
    """A warp's access, with its sectors worked out."""
    sectors = tuple(sorted({a // 32 for a in addresses if a >= 0})) if space == "global" else ()
    return WarpAccess(line, array, space, operation, (0, 0, 0), 0, tuple(addresses), width, sectors, ways)


def report(faults=()):
    """One warp copies a column of `x` by way of a column of `tile`."""
    column = [128 * lane for lane in range(32)]
    half = [4 * lane if lane < 16 else -1 for lane in range(32)]
    by_line = {
        14: Figures(executions=1, active_lanes=32),
        15: Figures(executions=1, active_lanes=32, global_loads=1, global_load_bytes=128, global_load_sectors=32,
                    shared_store_bytes=128, shared_accesses=1, shared_wavefronts=32, shared_ways=32),
        16: Figures(executions=1, active_lanes=32, branches=1, divergent_branches=1),
        17: Figures(executions=1, active_lanes=16, flops=16, global_stores=1, global_store_bytes=64,
                    global_store_sectors=2, shared_load_bytes=64, shared_accesses=1, shared_wavefronts=16,
                    shared_ways=16),
    }
    total = Figures()
    for figures in by_line.values():
        total.add(figures)
    timeline = [TimelineStep(line, (True,) * 32) for line in (14, 15, 16)]
    timeline.append(TimelineStep(17, tuple(lane < 16 for lane in range(32))))
    accesses = [
        access(15, "x", "global", "load", column),
        access(15, "tile", "shared", "store", column, ways=32),
        access(17, "tile", "shared", "load", [a if i < 16 else -1 for i, a in enumerate(column)], ways=16),
        access(17, "out", "global", "store", half),
    ]
    return Report(
        kernel="column_sums", grid=(1, 1, 1), block=(32, 1, 1), filename="columns.py", first_line=11,
        source=SOURCE, faults=list(faults), figures=total, by_line=by_line, shared_bytes=4096,
        arrays={"x": ("float32", (32, 32)), "out": ("float32", (16,))}, accesses=accesses, timeline=timeline,
    )


FAULT = Fault(
    kind="race",
    message="Thread 1 of block 0 reads tile[0, 0] in line 17, which thread 0 wrote in line 15 with no barrier between.",
    array="tile",
    index=(0, 0),
    lines=(17, 15),
    threads=((1, 0, 0), (0, 0, 0)),
    blocks=((0, 0, 0), (0, 0, 0)),
    source="   17 |          out[lane] = tile[lane, 0] + float32(1)\n   15 |      tile[lane, 0] = x[lane, 0]",
    count=15,
)


def row(text, line):
    """The table's row of a source line (a fault's excerpt further up looks alike)."""
    return [row for row in text.splitlines() if row[1:6].strip() == str(line)][-1]


def test_table_names_the_launch_and_says_that_nothing_was_found():
    text = report().table()
    assert text.startswith("column_sums[1, 32]: 1 block of 32 threads, 4,096 bytes of shared memory a block")
    assert "no faults found" in text


def test_table_says_when_nothing_was_checked():
    unchecked = Report(kernel="copy", grid=(4, 2, 1), block=(32, 1, 1), checked=False)
    assert unchecked.table() == "copy[(4, 2), 32]: 8 blocks of 32 threads\n\nnot checked for faults (checks=False)"


def test_table_gives_each_line_its_figures():
    text = report().table()
    assert row(text, 15).split("|")[0].split() == ["15", "100%", "128", "32", "12.5%", "1", "32", "32"]
    assert row(text, 17).split("|")[0].split() == ["17", "50%", "64", "2", "100%", "1", "16", "16", "16"]
    assert row(text, 16).split("|")[0].split() == ["16", "100%", "1/1"]


def test_table_aligns_its_columns():
    text = report().table()
    heading = next(line for line in text.splitlines() if "load B" in line)
    bars = {line.index("|") for line in [heading, *(row(text, n) for n in (13, 14, 15, 16, 17))]}
    assert len(bars) == 1


def test_table_leaves_out_columns_and_docstrings_that_say_nothing():
    text = report().table()
    assert "atomics" not in text and "shuffles" not in text
    assert "Not shown" not in text


def test_table_shows_faults_and_marks_their_lines():
    text = report([FAULT]).table()
    assert f"race: {FAULT.message} (15 times)" in text
    assert row(text, 15).startswith("!") and row(text, 17).startswith("!") and row(text, 14).startswith(" ")


def test_table_sums_up_the_launch():
    text = report().table()
    assert "global loads   128 bytes asked for, 32 sectors of 32 bytes moved: 12.5% used" in text
    assert "2 warp-wide accesses in 48 passes, worst conflict 32 ways" in text
    assert "87.5%; 1 of 1 branches split a warp" in text
    assert f"16 operations, {16 / (34 * 32):.3g} for each byte moved" in text
    assert "memory-bound on H100 SXM" in text


def test_to_dict_survives_json():
    data = report([FAULT]).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["faults"][0]["threads"] == [[1, 0, 0], [0, 0, 0]]
    assert data["by_line"][1] | {"line": 15, "global_load_sectors": 32, "load_coalescing": 0.125} == data["by_line"][1]


def test_to_dict_has_no_infinity_where_nothing_was_moved():
    alone = Report(kernel="count", grid=(1, 1, 1), block=(32, 1, 1), figures=Figures(executions=1, flops=32))
    data = alone.to_dict()
    assert data["figures"]["operations_per_byte"] is None
    json.dumps(data, allow_nan=False)


class Balanced(HTMLParser):
    """Reads HTML and remembers its text and whether every tag was closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_balanced_and_escapes_the_source():
    page = report([FAULT])._repr_html_()
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "# a column < a row" in parser.text and "# a column < a row" not in page
    assert FAULT.message in parser.text
    assert "<script" not in page


def test_html_shades_the_costliest_line_most():
    page = report()._repr_html_()
    shade = {line: "0.00" for line in (15, 17)}
    for line in shade:
        cell = page.split(f"<td>{line}</td>")[1].split("</td>")[0]
        shade[line] = cell.split("0.00" if "rgba" not in cell else "rgba(245, 166, 35, ")[1].split(")")[0]
    assert shade == {15: "0.85", 17: f"{0.85 * 18 / 64:.2f}"}


@pytest.mark.parametrize("what", ["sectors", "banks", "timeline", "heat"])
def test_plot_draws_each_picture(what):
    picture = report([FAULT]).plot(what)
    image = picture._repr_png_()
    assert image.startswith(b"\x89PNG") and len(image) > 10_000


def titles(picture):
    return [axes.get_title(loc="left") for axes in picture.axes]


def test_plot_sectors_has_a_panel_for_each_access_and_says_its_figures():
    first, second = titles(report().plot("sectors"))
    assert first == "line 15   tile[lane, 0] = x[lane, 0]\nload of x: 128 bytes asked for, 32 sectors moved, 12.5% used"
    assert "store of out: 64 bytes asked for, 2 sectors moved, 100% used" in second


def test_plot_picks_a_line_and_an_array():
    assert len(titles(report().plot("sectors", line=17))) == 1
    assert len(titles(report().plot("sectors", array="x"))) == 1
    assert len(titles(report().plot("banks", limit=1))) == 1


def test_plot_banks_says_how_many_ways():
    first, second = titles(report().plot("banks"))
    assert "32-way conflict: 32 passes" in first and "16-way conflict: 16 passes" in second


def test_plot_timeline_counts_the_lanes_at_work():
    assert titles(report().plot("timeline")) == ["column_sums, warp 0 of block 0: 87.5% of its lanes at work"]


@pytest.mark.parametrize(
    "what, options, message",
    [
        ("pie", {}, "must be one of sectors, banks, timeline, heat. Got 'pie'"),
        ("sectors", {"line": 99}, r"no access to global memory was kept for line=99.*line 15 \(x\), line 17 \(out\)"),
        ("banks", {"array": "x"}, r"no access to shared memory .*There are: line 15 \(tile\), line 17 \(tile\)"),
        ("timeline", {"first": 50}, "no statements 50 to 120 to draw. The watched warp ran 4 statements"),
    ],
)
def test_plot_says_what_there_is_instead(what, options, message):
    with pytest.raises(ValueError, match=message):
        report().plot(what, **options)


def test_plot_of_an_unchecked_launch_names_the_cause():
    empty = Report(kernel="copy", grid=(1, 1, 1), block=(32, 1, 1), checked=False)
    with pytest.raises(ValueError, match="checks=False"):
        empty.plot("heat")


def assert_renders(real):
    assert real.table().startswith(real.kernel) and repr(real) == real.table()
    json.dumps(real.to_dict(), allow_nan=False)
    parser = Balanced()
    parser.feed(real._repr_html_())
    assert parser.open == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_real_reports_render(name):
    case = EXAMPLES[name]()
    assert_renders(simt.launch(case.kernel, case.grid, case.block, *case.args))


def test_reports_of_wrong_kernels_render():
    for entry in WRONG:
        assert_renders(simt.launch(entry.kernel, entry.grid, entry.block, *entry.args(), **entry.options))


def test_real_launch_draws_its_pictures():
    case = EXAMPLES["transpose_tiled"]()
    real = simt.launch(case.kernel, case.grid, case.block, *case.args)
    load, store = titles(real.plot("sectors"))
    assert "load of x" in load and "store of out" in store
    assert ["1 pass" in title for title in titles(real.plot("banks"))] == [True, False]
    assert len(real.plot("heat").axes) == 4  # source, sectors, passes, idle lanes
    assert "of its lanes at work" in titles(real.plot("timeline"))[0]
