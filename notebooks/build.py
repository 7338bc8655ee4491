"""The notebooks: from the source `NN_title.py` (py:percent) to the executed `NN_title.ipynb` beside it.

    python notebooks/build.py                 execute every source, write every notebook
    python notebooks/build.py 01 07           only these
    python notebooks/build.py --check         execute every source; fail if one raises, or if a notebook that is
                                              committed has other cells than its source, or a figure in its prose that
                                              no cell computed (figures.py)

A notebook is never edited by hand: change the source, then build.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import figures
import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent
SECONDS_A_CELL = 300
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal, in an error's text


def sources(selection: list[str]) -> list[Path]:
    """Return the sources whose names begin with one of `selection`, or all, in order."""
    found = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    chosen = [path for path in found if not selection or any(path.name.startswith(name) for name in selection)]
    if not chosen:
        raise SystemExit(f"build: no notebook begins with {' or '.join(selection)}. There are: {_names(found)}.")
    return chosen


def execute(source: Path) -> Any:
    """Return the notebook of a source, executed in a fresh kernel in the notebooks' folder.

    Raises
    ------
    CellExecutionError : a cell raised
    """
    notebook = jupytext.read(source, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same at every build
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    place = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=SECONDS_A_CELL, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran: differs at every build
    return notebook


def build(source: Path, check: bool) -> str:
    """Execute one source; write its notebook, or compare it with the one that is there. Return what is wrong, or ""."""
    started = time.perf_counter()
    try:
        made = execute(source)
    except CellExecutionError as error:
        return f"{source.name}: a cell raised.\n{COLOURS.sub('', str(error))}"
    target = source.with_suffix(".ipynb")
    print(f"{source.name}: executed in {time.perf_counter() - started:.0f} s", flush=True)
    if not check:
        unfinished = target.with_suffix(".unfinished")
        nbformat.write(made, unfinished)
        unfinished.replace(target)
        return ""
    if not target.is_file():
        return f"{source.name}: {target.name} is missing. Run make notebooks."
    there = nbformat.read(target, as_version=4)
    for number, (ours, theirs) in enumerate(zip(made.cells, there.cells, strict=False)):
        if (ours.cell_type, ours.source) != (theirs.cell_type, theirs.source):
            return f"{target.name}: cell {number} is not that of {source.name}. Run make notebooks."
        if ours.cell_type == "code" and bool(ours.outputs) != bool(theirs.outputs):
            return f"{target.name}: cell {number} has an output where a new run has none, or the other way round."
    if len(made.cells) != len(there.cells):
        return f"{target.name} has {len(there.cells)} cells, {source.name} {len(made.cells)}. Run make notebooks."
    return "\n".join(f"{target.name}, {figure}, which no cell has" for figure in figures.uncomputed(there))


def _names(paths: list[Path]) -> str:
    return ", ".join(path.stem for path in paths)


def main() -> int:
    """Parse the arguments and build; return the exit code."""
    parser = argparse.ArgumentParser(description="Execute the notebooks' sources and write the notebooks.")
    parser.add_argument("selection", nargs="*", help="numbers or beginnings of names: 01 07")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a notebook is out of step")
    options = parser.parse_args()
    os.environ.setdefault("PYTHONWARNINGS", "default")
    chosen = sources(options.selection)
    if len(chosen) > 1:  # two run at a time: with a thread for each core, their products wait for each other
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(2) as pool:
        problems = [problem for problem in pool.map(lambda path: build(path, options.check), chosen) if problem]
    print(*problems, sep="\n", file=sys.stderr)
    if not problems:
        print(f"{len(chosen)} notebooks: {'in step with their sources' if options.check else 'written'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
