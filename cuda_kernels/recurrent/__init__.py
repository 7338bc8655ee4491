"""Recurrent cells: a product a step and one fused kernel for the gates. README.md tells the story."""
