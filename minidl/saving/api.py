"""save_model, load_model, save_weights, load_weights: which format a path means, and what is checked first."""

from __future__ import annotations

import os
from typing import Any

from minidl.errors import ArgumentError, FileFormatError, NotBuiltError
from minidl.keras.custom_objects import custom_object_scope
from minidl.saving import flat, keras_zip, legacy_h5, weights_h5
from minidl.saving.files import check_extension, check_target, existing_file, naming, open_h5
from minidl.saving.plan import Plan
from minidl.utils.files import atomic_write

MODEL_ENDINGS = (".keras", ".h5", ".hdf5")
WEIGHT_ENDINGS = (".weights.h5", ".safetensors", ".npz")
# Read, but not written: a whole model's file has weights too, and older Keras wrote weights as plain .h5.
READABLE = (*WEIGHT_ENDINGS, ".keras", ".h5", ".hdf5")


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
    """Save a whole model: layers, weights, training setup and the optimizer's state.

    Parameters
    ----------
    filepath : ends in `.keras`, or in `.h5` for the older layout
    overwrite : whether an existing file may be replaced
    include_optimizer : only for `.h5`: False leaves the training setup out

    Raises
    ------
    FileFormatError : another ending; FileExistsError : the file exists and overwrite is False
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    kwargs.pop("save_format", None)  # of older Keras; the ending says it
    if kwargs or zipped is False:
        unknown = ", ".join([*kwargs, *(["zipped=False"] if zipped is False else [])])
        raise ArgumentError(f"save: unknown arguments {unknown}.")
    hint = " For weights alone: model.save_weights." if str(filepath).endswith((".safetensors", ".npz")) else ""
    ending = check_extension(filepath, MODEL_ENDINGS, "save", hint)
    if str(filepath).lower().endswith(".weights.h5"):
        raise FileFormatError(
            "save: a name ending in .weights.h5 is for weights alone. Use "
            f"model.save_weights({os.fspath(filepath)!r}), or save the whole model as .keras."
        )
    check_target(filepath, overwrite, "save")
    _check_names(model, "save", ending)
    with atomic_write(filepath) as target:
        if ending == ".keras":
            keras_zip.write(model, target)
        else:
            legacy_h5.write(model, target, include_optimizer)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Load a whole model that minidl or Keras saved.

    Parameters
    ----------
    filepath : a `.keras` file, or an `.h5` of a whole model
    custom_objects : classes and functions of your own that the file names, {"MyLayer": MyLayer}
    compile : whether to compile it as it was, with the optimizer's state
    safe_mode : kept for Keras' sake; code in a file is never run, whatever it says

    Returns
    -------
    the model

    Raises
    ------
    FileFormatError : damaged, of another kind, or with something that minidl does not have
    FileNotFoundError, IsADirectoryError : no such file

    >>> import tempfile, os, numpy as np, minidl
    >>> model = minidl.Sequential([minidl.layers.Input((4,)), minidl.layers.Dense(3)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.keras")
    ...     model.save(path)
    ...     again = load_model(path)
    >>> x = np.ones((2, 4), np.float32)
    >>> np.array_equal(model(x), again(x))
    True
    """
    path = existing_file(filepath, "load_model")
    hint = ""
    if str(path).endswith((".safetensors", ".npz")):
        hint = " Such a file holds weights only: build the model, then model.load_weights(path)."
    ending = check_extension(path, MODEL_ENDINGS, "load_model", hint)
    with custom_object_scope(custom_objects), naming(path):
        return keras_zip.read(path, compile) if ending == ".keras" else legacy_h5.read(path, compile)


def save_weights(
    model: Any, filepath: Any, overwrite: bool = True, progress: weights_h5.Progress | None = None
) -> None:
    """Save a model's weights.

    Parameters
    ----------
    filepath : ends in `.weights.h5` (with the optimizer's state), `.safetensors` or `.npz`; or in `.h5` for the
        older layout
    progress : how far the training is, written into a `.weights.h5` for `read_progress`

    Raises
    ------
    NotBuiltError : there are no weights yet; FileFormatError : another ending
    FileExistsError : the file exists and overwrite is False
    """
    hint = " For the whole model: model.save." if str(filepath).endswith(".keras") else ""
    ending = check_extension(filepath, (*WEIGHT_ENDINGS, ".h5", ".hdf5"), "save_weights", hint)
    _check_built(model, "save_weights")
    check_target(filepath, overwrite, "save_weights")
    _check_names(model, "save_weights", ending)
    with atomic_write(filepath) as target:
        if ending == ".safetensors":
            flat.write_safetensors(model, target)
        elif ending == ".npz":
            flat.write_npz(model, target)
        else:
            with weights_h5.create_h5(target) as file:
                if ending == ".weights.h5":
                    weights_h5.write(file, model)
                    if progress is not None:
                        weights_h5.write_progress(file, progress)
                else:
                    legacy_h5.write_weights(file, model)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Give a model the weights in a file. Either all of them fit and are loaded, or nothing is changed.

    Parameters
    ----------
    filepath : `.weights.h5`, `.safetensors`, `.npz`, `.keras`, or `.h5` of the older layout, such as the published
        weights of VGG16, whose layers are matched by their order
    skip_mismatch : leave out layers that do not fit, with a warning
    by_name : only for older `.h5`: match layers by name, and leave the others as they are

    Raises
    ------
    FileFormatError : damaged, of another kind, or of another model; it says what does not match
    FileNotFoundError, IsADirectoryError : no such file; NotBuiltError : the model has no weights yet
    """
    path = existing_file(filepath, "load_weights")
    ending = check_extension(path, READABLE, "load_weights")
    if by_name and ending not in (".h5", ".hdf5"):
        raise ArgumentError(f"load_weights: by_name=True is for older .h5 files only. Got {os.fspath(filepath)!r}.")
    _check_built(model, "load_weights")
    plan = Plan(path, model, skip_mismatch)
    with naming(path):
        if ending in (".safetensors", ".npz"):
            headline = flat.read_weights(path, plan)
        elif ending == ".keras":
            headline = keras_zip.read_weights(path, plan)
        elif ending == ".weights.h5":
            with open_h5(path, path) as file:
                headline = weights_h5.plan_from(file, plan)
        else:
            headline = legacy_h5.read_weights(path, plan, by_name)
        plan.carry_out(headline)


def _check_names(model: Any, who: str, ending: str) -> None:
    """Refuse names that would be written, and not be found again."""
    own, *layers = [layer.name for layer in model._all_layers()]
    found = [("layer", name) for name in layers] + [("weight", v.name or "weight") for v in model.weights]
    for kind, name in [("model", own), *found]:
        if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
            raise FileFormatError(
                f"{who}: the {kind} named {name!r} holds a character that no file can (NUL, or half of one). Rename it."
            )
        if ending in (".h5", ".hdf5") and kind != "model" and any(part in ("", ".") for part in name.split("/")):
            raise FileFormatError(
                f"{who}: the {kind} {name!r} cannot be found again in an .h5 file, where names are paths: no part "
                "between slashes may be empty or '.'. Rename it, or save as .keras or .weights.h5."
            )


def _check_built(model: Any, who: str) -> None:
    if not model.built:
        raise NotBuiltError(
            f"{who}: model {model.name!r} has no weights yet, as the shape of its input is not known. Begin it with an "
            "Input, call it once on data, or call model.build(input_shape)."
        )
