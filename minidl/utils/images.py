"""Images: files to arrays and back. Pillow is imported on first use (it is installed with matplotlib)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minidl.console import say
from minidl.errors import ArgumentError, FileFormatError, ShapeError, unknown_name
from minidl.utils.files import atomic_write, local_path
from minidl.utils.image_folder import ImageFolder, find_images, select_subset

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}  # Keras' names, Pillow's names
CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
INTERPOLATIONS = {
    "nearest": "NEAREST",
    "bilinear": "BILINEAR",
    "bicubic": "BICUBIC",
    "hamming": "HAMMING",
    "box": "BOX",
    "lanczos": "LANCZOS",
}


def load_img(
    path: str | os.PathLike[str],
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Read an image file as a Pillow image.

    Parameters
    ----------
    path : the file, of any kind that Pillow reads, or an open binary file; of an animation the first picture
    color_mode : `"rgb"`, `"rgba"` or `"grayscale"`. In `"grayscale"` images of 16 and 32 bits keep their values; else
        there are 8 bits, and values above 255 become 255, with a warning.
    target_size : (height, width) to resize to
    interpolation : `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or `"lanczos"`, Pillow's own
    keep_aspect_ratio : cut the middle out before resizing, so that nothing is stretched

    Raises
    ------
    FileFormatError : the file is no image, or damaged

    Source: keras.io/api/data_loading/image/#loadimg-function
    """
    from PIL import Image, UnidentifiedImageError

    if color_mode not in MODES:
        raise unknown_name("color_mode", color_mode, MODES)
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    source = path if hasattr(path, "read") else local_path(path, "load_img")
    try:
        with Image.open(source) as file:
            image = _converted(file, color_mode, path)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (
        UnidentifiedImageError,
        SyntaxError,
        ValueError,
        OSError,
        MemoryError,
    ) as error:  # Pillow's ways of saying "damaged"
        why = "it asks for more memory than there is" if isinstance(error, MemoryError) else error
        raise FileFormatError(
            f"{path}: is no readable image ({why}). Is the file damaged or of another kind?"
        ) from error
    if target_size is None:
        return image
    height, width = target_size
    box = _middle(image.width, image.height, width, height) if keep_aspect_ratio else None
    return image.resize((width, height), getattr(Image.Resampling, INTERPOLATIONS[interpolation]), box=box)


def _converted(file: Image, color_mode: str, path: Any) -> Image:
    """Return the image in a color mode; tell if it loses values."""
    deep = file.mode.startswith("I")  # Pillow's I has 32 bits, I;16 and I;16B have 16
    if deep and color_mode == "grayscale":
        return file.copy() if file.mode in ("I", "I;16") else file.convert("I")
    image = file.convert(MODES[color_mode])
    if deep or file.mode == "F":
        values = np.asarray(file)
        low, high = values.min(), values.max()
        if low < 0 or high > 255 or (values != np.floor(values)).any():
            advice = (
                "Load it with color_mode='grayscale'." if deep else "Read it with np.asarray(PIL.Image.open(path))."
            )
            warnings.warn(
                f"load_img: {path} holds values from {low:g} to {high:g}, and color_mode={color_mode!r} has whole "
                f"numbers from 0 to 255: others are cut off. {advice}",
                stacklevel=3,
            )
    return image


def _middle(width: int, height: int, target_width: int, target_height: int) -> tuple[int, int, int, int]:
    """Return the greatest middle box (left, top, right, bottom) with the target's ratio of width to height."""
    box_width = max(1, min(width, height * target_width // target_height))
    box_height = max(1, min(height, width * target_height // target_width))
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def img_to_array(img: Image | ArrayLike, data_format: str | None = None, dtype: DTypeLike | None = None) -> np.ndarray:
    """Turn a Pillow image into an array (H, W, C), float32 in 0..255 by default.

    Raises
    ------
    ArgumentError : `data_format` is not `"channels_last"`
    ShapeError : an array that is neither (H, W) nor (H, W, C)

    >>> img_to_array(np.zeros((4, 5), np.uint8)).shape
    (4, 5, 1)
    """
    _check_channels_last("img_to_array", data_format)
    x = np.array(img, dtype=dtype or np.float32)
    if x.ndim == 2:
        x = x[:, :, np.newaxis]
    if x.ndim != 3:
        raise ShapeError(f"img_to_array: an image is (H, W) or (H, W, C). Got {x.shape}. Is it a batch?")
    return x


def array_to_img(
    x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Image:
    """Turn an array (H, W, C), C = 1, 3 or 4, into a Pillow image.

    Parameters
    ----------
    x : array (H, W, C)
    scale : stretch the values from their least and greatest to 0..255. Without it, colors must be in 0..255; a grey
        image with larger values becomes one of 32 bits, Pillow's mode "I".

    Raises
    ------
    ShapeError : `x` is no (H, W, 1), (H, W, 3) or (H, W, 4)

    >>> array_to_img(np.zeros((4, 6, 3))).size  # Pillow says width, height
    (6, 4)
    """
    from PIL import Image

    _check_channels_last("array_to_img", data_format)
    image = np.asarray(x, dtype=dtype or np.float32)
    if image.ndim != 3 or image.shape[2] not in CHANNELS.values():
        raise ShapeError(
            f"array_to_img: x must be (H, W, C) with 1, 3 or 4 channels. Got {image.shape}. Is it a batch?"
        )
    if scale:
        image = image - np.min(image)
        greatest = np.max(image)
        image = image / greatest * 255 if greatest != 0 else image
    grey = image.shape[2] == 1
    if grey and np.max(image) > 255:
        return Image.fromarray(image[:, :, 0].astype(np.int32))
    if np.min(image) < 0 or np.max(image) > 255:
        warnings.warn(
            f"array_to_img: values from {np.min(image):g} to {np.max(image):g} do not fit into 0..255; others are cut "
            "off. scale=True stretches them.",
            stacklevel=2,
        )
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if grey else pixels)


def save_img(
    path: str | os.PathLike[str],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (H, W, C) to an image file.

    Parameters
    ----------
    path : the file, or an open binary file
    file_format : such as `"png"`, by default told by the name
    x, scale : as for `array_to_img`. Without `scale`, grey values above 255 are written with 16 bits into a png, and
        with 32 into a tif.
    kwargs : of Pillow's `Image.save`
    """
    from PIL import Image

    image = array_to_img(x, data_format=data_format, scale=scale)
    target = path if hasattr(path, "write") else local_path(path, "save_img")
    kind = (file_format or Path(getattr(target, "name", "")).suffix[1:]).lower()
    if not file_format and f".{kind}" not in Image.registered_extensions():
        raise ArgumentError(f"save_img: the name must end in a kind of picture, such as .png. Got {str(path)!r}.")
    if image.mode == "RGBA" and kind in ("jpg", "jpeg"):
        image = image.convert("RGB")  # JPEG has no transparency
    if image.mode == "I" and kind not in ("tif", "tiff"):
        values = np.asarray(image)
        if kind != "png" or values.min() < 0 or values.max() > 65535:
            raise ArgumentError(
                f"save_img: {kind or 'this'} files hold grey values from 0 to {65535 if kind == 'png' else 255}. "
                f"Got {values.min()} to {values.max()}. Use scale=True, or a .tif file."
            )
        image = image.convert("I;16")
    written = "jpeg" if kind == "jpg" else kind
    if isinstance(target, Path):
        with atomic_write(target) as unfinished:
            image.save(unfinished, format=file_format and written, **kwargs)
    else:
        image.save(target, format=written, **kwargs)


def _check_channels_last(function: str, data_format: str | None) -> None:
    if data_format not in (None, "channels_last"):
        raise ArgumentError(f"{function}: data_format must be 'channels_last' (N, H, W, C). Got {data_format!r}.")


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | list[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    verbose: bool = True,
) -> ImageFolder | tuple[ImageFolder, ImageFolder]:
    """Read a folder of images, one subfolder a class, as batches for `fit`.

    Files are read when their batch is asked for. The order, and the split, depend on `seed` and the epoch
    alone.

    Parameters
    ----------
    directory : holds `class_a/*.png`, `class_b/*.jpg`, ... (bmp, gif, jpeg, jpg, png)
    labels : `"inferred"` from the subfolders, a list with one class number per file (in sorted order), or
        `None`
    label_mode : `"int"` int32 (N,), `"categorical"` float32 one-hot (N, C), `"binary"` float32 (N, 1), or
        `None`
    class_names : the subfolders to use, in the order of their class numbers; by default all, sorted
    color_mode : `"rgb"`, `"rgba"` or `"grayscale"`
    batch_size : images in a batch; `None` puts all in one
    image_size : (H, W) that images are resized to
    shuffle, seed : a new order in every epoch; a seed is needed together with `validation_split`
    validation_split : fraction of the files, the last ones in the (shuffled) order
    subset : `"training"`, `"validation"` or `"both"`
    interpolation : see `load_img`. Pillow smooths when it makes an image smaller; TensorFlow does not.
    crop_to_aspect_ratio : cut the middle out before resizing
    verbose : print how many files were found

    Returns
    -------
    ImageFolder : a PyDataset of `(images, labels)`, images float32 (N, H, W, C) in 0..255, with `class_names`
        and `file_paths`; a pair of them for `subset="both"`

    Raises
    ------
    DataError : no such folder, or no images
    ArgumentError : an argument outside the above

    Source: keras.io/api/data_loading/image/#imagedatasetfromdirectory-function
    """
    if color_mode not in MODES:
        raise unknown_name("color_mode", color_mode, MODES)
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    paths, numbers, names = find_images(
        local_path(directory, "image_dataset_from_directory"), labels, label_mode, class_names
    )
    if verbose:
        say(f"Found {len(paths)} files belonging to {len(names)} classes." if names else f"Found {len(paths)} files.")
    chosen = select_subset(len(paths), shuffle, seed, validation_split, subset, verbose)

    height, width = image_size

    def read(path: Path) -> np.ndarray:
        image = load_img(path, color_mode, (height, width), interpolation, crop_to_aspect_ratio)
        return img_to_array(image)

    folders = [
        ImageFolder(
            [paths[i] for i in part],
            numbers[part] if numbers is not None else None,
            names,
            label_mode,
            read,
            batch_size,
            shuffle,
            seed or 0,
        )
        for part in chosen
    ]
    return folders[0] if len(folders) == 1 else (folders[0], folders[1])
