"""Record the layers of Keras' applications, and what each computes with weights drawn by `application_runs.draw`.

    KERAS_BACKEND=torch python tests/reference/record_applications.py

It writes applications.npz beside itself: as JSON the versions and of each network its layers (class, name, shapes of
the weights), and of each network its outputs; and mobilenet_weights.h5.xz, a file of weights in the layout that
Keras publishes, in which the weight at place k is filled with k.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).parent.parent / "applications"))

import h5py
import keras
import numpy as np
import torch
from application_runs import NETWORKS, run
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

rows, outputs = {}, {}
for name in NETWORKS:
    rows[name], outputs[name] = run(keras, name)
    print(name, len(rows[name]), float(np.abs(outputs[name]).max()))
here = Path(__file__).parent
index = {"versions": {"keras": keras.__version__, "torch": torch.__version__}, "layers": rows}
np.savez_compressed(here / "applications.npz", index=json.dumps(index), **outputs)

keras.backend.clear_session()
model = keras.applications.MobileNet((128, 128, 3), alpha=0.25, include_top=False, weights=None)
model.set_weights([np.full(w.shape, k, np.float32) for k, w in enumerate(model.weights)])
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "weights.h5"
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    (here / "mobilenet_weights.h5.xz").write_bytes(lzma.compress(path.read_bytes()))
