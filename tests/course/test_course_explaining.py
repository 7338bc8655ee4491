"""Each fault's page: its smallest program brings about that fault and no other, and reads in both languages."""

import re

import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course.explaining import codes, explain, programs
from minidl.course.sentences import FAULTS
from minidl.errors import UnknownNameError
from minidl.testing.sentences import code_of

PROGRAMS = programs()


def test_every_fault_has_its_program():
    assert list(PROGRAMS) == codes() == [f"F{n}" for n in range(1, 23)]
    titles = [t for p in PROGRAMS.values() for t in p.title]
    assert len(set(titles)) == len(titles) == 44 and all(p.why[0] and p.why[1] for p in PROGRAMS.values())


@pytest.mark.parametrize("code", PROGRAMS)
def test_the_machine_says_of_the_program_what_the_page_is_about(code):
    program = PROGRAMS[code]
    result = program.result()
    told = [result.failure] if result.failure else result.remarks
    assert [code_of(found.code) for found in told] == [code] and result.passed == (code in ("F20", "F21", "F22"))
    assert told[0].code in FAULTS and len(program.source.splitlines()) <= 13
    text, chinese = explain(code), explain(code.lower(), "zh")
    for said in (text, chinese):
        assert "{" not in said and program.source.splitlines()[-1] in said
    assert told[0].said[0].split()[0] in text and re.search("[\u4e00-\u9fff]", told[0].said[1])
    no_english = re.sub(
        r"`[^`]*`|shuffle|warp|xFFFFFFFF|float\w*|NaN|Python|GPU|if|false|else|return", "", told[0].said[1]
    )
    assert not re.search(r"[A-Za-z]{3,}", no_english), told[0].said[1]


def test_numbers_in_a_race_are_of_that_race():
    said = PROGRAMS["F6"].result().failure.said[0]
    assert said.startswith("Thread 0 of block 0 and thread 0 of block 1 both write y[0]")
    assert "Thread 0 of block 0 and thread 31 of block 0 do it at once" in PROGRAMS["F7"].result().failure.said[0]


@pytest.mark.parametrize("given", ["F5", "f5", "5", "F5a", " F5 "])
def test_a_fault_is_found_however_it_is_typed(given):
    assert explain(given).startswith("F5 · ")


@pytest.mark.parametrize("given", ["F23", "F0", "", "race", "F", "Ω", "²"])
def test_an_unknown_fault_is_said(given):
    with pytest.raises(UnknownNameError, match="F1 to F22, and kernel"):
        explain(given)


def test_at_the_command_line(monkeypatch):
    said = CliRunner().invoke(app, ["exercises", "explain", "F8"])
    assert said.exit_code == 0 and "thread 50 has left on line 8" in said.output
    monkeypatch.setenv("MINIDL_LANGUAGE", "zh")
    assert "屏障" in CliRunner().invoke(app, ["exercises", "explain", "F8"]).output


def test_the_names_of_a_kernel_are_numbas():
    """What the page offers exists in numba.cuda."""
    from numba import cuda

    from minidl.course.explaining import names

    offered = [name for text, _ in names.NAMES for name in re.findall(r"cuda\.([\w.]+)", text)]
    assert len(offered) >= 12
    for name in offered:
        found = cuda
        for part in name.split("."):
            if part in ("x", "y", "z"):
                break
            found = getattr(found, part)
    for chosen in ("en", "zh"):
        said = explain("kernel", chosen)
        assert all(text in said for text, _ in names.NAMES) and max(map(len, said.splitlines())) <= 110
        assert len(explain("kernel", chosen, 40).splitlines()) > len(said.splitlines())
