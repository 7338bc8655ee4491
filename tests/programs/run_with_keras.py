"""Run the programs under Keras itself, with nothing changed but the import: are their idioms Keras'?

Not a test: it needs an environment with Keras and PyTorch. From the project's folder:

    KERAS_BACKEND=torch python tests/programs/run_with_keras.py [part of a name ...]

Left out, and said so: programs with a GradientTape (Keras has no tape of its own, TensorFlow has), those that read
image files (where Keras needs TensorFlow), and stateful layers (which Keras 3.15 cannot train on PyTorch).
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import pickle
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent / "programs"
DATA = Path(os.environ.get("MINIDL_TEST_DATA") or FOLDER.parents[3] / "shared" / "data")

LEFT_OUT = {
    "GradientTape": "GradientTape is TensorFlow's",
    "image_dataset_from_directory": "Keras reads folders of images with TensorFlow",
    "stateful=True": "on PyTorch, Keras 3.15 cannot train stateful layers (their state is changed in place)",
}


def with_keras(source: str) -> str:
    """Return a program's text with the imports of minidl changed to Keras'."""
    source = re.sub(r"^import minidl as keras", "import keras", source, flags=re.MULTILINE)
    return re.sub(r"^from minidl\b", "from keras", source, flags=re.MULTILINE)


def mnist():
    """Read MNIST as Keras does, but for the check that the file's bytes are the published ones."""
    with np.load(DATA / "mnist.npz") as file:
        return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])


def cifar10():
    """Read the batches of CIFAR-10; Keras' own loader wants the archive that they are from."""
    batches = []
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        with open(DATA / "cifar-10-batches-py" / name, "rb") as file:
            batch = pickle.load(file, encoding="bytes")
        x = np.reshape(batch[b"data"], (-1, 3, 32, 32)).transpose(0, 2, 3, 1)
        batches.append((x, np.reshape(batch[b"labels"], (-1, 1)).astype("uint8")))
    x, y = (np.concatenate(arrays) for arrays in zip(*batches[:-1], strict=True))
    return (x, y), batches[-1]


def run_one(program: Path, folder: str, answer: multiprocessing.Queue) -> None:
    """Run one program in a process and a folder of its own; answer "ok" or the error."""
    import keras

    keras.datasets.mnist.load_data, keras.datasets.cifar10.load_data = mnist, cifar10
    os.chdir(folder)
    os.environ["SPOKEN_DIGITS"] = str(DATA / "fsdd" / "recordings")
    sys.path.insert(0, str(FOLDER))
    code = compile(with_keras(program.read_text()), str(program), "exec")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, {"__name__": "__main__"})
        answer.put("ok")
    except BaseException:  # whatever ends the program is its result
        answer.put("FAILED\n" + "\n".join(traceback.format_exc()[-1500:].splitlines()[-12:]))


def main() -> None:
    """Run all programs, or those whose names contain one of the arguments."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import torch

    print(f"Keras {keras.__version__} on {keras.backend.backend()} {torch.__version__}", flush=True)
    torch.set_num_threads(1)
    fork = multiprocessing.get_context("fork")
    failed = 0
    for program in sorted(FOLDER.glob("[0-9]*.py")):
        if len(sys.argv) > 1 and not any(word in program.stem for word in sys.argv[1:]):
            continue
        reasons = [why for word, why in LEFT_OUT.items() if word in program.read_text()]
        if reasons:
            print(f"{program.stem:32}           left out: {reasons[0]}", flush=True)
            continue
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            answer = fork.Queue()
            process = fork.Process(target=run_one, args=(program, folder, answer))
            process.start()
            result = answer.get()
            process.join()
        failed += result != "ok"
        print(f"{program.stem:32} {time.perf_counter() - started:6.1f} s  {result}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
