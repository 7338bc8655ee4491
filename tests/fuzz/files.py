"""Damaged and hostile files, thousands of each kind, through every loader: what becomes of them.

    python -m tests.fuzz.files --count 5000 --seed 0      # minutes to hours
    make fuzz N=200 SEED=7

Each file is loaded in a child process that may not grow without end. Right answers are: it loads, or a `MinidlError`
(with the file's name in it) is raised and nothing was changed. Anything else is listed: another exception, a child that
died, more than MEMORY above what the honest file takes, more than SECONDS.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import pickle
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minidl
from minidl.errors import MinidlError

MEMORY = 300 << 20
SECONDS = 5.0
LIMIT = 3 << 30  # of a child's address space


class Kind(NamedTuple):
    """A format with its loader: `make(folder)` writes an honest file, `load(path)` reads one of the same name."""

    name: str
    make: Callable[[Path], Path]
    load: Callable[[Path], Any]


def _model() -> Any:
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential(
        [minidl.Input((6, 6, 2)), minidl.layers.Conv2D(3, 3, name="c"), minidl.layers.BatchNormalization(),
         minidl.layers.Flatten(), minidl.layers.Dense(2, name="d")]
    )  # fmt: skip
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 6, 6, 2), "float32"), np.ones((2, 2), "float32"))
    return model


def _saved(name: str, weights: bool) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        model = _model()
        (model.save_weights if weights else model.save)(folder / name)
        return folder / name

    return make


def _with_strings_of_any_length(folder: Path) -> Path:
    """An .h5 as h5py writes it by itself, as other programs do: strings in the file's global heap."""
    import h5py

    path = _saved("k.h5", False)(folder)
    with h5py.File(path, "a", libver=("earliest", "v108")) as file:

        def rewrite(group: Any) -> None:
            for name, value in list(group.attrs.items()):
                if isinstance(value, bytes | np.bytes_):
                    group.attrs[name] = value.decode()
                elif isinstance(value, np.ndarray) and value.dtype.kind == "S":
                    group.attrs[name] = [item.decode() for item in value]
            for item in group.values():
                if isinstance(item, h5py.Group):
                    rewrite(item)

        rewrite(file)
    return path


_one_model = functools.cache(_model)  # of a child


def _load_weights(path: Path) -> None:
    model = _one_model()
    before = model.get_weights()
    try:
        model.load_weights(path)
        model.set_weights(before)
    except MinidlError:
        for old, new in zip(before, model.get_weights(), strict=True):
            if not np.array_equal(old, new):
                raise AssertionError("a file that was refused changed the model") from None
        raise


def _cifar(folder: Path) -> Path:
    batch = {b"data": np.zeros((5, 3072), np.uint8), b"labels": [1, 2, 3, 4, 5], b"filenames": [b"a"] * 5}
    path = folder / "cifar-10-batches-py"
    path.mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (path / name).write_bytes(pickle.dumps(batch, protocol=2))
    return path / "data_batch_3"


def _mnist_npz(folder: Path) -> Path:
    arrays = {"x_train": np.zeros((9, 28, 28), np.uint8), "y_train": np.zeros(9, np.uint8)}
    np.savez_compressed(folder / "mnist.npz", **arrays, x_test=arrays["x_train"], y_test=arrays["y_train"])
    return folder / "mnist.npz"


def _mnist_idx(folder: Path) -> Path:
    import gzip

    path = folder / "mnist"
    path.mkdir()
    images = struct.pack(">HBBIII", 0, 8, 3, 9, 28, 28) + bytes(9 * 784)
    labels = struct.pack(">HBBI", 0, 8, 1, 9) + bytes(9)
    for part in ("train", "t10k"):
        (path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (path / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return path / "train-images-idx3-ubyte.gz"


def _tar(folder: Path) -> Path:
    import io
    import tarfile

    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name in ("a.txt", "inner/b.txt"):
            info = tarfile.TarInfo(name)
            info.size = 300
            archive.addfile(info, io.BytesIO(b"x" * 300))
    return folder / "a.tar.gz"


def _zip(folder: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.txt", "inner/b.txt"):
            archive.writestr(name, "x" * 300)
    return folder / "a.zip"


def _wav(folder: Path) -> Path:
    import wave

    (folder / "recordings").mkdir()
    for digit in range(3):
        with wave.open(str(folder / "recordings" / f"{digit}_theo_{digit}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(1600))
    return folder / "recordings" / "1_theo_1.wav"


def _npy(folder: Path) -> Path:
    np.save(folder / "x.npy", np.zeros((2, 8, 8), np.uint8))
    return folder / "x.npy"


def _read_npy(path: Path) -> None:
    from minidl.cli.use import _read_image

    _read_image(path, (None, 8, 8, 1), False)


def _image(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        minidl.utils.save_img(str(folder / name), np.arange(300, dtype="float32").reshape(10, 10, 3))
        return folder / name

    return make


def _extract(path: Path) -> None:
    from minidl.utils.files import extract_archive

    extract_archive(path, path.with_name("out"))


KINDS = [
    Kind(".keras", _saved("m.keras", False), minidl.models.load_model),
    Kind(".h5 model", _saved("m.h5", False), minidl.models.load_model),
    Kind(".h5 with strings", _with_strings_of_any_length, minidl.models.load_model),
    Kind(".weights.h5", _saved("m.weights.h5", True), _load_weights),
    Kind(".h5 weights", _saved("w.h5", True), _load_weights),
    Kind(".safetensors", _saved("m.safetensors", True), _load_weights),
    Kind(".npz weights", _saved("m.npz", True), _load_weights),
    Kind("mnist.npz", _mnist_npz, lambda p: minidl.datasets.mnist.load_data(path=str(p))),
    Kind("mnist idx", _mnist_idx, lambda p: minidl.datasets.mnist.load_data(path=str(p.parent))),
    Kind("cifar pickle", _cifar, lambda p: minidl.datasets.cifar10.load_data(path=str(p.parent))),
    Kind("spoken digits", _wav, lambda p: minidl.datasets.spoken_digits.load_data(path=str(p.parent))),
    Kind("tar.gz", _tar, _extract),
    Kind("zip", _zip, _extract),
    Kind(".npy image", _npy, _read_npy),
    Kind("png", _image("x.png"), lambda p: minidl.utils.load_img(str(p))),
    Kind("jpeg", _image("x.jpg"), lambda p: minidl.utils.load_img(str(p))),
]


# ---- damage

LARGE = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def damage(content: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy: bits, bytes, cuts, repeats, sizes that lie; of what is packed, also inside."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place, kind = rng.randrange(len(data)), rng.randrange(8)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.randrange(256)
        elif kind == 2:
            del data[place : place + rng.choice((1, 4, 100, 10**9))]
        elif kind == 3:
            data[place:place] = data[place : place + rng.choice((1, 16, 1000))]
        elif kind == 4:
            data[place : place + 8] = struct.pack(rng.choice("<>") + "Q", rng.choice(LARGE))
        elif kind == 5:
            data[place : place + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(LARGE) & 0xFFFFFFFF)
        elif kind == 6:
            data[place : place + rng.choice((4, 64, 512))] = bytes(rng.choice((4, 64)))
        else:
            data[place : place + 1] = str(rng.choice((-1, 0, 10**6, 10**12, 10**30))).encode()
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


def damaged(name: str, content: bytes, rng: random.Random) -> bytes:
    """Damage a file, or what a zip or gzip holds, with right checksums: so that it gets past them."""
    if rng.random() < 0.5 and content[:4] == b"PK\x03\x04":
        return _repacked(content, rng)
    if rng.random() < 0.5 and content[:2] == b"\x1f\x8b":
        import gzip

        return gzip.compress(damage(gzip.decompress(content), rng))
    return damage(content, rng)


def _repacked(content: bytes, rng: random.Random) -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w", rng.choice((0, 8, 8, 12, 14))) as archive:
            chosen = rng.choice(source.namelist())
            for name in source.namelist():
                data = source.read(name)
                if name == chosen:
                    data = damage(data or b"\0", rng) if rng.random() < 0.7 else data + bytes(rng.choice((10, 1 << 24)))
                    name = rng.choice((name, name, name, name + "x", "../" + name, "/" + name))
                archive.writestr(name, data)
    return out.getvalue()


# ---- children


class Outcome(NamedTuple):
    """What one file did: "loaded", "refused" or "RAW …"; seconds; bytes above the honest file's peak."""

    said: str
    seconds: float
    memory: int


def _child(kind: Kind, seed: int, first: int, count: int, pipe: Any, keep: str | None) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    sys.stdout = sys.stderr = open(os.devnull, "w")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as start:
        made = Path(start, "made")
        made.mkdir()
        place = kind.make(made).relative_to(made)
        honest = (made / place).read_bytes()
        shutil.copytree(made, Path(start, "read"))
        kind.load(Path(start, "read") / place)  # what a first load takes: imports, the honest file's own memory
        for number in range(first, first + count):
            folder = Path(start, f"damaged{number}")
            shutil.copytree(made, folder)
            path = folder / place
            rng = random.Random(f"{kind.name} {seed} {number}")
            path.write_bytes(damaged(path.name, honest, rng))
            if keep:
                Path(keep, f"{number}_{path.name}").write_bytes(path.read_bytes())
            before, started = _peak(), time.perf_counter()
            try:
                kind.load(path)
                said = "loaded"
            except MinidlError as error:
                named = path.name in str(error) or path.parent.name in str(error) or "…" in str(error)
                said = "refused" if named else f"NAMELESS {type(error).__name__}: {str(error)[:200]}"
            except BaseException as error:
                said = f"RAW {type(error).__name__}: {str(error)[:200]}"
            pipe.send((number, Outcome(said, time.perf_counter() - started, max(0, _peak() - before))))
            shutil.rmtree(folder, ignore_errors=True)
    pipe.send(None)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def outcomes(kind: Kind, seed: int, count: int, keep: str | None = None) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcome of each file; a child that dies or does not answer is one too, and another goes on."""
    context = multiprocessing.get_context("fork")
    done = 0
    while done < count:
        ours, theirs = context.Pipe()
        child = context.Process(target=_child, args=(kind, seed, done, min(50, count - done), theirs, keep))
        child.start()
        theirs.close()
        try:
            while True:
                if not ours.poll(SECONDS * 4):
                    child.kill()
                    yield done, Outcome("HANGS", SECONDS * 4, 0)
                    done += 1
                    break
                message = ours.recv()
                if message is None:
                    break
                done = message[0] + 1
                yield message
        except EOFError:
            child.join()
            yield done, Outcome(f"DIED, exit code {child.exitcode}", 0.0, 0)
            done += 1
        child.join()


def wrong(outcome: Outcome) -> bool:
    """Whether an outcome is none of the right ones."""
    return outcome.said not in ("loaded", "refused") or outcome.seconds > SECONDS or outcome.memory > MEMORY


def main(arguments: list[str] | None = None) -> int:
    """Print the table, and each file that did something else than load or be refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", help="only this one; may be repeated")
    parser.add_argument("--keep", help="a folder for the damaged files")
    options = parser.parse_args(arguments)
    print(f"{'kind':18}{'tried':>7}{'loaded':>8}{'refused':>9}{'other':>7}{'peak above honest':>19}{'longest':>10}")
    bad = 0
    for kind in KINDS:
        if options.kind and kind.name not in options.kind:
            continue
        found = list(outcomes(kind, options.seed, options.count, options.keep))
        others = [(number, outcome) for number, outcome in found if wrong(outcome)]
        loaded, refused = (sum(o.said == said for _, o in found) for said in ("loaded", "refused"))
        memory, seconds = max(o.memory for _, o in found), max(o.seconds for _, o in found)
        row = f"{kind.name:18}{len(found):7}{loaded:8}{refused:9}{len(others):7}"
        print(f"{row}{memory / 2**20:15.0f} MiB{seconds:8.2f} s", flush=True)
        for number, outcome in others[:12]:
            print(f"    {number}: {outcome.said} ({outcome.seconds:.1f} s, {outcome.memory >> 20} MiB)", flush=True)
        bad += len(others)
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main())
