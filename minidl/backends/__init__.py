"""Which implementation of an op runs: the table of what exists, and the user's selection."""

from minidl.backends.selection import current_selection, resolve, use, using
from minidl.backends.student_kernels import register_kernel, unregister_kernel
from minidl.backends.table import BackendTable, ops_table, register_backend, register_op

__all__ = [
    "BackendTable", "current_selection", "ops_table", "register_backend", "register_kernel", "register_op", "resolve",
    "unregister_kernel", "use", "using",
]  # fmt: skip
