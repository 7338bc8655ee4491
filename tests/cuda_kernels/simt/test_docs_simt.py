"""The page on the SIMT machine and the docstrings of the package: every example gives what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from cuda_kernels import simt

PAGE = Path(__file__).resolve().parents[3] / "docs" / "simt_machine.md"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(simt.__path__, "cuda_kernels.simt.")
    if not module.name.endswith(("__main__", "simulate"))
)


def test_page_examples_give_what_they_say():
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=OPTIONS)
    assert result.attempted > 30
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0
