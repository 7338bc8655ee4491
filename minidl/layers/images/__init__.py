"""Layers that change images: resizing, cutting, turning, random changes."""
