"""The crossover's picture shows what its rows hold."""

from __future__ import annotations

import numpy as np

from minidl import lens


def test_plot_crossover_draws_medians_and_marks_a_bound_as_not_timed():
    crossing = lens.crossover("relu", [8, 64], ("numpy", "simt"), repeats=3)
    axes = crossing.plot().axes[0]
    measured, bound = axes.lines[:2]
    assert list(measured.get_xdata()) == [8, 64]
    np.testing.assert_allclose(measured.get_ydata(), [row.first.call.median * 1e6 for row in crossing.rows])
    there = [crossing.modelled(row.second)[0] * 1e6 for row in crossing.rows]
    np.testing.assert_allclose(bound.get_ydata(), there)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == "numpy, measured" and "not timed" in labels[1] and bound.get_linestyle() == "--"


def test_plot_crossover_of_two_measured_backends_draws_both_and_their_moves():
    crossing = lens.crossover("relu", [8, 16], ("numpy", "numpy"), repeats=3)
    labels = [text.get_text() for text in crossing.plot().axes[0].get_legend().get_texts()]
    assert labels == ["numpy, measured", "numpy, measured", "numpy with its moves up and down"]
