"""What is packed in a file, read without believing the sizes that it states: members of a zip, gzip, arrays of NumPy.

A file may say that it unpacks to any size, or holds an array of any shape. Nothing is unpacked and no memory is taken
before it is known to be no more than an honest file needs.
"""

from __future__ import annotations

import gzip
import io
import lzma
import math
import os
import pickle
import struct
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np

from minidl.errors import FileFormatError

# What zipfile, gzip, h5py, json, pickle and NumPy raise for bytes that make no sense.
DAMAGE = (
    OSError, KeyError, IndexError, RuntimeError, ValueError, TypeError, AttributeError, EOFError, OverflowError,
    MemoryError, SyntaxError, RecursionError, NotImplementedError, ImportError, struct.error, zlib.error,
    lzma.LZMAError, zipfile.BadZipFile, tokenize.TokenError, pickle.UnpicklingError,
)  # fmt: skip
FREELY = 1 << 28  # bytes that anything may unpack to
MOST_TIMES = 100  # as much as its packed size, beyond that: images of digits pack ten times
_ENCRYPTED = 1  # bit of a zip member's flags


def zip_member(archive: zipfile.ZipFile, name: str, path: Any) -> bytes:
    """Return the bytes of a member, whose checksum zipfile compares.

    Raises
    ------
    FileFormatError : packed by another method than deflate, encrypted, or larger than an honest file's
    """
    info = archive.getinfo(name)
    where = f"{os.fspath(path)!r}: {name!r}"
    if info.flag_bits & _ENCRYPTED:
        raise FileFormatError(f"{where} is encrypted. Unpack the file with its password and pack it again without.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileFormatError(
            f"{where} is compressed by method {info.compress_type}; only stored (0) and deflated (8) members are read."
        )
    most = max(FREELY, MOST_TIMES * info.compress_size)
    if info.file_size > most:
        raise FileFormatError(f"{where} would unpack from {info.compress_size} to {info.file_size} bytes; refused.")
    with archive.open(info) as member:  # which gives no more than `file_size`, and compares the checksum then
        return member.read()


def gunzipped(raw: bytes, path: Any) -> bytes:
    """Return what gzip packed.

    Raises
    ------
    FileFormatError : cut off, damaged, or larger than an honest file's
    """
    most = max(FREELY, MOST_TIMES * len(raw))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise FileFormatError(f"{path}: the gzip data is cut off or damaged ({error}). Fetch it again.") from error
    if len(content) > most:
        raise FileFormatError(f"{path}: would unpack from {len(raw)} to more than {most} bytes; refused.")
    return content


def read_array(content: bytes, where: str) -> np.ndarray:
    """Return the array in the bytes of an `.npy` file. Python objects are refused.

    where : names the file, and the member, in errors

    Raises
    ------
    FileFormatError : no such file, cut off, or with a shape that its bytes do not have
    """
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        header = {
            (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)  # fmt: skip
        if header is None:
            raise ValueError(f"version {version} of the format is none of 1.0 and 2.0")
        shape, fortran, dtype = header(file)
    except DAMAGE as error:
        raise FileFormatError(f"{where} is no array that NumPy wrote: {error}. Was it cut off?") from error
    if dtype.hasobject:
        raise FileFormatError(f"{where} holds Python objects, which may run code as they are read; that is refused.")
    values = content[file.tell() :]
    needed = math.prod(shape) * dtype.itemsize
    if any(n < 0 for n in shape) or needed != len(values):
        raise FileFormatError(
            f"{where} is damaged: an array of shape {shape} and {dtype} has {needed} bytes. Got {len(values)}."
        )
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C").copy()
