"""The stepper's page: what it holds, and in a browser what it shows and does."""

from __future__ import annotations

import json
import re
import struct
import zlib

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.applications import LeNet5
from minidl.lens.stepping.page import page_data
from minidl.lens.stepping.thumbnails import heat_map, histogram


def small_stepper():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    return lens.step(model, rng.random((3, 6, 6, 1), np.float32), rng.integers(0, 4, 3))


def decoded(png):
    """The colours of a PNG file with a palette, (H, W, 3), by its specification."""
    width, height = struct.unpack(">II", png[16:24])
    chunks, place = {}, 8
    while place < len(png):
        length = struct.unpack(">I", png[place : place + 4])[0]
        chunks[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + length]
        assert zlib.crc32(png[place + 4 : place + 8 + length]) == struct.unpack(">I", png[place + 8 + length :][:4])[0]
        place += 12 + length
    colours = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(256, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width)
    return colours[rows[:, 1:]]


def test_pictures_are_white_at_zero_orange_above_and_blue_below():
    picture = heat_map(np.array([[0.0, 2.0], [-2.0, np.nan]]))
    assert decoded(picture.png).tolist() == [[[255, 255, 255], [179, 88, 6]], [[33, 102, 172], [208, 0, 208]]]
    brightness = decoded(heat_map(np.linspace(0, -1, 100)).png).astype(int).sum(axis=-1).ravel()
    assert (np.diff(brightness) <= 0).all() and decoded(heat_map(np.zeros((2, 3))).png).min() == 255
    assert heat_map(np.float32(3.0).reshape(())) is None and heat_map(np.zeros((0, 3))) is None


@pytest.mark.parametrize(
    ("shape", "kernel", "size", "caption"),
    [
        ((2, 4, 3, 5), False, (19, 9), "2 × 5 samples × channels, each 4 × 3"),
        ((2, 4, 3, 1), False, (7, 4), "2 samples, each 4 × 3"),
        ((4, 3, 2, 5), True, (19, 9), "2 × 5 input channels × output channels, each 4 × 3"),
        ((3, 4, 2), False, (8, 4), "3 samples, each 4 × 2"),
        ((9, 5, 5, 20), False, (47, 23), "4 × 8 samples × channels, each 5 × 5; the first of 9 × 20, each 5 × 5"),
        ((100, 7), False, (7, 64), "64 × 7: the first of 100 × 7"),
        ((300,), False, (128, 1), "128: the first of 300"),
        ((2, 2, 2, 2, 2), False, (16, 2), "2 × 16"),
    ],
)
def test_picture_says_what_it_shows(shape, kernel, size, caption):
    picture = heat_map(np.random.default_rng(0).normal(size=shape), kernel)
    assert (picture.width, picture.height) == size and decoded(picture.png).shape == (size[1], size[0], 3)
    assert picture.caption == caption


def test_histogram_needs_enough_values():
    assert histogram(np.zeros(100)) is None and histogram(np.arange(3.0)) is None
    counts, low, high = histogram(np.append(np.linspace(-1, 1, 240), np.nan))
    assert sum(counts) == 240 and (low, high) == (-1.0, 1.0)


def test_page_data_holds_the_steppers_numbers():
    s = small_stepper()
    data = json.loads(json.dumps(page_data(s)))
    assert [m["title"] for m in data["moments"]] == [m.title for m in s.moments]
    for shown, moment in zip(data["moments"], s.moments, strict=True):
        assert shown["formula"] == moment.formula and shown["partner"] == moment.partner
        assert [item["name"] for item in shown["inputs"] + shown["outputs"]] == list(moment.arrays)
        for item in shown["inputs"] + shown["outputs"]:
            array, there = moment.arrays[item["name"]], data["arrays"][item["array"]]
            cells = [float(cell) for row in there["rows"] for cell in row]
            if not there["left_out"]:
                np.testing.assert_allclose(cells, array.ravel(), rtol=1e-5)
            else:
                assert there["left_out"].startswith(f"{len(cells):,} of {array.size:,} values")
    # An output that is the next op's input is written once.
    assert data["moments"][0]["outputs"][0]["array"] == data["moments"][1]["inputs"][0]["array"]
    dense = next(m for m in data["moments"] if m["op"] == "dense" and m["direction"] == "forward")
    names = [name for name, _, _ in dense["lines"]["steps"]]
    assert names[0] == "dense dense_forward" and "def dense_forward" in data["sources"][names[0]]["text"][0]


def test_page_of_lenet_is_small_and_whole(tmp_path):
    minidl.utils.set_random_seed(0)
    model = LeNet5()
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    s = lens.step(model, rng.random((4, *model.input_shape[1:]), np.float32), rng.integers(0, 10, 4))
    path = tmp_path / "step.html"
    s.save_html(path, title="LeNet </script> & <friends>")
    text = path.read_text(encoding="utf-8")
    assert len(text) < 5e6 and list(tmp_path.iterdir()) == [path]
    assert "LeNet &lt;/script&gt; &amp; &lt;friends&gt;" in text and text.count("</script>") == 2
    assert not re.search(r"(?:src|href)=[\"']?(?!data:)[a-z]*:?//", text) and "default-src 'none'" in text
    with pytest.raises(FileNotFoundError):
        s.save_html(tmp_path / "nowhere" / "step.html")


def test_names_cannot_end_the_script(tmp_path):
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1, name="</script><b>")])
    model.compile("sgd", "mse")
    s = lens.step(model, np.ones((3, 2), np.float32), np.zeros((3, 1), np.float32))
    s.save_html(tmp_path / "step.html")
    text = (tmp_path / "step.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    data = json.loads(text.split('type="application/json">')[1].split("</script>")[0])
    assert data["layers"] == ["</script><b>"] and "<b></b>" not in s._repr_html_()
    assert "&lt;/script&gt;" in s._repr_html_()


# ---- in a browser


@pytest.fixture
def opened(browser, outside_requests, tmp_path):
    s = small_stepper()
    s.save_html(tmp_path / "step.html")
    size(browser, 1400)
    browser.get((tmp_path / "step.html").as_uri())
    yield s, browser
    assert outside_requests() == [], "a request left the page"
    assert browser.get_log("browser") == [], "the page complained"


def size(browser, width):
    values = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", values)


def panels(browser):
    return browser.execute_script(
        """return [...document.querySelectorAll('.panel')].map(panel => ({
             number: Number(panel.dataset.number), now: panel.classList.contains('now'),
             formula: panel.querySelector('.formula').textContent, title: panel.querySelector('h2').textContent,
             arrays: [...panel.querySelectorAll('.array')].map(card => ({
               name: card.dataset.name, statistics: card.querySelector('.stats').textContent,
               values: [...card.querySelectorAll('td')].map(cell => Number(cell.textContent)),
               drawn: [...card.querySelectorAll('img')].every(image => image.complete && image.naturalWidth > 0),
             })),
           }))"""
    )


def press(browser, selector):
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def check_present(s, browser):
    """The page shows the stepper's present moment: its numbers, formula, statistics."""
    shown = next(panel for panel in panels(browser) if panel["now"])
    moment = s.now
    assert (shown["number"], shown["title"], shown["formula"]) == (moment.number, moment.title, moment.formula)
    assert [card["name"] for card in shown["arrays"]] == list(moment.arrays)
    for card in shown["arrays"]:
        array = moment.arrays[card["name"]]
        assert card["statistics"] == str(statistics_of(array)) and card["drawn"]
        if array.ndim <= 2 and array.size <= 64:
            np.testing.assert_allclose(card["values"], array.ravel(), rtol=1e-5)


def statistics_of(array):
    from minidl.lens.stepping.moments import statistics

    return statistics(array)


def test_buttons_walk_through_the_step(opened):
    s, browser = opened
    check_present(s, browser)
    press(browser, "#next")
    check_present(s.next(), browser)
    press(browser, "#next")
    press(browser, "#back")
    check_present(s, browser)
    for phase in ("loss", "backward", "update", "forward"):
        browser.execute_script(
            "[...document.querySelectorAll('#phases button')].find(b => b.textContent === arguments[0]).click()", phase
        )
        check_present(s.to_phase(phase), browser)
    for layer in ("out", "pool"):
        browser.execute_script(
            "const s = document.querySelector('#layer'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))",
            layer,
        )
        check_present(s.to_layer(layer), browser)
    for moment in s.moments:
        press(browser, f"#list button[data-number='{moment.number}']")
        check_present(s.goto(moment.number), browser)
    assert browser.execute_script("return document.querySelector('#next').disabled")


def test_forward_and_backward_stand_side_by_side(opened):
    s, browser = opened
    forward, backward = panels(browser)
    assert forward["now"] and (forward["number"], backward["number"]) == (0, s.now.partner)
    boxes = "return [...document.querySelectorAll('.panel')].map(p => p.getBoundingClientRect().toJSON())"
    left, right = browser.execute_script(boxes)
    assert left["right"] < right["left"] and abs(left["top"] - right["top"]) < 2
    size(browser, 400)
    above, below = browser.execute_script(boxes)
    assert above["bottom"] < below["top"] and above["left"] == below["left"]
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_keys_and_lines(opened):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    s, browser = opened
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.ARROW_RIGHT)
    check_present(s.next(), browser)
    body.send_keys("l")
    check_present(s.to_loss(), browser)
    body.send_keys("p")
    check_present(s.to_partner(), browser)
    body.send_keys("f")
    lines = s.to_phase("forward").into()
    present = "return document.querySelector('.panel.now .code .present').textContent"
    for _ in range(3):
        assert browser.execute_script(present).endswith(lines.sources[lines.now.function][lines.line])
        assert browser.execute_script("return document.querySelector('.panel.now .line-where').textContent").startswith(
            f"line {lines.line}, step {lines.position} of "
        )
        body.send_keys(Keys.ARROW_DOWN)
        lines.next()
    press(browser, ".panel.now .line-back")
    assert browser.execute_script(present).endswith(lines.sources[lines.back().now.function][lines.line])


def test_on_the_wall_it_is_large_without_the_list_and_fits(opened):
    from selenium.webdriver.common.by import By

    _, browser = opened
    heights = "return document.querySelector('.panel.now h2').getBoundingClientRect().height"
    before = browser.execute_script(heights)
    browser.find_element(By.TAG_NAME, "body").send_keys("w")
    assert browser.execute_script(heights) > 1.4 * before
    assert not browser.find_element(By.ID, "list").is_displayed()
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.find_element(By.TAG_NAME, "body").send_keys("w")
    assert browser.execute_script(heights) == before and browser.find_element(By.ID, "list").is_displayed()


def test_everything_has_a_label(opened):
    _, browser = opened
    unlabelled = browser.execute_script(
        """return [...document.querySelectorAll('button, input, select, img, nav')].filter(e =>
             !(e.textContent.trim() || e.getAttribute('aria-label') || e.alt || (e.labels && e.labels.length)))
           .map(e => e.outerHTML)"""
    )
    assert unlabelled == []


def test_dark_page_is_readable(opened):
    _, browser = opened
    contrast = """
      const light = (c) => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const style = getComputedStyle(document.querySelector(arguments[0]));
      const [a, b] = [light(style.color), light(getComputedStyle(document.body).backgroundColor)].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);"""
    for scheme in ("light", "dark"):
        feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
        for selector in ("h2", ".small", ".formula", "#summary"):
            assert browser.execute_script(contrast, selector) > 4.5, (scheme, selector)


def test_changed_page_marks_what_differs(browser, outside_requests, tmp_path):
    s = small_stepper().to_layer("pool").change("y", (0, 0, 0, 0), 4.0)
    s.save_html(tmp_path / "changed.html")
    browser.get((tmp_path / "changed.html").as_uri())
    marked = browser.execute_script(
        "return [...document.querySelectorAll('#list button')].filter(b => b.textContent.includes('≠'))"
        ".map(b => Number(b.dataset.number))"
    )
    assert marked == [m.number for m in s.moments if s.differences(m)]
    press(browser, f"#list button[data-number='{s.position}']")
    text = browser.execute_script("return document.querySelector('.panel.now .differs').textContent")
    assert text.startswith("≠ 1 value differs")
    assert outside_requests() == [] and browser.get_log("browser") == []
