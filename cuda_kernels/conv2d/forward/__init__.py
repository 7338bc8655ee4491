"""Rungs of conv2d's forward."""
