"""`.weights.h5`: HDF5 in the layout of Keras 3, layers/<class>/vars/0, 1 …, and optimizer/vars."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from minidl.errors import FileFormatError
from minidl.saving.files import h5_array, h5_group, h5_text, open_h5
from minidl.saving.matching import renamed_siblings
from minidl.saving.places import Place, class_path, places
from minidl.saving.plan import Plan, plan_optimizer


@contextmanager
def create_h5(target: BinaryIO | Path) -> Iterator[Any]:
    """Give a new HDF5 file to write to; a checksum goes with every piece of it, so that damage is noticed.

    It is made in memory and then written in one go.
    """
    import h5py

    # Trap: on a full disk libhdf5 cannot close the file that it writes, and Python dies of it (segmentation fault).
    content = io.BytesIO() if isinstance(target, Path) else target
    with h5py.File(content, "w", libver=("v110", "v110")) as file:
        yield file
    if isinstance(target, Path):
        target.write_bytes(content.getbuffer())  # type: ignore[attr-defined]


def write_array(group: Any, name: str, values: np.ndarray) -> None:
    """Write one array, with a checksum."""
    import h5py

    if values.ndim and values.size:
        group.create_dataset(name, data=np.ascontiguousarray(values), chunks=_chunks(values), fletcher32=True)
        return
    # HDF5 has no checksum for one number, unless it stands in the header, which has one.
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    group.create_dataset(name, data=values, dcpl=compact)


def _chunks(values: np.ndarray) -> tuple[int, ...]:
    """Return equal pieces of about 16 MiB, cut along the first axis."""
    pieces = max(1, -(-values.nbytes // (16 << 20)))
    return (-(-values.shape[0] // pieces), *values.shape[1:])


class Progress(NamedTuple):
    """How far a training is: `batch` batches of `epoch` are done, and what the variables of the metrics hold."""

    epoch: int
    batch: int = 0
    metrics: Sequence[np.ndarray] = ()


def write_progress(file: Any, progress: Progress) -> None:
    """Write how far a training is beside its weights."""
    file.attrs["epoch"], file.attrs["batch"] = progress.epoch, progress.batch
    group = file.require_group("metrics/vars")
    for number, values in enumerate(progress.metrics):
        write_array(group, str(number), values)


def read_progress(path: Any) -> Progress:
    """Return how far the training was whose weights are in a file.

    Raises
    ------
    FileFormatError : the file does not say
    """
    with open_h5(path, path) as file:
        if "epoch" in file.attrs:
            group = h5_group(file, "metrics/vars", path)
            arrays = [] if group is None else [h5_array(group, str(number), path) for number in range(len(group))]
            metrics = [array[()] for array in arrays if array is not None]
            return Progress(int(file.attrs["epoch"]), int(file.attrs["batch"]), metrics)
    beside = Path(path).with_name("training_metadata.json")  # where the epoch stood before it went into the file
    if not beside.exists():
        raise FileFormatError(
            f"{os.fspath(path)!r} does not say how far its training was: it has no number of an epoch."
        )
    return Progress(int(json.loads(beside.read_text(encoding="utf-8"))["epoch"]))


def write(file: Any, model: Any) -> None:
    """Write all weights of a model, and its optimizer's state, into an open HDF5 file."""
    for place in places(model):
        group = _vars(file, place.path)
        group.attrs["name"] = place.names[-1] if place.names else model.name
        for number, variable in enumerate(place.variables):
            write_array(group, str(number), variable.numpy())
        if place.generator is not None:
            state = np.array([place.generator.seed, place.generator.offset], dtype=np.int64)
            write_array(_vars(file, f"{place.path}/seed_generator"), "0", state)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        group = _vars(file, "optimizer")
        group.attrs["name"] = optimizer.name
        for number, variable in enumerate(optimizer.variables):
            write_array(group, str(number), variable.numpy())


def _vars(file: Any, path: str) -> Any:
    return file.require_group(f"{path}/vars" if path else "vars")


def plan_from(file: Any, plan: Plan) -> str:
    """Plan to load everything in an open HDF5 file; return a headline for an error."""
    found = places(plan.model)
    if "layers" not in file and ("model_weights" in file or "layer_names" in file.attrs):
        raise FileFormatError(
            f"{os.fspath(plan.path)!r} has the layout of older Keras, under a name of the newer one. "
            "Rename it from …weights.h5 to ….h5."
        )
    in_file = dict(_groups_with_data(file))
    found = _where_their_names_are(file, found, plan)
    for place in found:
        _plan_place(file, plan, place)
    known = {place.path for place in found if place.variables}
    for path, name in in_file.items():
        if path not in known and not _is_state(path):
            plan.problems.append(f"{path}{f' (layer {name!r})' if name else ''} is in the file, not in the model")
    optimizer = getattr(plan.model, "optimizer", None)
    if optimizer is not None and not plan.problems:
        _plan_optimizer_group(file, plan, optimizer)
    held = sum(bool(place.variables) for place in found)
    got = sum(not _is_state(path) for path in in_file)
    return f"the file has {got} layers with weights, the model {held}" if held != got else ""


def _where_their_names_are(file: Any, found: list[Place], plan: Plan) -> list[Place]:
    """Return the places with the paths that their layers have in the file.

    Two layers of a class in one list are dense and dense_1, in the order of the model. Where the file has the same
    names in another order (minidl once ordered outputs in a dict otherwise), the names decide.
    """
    moved: dict[str, str] = {}

    def at(path: str) -> str:
        head, slash, tail = path.rpartition("/")
        return moved.get(path, f"{at(head)}/{tail}" if slash else path)

    lists: dict[tuple[str, str], dict[str, Place]] = {}
    for place in found:
        head, _, tail = place.path.rpartition("/")
        kind = class_path(place.layer)
        if place.names and (tail == kind or tail.startswith(f"{kind}_")):
            lists.setdefault((head, kind), {})[place.path] = place
    for (head, _), members in lists.items():
        own = {path.rpartition("/")[2]: place.names[-1] for path, place in members.items()}
        saved = {tail: _name_at(file, f"{at(head)}/{tail}" if head else tail, plan) for tail in own}
        for tail, other in renamed_siblings(own, saved).items():
            prefix = f"{head}/" if head else ""
            moved[prefix + tail] = f"{at(head)}/{other}" if head else other
    plan.reordered |= bool(moved)
    return [place._replace(path=at(place.path)) for place in found]


def _name_at(file: Any, path: str, plan: Plan) -> str:
    group = h5_group(file, f"{path}/vars", plan.path)
    return "" if group is None else h5_text(group, "name") or ""


def _plan_place(file: Any, plan: Plan, place: Place) -> None:
    if place.generator is not None:
        _plan_generator(file, plan, place)
    if not place.variables:
        return
    group = h5_group(file, f"{place.path}/vars" if place.path else "vars", plan.path)
    if group is None:
        shapes = ", ".join(f"{v.name} {v.shape}" for v in place.variables)
        plan.problems.append(f"{place.label} with {shapes} is not in the file")
        return
    if not plan.count(place.label, len(place.variables), len(group)):
        return
    for number, variable in enumerate(place.variables):
        data = h5_array(group, str(number), plan.path)
        if data is None:
            plan.problems.append(f"{place.label}: {variable.name!r}, number {number}, is not in the file")
        else:
            plan.add(variable, data, place.label)


def _plan_generator(file: Any, plan: Plan, place: Place) -> None:
    """Go on with the random numbers of dropout where the file's model was."""
    group = h5_group(file, f"{place.path}/seed_generator/vars", plan.path)
    data = None if group is None else h5_array(group, "0", plan.path)
    if data is None or data.shape != (2,) or data.dtype.kind not in "iu":
        return
    seed, offset = (int(number) for number in data[()])
    generator: Any = place.generator

    def act() -> None:
        generator.seed, generator.offset = seed, offset

    plan.afterwards.append(act)


def _plan_optimizer_group(file: Any, plan: Plan, optimizer: Any) -> None:
    group = h5_group(file, "optimizer/vars", plan.path)
    if group is None or not len(group):
        return
    arrays = [h5_array(group, str(number), plan.path) for number in range(len(group))]
    if any(array is None for array in arrays):
        plan.problems.append(f"optimizer: its variables must be numbered from 0. Got {', '.join(sorted(group))}")
        return
    plan_optimizer(plan, optimizer, arrays, plan.model.trainable_variables)


def _groups_with_data(group: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the paths of layers that have data, and their names. Links are not followed."""
    import h5py

    for key in group:
        if group.get(key, getclass=True, getlink=True) is not h5py.HardLink:
            continue
        item = group[key]
        if not isinstance(item, h5py.Group):
            continue
        if key == "vars":
            if len(item):
                name = item.attrs.get("name", "")
                yield path, name.decode() if isinstance(name, bytes) else str(name)
        else:
            yield from _groups_with_data(item, f"{path}/{key}" if path else key)


def _is_state(path: str) -> bool:
    """Whether a path belongs to an optimizer, a metric or random numbers, rather than to a layer."""
    first, last = path.split("/")[0], path.split("/")[-1]
    return first in ("optimizer", "_optimizer", "metrics", "_metrics", "compiled_metrics") or last.startswith(
        ("seed_generator", "optimizer")
    )
