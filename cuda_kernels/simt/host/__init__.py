"""The host half of a CUDA program on the SIMT machine: Numba's functions, arrays, streams and events without a GPU.

names      Numba's names, and what they mean where they are called (inside `with simt.on():`, or not)
sessions   what is in force: the sessions, their reports and transfers
api        the host functions: to_device, synchronize, event, …
memory     arrays on the device
device     the device, its context, streams and events
kernels    a launch: what happens to the arguments before and after
signatures kernels with declared types
ufuncs     vectorize and guvectorize
"""
