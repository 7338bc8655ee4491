"""Files: how one is replaced without being lost, where they are cached, how they are fetched, checked and unpacked."""

from minidl.utils.files.archives import extract_archive
from minidl.utils.files.fetching import download, file_digest, get_file, keras_home, minidl_home
from minidl.utils.files.paths import local_path
from minidl.utils.files.writing import PICTURES, atomic_write, check_writable, explained

__all__ = [
    "PICTURES",
    "atomic_write",
    "check_writable",
    "download",
    "explained",
    "extract_archive",
    "file_digest",
    "get_file",
    "keras_home",
    "local_path",
    "minidl_home",
]
