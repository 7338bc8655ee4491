"""The built site in a browser: its pages, pictures, formulas and search, and that it asks nothing of the network.

`make docs` builds the site, then runs this.
"""

from __future__ import annotations

import re
import threading
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SITE = PROJECT / "docs" / "_build" / "html"
LOADED = re.compile(r"""<(?:script|img|iframe|video|source|link)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']*["']""")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site() -> Path:
    if not (SITE / "index.html").is_file():
        pytest.skip("NOT RUN: needs the built site: make docs")
    return SITE


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and tells nobody."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    # Over HTTP, as students get it: a browser allows search to load its index from there.
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser, address, outside_requests):
    """Opens a page; at the end of a test, no request has left this machine and the console is empty."""

    def open_page(name):
        browser.get(f"{address}/{name}")
        return browser

    yield open_page
    assert [url for url in outside_requests() if not url.startswith(address)] == []
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in errors if "favicon" not in message] == []


def test_pages_load_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    found = {page.relative_to(site).as_posix(): LOADED.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert {name: links for name, links in found.items() if links} == {}
    sheets = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"@import[^;]*//|url\(['\"]?(?:https?:)?//", sheets)


def test_every_ladder_op_and_notebook_has_a_page(site):
    for readme in (PROJECT / "cuda_kernels").glob("*/README.md"):
        assert (site / "kernels" / "ladders" / f"{readme.parent.name}.html").is_file()
    for notebook in (PROJECT / "notebooks").glob("[0-9]*.ipynb"):
        assert (site / "course" / f"{notebook.stem}.html").is_file()
    assert (site / "api" / "ops" / "conv2d.html").is_file()


def test_home_leads_to_the_pages_it_names(page):
    browser = page("index.html")
    assert browser.find_element("css selector", "h1").text.startswith("minidl")
    captions = [one.text.lower() for one in browser.find_elements("css selector", ".sidebar-tree .caption-text")]
    assert captions[:5] == ["start here", "how to", "course", "how it is built", "kernels"]
    assert captions[5:] == ["simt machine", "lens", "api", "benchmarks"]
    browser.find_element("css selector", "article a[href='gallery.html']").click()
    assert browser.find_element("css selector", "h1").text.startswith("Gallery")


def test_gallery_shows_every_picture(page):
    browser = page("gallery.html")
    browser.execute_async_script(
        "const done = arguments[0];"
        "Promise.all([...document.images].map(i => (i.loading = 'eager', i.decode()))).then(() => done(true))"
    )
    pictures = "[...document.querySelectorAll('.cell_output img')].filter(i => i.src.includes('_images/'))"
    sizes = browser.execute_script(f"return {pictures}.map(i => [i.naturalWidth, i.naturalHeight])")
    cells = browser.find_elements("css selector", "div.cell")
    assert len(sizes) >= 20 and all(width > 100 and height > 60 for width, height in sizes)
    silent = [cell for cell in cells if not cell.find_elements("css selector", ".cell_output")]
    assert len(silent) <= 1  # the one that trains the network


def test_a_notebook_shows_its_outputs(page, site):
    notebooks = sorted((site / "course").glob("[0-9]*.html"))
    assert notebooks
    for notebook in notebooks:
        browser = page(f"course/{notebook.name}")
        assert browser.find_elements("css selector", ".cell_output")


def test_an_op_shows_its_formula_and_its_source(page):
    browser = page("api/ops/conv2d.html")
    text = browser.find_element("css selector", "article").text
    assert "y[n, i, j, k] = b[k] + sum over r, s, c of" in text and "Dumoulin & Visin" in text
    browser.find_element("css selector", "a.viewcode-link, .viewcode-link").click()
    assert "def conv2d_forward" in browser.find_element("css selector", "article").text


def test_a_layer_shows_its_arguments(page):
    browser = page("api/minidl.layers.html")
    signature = browser.find_element("id", "minidl.layers.Conv2D").text
    assert "filters, kernel_size, strides=" in signature


def test_formulas_are_drawn(page):
    browser = page("glossary.html")
    formulas = browser.find_elements("css selector", "math")
    assert len(formulas) >= 3 and all(one.size["width"] > 5 and one.size["height"] > 5 for one in formulas)


@pytest.mark.parametrize(
    ("words", "found"),
    [("conv2d_forward", "api/ops/conv2d"), ("bank+conflict", "glossary"), ("histogram", "course/tracks/d_patterns")],
)
def test_search_finds(page, words, found):
    from selenium.webdriver.support.ui import WebDriverWait

    browser = page(f"search.html?q={words}")
    WebDriverWait(browser, 20).until(
        lambda b: any(found in a.get_attribute("href") for a in b.find_elements("css selector", "#search-results li a"))
    )


PAGES = (
    "index.html", "README.html", "README.zh.html", "start/student.html", "start/teacher.html",
    "start/kernel_writer.html", "glossary.html",
    "howto/colab.html", "howto/cluster.html", "compare.html", "course/index.html", "course/tracks/c_memory.html",
    "course/09_shared_memory_and_barriers.html", "gallery.html", "kernels/table.html", "api/minidl.layers.html",
    "api/ops/conv2d.html",
)  # fmt: skip


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen(page, name, width):
    browser = page(name)
    try:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 1000},
        )
        assert browser.execute_script("return window.innerWidth") == width
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} pixels of {width}"
        words = browser.find_element("css selector", "article p").rect
        assert words["width"] > 0.5 * min(width, 800)  # the text has most of the screen, not a menu
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_exercise_has_its_text(site):
    from minidl.course import catalog

    pages = {path.stem: unescape(path.read_text("utf-8")) for path in (site / "course" / "tracks").glob("*.html")}
    for number, path in catalog.files().items():
        assert f"{number} · {catalog.load(number).title}" in pages[path.parent.name].replace("’", "'")
