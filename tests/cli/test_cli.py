"""The `minidl` command: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from minidl.cli.app import run

TRAIN = ["train", "--data", "digits", "--model", "mlp", "--epochs", "2", "--samples", "300", "--verbose", "0"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small trained model, in both formats."""
    folder = tmp_path_factory.mktemp("models")
    for suffix in ("keras", "h5"):
        assert run([*TRAIN, "--model-file", str(folder / f"mlp.{suffix}")]) == 0
    return folder


def test_train_writes_model_history_and_curves(tmp_path, capsys):
    options = ["--model-file", str(tmp_path / "m.h5"), "--history", str(tmp_path / "log.csv")]
    options += [
        "--curves",
        str(tmp_path / "c.png"),
        "--validation-split",
        "0.2",
        "--schedule",
        "cosine",
        "--backend",
        "dense=numpy",
    ]
    assert run([*TRAIN, *options]) == 0
    printed = capsys.readouterr().out
    assert "Test: " in printed and "accuracy" in printed and f"Saved to {tmp_path / 'm.h5'}" in printed
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert head.split(",") == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"] and len(rows) == 2


def test_train_is_repeatable_with_a_seed(capsys):
    results = []
    for seed in ("3", "3", "4"):
        assert run([*TRAIN, "--seed", seed]) == 0
        results.append(capsys.readouterr().out)
    assert results[0] == results[1] != results[2]


def test_train_goes_on_with_a_saved_model(trained, capsys):
    assert run(["evaluate", str(trained / "mlp.keras")]) == 0
    before = capsys.readouterr().out
    assert (
        run([*TRAIN[:3], "--model", str(trained / "mlp.keras"), *TRAIN[5:], "--model-file", str(trained / "on.keras")])
        == 0
    )
    assert run(["evaluate", str(trained / "on.keras")]) == 0
    assert before != capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_evaluate_prints_the_scores_and_writes_the_matrix(trained, suffix, tmp_path, capsys):
    matrix = tmp_path / "m.png"
    assert run(["evaluate", str(trained / f"mlp.{suffix}"), "--confusion", str(matrix)]) == 0
    assert "360 test images of digits" in capsys.readouterr().out
    assert matrix.read_bytes().startswith(b"\x89PNG")


def test_predict_images_of_a_data_set_and_a_file(trained, tmp_path, capsys):
    model = str(trained / "mlp.keras")
    assert run(["predict", model, "--data", "digits", "-i", "0", "-i", "5", "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "digits test image 5: " in lines[1] and "(it is " in lines[1] and "%" in lines[1]
    from PIL import Image

    pixels = np.zeros((16, 16), np.uint8)
    pixels[2:14, 7:9] = 255
    Image.fromarray(pixels).save(tmp_path / "one.png")
    np.save(tmp_path / "one.npy", np.zeros((8, 8), np.float32))
    assert run(["predict", model, str(tmp_path / "one.png"), str(tmp_path / "one.npy")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_summary_of_a_name_and_of_a_file(trained, capsys):
    assert run(["summary", "lenet5", "--data", "mnist"]) == 0
    assert "61,706" in capsys.readouterr().out
    assert run(["summary", str(trained / "mlp.h5")]) == 0
    assert "Total params" in capsys.readouterr().out


def test_ops_prints_the_table(capsys):
    assert run(["ops", "conv2d", "--backend", "conv2d_backward=numpy"]) == 0
    text = capsys.readouterr().out
    assert "using() conv2d_backward" in text and "default" in text
    assert run(["ops"]) == 0
    assert "adam_update" in capsys.readouterr().out


def test_doctor_finds_this_machine_well(capsys, monkeypatch):
    assert run(["doctor"]) == 0
    assert "All is well." in capsys.readouterr().out
    monkeypatch.setenv("MINIDL_BACKEND", "nonsense")
    assert run(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "FAIL  MINIDL_BACKEND" in text and "-> unset MINIDL_BACKEND" in text


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["train", "--data", "mnits"], 1, "Did you mean 'mnist'"),
        (["train", "--model", "cn"], 1, "Did you mean 'cnn'"),
        (["train", "--model", "absent.keras"], 1, "does not exist"),
        (["train", "--optimizer", "adm"], 1, "Did you mean 'adam'"),
        (["train", "--schedule", "cosin"], 1, "Did you mean 'cosine'"),
        (["train", "--backend", "conv2d=gpu"], 1, "conv2d has no backend 'gpu'"),
        (["train", "--backend", "numpy,numpy"], 1, "at most"),
        (["train", "--model-file", "model.txt"], 1, "must end in .keras, .h5"),
        (["train", "--model-file", "absent/model.h5"], 1, "Create it first"),
        (["train", "--epochs", "0"], 2, "epochs"),
        (["train", "--epochz", "3"], 2, "--epochz"),
        (["trian"], 2, "trian"),
        (["evaluate", "absent.keras"], 1, "absent.keras"),
        (["predict", "absent.keras", "--data", "digits"], 1, "absent.keras"),
        (["train", "--data", "mnist", "--data-path", "absent.npz"], 1, "absent.npz"),
    ],
)
def test_a_mistake_gets_one_message_and_an_exit_code(arguments, code, message, capsys):
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_predict_says_what_does_not_fit(trained, capsys):
    model = str(trained / "mlp.keras")
    assert run(["predict", model]) == 1
    assert "--data with --index" in capsys.readouterr().err
    assert run(["predict", model, "--data", "digits", "-i", "9999"]) == 1
    assert "360 test images" in capsys.readouterr().err
    assert run(["predict", model, "absent.png"]) == 1
    assert "'absent.png' does not exist" in capsys.readouterr().err


def test_gpustat_says_so_where_there_is_no_gpu(monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert run([*TRAIN, "--gpustat"]) == 0
    assert "no NVIDIA GPU found" in capsys.readouterr().out


def test_gpustat_prints_what_nvidia_smi_says(monkeypatch, tmp_path, capsys):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'NVIDIA Test, 37, 1024, 8192, 55'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert run([*TRAIN, "--gpustat"]) == 0
    assert capsys.readouterr().out.count("GPU NVIDIA Test: 37 % busy, 1024 of 8192 MiB, 55 °C") == 2


def test_demo_trains_shows_a_step_and_writes_pictures(tmp_path, capsys):
    assert run(["demo", "--output", str(tmp_path), "--epochs", "2"]) == 0
    text = capsys.readouterr().out
    for part in ("Total params", "Test accuracy", "conv2d", "backward in all", "max_pool2d"):
        assert part in text
    assert "numpy and simt agree" in text or "numpy and cuda agree" in text
    for name in ("training_curves.png", "confusion_matrix.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert "<html" in (tmp_path / "step.html").read_text()


def test_lens_writes_a_page_a_trace_and_pictures_of_a_saved_model(tmp_path, capsys):
    model = str(tmp_path / "model.keras")
    assert run(["train", "--model", "cnn", "--model-file", model, "--epochs", "1", "--samples", "64"]) == 0
    capsys.readouterr()
    assert run(["lens", model, "--samples", "2", "--output", str(tmp_path / "out"), "--compare", "simt"]) == 0
    text = capsys.readouterr().out
    assert "adam_update" in text and "cpu and simt agree" in text and "Python between the ops" in text
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {"timeline.png", "graph.png", "activations.png", "filters.png", "worst_errors.png"}
    assert names == pictures | {"step.html", "trace.json"}


def test_lens_refuses_data_that_does_not_fit_the_model(tmp_path, capsys):
    model = str(tmp_path / "model.keras")
    assert run(["train", "--model", "mlp", "--model-file", model, "--epochs", "1", "--samples", "64"]) == 0
    assert run(["lens", model, "--samples", "9999", "--output", str(tmp_path / "out")]) == 1
    assert "has 1437 training images. Got --samples 9999" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_command_explains_itself(capsys):
    assert run(["--help"]) == 0
    commands = re.findall(r"^ +(\w+)  ", capsys.readouterr().out.partition("Commands:")[2], re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        assert run([command, "--help"]) == 0
        assert f"{command} [OPTIONS]" in capsys.readouterr().out


def test_the_installed_command_answers():
    result = subprocess.run([sys.executable, "-m", "minidl", "--version"], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and result.stdout.startswith("minidl ")


def test_an_image_of_16_bits_is_to_predict_what_the_same_of_8_bits_is(tmp_path):
    from PIL import Image

    from minidl.cli.use import _read_image

    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    Image.fromarray(pixels).save(tmp_path / "8.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "16.png")
    shape = (None, 8, 8, 1)
    eight, sixteen = (_read_image(tmp_path / name, shape, False) for name in ("8.png", "16.png"))
    np.testing.assert_allclose(sixteen, eight, rtol=1e-6)
