"""Fixtures for all tests."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_configure() -> None:
    """Keep NVIDIA's compilers out of these tests where they are installed: every check of a kernel would ask them.

    `make check-gate` runs the tests that need them, in an environment that pins them, without this file.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("nvidia-nvvm")
        from cuda_kernels.compile import refusals

        refusals.compiler_missing = lambda: "NVIDIA's compilers are left to make check-gate"  # type: ignore[assignment]


PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that do not ship with the project; without it the test is skipped, loudly."""
    folder = Path(os.environ.get("MINIDL_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"NOT RUN: needs real data in {folder}; set MINIDL_TEST_DATA to the folder that holds it")
    return folder


# Without these Chromium itself asks for updates, and needs a sandbox that containers do not have.
CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium, driven by selenium: `browser.get(path.as_uri())`. Without one tests are skipped, loudly."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing = "Chromium" if chromium is None else "chromedriver"
        pytest.skip(f"NOT RUN: needs a browser, and {missing} is not on the PATH (Debian: apt install chromium-driver)")
    selenium = pytest.importorskip("selenium.webdriver", reason="NOT RUN: needs selenium (pip install selenium)")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in (*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = selenium.Chrome(options=options, service=selenium.ChromeService(executable_path=driver))
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def outside_requests(browser: Any) -> Callable[[], list[str]]:
    """A function that returns the addresses that pages asked for since the last call, files and `data:` left out."""

    def asked() -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("file:", "data:", "blob:", "about:"))]

    browser.get("about:blank")
    browser.get_log("performance")
    browser.get_log("browser")
    return asked
