"""Archives that mean harm: links, names that lead out, bombs, devices, damage."""

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import tarfile
import zipfile

import pytest

from minidl.errors import ArgumentError, FileFormatError
from minidl.utils.files import archives, extract_archive


def tar_of(path, *members):
    with tarfile.open(path, "w") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                archive.addfile(info)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "content", "words"),
    [
        ("link", tarfile.SYMTYPE, "/etc", "holds a link"),
        ("link", tarfile.SYMTYPE, "inside", "holds a link"),
        ("link", tarfile.LNKTYPE, "first", "holds a link"),
        ("pipe", tarfile.FIFOTYPE, "", "a device or a pipe"),
        ("device", tarfile.CHRTYPE, "", "a device or a pipe"),
        ("../out", tarfile.REGTYPE, b"x", "leads out of the folder"),
        ("a/../../out", tarfile.REGTYPE, b"x", "leads out of the folder"),
        ("/abs", tarfile.REGTYPE, b"x", "leads out of the folder"),
        ("C:\\windows\\x", tarfile.REGTYPE, b"x", "leads out of the folder"),
        ("..\\out", tarfile.REGTYPE, b"x", "leads out of the folder"),
        ("x" * 300, tarfile.REGTYPE, b"x", "cannot be unpacked"),
    ],
)
def test_a_tar_writes_only_files_inside(tmp_path, name, kind, content, words):
    (tmp_path / "here").mkdir()
    path = tar_of(tmp_path / "a.tar", ("first", tarfile.REGTYPE, b"1"), (name, kind, content))
    with pytest.raises(FileFormatError, match=words):
        extract_archive(path, tmp_path / "here" / "out")
    assert os.listdir(tmp_path / "here") == []  # nothing of it, not even the member that was right
    assert sorted(os.listdir(tmp_path)) == ["a.tar", "here"]


def test_links_longer_than_a_path_may_be_lead_nowhere(tmp_path):
    """CVE-2025-4517: tarfile's own filter gives up where a link's real path is too long."""
    members, path = [], ""
    for step in "abcdefghijklmnop":
        members += [
            (os.path.join(path, "d" * 247), tarfile.DIRTYPE, ""), (os.path.join(path, step), tarfile.SYMTYPE, "d" * 247)
        ]  # fmt: skip
        path = os.path.join(path, "d" * 247)
    link = os.path.join("/".join("abcdefghijklmnop"), "l" * 254)
    members += [(link, tarfile.SYMTYPE, "../" * 16), ("escape", tarfile.SYMTYPE, link + "/../outside")]
    members.append(("escape/owned", tarfile.REGTYPE, b"owned"))
    (tmp_path / "outside").mkdir()
    with pytest.raises(FileFormatError, match="holds a link"):
        extract_archive(tar_of(tmp_path / "a.tar", *members), tmp_path / "dest")
    assert os.listdir(tmp_path / "outside") == []


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../out", "..\\out"])
def test_a_zip_writes_only_inside(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(FileFormatError, match="leads out of the folder"):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_what_a_folder_holds_besides_stays(tmp_path):
    folder = tmp_path / "out"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "work.txt").write_text("a year's work")
    (folder / "old.txt").write_text("old")
    path = tar_of(tmp_path / "a.tar", ("old.txt", tarfile.REGTYPE, b"new"), ("new/x.txt", tarfile.REGTYPE, b"x"),
                  ("empty", tarfile.DIRTYPE, ""))  # fmt: skip
    for _ in range(2):
        extract_archive(path, folder)
        found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))
        assert found == ["empty", "mine", "mine/work.txt", "new", "new/x.txt", "old.txt"]
        assert (folder / "mine" / "work.txt").read_text() == "a year's work"
        assert (folder / "old.txt").read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["a.tar", "out"]


@pytest.mark.parametrize("member", ["mine/x", "file/x", "folder"])
def test_nothing_is_moved_where_something_is_in_the_way(tmp_path, member):
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (folder / "folder").mkdir(parents=True)
    elsewhere.mkdir()
    (folder / "mine").symlink_to(elsewhere)
    (folder / "file").write_text("a file")
    path = tar_of(tmp_path / "a.tar", ("aaa", tarfile.REGTYPE, b"x"), (member, tarfile.REGTYPE, b"x"))
    with pytest.raises(FileFormatError, match="is in the way"):
        extract_archive(path, folder)
    assert not (folder / "aaa").exists() and os.listdir(elsewhere) == []


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz"])
def test_a_bomb_is_stopped(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(archives, "FREELY", 1 << 20)
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 16 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    compress = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[pack]
    path = tmp_path / f"a.tar.{pack}"
    path.write_bytes(compress(whole.getvalue()))
    with pytest.raises(FileFormatError, match="unpacks to more than 200 times its own size"):
        extract_archive(path, tmp_path / "out")
    assert os.listdir(tmp_path) == [path.name]


def test_a_zip_that_lies_about_its_sizes_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREELY", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(16 << 20))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = data.index(signature) + offset
        data[place : place + 4] = struct.pack("<I", 10)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(FileFormatError):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_odd_compressions_and_passwords_are_refused_in_words(tmp_path):
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
            archive.writestr("x", "y" * 100)
        with pytest.raises(FileFormatError, match=f"is compressed by method {method}; only stored"):
            extract_archive(tmp_path / "a.zip", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "y" * 100)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1  # the flag of encryption
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(FileFormatError, match=r"cannot be unpacked: .*password"):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")
    with pytest.raises(ArgumentError, match="archive_format must be"):
        extract_archive(tmp_path / "a.zip", tmp_path / "out", "rar")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip"])
def test_damaged_archives_are_refused_or_unpacked(tmp_path, suffix):
    rng = random.Random(suffix)
    path = tmp_path / f"a{suffix}"
    content = {"inner/a.txt": bytes(rng.randrange(256) for _ in range(900)), "b.txt": b"text " * 50}
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, f"w:{suffix[5:]}") as archive:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    whole = path.read_bytes()
    for trial in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 3, 20])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.randrange(len(damaged))] if trial % 3 == 0 else damaged)
        try:
            extract_archive(path, tmp_path / "out")
        except FileFormatError as error:
            assert str(path) in str(error)
        assert set(os.listdir(tmp_path)) <= {path.name, "out"}
