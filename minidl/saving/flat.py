"""`.safetensors` and `.npz`: weights by name, for other tools and other languages."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import FileFormatError
from minidl.saving.files import reading, zip_member
from minidl.saving.places import named_weights
from minidl.saving.plan import Plan
from minidl.utils.files.packed import read_array


def write_safetensors(model: Any, target: Path) -> None:
    """Write the weights, their order, and a checksum, which the format itself does not have."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(v.numpy()) for name, v in named_weights(model).items()}
    metadata = {"format": "minidl", "order": json.dumps(list(arrays)), "sha256": _digest(arrays)}
    target.write_bytes(save(arrays, metadata=metadata))


def write_npz(model: Any, target: Path) -> None:
    """Write the weights as arrays of NumPy, uncompressed; the zip has checksums."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, variable in named_weights(model).items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(variable.numpy()), allow_pickle=False)
            archive.writestr(f"{name}.npy", content.getbuffer())


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode("utf-8"))
        digest.update(np.ascontiguousarray(arrays[name]).data if arrays[name].size else b"")
    return digest.hexdigest()


def read_weights(path: Path, plan: Plan) -> str:
    """Plan to load a file by the names in it, or by their order where only the layers' names differ."""
    arrays = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_npz(path)
    own = named_weights(plan.model)
    if set(arrays) != set(own) and _same_order(arrays, own):
        arrays = dict(zip(own, arrays.values(), strict=True))
    for name, variable in own.items():
        if name in arrays:
            plan.add(variable, arrays[name], f"{name!r}")
        else:
            plan.problems.append(f"{name!r} {variable.shape} is not in the file")
    for name, array in arrays.items():
        if name not in own:
            plan.problems.append(f"{name!r} {tuple(array.shape)} is in the file, not in the model")
    return f"the file has {len(arrays)} weights, the model {len(own)}" if len(arrays) != len(own) else ""


def _same_order(arrays: dict[str, Any], own: dict[str, Any]) -> bool:
    """Whether two lists of weights agree but for the layers' names: "dense_3/kernel" and "dense/kernel"."""
    return len(arrays) == len(own) and all(
        theirs.rsplit("/", 1)[-1] == ours.rsplit("/", 1)[-1] and tuple(array.shape) == variable.shape
        for (theirs, array), (ours, variable) in zip(arrays.items(), own.items(), strict=True)
    )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    with reading(path, "a .safetensors file"):
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        except SafetensorError as error:
            raise ValueError(str(error)) from error
        if "sha256" in metadata and metadata["sha256"] != _digest(arrays):
            raise FileFormatError(
                f"{os.fspath(path)!r} is damaged: its checksum is not that of its weights. Copy or download it again."
            )
        order = json.loads(metadata.get("order", "null")) or list(arrays)
        if sorted(order) != sorted(arrays):
            raise FileFormatError(f"{os.fspath(path)!r} is damaged: it does not hold the weights that it lists.")
        return {name: arrays[name] for name in order}


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    with reading(path, "an .npz file of weights"), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith(".npy"):
                raise FileFormatError(f"{os.fspath(path)!r} holds {name!r}, which is no array; is it a .keras file?")
            content = zip_member(archive, name, path)
            arrays[name.removesuffix(".npy")] = read_array(content, f"{os.fspath(path)!r}: {name!r}")
    return arrays
