"""The summary in Keras' form, and pictures of models."""

from __future__ import annotations

import pytest

from minidl import layers, utils
from minidl.applications import LeNet5, ResNet20
from minidl.errors import ArgumentError, NotBuiltError
from minidl.models import Model, Sequential


def lines_of(model, **options):
    printed = []
    model.summary(print_fn=printed.append, **options)
    return "\n".join(printed).splitlines()


def test_summary_of_a_sequential_counts_what_keras_counts():
    text = "\n".join(lines_of(LeNet5()))
    assert text.startswith('Model: "lenet5"')
    for name, shape, count in [("c1 (Conv2D)", "(None, 28, 28, 6)", "156"), ("output (Dense)", "(None, 10)", "850")]:
        row = next(line for line in text.splitlines() if name in line)
        assert shape in row and count in row
    assert "Total params: 61,706 (241.04 KB)" in text and "Non-trainable params: 0 (0.00 B)" in text
    assert "Connected to" not in text


def test_summary_of_a_graph_shows_connections_and_keeps_its_width():
    lines = lines_of(ResNet20(blocks=1), line_length=90, show_trainable=True)
    assert max(map(len, lines)) <= 90
    assert any("s1b1_add (Add)" in line and "s1b1_2_bn[0][0]," in line for line in lines)
    assert any("Trainable" in line for line in lines)


def test_summary_of_nested_and_subclassed_models():
    inner = Sequential([layers.Input((3,)), layers.Dense(4, name="deep")], name="inner")
    outer = Sequential([layers.Input((3,)), inner])
    assert not any("deep" in line for line in lines_of(outer))
    assert any("  deep (Dense)" in line for line in lines_of(outer, expand_nested=True))

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(2)

        def call(self, x):
            return self.d(x)

    assert any("0 (unbuilt)" in line for line in lines_of(Net()))


def test_summary_of_a_model_without_layers_is_an_empty_table():
    text = "\n".join(lines_of(Sequential(name="empty")))
    assert text.startswith('Model: "empty"') and "└" in text and "Total params: 0" in text


def test_layer_range_lists_a_part():
    text = "\n".join(lines_of(LeNet5(), layer_range=["c3", "flatten"]))
    assert "c3" in text and "s4" in text and "c1" not in text and "f6" not in text
    with pytest.raises(ArgumentError, match="layer_range"):
        LeNet5().summary(layer_range=["c3", "nothing"])


@pytest.mark.parametrize("suffix, magic", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_plot_model_writes_a_picture(tmp_path, suffix, magic):
    path = tmp_path / f"model.{suffix}"
    utils.plot_model(ResNet20(blocks=1), path, show_shapes=True, show_layer_names=True, dpi=40)
    assert path.read_bytes().startswith(magic) and path.stat().st_size > 2000


def test_plot_model_draws_a_box_for_every_layer_and_an_arrow_for_every_connection():
    model = ResNet20(blocks=1)
    figure = utils.plot_model(model, to_file=None, show_layer_names=True)
    texts = {t.get_text().split(" ")[0] for t in figure.axes[0].texts}
    assert texts == {layer.name for layer in model.layers}
    links = sum(len(node.inputs) for node in model.graph.nodes)
    assert len(figure.axes[0].patches) == len(model.layers) + links


def test_plot_model_refuses_what_it_cannot_draw(tmp_path):
    with pytest.raises(ArgumentError, match="must end in .png"):
        utils.plot_model(LeNet5(), tmp_path / "model.jpg")
    with pytest.raises(ArgumentError, match="rankdir"):
        utils.plot_model(LeNet5(), None, rankdir="XY")
    with pytest.raises(NotBuiltError, match="no graph"):
        utils.plot_model(Sequential([layers.Dense(2)]), None)
