"""Which thread owns which element, against the arithmetic of the kernels' own indices."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import lens
from minidl.errors import ArgumentError
from minidl.lens.drawing.launch import launch_owners


def test_owners_of_a_tiled_product_follow_its_indices():
    launch, owners = launch_owners("gemm", [(35, 4), (4, 40)], "simt:r3_shared")
    assert launch.block[:2] == (32, 32) and launch.grid[:2] == (2, 2)
    for row, col in np.ndindex(35, 40):
        assert owners[row, col, 0].tolist() == [col // 32, row // 32, 0]
        assert owners[row, col, 1].tolist() == [col % 32, row % 32, 0]


def test_picture_names_block_and_thread_of_every_cell():
    figure = lens.plot_launch("gemm", [(5, 3), (3, 7)], "simt:r3_shared")
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["0"]
    cells = {text.get_position(): text.get_text() for text in right.texts}
    assert cells == {(col, row): f"{col},{row}" for row in range(5) for col in range(7)}
    assert "gemm_shared[1, (32, 32)]" in figure.get_suptitle()


def test_picture_of_a_chosen_block_and_of_a_vector():
    figure = lens.plot_launch("gemm", [(35, 2), (2, 40)], "simt:r3_shared", block=(1, 1, 0))
    cells = {text.get_position(): text.get_text() for text in figure.axes[1].texts}
    assert cells == {(32 + x, 32 + y): f"{x},{y}" for x in range(8) for y in range(3)}
    vector = lens.plot_launch("negative", [(70,)])
    assert vector.axes[0].get_images()[0].get_array().shape == (3, 32)


def test_picture_refuses_other_backends_large_results_and_blocks_without_elements():
    with pytest.raises(ArgumentError, match="'simt'"):
        lens.plot_launch("gemm", [(2, 2), (2, 2)], "numpy")
    with pytest.raises(ArgumentError, match="4,096"):
        lens.plot_launch("negative", [(100, 100)])
    with pytest.raises(ArgumentError, match="block must be one"):
        lens.plot_launch("negative", [(3, 3)], block=(5, 0, 0))
