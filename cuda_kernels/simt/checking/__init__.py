"""What is watched while a kernel runs: races, uninitialised reads, bounds, and the figures of each line."""
