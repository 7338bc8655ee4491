"""Pages whose examples are not run where they stand, and where the others keep things."""

import pytest

# They add files to minidl: tests/docs runs them in a copy.
collect_ignore = ["add_a_layer.md"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    """Examples that keep something keep it in a folder of their own."""
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path_factory.mktemp("minidl_home")))
