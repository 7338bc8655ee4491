"""Watching a training for what goes wrong."""
