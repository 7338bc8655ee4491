"""What is true of each device: the one record that selection, memory, moves and the lens ask.

>>> [(device.name, device.runs_on) for device in DEVICES.values()]
[('cuda', 'the GPU'), ('simt', 'the SIMT machine'), ('ptx', 'this processor running compiled GPU code')]
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

from minidl.errors import BackendError


class DeviceFacts(NamedTuple):
    """A device: what runs a kernel there, where its arrays lie, and whose times are taken.

    runs_on : what computes, in words
    hosted : whether its arrays lie in the host's memory (`HostedArray`)
    timed : "gpu" by its events; "host" by the host's clock, for a launch returns when it is done; "" where a time says
        nothing, as on a machine that simulates
    problem : the function that says why it cannot run here, None if it can: module and name, imported when asked
    remedy : what to do where it cannot run
    times : what a kernel's time is, in a legend
    note : the same as a sentence, where it is no GPU's
    """

    name: str
    runs_on: str
    hosted: bool
    timed: str
    problem: str
    remedy: str
    times: str
    note: str = ""

    def why_not(self) -> str | None:
        """Why no kernel can run there on this computer, as one sentence; None if it can."""
        module, _, function = self.problem.partition(":")
        return getattr(importlib.import_module(module), function)() if module else None

    def require(self) -> None:
        """Raise `BackendError`, with the reason and what to do, where it cannot run."""
        problem = self.why_not()
        if problem:
            raise BackendError(f"backend {self.name!r}: {problem}. {self.remedy}")


INSTEAD = "The same kernels run without a GPU, slowly and with their faults explained: minidl.use('simt')."

DEVICES = {
    device.name: device
    for device in (
        DeviceFacts(
            "cuda", "the GPU", False, "gpu", "cuda_kernels.launch:gpu_problem",
            f"`minidl doctor` shows what was found on this computer. {INSTEAD}",
            "by the GPU's events",
        ),
        DeviceFacts(
            "simt", "the SIMT machine", True, "", "", "",
            "simulated",
            "Kernels ran on the SIMT machine: their times are those of a simulation, not of a GPU.",
        ),
        DeviceFacts(
            "ptx", "this processor running compiled GPU code", True, "host", "cuda_kernels.ptx:missing",
            "Without it: minidl.use('simt').",
            "of this processor running compiled GPU code",
            "Kernels ran on this processor running compiled GPU code: their times are the processor's, not a GPU's.",
        ),
    )
}  # fmt: skip


def device_name(backend: str) -> str | None:
    """Return the device that a backend or rung runs on ("simt:r3_shared" on "simt"), None for the host.

    >>> device_name("cuda:r1_naive"), device_name("numpy")
    ('cuda', None)
    """
    device = backend.partition(":")[0]
    return device if device in DEVICES else None


def device_facts(backend: str) -> DeviceFacts | None:
    """Return what is known of the device that a backend or rung runs on, None for the host."""
    return DEVICES.get(backend.partition(":")[0])


def on_device(backend: str, device: str) -> str:
    """Return the backend by the same rung on another device; a backend of the host stays.

    >>> on_device("ptx:r3", "simt"), on_device("cuda", "simt"), on_device("numpy", "simt")
    ('simt:r3', 'simt', 'numpy')
    """
    name = device_name(backend)
    return backend if name is None else device + backend[len(name) :]
