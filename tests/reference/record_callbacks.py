"""Record what Keras' callbacks that watch a number do on the random sequences of tests/callbacks/callback_runs.py.

    KERAS_BACKEND=torch python tests/reference/record_callbacks.py

It writes callbacks.json beside itself: the versions, and for every case its steps.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "callbacks"))

import keras
import torch
from callback_runs import run

CASES = 600
versions = {"keras": keras.__version__, "torch": torch.__version__}
runs = [run(keras, number) for number in range(CASES)]
lines = ",\n".join(json.dumps(steps, separators=(",", ":")) for steps in runs)
text = f'{{"versions": {json.dumps(versions)},\n"runs": [\n{lines}\n]}}\n'
(Path(__file__).parent / "callbacks.json").write_text(text)
