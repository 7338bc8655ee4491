"""Arithmetic cell by cell, activations and casts: one kernel body for all of them. README.md tells the story."""
