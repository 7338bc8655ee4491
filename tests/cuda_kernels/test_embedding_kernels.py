"""The embedding kernels on the SIMT machine equal minidl's NumPy op; ids that repeat add up."""

import numpy as np
import pytest

from cuda_kernels import ladder, simt
from minidl.ops.embedding import embedding_backward, embedding_forward


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("features", [1, 5, 8])
@pytest.mark.parametrize("name", ["r1_one", "r2_wide"])
def test_forward_and_backward_equal_numpy(name, features):
    table = values(7, features)
    ids = np.random.default_rng(1).integers(0, 6, (3, 11), dtype=np.int32)  # they repeat; row 6 is never looked up
    expected, cache = embedding_forward(ids, table)
    np.testing.assert_array_equal(ladder.rung("embedding", name).run(ids, table), expected)
    dy = values(*expected.shape, seed=2)
    got = ladder.rung("embedding_backward", name).run(dy, ids, table_shape=table.shape)
    np.testing.assert_allclose(got, embedding_backward(dy, cache)[1], rtol=1e-5, atol=1e-5)


def test_an_id_without_a_row_is_reported():
    with pytest.raises(simt.KernelFault, match="out of bounds|out-of-bounds"):
        ladder.rung("embedding", "r1").run(np.array([2, 9], np.int32), values(3, 2))


def test_errors_name_the_rule():
    with pytest.raises(TypeError, match="embedding: ids must be int32. Got int64"):
        ladder.rung("embedding").run(np.array([1]), values(3, 2))
