"""The names that programs use of `minidl.backends.devices`, where they were before."""

from minidl.backends.devices.arrays import HostedArray, clear_memory, device_of, memory, on_host, to_device, to_host
from minidl.backends.devices.ledger import Ledger, Transfer, transfers

__all__ = [
    "HostedArray", "Ledger", "Transfer", "clear_memory", "device_of", "memory", "on_host", "to_device", "to_host",
    "transfers",
]  # fmt: skip
