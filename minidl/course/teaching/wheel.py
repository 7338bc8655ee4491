"""minidl as a wheel, made from the files that run: what a students' copy and an autograder install from, offline."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("minidl", "cuda_kernels")
TAG = "py3-none-any"
NEEDS = ("numpy>=1.26", "numba>=0.61", "matplotlib>=3.8", "h5py>=3.10", "safetensors>=0.4", "pooch>=1.8", "tqdm>=4.66",
         "rich>=13.7", "typer>=0.18", "markupsafe>=2.1")  # fmt: skip


def name() -> str:
    """Return the wheel's file name."""
    from minidl import __version__

    return f"minidl-{__version__}-{TAG}.whl"


def made() -> bytes:
    """Return the wheel of this minidl: the packages' files, with nothing of the solutions, which are in neither."""
    from minidl import __version__

    info = f"minidl-{__version__}.dist-info"
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/METADATA"] = _metadata(__version__).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: minidl\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nminidl = minidl.cli:main\n"
    rows = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    return zipped(files)


def zipped(files: dict[str, bytes], executable: tuple[str, ...] = ()) -> bytes:
    """Return files as a zip, the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            info = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            info.external_attr = (0o755 if path in executable else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _metadata(version: str) -> str:
    try:
        needs = [need for need in distribution("minidl").requires or () if "extra ==" not in need]
    except PackageNotFoundError:  # run from a checkout that is not installed
        needs = list(NEEDS)
    lines = ["Metadata-Version: 2.1", "Name: minidl", f"Version: {version}", "Requires-Python: >=3.11"]
    return "\n".join([*lines, *[f"Requires-Dist: {need}" for need in needs], ""])
