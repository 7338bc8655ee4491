"""Every figure in the notebooks' prose is one that a cell computed, or that stands in its code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
spec = importlib.util.spec_from_file_location("figures", NOTEBOOKS / "figures.py")
figures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(figures)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem[:2])
def test_no_figure_in_prose_that_no_cell_computed(path):
    assert figures.uncomputed(json.loads(path.read_text(encoding="utf-8"))) == []


def notebook(prose, code="n = 12", **output):
    return {
        "cells": [
            {"cell_type": "markdown", "source": prose.splitlines(keepends=True)},
            {"cell_type": "code", "source": [code], "outputs": [output]},
        ]
    }


@pytest.mark.parametrize(
    "prose, missing",
    [
        ("It is 98.5 % right.", ["98.5"]),
        ("It takes 1,437 steps, or 12.", ["1437"]),
        ("| a | 7 |", ["7"]),
        ("3.25 ms a step, 40x faster", ["3.25"]),  # 40x is a word to this lint, as is "forty times"
        ("- 250 images", ["250"]),
        ("Exercises 3, 4 and 5 to 9: `n = 77`, $2^{31}$, [a](b#99). Notebook 8.", []),
        ("# 4 · A title\n\n*It takes:* 60 minutes.\n\n1. First\n2. Second", []),
        ("Seen: 0.875 and 12.\n\n## Try it\n\n1. With 4096 threads?", []),
    ],
)
def test_what_is_a_figure(prose, missing):
    found = figures.uncomputed(notebook(prose, text=["accuracy 0.875\n"]))
    assert [line.split(": ")[1].split(" in ")[0] for line in found] == missing


def test_outputs_of_every_kind_of_text_count_and_pictures_do_not():
    cells = notebook("7.5 and 8.5", data={"text/html": ["<td>7.5</td>"], "image/png": "8.5"})
    assert figures.uncomputed(cells) == ["cell 0: 8.5 in '7.5 and 8.5'"]
