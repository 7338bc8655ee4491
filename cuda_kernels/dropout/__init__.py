"""Dropout with Philox random numbers: the mask of the CPU, bit for bit. README.md tells the story."""
