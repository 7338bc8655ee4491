"""Names that are no words, in every picture, table and page: HTML, formulas, line ends, marks that turn the text."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import minidl
from minidl import lens
from minidl.layers import Dense, Input
from minidl.models.plotting import plot_model

NAMES = {
    "a script": "<script>alert(1)</script>",
    "an attribute": "x' onerror='alert(1)' y=\"",
    "an entity": "a&lt;b & c",
    "a formula": "$x^2$",
    "half a formula": r"$\frac{1$",
    "a lone dollar": "5$",
    "two lines": "one\ntwo\r\n\tthree",
    "turned": "abc\u202edef\u200f",
    "braces": "{0} {name} %s %(x)s",
    "not Latin": "größe λ 層",
}  # fmt: skip
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 4)).astype("float32"), np.arange(8) % 3


def model_called(name):
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [Input((4,)), Dense(5, activation="relu", name=name), Dense(3, activation="softmax", name="out")], name=name
    )
    model.compile(minidl.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Elements(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = set(), set(), "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("img", "br", "wbr", "rect", "meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def pages(model, name):
    stepper = lens.step(model, X, Y)
    yield stepper._repr_html_()
    from minidl.lens.stepping.notebook import moment_html

    for _ in range(len(stepper) - 1):
        yield str(moment_html(stepper))
        stepper.next()
    yield lens.training_step(model, X, Y)._repr_html_()
    yield lens.record_step(model, X, Y, update=False)._repr_html_()
    yield lens.compare(model, X, Y, "numpy", "numpy")._repr_html_()
    yield lens.provenance(model, X, layer="out", index=(0, 0))._repr_html_()


@pytest.mark.parametrize("what", NAMES)
def test_a_name_stays_text_in_every_page(what):
    name = NAMES[what]
    for page in pages(model_called(name), name):
        elements = Elements(page)
        assert not elements.open and "script" not in elements.tags
        assert not any(attribute.startswith("on") for attribute in elements.attributes)


@pytest.mark.parametrize("what", ["two lines", "turned", "braces"])
def test_a_table_for_the_terminal_keeps_its_lines(what):
    model = model_called(NAMES[what])
    alike = model_called("plain")
    for look in (lambda m: lens.training_step(m, X, Y), lambda m: lens.record_step(m, X, Y, update=False).table(),
                 lambda m: lens.compare(m, X, Y, "numpy", "numpy"), lambda m: lens.step(m, X, Y).table()):  # fmt: skip
        assert len(repr(look(model)).split("\n")) == len(repr(look(alike)).split("\n"))
    lines = []
    for m in (model, alike):
        m.summary(print_fn=lambda text: lines.append(len(text.split("\n"))))
    assert lines[0] == lines[1]


def pictures(model, name):
    x, history = X, model.fit(X, Y, epochs=2, verbose=0)
    path, recorder = lens.PathRecorder(), lens.HistogramRecorder(X, Y)
    live = minidl.callbacks.LivePlot(path="unused.png", every=100)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[path, recorder])
    live.history = {name: [(1, 1.0), (2, 0.5)], "val_" + name: [(1, 1.0), (2, 0.7)]}
    history.history[name] = [1.0, 2.0]
    yield "plot_history", lens.plot_history(history)
    yield "plot_confusion_matrix", lens.plot_confusion_matrix(Y, (Y + 1) % 3, [name, "b", "c"])
    yield "plot_activations", lens.plot_activations(model, x)
    yield "plot_graph", lens.plot_graph(model)
    yield "plot_model", plot_model(model, to_file=None, show_layer_names=True, show_shapes=True)
    yield "plot_loss_landscape", lens.plot_loss_landscape(model, X, Y, path, steps=3)
    yield "plot_histograms", lens.plot_histograms(recorder)
    yield "plot_timeline", lens.plot_timeline(lens.record_step(model, X, Y, update=False))
    yield "comparison", lens.compare(model, X, Y, "numpy", "numpy").plot()
    yield "provenance", lens.provenance(model, X, layer="out", index=(0, 0)).plot()
    yield "live plot", live.figure()
    images = RNG.random((6, 5, 5)).astype("float32")
    guesses = minidl.Sequential([Input((5, 5)), minidl.layers.Flatten(), Dense(3, activation="softmax")], name=name)
    yield "plot_worst_errors", lens.plot_worst_errors(guesses, images, np.arange(6) % 3, [name, "b", "c"])
    filters = minidl.Sequential([Input((6, 6, 1)), minidl.layers.Conv2D(2, 3, name=name)])
    yield "plot_filters", lens.plot_filters(filters, name)
    timings = lens.time("relu", [X], repeats=2)
    yield "plot_timings", timings.plot()
    yield "plot_roofline", lens.plot_roofline(timings)


@pytest.mark.filterwarnings("ignore:Glyph .* missing from")
@pytest.mark.parametrize("what", ["a script", "half a formula", "two lines"])
def test_a_name_stands_as_it_is_in_every_picture(what, tmp_path):
    name = NAMES[what]
    for title, picture in pictures(model_called(name), name):
        file = tmp_path / f"{re.sub(r'[^a-z]', '_', title)}.svg"
        picture.savefig(file)
        assert "<script>alert" not in file.read_text(encoding="utf-8"), title


def test_no_name_runs_in_a_browser(browser, outside_requests, tmp_path):
    """All pages of models with odd names in one document, and the stepper's page clicked through to its end."""
    bait = "<img src=x onerror='window.caught=1'><script>window.caught=1</script>$x$\u202e"
    stepper = lens.step(model_called(bait), X, Y)
    stepper.save_html(tmp_path / "step.html")
    browser.get((tmp_path / "step.html").as_uri())
    title = browser.execute_script("return document.querySelector('h1').textContent")
    assert "<script>" in title and "\u202e" not in title
    for _ in range(len(stepper) - 1):
        browser.execute_script("document.querySelector('#next').click()")
    assert browser.execute_script("return document.querySelector('#next').disabled && !window.caught")
    assert browser.execute_script("return document.querySelectorAll('img[onerror]').length") == 0
    body = "".join(pages(model_called(bait), bait))
    (tmp_path / "all.html").write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{body}", encoding="utf-8")
    browser.get((tmp_path / "all.html").as_uri())
    assert browser.execute_script("return !window.caught && !document.querySelector('script, img[onerror]')")
    assert "<script>" in browser.execute_script("return document.body.innerText")
    assert outside_requests() == []
