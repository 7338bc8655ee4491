"""What the doctor says of machines that this one is not: versions and drivers are made up here."""

from __future__ import annotations

import os
import sys

import pytest

from minidl.cli import doctor, doctor_gpu
from minidl.cli.doctor_gpu import kernel_finding, numba_cuda_finding, ptx_finding


def test_an_old_package_is_found_with_the_command_that_mends_it():
    finding = doctor.package_finding("numpy", "1.24.4", (1, 26))
    assert not finding.well and finding.mend == f'{sys.executable} -m pip install "numpy>=1.26"'
    assert doctor.package_finding("numpy", "2.0.0rc1", (1, 26)).well
    missing = doctor.package_finding("h5py", None, (3, 10))
    assert (missing.well, missing.found) == (False, "missing")


@pytest.mark.parametrize(
    "version, driver, well, mend",
    [("0.30.4", (13, 0), True, ""), (None, None, True, ""), (None, (12, 4), False, "[cuda12]"),
     (None, (13, 1), False, "[cuda13]")],
)  # fmt: skip
def test_numba_cuda_is_missed_only_where_there_is_a_driver(version, driver, well, mend):
    finding = numba_cuda_finding(version, driver)
    assert finding.well is well and mend in finding.mend and bool(mend) == bool(finding.mend)


def test_a_compiler_newer_than_the_driver_is_named_with_the_packages_to_pin():
    finding = ptx_finding((12, 4), (12, 9))
    assert not finding.well and "too new for this driver" in finding.found
    assert (
        '"cuda-toolkit[cccl,cudart,nvrtc,nvvm]==12.4.*"' in finding.mend
        and "nvidia-nvjitlink-cu12==12.4.*" in finding.mend
    )
    assert ptx_finding((13, 0), (12, 9)).well, "a driver reads the PTX of every older compiler"
    assert "update the NVIDIA driver" in ptx_finding((11, 4), (12, 0)).mend
    assert "no compiler package" in ptx_finding((13, 0), None).found


def test_a_kernel_that_does_not_run_is_reported_with_its_error():
    def trial():
        raise RuntimeError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION")

    finding = kernel_finding(trial)
    assert not finding.well and finding.found == "RuntimeError: CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
    assert kernel_finding(lambda: None).well


def test_with_a_driver_all_of_the_gpu_is_checked(monkeypatch, capsys):
    monkeypatch.setattr(doctor_gpu, "driver_version", lambda: (13, 0))
    monkeypatch.setattr(doctor_gpu, "compiler_version", lambda: (13, 4))
    assert doctor.run_doctor() == 1
    text = capsys.readouterr().out
    assert "FAIL  PTX" in text and "cuda-toolkit" in text
    assert "FAIL  a kernel" in text, "there is no GPU behind the made-up driver"


def test_more_blas_threads_than_cores_is_a_finding(monkeypatch, capsys):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4096")
    assert doctor.run_doctor() == 1
    assert "more threads than cores" in capsys.readouterr().out


def test_the_doctor_says_whether_kernels_can_run_compiled_and_where_they_are_kept(monkeypatch, tmp_path):
    from minidl.backends.devices.facts import DEVICES

    facts = type(DEVICES["ptx"])
    monkeypatch.setattr(facts, "why_not", lambda self: 'nothing there. Install both: pip install "minidl[ptx]"')
    finding = doctor.compiled_finding()
    assert finding.well and finding.found.endswith('pip install "minidl[ptx]"') and not finding.mend
    monkeypatch.setattr(facts, "why_not", lambda self: None)
    monkeypatch.setattr(doctor, "trial_kernel", lambda device: None)
    monkeypatch.setenv("MINIDL_CACHE", str(tmp_path))
    finding = doctor.compiled_finding()
    assert finding.well and finding.found.endswith(f"right result; kept in {tmp_path / 'ptx'}")
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = doctor.compiled_finding()
    assert not finding.well and "anew at each start" in finding.found and "MINIDL_CACHE" in finding.mend


def test_doctor_says_how_many_threads_blas_has(monkeypatch, capsys):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    doctor.run_doctor()
    assert "threads: 1, about" in capsys.readouterr().out
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    doctor.run_doctor()
    assert f"threads: default ({os.cpu_count()} cores), about" in capsys.readouterr().out
