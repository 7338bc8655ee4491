"""Which implementation of an op runs: the table of what exists, and the user's selection."""

from minidl.backends.devices.arrays import memory, to_host
from minidl.backends.devices.ledger import transfers
from minidl.backends.selection import current_selection, resolve, use, using
from minidl.backends.students.register import register_kernel, unregister_kernel
from minidl.backends.table import BackendTable, ops_table, register_backend, register_op

__all__ = [
    "BackendTable", "current_selection", "memory", "ops_table", "register_backend", "register_kernel", "register_op",
    "resolve", "to_host", "transfers", "unregister_kernel", "use", "using",
]  # fmt: skip
