"""BackupAndRestore and real kills: whenever a training is killed, run again it gives an unbroken one's losses."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "train_until_killed.py"


def start(folder: Path, save_freq: str) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[2]), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(SCRIPT), str(folder), save_freq], env=environment)


def lines(folder: Path) -> list[list]:
    return [json.loads(line) for line in (folder / "losses.txt").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("save_freq", ["epoch", "2"])
def test_killed_at_random_moments_training_gives_the_losses_of_an_unbroken_one(save_freq: str, tmp_path: Path) -> None:
    assert start(tmp_path / "whole", save_freq).wait(timeout=600) == 0
    expected = dict(lines(tmp_path / "whole"))
    wanted = int(os.environ.get("MINIDL_KILLS", "6"))
    moments = random.Random(7)
    kills, runs = 0, 0
    while kills < wanted:
        folder = tmp_path / f"run{runs}"
        while not (folder / "done").exists():
            before = len(lines(folder)) if (folder / "losses.txt").exists() else 0
            process = start(folder, save_freq)
            began = time.monotonic()
            while process.poll() is None and time.monotonic() - began < 600:  # until it trains
                if (folder / "losses.txt").exists() and len(lines(folder)) > before:
                    break
                time.sleep(0.002)
            time.sleep(moments.random() * 0.4)
            if kills < wanted and process.poll() is None:
                process.kill()
                kills += 1
            process.wait(timeout=600)
        found = lines(folder)
        assert all(logs == expected[epoch] for epoch, logs in found)
        assert [epoch for epoch, _ in found] == sorted(epoch for epoch, _ in found)
        assert {epoch for epoch, _ in found} == set(expected)
        runs += 1
