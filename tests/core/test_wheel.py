"""What the wheel holds: the two packages, and no kernel of the tests."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((PROJECT / "pyproject.toml").read_text())


def wheel_files() -> list[Path]:
    """The files that hatchling takes: all beneath its packages, for nothing else is told it."""
    target = CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(target) == {"packages"} and list(CONFIG["tool"]["hatch"]["build"]) == ["targets"]
    files = [path for package in target["packages"] for path in (PROJECT / package).rglob("*") if path.is_file()]
    return [path.relative_to(PROJECT) for path in files if "__pycache__" not in path.parts]


def test_wheel_holds_the_packages_and_no_kernel_of_the_bank() -> None:
    files = wheel_files()
    assert {path.parts[0] for path in files} == {"minidl", "cuda_kernels"}
    assert not [path for path in files if "bank" in path.parts or path.name.startswith("test_")]
    assert not [path for path in files if path.suffix == ".py" and "# <- fault:" in (PROJECT / path).read_text()]


def test_no_package_imports_the_tests() -> None:
    ours = {path.stem for path in (PROJECT / "tests").iterdir() if (path / "__init__.py").is_file()} | {"tests"}
    assert {"bank", "student_kernels"} <= ours
    for path in wheel_files():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse((PROJECT / path).read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert not ours & {name.split(".")[0] for name in names}, path
