"""The ladders find their rungs by file: adding one is one file, and the conventions' own rung is a right one."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import cuda_kernels
from cuda_kernels import ladder
from cuda_kernels.launch import simt_options

PACKAGE = Path(ladder.__file__).parent
HOST, RUNG = re.findall(r'```python\n(""".*?)```', (PACKAGE / "conventions.md").read_text(), re.S)[:2]


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A family `scale` of the conventions' rung, in a folder that the package is told of; gone after the test."""
    def forget():
        for cached in (ladder._files, ladder.family_rungs):
            cached.cache_clear()
        for name in [name for name in sys.modules if name.startswith("cuda_kernels.scale")]:
            del sys.modules[name]
        vars(cuda_kernels).pop("scale", None)

    folder = tmp_path / "scale"
    folder.mkdir()
    for file, text in (("__init__.py", '"""Scaling."""\n'), ("host.py", HOST), ("r1_one.py", RUNG)):
        (folder / file).write_text(text)
    monkeypatch.setattr(cuda_kernels, "__path__", [*cuda_kernels.__path__, str(tmp_path)])
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def test_rung_of_the_conventions_is_found_and_right(family):
    x = np.arange(1000, dtype=np.float32).reshape(10, 100)
    with simt_options() as reports:
        y = ladder.rung("scale").run(x, 2.5)
    np.testing.assert_array_equal(y, x * np.float32(2.5))
    figures = reports[-1].figures
    assert (figures.flops, figures.global_load_bytes, figures.global_store_bytes) == (x.size, 4 * x.size, 4 * x.size)
    assert "scale" in ladder.families() and "scale" in ladder.ops() and reports[-1].faults == []


def test_adding_a_rung_is_one_file(family):
    second = RUNG.replace("THREADS = 256", "THREADS = 64").replace('"r1_one"', '"r10_small"')
    (family / "r10_small.py").write_text(second.replace("scale_one", "scale_small"))
    (family / "r2_half.py").write_text(RUNG.replace("THREADS = 256", "THREADS = 128").replace('"r1_one"', '"r2_half"'))
    ladder._files.cache_clear()
    assert [rung.name for rung in ladder.rungs("scale")] == ["r1_one", "r2_half", "r10_small"], "by number"
    with simt_options() as reports:
        ladder.rung("scale").run(np.ones(3, np.float32), 2.0)
    assert (reports[-1].kernel, reports[-1].block) == ("scale_small", (64, 1, 1)), "the last is the default"


@pytest.mark.parametrize("text", ["x = 1\n", RUNG, RUNG.replace("RUNG = ", "RUNGS = "), "RUNGS = ()\n"])
def test_file_that_makes_no_rung_of_its_name_is_refused(family, text):
    (family / "r2_other.py").write_text(text)
    ladder._files.cache_clear()
    with pytest.raises(ImportError, match=r"cuda_kernels\.scale\.r2_other must end in RUNG"):
        ladder.rungs("scale")


def test_every_file_of_a_rung_stands_in_a_ladder():
    found = {(rung.name, family) for family in ladder.families() for rung in ladder.family_rungs(family)}
    assert found == {(path.stem, path.relative_to(PACKAGE).parts[0]) for path in PACKAGE.rglob("r[0-9]*_*.py")}


def test_no_folder_of_kernels_has_more_than_20_files():
    for family in ladder.families():
        for folder in (PACKAGE / family, *(PACKAGE / family).rglob("*/")):
            assert len([path for path in folder.iterdir() if path.is_file()]) <= 20, folder
