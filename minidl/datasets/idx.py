"""IDX, the format in which MNIST and Fashion-MNIST are published.

    offset 0   two zero bytes, the type (8 = uint8), the number of axes
    offset 4   the size of each axis, big-endian uint32
    then       the values, row by row

Source: yann.lecun.com/exdb/mnist, "The IDX file format"
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from minidl.errors import DataError, FileFormatError
from minidl.utils.files.packed import gunzipped

UINT8 = 8
IMAGES_AXES, LABELS_AXES = 3, 1
KINDS = {IMAGES_AXES: "images", LABELS_AXES: "labels"}
GZIP_MAGIC = b"\x1f\x8b"
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def read_idx(path: str | Path, axes: int) -> np.ndarray:
    """Read one IDX file of uint8, compressed with gzip or not (told by its content, not its name).

    Parameters
    ----------
    path : the file
    axes : 3 for images (N, H, W), 1 for labels (N,)

    Returns
    -------
    uint8 array

    Raises
    ------
    FileFormatError : wrong magic number, a damaged or cut-off file, or bytes left over; the message says
        which
    """
    raw = Path(path).read_bytes()
    if raw[:2] == GZIP_MAGIC:
        raw = gunzipped(raw, path)
    _check_magic(path, raw, axes)
    header = 4 + 4 * axes
    if len(raw) < header:
        raise FileFormatError(f"{path}: is cut off in its header: {len(raw)} bytes, expected {header}.")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", axes, offset=4))
    expected, got = header + math.prod(shape), len(raw)
    if got != expected:
        state = "is cut off" if got < expected else "has bytes left over"
        raise FileFormatError(f"{path}: {state}: the header says shape {shape}, {expected} bytes. Got {got} bytes.")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape).copy()


def _check_magic(path: str | Path, raw: bytes, axes: int) -> None:
    """Refuse a file whose first four bytes are not those of uint8 data with this number of axes."""
    magic = raw[:4]
    if magic == bytes((0, 0, UINT8, axes)):
        return
    if len(magic) == 4 and magic[:3] == bytes((0, 0, UINT8)) and magic[3] in KINDS:
        cause = f"This is a file of {KINDS[magic[3]]}. Are the files swapped?"
    elif raw.lstrip()[:1] == b"<":
        cause = "It looks like a web page: did the download hit an error page?"
    else:
        cause = "Is it an IDX file?"
    raise FileFormatError(
        f"{path}: IDX {KINDS.get(axes, axes)} start with 0x{UINT8 << 8 | axes:08x}. "
        f"Got {'0x' + magic.hex() if magic else 'an empty file'}. {cause}"
    )


def find_files(folder: Path) -> list[Path]:
    """Return the paths of those of the four files that a folder has, plain or .gz, `-idx3-` or `.idx3-`."""
    found = []
    for name in NAMES:
        spellings = (name, name.replace("-idx", ".idx"))
        candidates = (folder / (spelling + suffix) for spelling in spellings for suffix in ("", ".gz"))
        found.extend([path for path in candidates if path.is_file()][:1])
    return found


def read_folder(folder: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read the four files of a data set from a folder.

    Raises
    ------
    DataError : a file is missing; all missing ones are named
    FileFormatError : a file cannot be read, or images and labels differ in number
    """
    paths = find_files(folder)
    if len(paths) < len(NAMES):
        present = {path.name.removesuffix(".gz").replace(".idx", "-idx") for path in paths}
        missing = [name for name in NAMES if name not in present]
        raise DataError(f"{folder}: lacks {', '.join(missing)} (plain or .gz). Are they in another folder?")
    x_train, y_train, x_test, y_test = (
        read_idx(path, axes) for path, axes in zip(paths, (IMAGES_AXES, LABELS_AXES) * 2, strict=True)
    )
    for images, labels, path in ((x_train, y_train, paths[0]), (x_test, y_test, paths[2])):
        if len(images) != len(labels):
            raise FileFormatError(f"{path}: {len(images)} images, but {len(labels)} labels in the file beside it.")
    return (x_train, y_train), (x_test, y_test)
