"""Wrong, damaged and foreign files: each gets an error that says what is wrong, and changes nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from minidl import Sequential, errors, layers, models, saving

HERE = Path(__file__).parent
FILES = HERE / "files"
spec = importlib.util.spec_from_file_location("example_models", HERE / "example_models.py")
examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(examples)
small, write, refused = examples.small, examples.write, examples.refused

WEIGHTS = ("weights.h5", "safetensors", "npz", "h5", "keras")


# ---- files that do not fit


@pytest.mark.parametrize("ending", WEIGHTS)
def test_load_weights_names_layer_and_both_shapes(ending, tmp_path):
    path = write(small(3), tmp_path / f"w.{ending}")
    message = refused(small(5), path, "does not match model 'small'")
    assert "(4, 5)" in message and "(4, 3)" in message and "d0" in message and "Nothing was loaded" in message


@pytest.mark.parametrize("ending", WEIGHTS)
def test_load_weights_changes_nothing_when_only_the_last_layer_differs(ending, tmp_path):
    model = Sequential([layers.Input((4,)), layers.Dense(3, name="d0"), layers.Dense(3, name="d1")])
    other = Sequential([layers.Input((4,)), layers.Dense(3, name="d0"), layers.Dense(2, name="d1")])
    refused(other, write(model, tmp_path / f"w.{ending}"), "d1")


@pytest.mark.parametrize("ending", WEIGHTS)
@pytest.mark.parametrize("saved, own", [(3, 2), (2, 3)])
def test_load_weights_counts_layers(ending, saved, own, tmp_path):
    path = write(small(depth=saved), tmp_path / f"w.{ending}")
    what = "weights" if ending in ("safetensors", "npz") else "layers with weights"
    scale = 2 if ending in ("safetensors", "npz") else 1
    refused(small(depth=own), path, f"the file has {saved * scale} {what}, the model {own * scale}")


@pytest.mark.parametrize("ending", WEIGHTS)
def test_load_weights_without_bias_is_refused(ending, tmp_path):
    refused(small(use_bias=False), write(small(), tmp_path / f"w.{ending}"), "d0")


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors", "npz", "h5"])
def test_skip_mismatch_loads_what_fits_and_warns(ending, tmp_path):
    source = Sequential([layers.Input((4,)), layers.Dense(3, name="d0"), layers.Dense(3, name="d1")])
    model = Sequential([layers.Input((4,)), layers.Dense(3, name="d0"), layers.Dense(2, name="d1")])
    path = write(source, tmp_path / f"w.{ending}")
    last = model.layers[1].kernel.numpy().copy()
    with pytest.warns(UserWarning, match="(?s)d1.*left as they were"):
        model.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[0].kernel, source.layers[0].kernel)
    np.testing.assert_array_equal(model.layers[1].kernel, last)


def test_long_lists_of_differences_are_cut(tmp_path):
    message = refused(small(5, 9), write(small(3, 9), tmp_path / "w.weights.h5"), "does not match")
    assert "and 10 more" in message


def test_by_name_needs_a_name_in_common_and_an_older_file(tmp_path):
    model = small()
    refused(model, FILES / "published.h5", "none of its layers has a name.*block1_conv1", by_name=True)
    path = write(small(), tmp_path / "w.npz")
    refused(model, path, "by_name=True is for older .h5", errors.ArgumentError, by_name=True)


def test_optimizer_state_of_another_optimizer_is_left_out_with_a_warning(tmp_path):
    model, x, y = examples.trained("cnn")
    model.save_weights(tmp_path / "a.weights.h5")
    other, _, _ = examples.MAKERS["cnn"]()
    other.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="state of optimizer 'sgd.*' was not loaded"):
        other.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(other.layers[0].kernel, model.layers[0].kernel)


# ---- paths


def test_missing_files_and_folders_say_so(tmp_path):
    (tmp_path / "near.keras").write_bytes(b"")
    for call in (models.load_model, small().load_weights):
        with pytest.raises(FileNotFoundError, match="no file.*There: near.keras"):
            call(tmp_path / "far.keras")
        with pytest.raises(FileNotFoundError, match="folder .* does not exist either"):
            call(tmp_path / "nowhere" / "far.h5")
        with pytest.raises(IsADirectoryError, match="is a folder"):
            call(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        small().save(tmp_path / "nowhere" / "m.keras")
    (tmp_path / "saved" / "x").mkdir(parents=True)
    (tmp_path / "saved" / "saved_model.pb").touch()
    with pytest.raises(IsADirectoryError, match="TensorFlow SavedModel"):
        models.load_model(tmp_path / "saved")


@pytest.mark.parametrize("name", ["m.pt", "m", "m.keras.zip", "m.onnx"])
def test_unknown_endings_list_those_that_exist(name, tmp_path):
    (tmp_path / name).touch()
    for call in (models.load_model, small().save):
        with pytest.raises(errors.FileFormatError, match=r"must end in \.keras or \.h5"):
            call(tmp_path / name)
    for call in (small().save_weights, small().load_weights):
        with pytest.raises(errors.FileFormatError, match=r"\.weights\.h5 or \.safetensors or \.npz"):
            call(tmp_path / name)


def test_weights_and_models_are_not_mixed_up(tmp_path):
    model = small()
    with pytest.raises(errors.FileFormatError, match="Use model.save_weights"):
        model.save(tmp_path / "m.weights.h5")
    with pytest.raises(errors.FileFormatError, match="For the whole model: model.save"):
        model.save_weights(tmp_path / "m.keras")
    for ending in ("npz", "weights.h5", "h5"):
        with pytest.raises(errors.FileFormatError, match="holds weights only"):
            models.load_model(write(model, tmp_path / f"m.{ending}"))
    os.replace(tmp_path / "m.h5", tmp_path / "wrong.weights.h5")
    refused(model, tmp_path / "wrong.weights.h5", "Rename it from")
    os.replace(tmp_path / "m.weights.h5", tmp_path / "wrong.h5")
    refused(model, tmp_path / "wrong.h5", "ends in .weights.h5")


def test_overwrite_false_keeps_the_file(tmp_path):
    model = small()
    for path in (tmp_path / "m.keras", tmp_path / "m.h5", tmp_path / "m.npz"):
        path.write_bytes(b"precious")
        save = model.save_weights if path.suffix == ".npz" else model.save
        with pytest.raises(FileExistsError, match="overwrite=False"):
            save(path, overwrite=False)
        assert path.read_bytes() == b"precious"


def test_unbuilt_models_have_no_weights_to_save(tmp_path):
    model = Sequential([layers.Dense(2)])
    for call in (model.save_weights, model.load_weights):
        (tmp_path / "w.npz").touch()
        with pytest.raises(errors.NotBuiltError, match="no weights yet"):
            call(tmp_path / "w.npz")


# ---- files that are broken or foreign


@pytest.mark.parametrize("ending", [*WEIGHTS, "hdf5"])
@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04" + bytes(200), b"\x89HDF\r\n\x1a\n" + bytes(100), bytes(64)]
)
def test_foreign_bytes_are_refused(ending, content, tmp_path):
    path = tmp_path / f"m.{ending}"
    path.write_bytes(content)
    refused(small(), path, "cannot be read as|is no")
    if ending in ("h5", "keras"):
        with pytest.raises(errors.FileFormatError, match="cannot be read as"):
            models.load_model(path)


@pytest.mark.parametrize(
    "ending, content, match",
    [
        ("keras", "h5", "HDF5 file. Rename"),
        ("h5", "keras", "is a zip"),
        ("weights.h5", "npz", "is a zip"),
        ("safetensors", "weights.h5", "HDF5 file. Rename"),
        ("npz", b"\n<!DOCTYPE html><html>", "web page"),
        ("h5", b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        ("keras", b"", "it is empty"),
    ],
)
def test_files_of_another_kind_than_their_name_says_are_recognised(ending, content, match, tmp_path):
    path = tmp_path / f"m.{ending}"
    if isinstance(content, str):
        content = write(small(), tmp_path / f"other.{content}").read_bytes()
    path.write_bytes(content)
    refused(small(), path, match)


def rezip(source: Path, target: Path, **changes: bytes | None) -> Path:
    """Copy a .keras file with some members replaced, or left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = changes.get(name.split(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def edited(tmp_path: Path, edit) -> Path:
    """Return a .keras file whose configuration was changed by a function."""
    source = tmp_path / "source.keras"
    small().save(source)
    with zipfile.ZipFile(source) as archive:
        config = json.loads(archive.read("config.json"))
    changed = edit(config)
    text = json.dumps(config if changed is None else changed)
    return rezip(source, tmp_path / "edited.keras", config=text.encode())


def test_keras_file_without_its_parts_is_refused(tmp_path):
    small().save(tmp_path / "m.keras")
    for part in ("config", "model"):
        path = rezip(tmp_path / "m.keras", tmp_path / f"{part}.keras", **{part: None})
        with pytest.raises(errors.FileFormatError, match="has no '.*In it: "):
            models.load_model(path)
    path = rezip(tmp_path / "m.keras", tmp_path / "json.keras", config=b"{not json")
    with pytest.raises(errors.FileFormatError, match="configuration .JSON"):
        models.load_model(path)
    path = rezip(tmp_path / "m.keras", tmp_path / "list.keras", config=b"[1, 2]")
    with pytest.raises(errors.FileFormatError, match="must have class_name and config"):
        models.load_model(path)


def first_layer(config):
    """Return the configuration of the first Dense."""
    return config["config"]["layers"][1]["config"]


EDITS = {
    "unknown class": (lambda c: c["config"]["layers"][1].update(class_name="Dens"), "'Dens'.*Did you mean 'Dense'"),
    "own class": (
        lambda c: c["config"]["layers"][1].update(class_name="Mine", module="my_code", registered_name="Pack>Mine"),
        "class 'Mine' of module 'my_code'.*custom_objects",
    ),
    "layer of Keras only": (
        lambda c: c["config"]["layers"][1].update(class_name="MultiHeadAttention"), "MultiHeadAttention.*not known here"
    ),
    "bad argument": (lambda c: first_layer(c).update(units=-3), "makes no Dense.*positive"),
    "unknown argument": (lambda c: first_layer(c).update(lora_rank=4), "lora_rank"),
    "unknown activation": (lambda c: first_layer(c).update(activation="rulu"), "rulu.*Did you mean"),
    "missing key": (lambda c: c["config"].pop("layers"), "configuration"),
    "no model": (lambda c: c["config"]["layers"][1], "is no model"),
    "half precision": (lambda c: first_layer(c)["dtype"]["config"].update(name="mixed_float16"), "float16"),
    "lambda": (
        lambda c: first_layer(c).update(activation={"class_name": "__lambda__", "config": {"value": "x"}}),
        "never runs code",
    ),
    "other shape": (lambda c: first_layer(c).update(units=7), r"\(4, 7\) in the model, \(4, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_configurations_that_make_no_model_say_why(case, tmp_path):
    edit, match = EDITS[case]
    path = edited(tmp_path, lambda config: edit(config) if case == "no model" else edit(config) and None)
    with pytest.raises(errors.FileFormatError, match=match):
        models.load_model(path)


def test_unknown_optimizer_in_a_file_suggests_compile_false(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
    config["compile_config"]["optimizer"]["class_name"] = "Lion"
    path = rezip(tmp_path / "m.keras", tmp_path / "lion.keras", config=json.dumps(config).encode())
    with pytest.raises(errors.FileFormatError, match="Lion.*compile=False"):
        models.load_model(path)
    assert models.load_model(path, compile=False).optimizer is None


def test_h5_that_is_not_of_keras_is_refused(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["numbers"] = np.arange(4)
    with pytest.raises(errors.FileFormatError, match="holds no Keras model"):
        models.load_model(tmp_path / "data.h5")
    refused(small(), tmp_path / "data.h5", "not one of Keras.*numbers")


def test_h5_with_missing_pieces_is_refused(tmp_path):
    model = small()
    for name, damage, match in (
        ("group", lambda f: f.__delitem__("d0"), "lists a layer 'd0', but has no group"),
        ("array", lambda f: f.__delitem__("d0/d0/kernel"), "lists weights 'd0/kernel', which are not there"),
    ):
        path = write(model, tmp_path / f"{name}.h5")
        with h5py.File(path, "a") as file:
            damage(file)
        refused(model, path, match)
    path = write(model, tmp_path / "w.weights.h5")
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
    refused(model, path, "has 2 weights in the model, 1 in the file")
    with h5py.File(path, "a") as file:
        del file["layers/dense"]
    refused(model, path, "is not in the file")


def test_links_out_of_an_h5_file_are_refused(tmp_path):
    model = small()
    path = write(model, tmp_path / "w.weights.h5")
    for link in (h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink("/layers/dense_1/vars/1")):
        with h5py.File(path, "a") as file:
            del file["layers/dense/vars/1"]
            file["layers/dense/vars/1"] = link
        refused(model, path, "is a link; that is refused")


def test_arrays_that_are_no_numbers_are_refused(tmp_path):
    model = small()
    path = write(model, tmp_path / "w.weights.h5")
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = np.array([b"a", b"b", b"c"])
    refused(model, path, "must hold numbers")
    objects = {"d0/kernel": np.array([object()] * 3), "d0/bias": np.zeros(3)}
    np.savez(tmp_path / "w.npz", **objects)  # pickled inside
    refused(model, tmp_path / "w.npz", "holds Python objects")


def test_a_file_cannot_ask_for_any_amount_of_memory(tmp_path):
    model = small()
    path = write(model, tmp_path / "w.weights.h5")
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
        file["layers/dense/vars"].create_dataset("1", shape=(2**40,), chunks=(2**20,), dtype="f4")
    refused(model, path, "has shape")
    with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d0/kernel.npy", bytes(300_000_000))
    refused(model, tmp_path / "w.npz", "would unpack")


@pytest.mark.parametrize("what", ["layer", "weight"])
@pytest.mark.parametrize("name", ["/abs", "a//b", "/", ".", "./x", "a/", "a\0b", "x\ud800"])
def test_a_name_that_cannot_be_found_again_is_refused_when_it_is_saved(what, name, tmp_path):
    class Own(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(2, 2), name=name if what == "weight" else "w")

        def call(self, x):
            return x @ self.w

    model = Sequential([layers.Input((2,)), Own(name=name if what == "layer" else "own")])
    for ending in (".keras", ".h5", ".weights.h5", ".safetensors", ".npz"):
        path = tmp_path / f"m{ending}"
        save = model.save if ending in (".keras", ".h5") else model.save_weights
        load = models.load_model if ending in (".keras", ".h5") else model.load_weights
        try:
            save(path)
        except errors.FileFormatError as error:
            assert repr(name) in str(error) and "Rename it" in str(error)
            assert os.listdir(tmp_path) == []
            continue
        with saving.custom_object_scope({"Own": Own}):
            again = load(path) or model
        np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
        path.unlink()


def test_a_heap_of_strings_without_end_is_refused(tmp_path):
    """libhdf5 walks such a heap for ever, deaf to Ctrl-C: an object 0, the room that is left, of size 0."""
    path = tmp_path / "m.h5"
    small().save(path)
    content = bytearray(path.read_bytes())
    begin = content.index(b"GCOL\x01\0\0\0")
    place = begin + 16
    while number := int.from_bytes(content[place : place + 2], "little"):
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    assert number == 0
    content[place + 8 : place + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(errors.FileFormatError, match="its strings have no end"):
        models.load_model(path)


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("os", "system"), ("subprocess", "Popen"), ("importlib.util", "find_spec"), (None, "exec")],
)
def test_a_file_that_names_code_is_not_answered_with_advice_to_pass_it(module, name, tmp_path):
    small().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    config = json.loads(members["config.json"])
    function = {"class_name": "function", "config": name, "module": module, "registered_name": name}
    own = {"class_name": name, "config": {}, "module": module, "registered_name": None}
    for hostile in (function, own):
        dense = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")
        dense["config"]["activation"] = hostile
        with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
            for member, content in members.items():
                archive.writestr(member, json.dumps(config) if member == "config.json" else content)
        with pytest.raises(errors.FileFormatError, match="put into a file to run code. None ran") as caught:
            models.load_model(tmp_path / "bad.keras")
        assert "custom_objects" not in str(caught.value) and "bad.keras" in str(caught.value)


def test_variables_of_an_optimizer_without_their_numbers_are_named(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.train_on_batch(
        np.ones((2, *model.input_shape[1:]), "float32"), np.ones((2, *model.output_shape[1:]), "float32")
    )
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        count = len(file["optimizer/vars"])
        file.move("optimizer/vars/1", "optimizer/vars/one")
    assert count > 2
    refused(model, tmp_path / "w.weights.h5", r"must be numbered from 0\. Got 0, .*, one")
