"""Where the data sets are looked for, in which order, and what is said when they are not there."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest

from minidl.datasets import cifar10, fashion_mnist, mnist, spoken_digits
from minidl.datasets.cache import PublishedFile
from minidl.errors import DataError, DownloadError, FileFormatError

NOWHERE = "http://127.0.0.1:9/"  # port 9 discards; nobody listens


def save_npz(path, arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    x_train, y_train, x_test, y_test = arrays
    np.savez_compressed(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def assert_is(data, arrays):
    got = [array for part in data for array in part]
    for one, other in zip(got, arrays, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.uint8


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(mnist, "NPZ", mnist.NPZ._replace(urls=(NOWHERE + "mnist.npz",)))
    dead = [PublishedFile(name, (NOWHERE + name,), "md5:" + "0" * 32) for name in mnist.MD5]
    monkeypatch.setattr(mnist, "IDX_FILES", dead)
    monkeypatch.setattr(fashion_mnist, "FILES", dead)
    monkeypatch.setattr(cifar10, "FILE", cifar10.FILE._replace(urls=(NOWHERE + cifar10.FILE.name,)))


# ------------------------------------------------------------------------------------ path=


def test_mnist_reads_an_explicit_npz(tmp_path, images_and_labels):
    path = save_npz(tmp_path / "any.npz", images_and_labels)
    assert_is(mnist.load_data(path), images_and_labels)
    assert_is(mnist.load_data(path=str(path)), images_and_labels)


@pytest.mark.parametrize("load_data", [mnist.load_data, fashion_mnist.load_data])
def test_load_data_reads_a_folder_of_idx_files(tmp_path, write_idx_folder, images_and_labels, load_data):
    assert_is(load_data(write_idx_folder(tmp_path / "idx")), images_and_labels)


def test_mnist_prefers_an_existing_file_to_the_caches(tmp_path, monkeypatch, images_and_labels):
    save_npz(tmp_path / "keras" / "datasets" / "mnist.npz", [a[::-1] for a in images_and_labels])
    save_npz(tmp_path / "here" / "mnist.npz", images_and_labels)
    monkeypatch.chdir(tmp_path / "here")
    assert_is(mnist.load_data("mnist.npz"), images_and_labels)


@pytest.mark.parametrize("load_data", [mnist.load_data, fashion_mnist.load_data, cifar10.load_data])
def test_load_data_refuses_a_path_that_does_not_exist(load_data):
    with pytest.raises(DataError, match=r"path 'no/such/place.npz' does not exist. Relative to"):
        load_data(path="no/such/place.npz")


def test_mnist_says_that_one_idx_file_is_not_enough(tmp_path, write_idx_folder):
    folder = write_idx_folder(tmp_path / "idx")
    with pytest.raises(DataError, match="Give the folder that holds all four"):
        mnist.load_data(folder / "train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[:-40], "is no readable npz file"),
        (lambda raw: b"<html>not found</html>", "is no readable npz file"),
        (lambda raw: b"", "is no readable npz file"),
    ],
)
def test_mnist_refuses_a_damaged_npz(tmp_path, images_and_labels, change, message):
    path = save_npz(tmp_path / "mnist.npz", images_and_labels)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileFormatError, match=message):
        mnist.load_data(path)


def test_mnist_refuses_an_npz_of_other_content(tmp_path, images_and_labels):
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(FileFormatError, match=r"lacks the arrays .*x_train.* It holds \['images'\]"):
        mnist.load_data(tmp_path / "other.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(FileFormatError, match="holds a single array"):
        mnist.load_data(tmp_path / "single.npy")
    x_train, y_train, x_test, y_test = images_and_labels
    path = save_npz(tmp_path / "sizes.npz", (x_train, y_train[:-1], x_test, y_test))
    with pytest.raises(FileFormatError, match="differ in their first axis"):
        mnist.load_data(path)


def test_mnist_refuses_pickled_objects_in_an_npz(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "objects.npz", x_train=objects, y_train=objects, x_test=objects, y_test=objects)
    with pytest.raises(FileFormatError, match="holds Python objects"):
        mnist.load_data(tmp_path / "objects.npz")


# ------------------------------------------------------------------------------------ caches


@pytest.mark.parametrize("home", ["keras", "minidl"])
def test_mnist_looks_in_both_caches(tmp_path, images_and_labels, offline, home):
    save_npz(tmp_path / home / "datasets" / "mnist.npz", images_and_labels)
    assert_is(mnist.load_data(), images_and_labels)


def test_mnist_looks_in_the_keras_cache_first(tmp_path, images_and_labels):
    save_npz(tmp_path / "keras" / "datasets" / "mnist.npz", images_and_labels)
    save_npz(tmp_path / "minidl" / "datasets" / "mnist.npz", [a[::-1] for a in images_and_labels])
    assert_is(mnist.load_data(), images_and_labels)


def test_mnist_takes_another_name_in_the_cache(tmp_path, images_and_labels):
    save_npz(tmp_path / "keras" / "datasets" / "mine.npz", images_and_labels)
    assert_is(mnist.load_data("mine.npz"), images_and_labels)


def test_fashion_mnist_reads_the_folder_that_keras_makes(tmp_path, write_idx_folder, images_and_labels):
    write_idx_folder(tmp_path / "keras" / "datasets" / "fashion-mnist")
    assert_is(fashion_mnist.load_data(), images_and_labels)


def test_an_unfinished_folder_in_a_cache_is_passed_over(tmp_path, write_idx_folder, images_and_labels):
    (write_idx_folder(tmp_path / "keras" / "datasets" / "fashion-mnist") / "t10k-labels-idx1-ubyte").unlink()
    write_idx_folder(tmp_path / "minidl" / "datasets" / "fashion-mnist")
    assert_is(fashion_mnist.load_data(), images_and_labels)


# ------------------------------------------------------------------------------------ cifar10


def as_archive(folder, path, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, "cifar-10-batches-py")
    return path


def assert_is_cifar(data, folder):
    (x_train, y_train), (x_test, y_test) = data
    assert (x_train.shape, y_train.shape) == ((15, 32, 32, 3), (15, 1))
    assert (x_test.shape, y_test.shape) == ((2, 32, 32, 3), (2, 1))
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    third = pickle.loads((folder / "data_batch_3").read_bytes())
    # Published: 1024 red values row by row, then green, then blue.
    for row, column, channel in [(0, 0, 0), (2, 31, 1), (30, 7, 2)]:
        assert x_train[7, row, column, channel] == third["data"][1, 1024 * channel + 32 * row + column]
    assert y_train[6:9, 0].tolist() == third["labels"]


def test_cifar10_reads_a_folder_and_its_parent(cifar_folder):
    assert_is_cifar(cifar10.load_data(cifar_folder), cifar_folder)
    assert_is_cifar(cifar10.load_data(cifar_folder.parent), cifar_folder)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_cifar10_reads_an_archive_without_extracting(tmp_path, cifar_folder, mode):
    path = as_archive(cifar_folder, tmp_path / "cifar-10-python.tar.gz", mode)
    before = sorted(tmp_path.iterdir())
    assert_is_cifar(cifar10.load_data(path), cifar_folder)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["cifar-10-batches-py-target", ".", "cifar-10-batches-py-target_archive"])
def test_cifar10_finds_what_each_keras_left_in_its_cache(tmp_path, cifar_folder, name):
    cache = tmp_path / "keras" / "datasets"
    if name.endswith("_archive"):
        cache.mkdir(parents=True)
        as_archive(cifar_folder, cache / name)
        assert_is_cifar(cifar10.load_data(), cifar_folder)
        return
    (cache / name).mkdir(parents=True)
    moved = cifar_folder.rename(cache / name / "cifar-10-batches-py")
    assert_is_cifar(cifar10.load_data(), moved)


def test_cifar10_names_missing_batches(cifar_folder):
    (cifar_folder / "data_batch_2").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_2\. Is it CIFAR-10's python version"):
        cifar10.load_data(cifar_folder)


def test_cifar10_refuses_a_cut_off_archive(tmp_path, cifar_folder):
    path = as_archive(cifar_folder, tmp_path / "cifar.tar.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FileFormatError, match="no readable tar archive"):
        cifar10.load_data(path)
    path.write_bytes(b"<html>")
    with pytest.raises(FileFormatError, match="no readable tar archive"):
        cifar10.load_data(path)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1, 2], "expected a dict with 'data' and 'labels'"),
        ({"data": np.zeros((2, 3072), np.uint8), "fine_labels": [1, 2]}, "Is it CIFAR-100"),
        (
            {"data": np.zeros((2, 3072)), "labels": [1, 2]},
            r"must be uint8 \(N, 3072\). Got float64 \(2, 3072\)",
        ),
        ({"data": np.zeros((2, 99), np.uint8), "labels": [1, 2]}, r"Got uint8 \(2, 99\)"),
        ({"data": "text", "labels": [1, 2]}, "Got str"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "expected 2 integer labels"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1, 10]}, r"labels must be in 0..9. Got 1..10"),
    ],
)
def test_cifar10_says_what_is_wrong_with_a_batch(batch, message):
    with pytest.raises(FileFormatError, match=message):
        cifar10.read_batch(pickle.dumps(batch), "data_batch_1")


def test_cifar10_reads_bytes_keys():
    raw = pickle.dumps({b"data": np.ones((1, 3072), np.uint8), b"labels": [9]})
    x, y = cifar10.read_batch(raw, "data_batch_1")
    assert x.shape == (1, 32, 32, 3)
    assert y.tolist() == [[9]]


def test_cifar10_runs_no_code_of_a_pickle(cifar_folder):
    (cifar_folder / "data_batch_4").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    with pytest.raises(FileFormatError, match=r"data_batch_4: refused: the pickle asks for os\.system"):
        cifar10.load_data(cifar_folder)


# ------------------------------------------------------------------------------------ download


def published(folder, name, raw):
    (folder / name).write_bytes(raw)
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def test_mnist_downloads_once_and_checks_the_hash(web, tmp_path, monkeypatch, images_and_labels):
    url, folder = web
    raw = save_npz(tmp_path / "source.npz", images_and_labels).read_bytes()
    file = PublishedFile("mnist.npz", (NOWHERE + "mnist.npz", url + "mnist.npz"), published(folder, "mnist.npz", raw))
    monkeypatch.setattr(mnist, "NPZ", file)
    assert_is(mnist.load_data(), images_and_labels)
    (folder / "mnist.npz").unlink()
    assert_is(mnist.load_data(), images_and_labels)  # from the cache
    assert [p.name for p in (tmp_path / "minidl" / "datasets").iterdir()] == ["mnist.npz"]
    assert not (tmp_path / "keras").exists()


def test_mnist_falls_back_to_the_idx_files(web, tmp_path, monkeypatch, write_idx_folder, images_and_labels, offline):
    url, folder = web
    source = write_idx_folder(tmp_path / "idx")
    files = []
    for path in source.iterdir():
        raw = gzip.compress(path.read_bytes())
        files.append(
            PublishedFile(path.name + ".gz", (url + path.name + ".gz",), published(folder, path.name + ".gz", raw))
        )
    monkeypatch.setattr(mnist, "IDX_FILES", files)
    assert_is(mnist.load_data(), images_and_labels)
    monkeypatch.setattr(mnist, "IDX_FILES", [])
    assert_is(mnist.load_data(), images_and_labels)


def test_a_wrong_hash_leaves_nothing_behind(web, tmp_path, monkeypatch, offline):
    url, folder = web
    (folder / "mnist.npz").write_bytes(b"something else")
    monkeypatch.setattr(mnist, "NPZ", mnist.NPZ._replace(urls=(url + "mnist.npz",)))
    with pytest.raises(DownloadError, match="hash"):
        mnist.load_data()
    assert [p for p in (tmp_path / "minidl").rglob("*") if p.is_file()] == []


def test_offline_mnist_says_what_to_place_where(tmp_path, offline):
    with pytest.raises(DownloadError) as caught:
        mnist.load_data()
    message = str(caught.value)
    assert "mnist.load_data: the data set is not on this computer" in message
    assert "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1" in message
    assert str(tmp_path / "minidl" / "datasets") in message
    assert str(tmp_path / "keras" / "datasets") in message
    assert "mnist.load_data(path=...)" in message


def test_offline_fashion_mnist_and_cifar10_say_what_to_place_where(offline):
    with pytest.raises(DownloadError, match="the four files in a folder 'fashion-mnist'"):
        fashion_mnist.load_data()
    with pytest.raises(DownloadError, match="and place cifar-10-python.tar.gz in"):
        cifar10.load_data()


def test_mirrors_and_hashes_are_given_for_every_published_file():
    for file in (mnist.NPZ, *mnist.IDX_FILES, *fashion_mnist.FILES, cifar10.FILE):
        algorithm, digits = file.known_hash.split(":")
        assert len(digits) == {"md5": 32, "sha256": 64}[algorithm]
        assert all(url.startswith("http") and url.endswith(file.name) for url in file.urls)
    assert {len(file.urls) for file in mnist.IDX_FILES} == {2}
    assert {len(file.urls) for file in fashion_mnist.FILES} == {3}


# ------------------------------------------------------------------------------------ spoken digits


def wav_bytes(samples, rate=8000):
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.asarray(samples, "<i2").tobytes())
    return buffer.getvalue()


def test_spoken_digits_pads_cuts_and_splits(tmp_path):
    (tmp_path / "3_ann_0.wav").write_bytes(wav_bytes([16384, -32768]))
    (tmp_path / "7_ann_5.wav").write_bytes(wav_bytes([1, 2, 3, 4, 5, 6]))
    (tmp_path / "notes.wav").write_bytes(b"")
    (x_train, y_train), (x_test, y_test) = spoken_digits.load_data(tmp_path, length=4)
    assert x_test.tolist() == [[0.5, -1.0, 0.0, 0.0]]
    np.testing.assert_allclose(x_train * 32768, [[1, 2, 3, 4]])
    assert (y_train.tolist(), y_test.tolist()) == ([7], [3])
    assert x_train.dtype == np.float32


def test_spoken_digits_refuses_other_files(tmp_path):
    with pytest.raises(DataError, match="holds no files named digit_speaker_index.wav"):
        spoken_digits.load_data(tmp_path)
    (tmp_path / "3_ann_0.wav").write_bytes(wav_bytes([0], rate=16000))
    with pytest.raises(FileFormatError, match="must be mono, 16 bits, 8000 Hz. Got 1 channels, 16 bits, 16000 Hz"):
        spoken_digits.load_data(tmp_path)
    (tmp_path / "3_ann_0.wav").write_bytes(b"RIFF")
    with pytest.raises(FileFormatError, match="no readable wav"):
        spoken_digits.load_data(tmp_path)
    with pytest.raises(DownloadError, match="free-spoken-digit-dataset"):
        spoken_digits.load_data()


# ------------------------------------------------------------------------------------ the real data


def test_mnist_reads_the_real_data(shared_data):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(shared_data / "mnist.npz")
    assert (x_train.shape, x_train.dtype) == ((60000, 28, 28), np.uint8)
    assert (x_test.shape, y_train.shape, y_test.shape) == ((10000, 28, 28), (60000,), (10000,))
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_cifar10_reads_the_real_data(shared_data):
    (x_train, y_train), (x_test, y_test) = cifar10.load_data(shared_data / "cifar-10-batches-py")
    assert x_train.shape[1:] == x_test.shape[1:] == (32, 32, 3)
    assert y_train.shape == (len(x_train), 1)
    assert np.bincount(y_train[:, 0], minlength=10).min() > 0.08 * len(y_train)
    # Photographs are smooth along rows, columns, and across channels; a wrong order of the axes is not.
    images = x_test[:200].astype(np.float32)
    assert np.abs(np.diff(images, axis=1)).mean() < 20
    assert np.abs(np.diff(images, axis=2)).mean() < 20
    # Ships are bluer than they are red, as sea and sky are.
    ships = x_train[y_train[:, 0] == cifar10.CLASS_NAMES.index("ship")].mean((0, 1, 2))
    assert ships[2] > ships[0]


def test_spoken_digits_reads_the_real_data(shared_data):
    (x_train, y_train), (x_test, y_test) = spoken_digits.load_data(shared_data / "fsdd" / "recordings")
    assert (x_train.shape, x_test.shape) == ((2700, 8000), (300, 8000))
    assert np.bincount(y_train).tolist() == [270] * 10
    assert np.bincount(y_test).tolist() == [30] * 10
    assert 0.5 < np.abs(x_train).max() <= 1
