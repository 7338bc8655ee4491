"""The progress bar: on a terminal one line drawn over, elsewhere plain lines."""

from __future__ import annotations

import io
import os
import shutil
import sys

import pytest

from minidl.callbacks import Progbar
from minidl.callbacks import progress as progress_module
from minidl.callbacks.progress import duration, step_time


def test_terminal_line_is_drawn_over_and_ends_once(capsys) -> None:
    bar = Progbar(3, live=True, interval=0.0)
    for step in (1, 2, 3):
        bar.update(step, [("loss", 1.0 / step)], finalize=step == 3)
    out = capsys.readouterr().out
    assert out.count("\r") == 3
    assert out.count("\n") == 1
    assert out.endswith("\n") and out.rstrip().endswith("loss: 0.3333")  # blanks may cover a longer line
    assert "1/3" in out.split("\r")[1]


def test_a_shorter_line_covers_a_longer_one(capsys) -> None:
    bar = Progbar(None, live=True, interval=0.0)
    bar.update(1, [("a_long_name", 123456.0)])
    bar._values.clear()
    bar.update(2, [("b", 1.0)])
    first, second = capsys.readouterr().out.split("\r")[1:]
    assert len(second) >= len(first)


def test_drawing_is_not_done_more_often_than_the_interval(capsys) -> None:
    bar = Progbar(1000, live=True, interval=100.0)
    for step in range(1, 1000):
        bar.update(step, [("loss", 0.5)])
    assert capsys.readouterr().out.count("\r") <= 1


def test_a_line_never_wraps_while_it_is_drawn_over(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    bar = Progbar(2, live=True, interval=0.0)
    values = [(f"metric_{k}", float(k)) for k in range(8)]
    bar.update(1, values)
    bar.update(2, values)
    first, last = capsys.readouterr().out.split("\r")[1:]
    assert len(first) == 39
    assert "metric_7" in last


def test_an_interrupted_line_is_ended(capsys) -> None:
    bar = Progbar(3, live=True, interval=0.0)
    bar.update(1)
    bar.end_line()
    bar.end_line()
    assert capsys.readouterr().out.count("\n") == 1
    Progbar(3, live=True).end_line()
    assert capsys.readouterr().out == ""


def test_plain_output_has_one_line(capsys) -> None:
    bar = Progbar(1000, live=False)
    for step in range(1, 1001):
        bar.update(step, [("loss", 0.5)])
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    assert "\r" not in out
    assert out.startswith("1000/1000 ")


def test_plain_output_of_a_long_epoch_shows_that_it_lives(capsys, monkeypatch) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress_module.time, "perf_counter", lambda: float(next(now)))
    bar = Progbar(10, live=False)
    for step in range(1, 11):
        bar.update(step)
    assert 3 <= len(capsys.readouterr().out.splitlines()) <= 5


def test_unknown_target_counts_up(capsys) -> None:
    bar = Progbar(None, live=False)
    bar.update(7, [("loss", 0.5)], finalize=True)
    assert "7/Unknown" in capsys.readouterr().out


def test_one_line_an_epoch_with_verbose_2(capsys) -> None:
    bar = Progbar(4, verbose=2, live=False)
    for step in range(1, 5):
        bar.update(step, [("loss", 0.00012)])
    out = capsys.readouterr().out
    assert out.startswith("4/4 - 0s - ")
    assert out.endswith("loss: 1.2000e-04\n")


def test_output_that_takes_only_ascii_gets_ascii(monkeypatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    Progbar(4, live=False).update(4)
    stream.flush()
    assert b"====" in stream.buffer.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0s"), (59.6, "60s"), (61, "1:01"), (7325, "2:02:05")])
def test_durations_read_as_a_person_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0s"), (3e-5, "30us"), (0.25, "250ms"), (1.6, "2s")])
def test_step_times_have_units(seconds: float, text: str) -> None:
    assert step_time(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_is_cut_to_the_width_of_a_terminal_alone(terminal, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((40, 24)))
    bar = Progbar(3, live=True, interval=0.0)
    bar.update(1, [("a_metric_with_a_long_name", 0.5)])
    line = capsys.readouterr().out.rpartition("\r")[2]
    assert len(line) == 39 if terminal else "a_metric_with_a_long_name: 0.5" in line
    bar.update(3, [("a_metric_with_a_long_name", 0.5)])
    assert "a_metric_with_a_long_name: 0.5" in capsys.readouterr().out  # the last one stays, and may wrap
