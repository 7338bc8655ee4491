"""Kernels that students register: how they are taken in, given the signature of a ladder, and launched."""
