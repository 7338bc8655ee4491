"""The recorded traffic of the ladders' rungs is what counting them gives."""

from __future__ import annotations

import pytest

from cuda_kernels import ladder
from minidl.testing.kernels.figures import ladder_figures
from minidl.testing.kernels.ladder_figures import counted

REMADE = "out of date: python -m minidl.testing.kernels.ladder_figures"


@pytest.mark.parametrize("kernel", ["relu", "reduce_sum", "softmax_backward", "max_pool2d"])
def test_recorded_traffic_is_current(kernel):
    assert ladder_figures()[kernel] == counted(kernel), REMADE


@pytest.mark.slow
def test_recorded_traffic_of_every_ladder_is_current():
    """What is not recorded, of a kernel that was added, is counted when it is asked for."""
    wrong = [kernel for kernel, figures in ladder_figures().items() if figures != counted(kernel)]
    assert not wrong and set(ladder_figures()) <= set(ladder.ops()), REMADE


def test_a_call_that_is_not_recorded_is_counted():
    import numpy as np

    import minidl

    result = minidl.check("relu:r1", np.ones((3, 5), np.float32))
    assert result.traffic_of.startswith("What relu(x (3, 5)) moves")
    assert [row["rung"] for row in result.traffic] == ["r1_scalar <-", "r2_wide"]
    assert result.traffic[1]["sectors"] != "refuses"
