"""Files written by minidl are read by real Keras, in one process of its own on Keras' NumPy backend."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidl import models, saving

HERE = Path(__file__).parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples, objects = load("example_models"), load("example_objects")


@pytest.fixture(scope="module")
def read_by_keras(tmp_path_factory):
    """Write every example in every format, let Keras read them all, and return the folder and the models."""
    for module in ("keras", "jax"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"NOT RUN: reading minidl's files with Keras needs {module}; install the test group")
    folder = tmp_path_factory.mktemp("for_keras")
    made = {}
    for name in examples.MAKERS:
        model, x, y = examples.trained(name, steps=3)
        made[name] = model, x, y
        named = x if isinstance(x, dict) else {f"arr_{i}": part for i, part in enumerate(examples.as_list(x))}
        np.savez(folder / f"{name}.inputs.npz", **named)
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        model.save_weights(folder / f"{name}.weights.h5")
        model.save_weights(folder / f"{name}.only.h5")
    made_objects = {f"{kind}.{name}": objects.make(kind, name) for kind, name in objects.ALL}
    described = {name: saving.serialize_keras_object(item) for name, item in made_objects.items()}
    (folder / "configurations.json").write_text(json.dumps(described))
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(HERE / "read_with_keras.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, made


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5", "only.h5"])
@pytest.mark.parametrize("name", examples.MAKERS)
def test_keras_predicts_the_same_from_our_files(name, ending, read_by_keras):
    folder, made = read_by_keras
    model, x, _ = made[name]
    ours = examples.as_list(model.predict(x, verbose=0))
    with np.load(folder / f"{name}.{ending}.npz") as theirs:
        for i, y in enumerate(ours):
            np.testing.assert_allclose(theirs[f"output_{i}"], y, rtol=1e-5, atol=1e-5)


# Not of .h5: Keras 3.15 starts the optimizer afresh there, in files of its own too (it builds it for no variables).
@pytest.mark.parametrize("name", examples.MAKERS)
def test_keras_restores_our_optimizer_state(name, read_by_keras):
    folder, made = read_by_keras
    variables = made[name][0].optimizer.variables
    with np.load(folder / f"{name}.keras.npz") as theirs:
        assert sum(key.startswith("optimizer_") for key in theirs.files) == len(variables)
        for i, variable in enumerate(variables):
            np.testing.assert_array_equal(theirs[f"optimizer_{i}"], variable, err_msg=variable.path)


@pytest.mark.parametrize("name", examples.MAKERS)
def test_what_keras_saves_again_still_loads_here(name, read_by_keras):
    folder, made = read_by_keras
    model, x, y = made[name]
    again = models.load_model(folder / f"{name}.again.keras")
    examples.same_outputs(model, again, x)
    assert again.optimizer.get_config().keys() == model.optimizer.get_config().keys()
    assert (
        again.evaluate(x, y, verbose=0, return_dict=True).keys()
        == model.evaluate(x, y, verbose=0, return_dict=True).keys()
    )


# Arguments that Keras 3.15 itself leaves out of the configurations of these classes, and so loses in its own files.
KERAS_LOSES = {
    "layers.SimpleRNN": {"seed"}, "losses.CosineSimilarity": {"axis"}, "losses.Huber": {"delta"},
    "metrics.CosineSimilarity": {"axis"}, "metrics.SparseTopKCategoricalAccuracy": {"from_sorted_ids"},
    "initializers.Identity": {"gain"},
}  # fmt: skip


def same_configuration(ours, theirs, where="") -> None:
    """Compare configurations; Keras rounds some numbers to float32, draws seeds, and says "silu" for "swish"."""
    if where.endswith("dtype"):
        theirs, ours = (p["config"]["name"] if isinstance(p, dict) else p for p in (theirs, ours))
    if isinstance(ours, dict):
        for key in ours:
            same_configuration(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        for one, other in zip(ours, theirs, strict=True):
            same_configuration(one, other, where)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-6), where
    elif not (where.endswith("seed") and ours is None) and ours != "swish":
        assert theirs == ours, where


@pytest.mark.parametrize("kind, name", objects.ALL)
def test_keras_takes_our_configuration_and_we_take_its(kind, name, read_by_keras):
    folder, _ = read_by_keras
    ours = json.loads((folder / "configurations.json").read_text())[f"{kind}.{name}"]
    theirs = json.loads((folder / "answers.json").read_text())[f"{kind}.{name}"]
    assert isinstance(theirs, dict), theirs
    lost = set(ours["config"]) - set(theirs["config"])
    assert lost == KERAS_LOSES.get(f"{kind}.{name}", set())
    again = saving.deserialize_keras_object(theirs)
    assert type(again).__name__ == name
    expected = {key: value for key, value in ours["config"].items() if key not in lost}
    same_configuration(expected, theirs["config"])
    same_configuration(expected, saving.serialize_keras_object(again)["config"])
