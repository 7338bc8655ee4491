"""Optimizer steps, each in one kernel. README.md tells the story."""
