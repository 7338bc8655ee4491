"""The page of `lens.ptx` in a browser: what is seen at which width, and that it asks for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import lens

LINES = "".join(f"    fma.rn.f32 %f2, %f1, 0f3F8000{n:02X}, %f2;\n" for n in range(40))
PTX = f"""
.file 1 "FILE"
.visible .entry long_named_kernel(.param .u64 an_array_with_a_long_name)
{{
    .reg .b32 %r<3>; .reg .f32 %f<3>; .reg .f64 %fd<3>; .reg .b64 %rd<4>;
    .loc 1 2 0
    ld.param.u64 %rd1, [an_array_with_a_long_name];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    .loc 1 3 1
    ld.global.f32 %f1, [%rd3];
    mov.f32 %f2, 0f00000000;
{LINES}
    .loc 1 4 1
    cvt.f64.f32 %fd1, %f2;
    cvt.rn.f32.f64 %f2, %fd1;
    st.global.f32 [%rd3], %f2;
    ret;
}}
"""
PYTHON = """\

def long_named_kernel(an_array_with_a_long_name):
    total = sum_of_products(an_array_with_a_long_name[cuda.grid(1)], another_argument_of_it, a_third)  # and a remark
    an_array_with_a_long_name[cuda.grid(1)] = total * 1.0
"""


@pytest.fixture
def page(browser, outside_requests, tmp_path):
    (tmp_path / "kernel.py").write_text(PYTHON, "utf-8")
    listing = lens.ptx(PTX.replace("FILE", str(tmp_path / "kernel.py")))
    listing.save(tmp_path / "page.html")
    walk = listing.step(1, 32, np.ones(32, "f")).goto(40)
    (tmp_path / "walk.html").write_text("<!DOCTYPE html><meta charset='utf-8'><body>" + walk._repr_html_(), "utf-8")
    size(browser, 1400)
    browser.get((tmp_path / "page.html").as_uri())
    yield browser
    assert outside_requests() == [], "a request left the page"
    assert browser.get_log("browser") == [], "the page complained"


def size(browser, width):
    values = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", values)


BOXES = "return [...document.querySelectorAll('.line:nth-child(2) > div')].map(e => e.getBoundingClientRect().toJSON())"
FITS = "return document.documentElement.scrollWidth <= innerWidth"


def test_python_and_ptx_stand_beside_each_other_or_below(page):
    left, right = page.execute_script(BOXES)
    assert left["right"] <= right["left"] and abs(left["top"] - right["top"]) < 2
    assert page.execute_script(FITS)
    size(page, 400)
    above, below = page.execute_script(BOXES)
    assert above["bottom"] <= below["top"] + 1
    assert page.execute_script(FITS)


def test_many_instructions_open_at_a_click_and_float64_is_marked(page):
    rows = "return [...document.querySelectorAll('table.ptx tr')].filter(r => r.checkVisibility()).length"
    before = page.execute_script(rows)
    page.execute_script("document.querySelector('details:not([open]) > summary').click()")
    assert page.execute_script(rows) == before + 42
    red = page.execute_script("return getComputedStyle(document.querySelector('.badge.wrong')).backgroundColor")
    assert red != page.execute_script("return getComputedStyle(document.querySelector('.badge.work')).backgroundColor")
    hint = page.execute_script("return document.querySelector('table.ptx tr').title")
    assert hint == "argument; number 0 of the kernel; PTX ISA 9.7.9.8 to 9.7.9.12"


def test_a_walk_fits_a_narrow_page(page):
    page.get(page.current_url.replace("page.html", "walk.html"))
    for width in (1400, 400):
        size(page, width)
        assert page.execute_script(FITS)
    assert page.execute_script("return document.querySelectorAll('table.lanes tbody tr').length") == 32
    assert page.execute_script("return document.querySelector('tr.present').textContent").startswith("fma.rn.f32")
