"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that do not ship with the project; without it the test is skipped, loudly."""
    folder = Path(os.environ.get("MINIDL_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"NOT RUN: needs real data in {folder}; set MINIDL_TEST_DATA to the folder that holds it")
    return folder
