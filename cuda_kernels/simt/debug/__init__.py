"""Stepping through a kernel by source line, and following its data: who wrote what, from what."""
