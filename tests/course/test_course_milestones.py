"""Milestones: networks on the bank's right solutions reach their goals, and what is not accepted is named."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from minidl.cli.app import app
from minidl.course import catalog
from minidl.course.folder import Folder
from minidl.course.milestones import NAMES, attempt, kernels, neuron, of, page, vision
from minidl.course.milestones.own import accepted
from minidl.errors import UnknownNameError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Folder.make()


def fill(folder, numbers, style=0):
    for number in numbers:
        rights = list(catalog.bank(number).rights().values())
        folder.file(number).write_text(rights[min(style, len(rights) - 1)], encoding="utf-8")


@pytest.mark.parametrize("style", [0, 1])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_right_solutions_reach_it(folder, name, style):
    fill(folder, of(name).NEEDS, style)
    run = CliRunner().invoke(app, ["exercises", "milestone", name])
    assert run.exit_code == 0 and "✓ reached" in run.output, run.output
    text = (folder.path / f"milestone_{name}.html").read_text("utf-8")
    assert text.count("<details>") == len(of(name).NEEDS) and "<span class='yes'>reached" in text
    assert ("data:image/png" in text) == (name != "kernels") and "default-src 'none'" in text


def test_an_mlp_step_on_kernels_is_numpys(folder):
    fill(folder, kernels.NEEDS)
    milestone = attempt(folder, "Kernels")
    assert milestone.passed and "0 faults" in milestone.text()
    assert float(re.search(r"largest difference: (\S+)", milestone.text())[1]) < 1e-6
    used = {row[0] for row in milestone.reached.table[1]}
    needed = {catalog.load(number).name for number in kernels.NEEDS}
    assert needed - used == {"count_sectors", "float64_hunt"}
    assert "vector_add" in page.body(milestone, True) and "达到" in milestone.text("zh")


def test_files_of_a_variant_are_launched_by_its_numbers(folder):
    fill(folder, kernels.NEEDS)
    own = {number: list(catalog.variants(number))[-1] for number in (18, 21, 24, 29)}
    assert all(own.values())
    folder.write("course.json", {"variants": {str(number): variant for number, variant in own.items()}})
    for number, variant in own.items():
        folder.file(number).write_text(next(iter(catalog.bank(f"{number}@{variant}").rights().values())), "utf-8")
    milestone = attempt(folder, "kernels")
    assert milestone.passed and "0 faults" in milestone.text(), milestone.text()


def test_the_reference_step_is_minidls_own():
    """The NumPy side of the comparison, held to the ops."""
    from minidl.ops.dense import dense_forward
    from minidl.ops.losses import sparse_categorical_crossentropy_forward

    random = np.random.default_rng(3)
    colours, labels = random.random((6 * 5, 3)).astype(np.float32), np.array([0, 3, 1, 2, 9, 4])
    weights = [random.standard_normal(s).astype(np.float32) for s in ((5, 4), (4,), (4, 10), (10,))]
    x = kernels.SMOOTH[0] * np.eye(30, k=1) + kernels.SMOOTH[1] * np.eye(30) + kernels.SMOOTH[2] * np.eye(30, k=-1)
    x = (x @ (colours.astype(np.float64) @ kernels.GREY)).reshape(6, 5)
    w1, b1, w2, b2 = (w.astype(np.float64) for w in weights)
    z = dense_forward(np.maximum(dense_forward(x, w1, b1)[0], 0), w2, b2)[0]
    rows = sparse_categorical_crossentropy_forward(labels, z, from_logits=True)[0]
    found = kernels._in_numpy(colours, np.eye(10, dtype=np.float32)[labels], weights)
    assert found[0] == pytest.approx(float(np.mean(rows)), rel=1e-9) and found[2] < found[0]


def test_what_is_not_accepted_is_named(folder):
    fill(folder, (1, 2, 3, 4))
    folder.start(5)
    wrong = catalog.bank(6).wrong
    folder.file(6).write_text(next(w for w in wrong.values() if w.stage == "values").source)
    run = CliRunner().invoke(app, ["exercises", "milestone", "neuron"])
    assert run.exit_code == 1 and "4 of 6 exercises accepted; not yet:" in run.output
    assert re.search(r"5 softmax_loss +not begun", run.output) and re.search(r"6 tape +fails at values", run.output)
    assert not (folder.path / "milestone_neuron.html").exists()
    folder.file(1).unlink()
    run = CliRunner().invoke(app, ["exercises", "milestone", "neuron", "--language", "zh"])
    assert "还没有通过" in run.output and re.search(r"1 neuron +not started", run.output)


def test_a_file_that_passed_once_is_checked_again(folder):
    fill(folder, (13,))
    assert folder.check(13).passed
    folder.file(13).write_text(catalog.bank(13).wrong["no_guard"].source)
    results, own = accepted(folder, (13,))
    assert not results[13].passed and own == {}


def test_a_network_that_learns_nothing_is_not_reached(folder, monkeypatch):
    fill(folder, neuron.NEEDS)
    monkeypatch.setattr(neuron.Network, "step", lambda self, x, labels, rate: 2.3)
    milestone = attempt(folder, "neuron")
    assert not milestone.passed and "✗ not reached" in milestone.text()
    assert "<span class='no'>" in page.body(milestone, False)


def test_they_are_listed(folder):
    run = CliRunner().invoke(app, ["exercises", "milestone"])
    assert run.exit_code == 0 and all(re.search(rf"^{name} .*0/", run.output, re.M) for name in NAMES)
    with pytest.raises(UnknownNameError, match="neuron"):
        of("neurons")
    assert set(vision.NEEDS) == {8, 9, 10, 11}
