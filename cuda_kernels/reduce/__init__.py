"""Sums, means, extremes over any axes, and where the extreme is. README.md tells the story."""
