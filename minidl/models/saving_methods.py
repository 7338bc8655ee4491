"""The saving methods of Model. They import what they need when they are called, so that h5py is loaded only then."""

from __future__ import annotations


class SavingMethods:
    """`save`, `save_weights`, `load_weights`, `to_json` of a model."""
