"""`.keras`: a zip of metadata.json, config.json and model.weights.h5, as Keras 3 writes it."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from minidl.errors import FileFormatError
from minidl.saving import weights_h5
from minidl.saving.config.model_json import KERAS_VERSION, model_config, model_from_dict, parse
from minidl.saving.config.training import compile_from_config
from minidl.saving.files import open_h5, reading, zip_member
from minidl.saving.plan import Plan

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"


def write(model: Any, target: Path) -> None:
    """Write a whole model."""
    config = json.dumps(model_config(model))
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    weights = io.BytesIO()
    with weights_h5.create_h5(weights) as file:
        weights_h5.write(file, model)
    with zipfile.ZipFile(target, "w") as archive:  # stored as it is: weights hardly compress
        archive.writestr(METADATA, json.dumps({"keras_version": KERAS_VERSION, "date_saved": now}))
        archive.writestr(CONFIG, config)
        archive.writestr(WEIGHTS, weights.getbuffer())


def read(path: Path, compile: bool) -> Any:
    """Return the model in a file."""
    with reading(path, "a .keras file (a zip)"), zipfile.ZipFile(path) as archive:
        text = zip_member(archive, CONFIG, path)
        weights = _weights(archive, path)
    config = parse(text, path)
    with reading(path, "a .keras file"):
        model = model_from_dict(config)
        compiled = config.get("compile_config")
        if compile and compiled:
            compile_from_config(model, compiled)
    with open_h5(weights, path) as file:
        plan = Plan(path, model)
        headline = weights_h5.plan_from(file, plan)
    plan.carry_out(headline)
    return model


def read_weights(path: Path, plan: Plan) -> str:
    """Plan to load only the weights; return a headline for an error."""
    with reading(path, "a .keras file (a zip)"), zipfile.ZipFile(path) as archive:
        weights = _weights(archive, path)
    with open_h5(weights, path) as file:
        return weights_h5.plan_from(file, plan)


def _weights(archive: zipfile.ZipFile, path: Path) -> bytes:
    names = archive.namelist()
    if WEIGHTS not in names and "model.weights.npz" in names:
        raise FileFormatError(
            f"{str(path)!r} keeps its weights as model.weights.npz, a rare form that is not read here. "
            "Load it with Keras and save it again."
        )
    return zip_member(archive, WEIGHTS, path)
