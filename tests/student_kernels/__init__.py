"""Kernels as students write them: wrong ones that `minidl.check` must reject, and right ones of other styles."""
