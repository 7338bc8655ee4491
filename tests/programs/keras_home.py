"""A cache folder with Keras' layout, made of links to real data, so that a program's `load_data()` finds it."""

from __future__ import annotations

from pathlib import Path


def link_data_sets(home: Path, data: Path) -> None:
    """Make `home/datasets` with links to `data/mnist.npz` and `data/cifar-10-batches-py`.

    Parameters
    ----------
    home : what $KERAS_HOME is to be
    data : folder of real data sets
    """
    (home / "datasets").mkdir(parents=True)
    for name in ("mnist.npz", "cifar-10-batches-py"):
        (home / "datasets" / name).symlink_to(data / name)
