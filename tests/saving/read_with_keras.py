"""Load files with real Keras and write down what it predicts. Run by test_files_for_keras.py in a process of its own.

    python read_with_keras.py FOLDER

FOLDER holds NAME.npz with inputs, and files NAME.keras, NAME.h5 and NAME.weights.h5. For each, NAME.ENDING.npz gets
Keras' predictions and the optimizer's variables; files that Keras saves again from them are NAME.again.keras.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"

import keras  # noqa: E402
import numpy as np  # noqa: E402


def predict(model, inputs):
    """Return a model's outputs as a list."""
    given = list(inputs.values())[0] if len(inputs) == 1 else list(inputs.values())
    outputs = model(given if "arr_0" in inputs else inputs, training=False)
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    return [np.asarray(y) for y in (outputs if isinstance(outputs, list) else [outputs])]


def main(folder: Path) -> None:
    """Go through the folder."""
    logging.disable(logging.WARNING)
    read_configurations(folder)
    for given in sorted(folder.glob("*.inputs.npz")):
        name = given.name.removesuffix(".inputs.npz")
        with np.load(given) as file:
            inputs = dict(file)
        for ending in ("keras", "h5"):
            model = keras.models.load_model(folder / f"{name}.{ending}")
            save(folder / f"{name}.{ending}.npz", model, inputs)
        model.save(folder / f"{name}.again.keras")
        fresh = keras.models.load_model(folder / f"{name}.keras", compile=False)
        for variable in fresh.variables:
            variable.assign(np.zeros(variable.shape))
        fresh.load_weights(folder / f"{name}.weights.h5")
        save(folder / f"{name}.weights.h5.npz", fresh, inputs)
        for variable in fresh.variables:
            variable.assign(np.zeros(variable.shape))
        fresh.load_weights(folder / f"{name}.only.h5")
        save(folder / f"{name}.only.h5.npz", fresh, inputs)


def read_configurations(folder: Path) -> None:
    """Make an object of every configuration, and write down what Keras then says of it, or why it fails."""
    answers = {}
    for name, config in json.loads((folder / "configurations.json").read_text()).items():
        try:
            answers[name] = keras.saving.serialize_keras_object(keras.saving.deserialize_keras_object(config))
        except Exception as error:  # whatever it is, the test shows it
            answers[name] = f"{type(error).__name__}: {error}"
    (folder / "answers.json").write_text(json.dumps(answers))


def save(path: Path, model, inputs) -> None:
    """Write predictions and the optimizer's state."""
    found = {f"output_{i}": y for i, y in enumerate(predict(model, inputs))}
    if getattr(model, "optimizer", None) is not None:
        found |= {f"optimizer_{i}": np.asarray(v.value) for i, v in enumerate(model.optimizer.variables)}
    np.savez(path, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
