"""Batch norm (training and inference) and layer norm. README.md tells the story."""
