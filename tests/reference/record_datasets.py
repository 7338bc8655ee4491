"""Record what Keras' loaders of texts and tables return, for small files of `dataset_files.py`.

    KERAS_BACKEND=torch python tests/reference/record_datasets.py

It writes datasets.json beside itself: the versions, and for each case what `load_data` gave.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "datasets"))

import keras
from dataset_files import CASES, plain, write
from keras.src.datasets import boston_housing, california_housing, imdb, reuters

found = {}
with tempfile.TemporaryDirectory() as folder:
    write(Path(folder))
    for module in (boston_housing, california_housing, imdb, reuters):
        module.get_file = lambda fname, origin, file_hash: str(Path(folder) / Path(fname).name)
    for name, (dataset, arguments) in CASES.items():
        try:
            found[name] = plain(globals()[dataset].load_data(**arguments))
        except ValueError as error:
            found[name] = {"error": str(error)}
text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in found.items())
(Path(__file__).parent / "datasets.json").write_text(f'{{"versions": {{"keras": "{keras.__version__}"}},\n{text}\n}}\n')
