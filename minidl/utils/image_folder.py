"""A folder of images as a PyDataset: finding the files, dividing them, reading them batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from minidl.console import say
from minidl.data.batching import positive_int
from minidl.data.dataset import PyDataset
from minidl.errors import ArgumentError, DataError, unknown_name
from minidl.ops.common.philox import permutation
from minidl.utils.numerical import to_categorical

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
LABEL_MODES = ("int", "categorical", "binary")
SUBSETS = ("training", "validation", "both")
SPLIT_EPOCH = 0  # the epoch whose order divides the files; ImageFolder's own epochs draw from seed + 1


class ImageFolder(PyDataset):
    """Batches `(images, labels)` of image files; every epoch has its own order if `shuffle`.

    Attributes
    ----------
    class_names : list of the subfolders' names, by class number
    file_paths : list of the files, in the order in which they were given
    """

    def __init__(
        self,
        paths: list[Path],
        numbers: np.ndarray | None,
        class_names: list[str],
        label_mode: str | None,
        read: Callable[[Path], np.ndarray],
        batch_size: int | None,
        shuffle: bool,
        seed: int,
    ) -> None:
        super().__init__()
        self.file_paths = [str(path) for path in paths]
        self.class_names = class_names
        self._labels = _encode(numbers, label_mode, len(class_names))
        self._read, self._shuffle, self._seed = read, shuffle, seed
        self.batch_size = positive_int(batch_size or max(1, len(paths)), "batch_size", "image_dataset_from_directory")
        self._epoch = 0
        self._draw_order()

    def __len__(self) -> int:
        return -(-len(self.file_paths) // self.batch_size)

    def __getitem__(self, index: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches. Got index {index}.")
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        images = np.stack([self._read(Path(self.file_paths[i])) for i in chosen])
        return images if self._labels is None else (images, self._labels[chosen])

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        self._epoch += 1
        self._draw_order()

    def _draw_order(self) -> None:
        count = len(self.file_paths)
        self._order = permutation(count, self._seed + 1, self._epoch) if self._shuffle else np.arange(count)


def _encode(numbers: np.ndarray | None, label_mode: str | None, num_classes: int) -> np.ndarray | None:
    """Turn class numbers into the labels that `label_mode` asks for."""
    if numbers is None or label_mode is None:
        return None
    if label_mode == "int":
        return numbers.astype(np.int32)
    if label_mode == "binary":
        return numbers.astype(np.float32).reshape(-1, 1)
    return to_categorical(numbers, num_classes or None)


def find_images(
    directory: Path, labels: str | list[int] | None, label_mode: str | None, class_names: list[str] | None
) -> tuple[list[Path], np.ndarray | None, list[str]]:
    """List the image files, sorted, their class numbers (`None` without labels) and the class names."""
    function = "image_dataset_from_directory"
    numbers: np.ndarray | None
    if label_mode is not None and label_mode not in LABEL_MODES:
        raise unknown_name("label_mode", label_mode, LABEL_MODES)
    if isinstance(labels, str) and labels != "inferred":
        raise ArgumentError(f"{function}: labels must be 'inferred', a list of class numbers, or None. Got {labels!r}.")
    if not directory.is_dir():
        raise DataError(f"{function}: {str(directory)!r} is no folder. Relative to {str(Path.cwd())!r}.")
    if labels == "inferred":
        paths, numbers, names = _by_subfolder(directory, class_names)
    else:
        paths = _images_under(directory)
        numbers = None if labels is None else np.asarray(labels)
        if numbers is not None and numbers.shape != (len(paths),):
            raise DataError(f"{function}: labels need one number per file: {len(paths)}. Got shape {numbers.shape}.")
        greatest = -1 if numbers is None else int(numbers.max(initial=-1))
        names = class_names or [str(number) for number in range(greatest + 1)]
    if not paths:
        raise DataError(
            f"{function}: no images ({', '.join(SUFFIXES)}) in {str(directory)!r}. "
            "With labels='inferred' they must be in one subfolder per class."
        )
    if label_mode == "binary" and numbers is not None and len(names) != 2:
        raise ArgumentError(f"{function}: label_mode='binary' needs 2 classes. Got {len(names)}: {names}.")
    return paths, numbers, names


def _by_subfolder(directory: Path, class_names: list[str] | None) -> tuple[list[Path], np.ndarray, list[str]]:
    """List the files class by class, with the place of their subfolder's name as class number."""
    subfolders = sorted(entry.name for entry in directory.iterdir() if entry.is_dir() and entry.name[0] != ".")
    names = subfolders if class_names is None else list(class_names)
    if set(names) - set(subfolders):
        raise ArgumentError(
            f"image_dataset_from_directory: class_names {names} must be subfolders. There are {subfolders}."
        )
    files = [(path, number) for number, name in enumerate(names) for path in _images_under(directory / name)]
    return [path for path, _ in files], np.array([number for _, number in files], int), names


def _images_under(folder: Path) -> list[Path]:
    """List the image files in a folder and its subfolders, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def select_subset(
    count: int,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    verbose: bool,
) -> list[np.ndarray]:
    """Return the indices of the files to use: one array, or two for `subset="both"`."""
    function = "image_dataset_from_directory"
    if (validation_split is None) != (subset is None):
        raise ArgumentError(
            f"{function}: validation_split and subset go together. Got {validation_split!r} and {subset!r}."
        )
    if subset is None or validation_split is None:
        return [np.arange(count)]
    if subset not in SUBSETS:
        raise unknown_name("subset", subset, SUBSETS)
    if not 0 < validation_split < 1:
        raise ArgumentError(f"{function}: validation_split must be between 0 and 1. Got {validation_split}.")
    if shuffle and seed is None:
        raise ArgumentError(
            f"{function}: with validation_split and shuffle, give seed=, so that the two subsets do not overlap."
        )
    order = permutation(count, seed or 0, SPLIT_EPOCH) if shuffle else np.arange(count)
    held_out = int(validation_split * count)
    if held_out in (0, count):
        raise DataError(f"{function}: validation_split={validation_split} of {count} files leaves an empty subset.")
    parts = {"training": order[: count - held_out], "validation": order[count - held_out :]}
    chosen = ["training", "validation"] if subset == "both" else [subset]
    if verbose:
        say(" ".join(f"Using {len(parts[name])} files for {name}." for name in chosen))
    return [parts[name] for name in chosen]
