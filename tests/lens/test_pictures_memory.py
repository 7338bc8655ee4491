"""`plot_memory` draws the report of the kernel that ran."""

from __future__ import annotations

import pytest

from minidl import lens
from minidl.errors import ArgumentError, UnknownNameError


def texts(figure):
    return " ".join(
        text.get_text()
        for axes in figure.axes
        for text in [*axes.texts, axes.title, axes._left_title, axes._right_title]
    )


@pytest.mark.parametrize("what", ["sectors", "banks", "timeline", "heat"])
def test_plot_memory_draws_every_kind(what):
    figure = lens.plot_memory("gemm", [(5, 40), (40, 33)], "simt:r3_shared", what)
    assert figure.axes and any(axes.has_data() or axes.texts for axes in figure.axes)


def test_plot_memory_shows_the_kernel_that_moves_most_or_the_one_named():
    shapes = [(2, 6, 6, 3), (3, 3, 3, 4), None]
    static = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    named = lens.plot_memory("conv2d", shapes, "simt:r2_im2col", kernel="im2col", **static)
    assert "columns" in texts(named)
    with pytest.raises(UnknownNameError, match="im2col"):
        lens.plot_memory("conv2d", shapes, "simt:r2_im2col", kernel="im2cols", **static)


def test_plot_memory_refuses_what_it_cannot_draw():
    with pytest.raises(ArgumentError, match="no access to shared memory"):
        lens.plot_memory("relu", [(8,)], "simt:r1", "banks")
    with pytest.raises(ArgumentError, match="must be 'simt'"):
        lens.plot_memory("relu", [(8,)], "numpy")
    with pytest.raises(ArgumentError, match="launched no kernel"):
        lens.plot_memory("reshape", [(8,)], shape=(2, 4))
    with pytest.raises(UnknownNameError, match="sectors"):
        lens.plot_memory("relu", [(8,)], what="sector")
