from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from minidl.errors import ArgumentError, DownloadError, FileFormatError
from minidl.utils import get_file
from minidl.utils.files import download, extract_archive, file_digest, keras_home, minidl_home

TEXT = b"once upon a time"
SHA256 = hashlib.sha256(TEXT).hexdigest()
MD5 = hashlib.md5(TEXT).hexdigest()


def files_under(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_get_file_downloads_once(web, tmp_path):
    url, folder = web
    (folder / "tale.txt").write_bytes(TEXT)
    path = get_file(origin=url + "tale.txt?version=2")
    assert path == str(tmp_path / "minidl" / "datasets" / "tale.txt")
    (folder / "tale.txt").unlink()
    assert Path(get_file("tale.txt", url + "tale.txt")).read_bytes() == TEXT
    assert not keras_home().exists()


@pytest.mark.parametrize(
    "known",
    [
        {"file_hash": SHA256},
        {"md5_hash": MD5},
        {"file_hash": MD5.upper()},
        {"file_hash": SHA256, "hash_algorithm": "sha256"},
    ],
)
def test_get_file_checks_the_hash(web, tmp_path, known):
    url, folder = web
    (folder / "tale.txt").write_bytes(TEXT)
    assert Path(get_file("tale.txt", url + "tale.txt", **known)).read_bytes() == TEXT


def test_get_file_refuses_another_hash_and_keeps_nothing(web, tmp_path):
    url, folder = web
    (folder / "tale.txt").write_bytes(b"another tale")
    with pytest.raises(DownloadError, match="tale.txt"):
        get_file("tale.txt", url + "tale.txt", file_hash=SHA256)
    assert files_under(tmp_path / "minidl") == []


def test_get_file_replaces_a_cached_file_of_another_hash(web, tmp_path):
    url, folder = web
    (folder / "tale.txt").write_bytes(TEXT)
    cached = tmp_path / "minidl" / "datasets" / "tale.txt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cut o")
    get_file("tale.txt", url + "tale.txt", file_hash=SHA256)
    assert cached.read_bytes() == TEXT


def test_get_file_force_download_fetches_again(web, tmp_path):
    url, folder = web
    (folder / "tale.txt").write_bytes(b"first edition")
    get_file("tale.txt", url + "tale.txt")
    (folder / "tale.txt").write_bytes(TEXT)
    assert Path(get_file("tale.txt", url + "tale.txt")).read_bytes() == b"first edition"
    assert Path(get_file("tale.txt", url + "tale.txt", force_download=True)).read_bytes() == TEXT


def test_get_file_finds_the_keras_cache_and_takes_a_cache_dir(web, tmp_path):
    url, folder = web
    cached = tmp_path / "keras" / "models" / "tale.txt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(TEXT)
    assert get_file("tale.txt", url + "tale.txt", cache_subdir="models") == str(cached)
    (folder / "tale.txt").write_bytes(TEXT)
    assert get_file("tale.txt", url + "tale.txt", cache_dir=tmp_path / "mine") == str(
        tmp_path / "mine" / "datasets" / "tale.txt"
    )


def archive_of(kind):
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inner/tale.txt", TEXT)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("inner/tale.txt")
            member.size = len(TEXT)
            archive.addfile(member, io.BytesIO(TEXT))
    return buffer.getvalue()


# The names are those of keras 3.15's get_file.
@pytest.mark.parametrize(
    ("fname", "folder_name", "kind"),
    [("tales", "tales", "zip"), ("tales.tar.gz", "tales_extracted", "tar"), (None, "source.bin", "tar")],
)
def test_get_file_extracts_archives(web, tmp_path, fname, folder_name, kind):
    url, folder = web
    (folder / "source.bin").write_bytes(archive_of(kind))
    for _ in range(2):  # the second time without the web
        path = Path(get_file(fname, url + "source.bin", extract=True))
        assert path == tmp_path / "minidl" / "datasets" / folder_name
        assert (path / "inner" / "tale.txt").read_bytes() == TEXT
        (folder / "source.bin").unlink(missing_ok=True)
    assert not [name for name in os.listdir(path.parent) if name.startswith(".")]


def test_extract_refuses_other_files_damage_and_paths_outside(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    with pytest.raises(FileFormatError, match="is no archive. Is the URL right"):
        extract_archive(path, tmp_path / "out")
    path.write_bytes(archive_of("tar")[:-30])
    with pytest.raises(FileFormatError, match="is damaged|is no archive. Is the URL right"):
        extract_archive(path, tmp_path / "out")
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("../evil.txt"), io.BytesIO())
    with pytest.raises(FileFormatError, match=r"evil.txt"):
        extract_archive(path, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "origin= must be the URL"),
        ({"origin": "http://127.0.0.1/"}, "no file name can be read from origin"),
        ({"origin": "http://127.0.0.1/a", "fname": "../a"}, "fname must be a bare name, not a path"),
        ({"origin": "http://127.0.0.1/a", "fname": ".."}, "fname must be a bare name"),
        ({"origin": "http://127.0.0.1/a", "file_hash": "0", "hash_algorithm": "crc"}, "hash_algorithm must be"),
    ],
)
def test_get_file_refuses_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        get_file(**arguments)


def test_download_tries_the_mirrors_in_turn_and_lists_the_answers(web, tmp_path):
    url, folder = web
    dead, missing = "http://127.0.0.1:9/a.txt", url + "none.txt"
    with pytest.raises(DownloadError) as caught:
        download([dead, missing], tmp_path / "new" / "a.txt", None, progress=False)
    message = str(caught.value)
    assert dead in message
    assert "404" in message
    assert f"place it at {tmp_path / 'new' / 'a.txt'}" in message
    (folder / "a.txt").write_bytes(TEXT)
    got = download([dead, missing, url + "a.txt"], tmp_path / "new" / "a.txt", "md5:" + MD5, progress=False)
    assert got.read_bytes() == TEXT
    assert file_digest(got, "sha256") == SHA256


def test_download_shows_progress_on_stderr(web, tmp_path, capsys):
    url, folder = web
    (folder / "a.txt").write_bytes(TEXT)
    download([url + "a.txt"], tmp_path / "a.txt", None)
    assert "16.0/16.0" in capsys.readouterr().err


def test_homes_follow_the_environment(monkeypatch, tmp_path):
    assert minidl_home() == tmp_path / "minidl"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.delenv("MINIDL_HOME")
    assert keras_home() == Path.home() / ".keras"
    assert minidl_home().name == "minidl"
