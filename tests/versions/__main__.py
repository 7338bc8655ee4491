"""Runs a short set of tests at both ends of what is supported: every dependency at its floor, and everything newest.

    make versions

`.venv-low` is the lowest Python with every floor of pyproject.toml, `.venv-new` the newest Python there is with the
newest of everything. Both are made once, and again when pyproject.toml changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# A short set that touches every package; under a minute.
TESTS = (
    "tests/versions",
    "tests/ops/test_elementwise.py",
    "tests/core/test_tape.py",
    "tests/core/test_tensor.py",
    "tests/layers/test_layers_in_models.py",
    "tests/training/test_fit_behaviour.py",
    "tests/callbacks/test_callbacks_in_fit.py",
    "tests/saving/test_round_trip.py",
    "tests/saving/test_files_for_keras.py::test_keras_predicts_the_same_from_our_files",
    "tests/lens/test_odd_names.py::test_a_name_stands_as_it_is_in_every_picture[a script]",
    "tests/cli/test_cli.py",
    "tests/core/test_check_kernel.py",
    "tests/cuda_kernels/simt/test_machine_types.py",
    "tests/cuda_kernels/simt/test_machine_warp_and_atomics.py",
)


def stated() -> list[str]:
    """What pyproject.toml states: dependencies, extras without CUDA, the tests' group."""
    extras = PROJECT["project"]["optional-dependencies"]
    without_cuda = [need for name, needs in extras.items() if not name.startswith("cuda") for need in needs]
    return [*PROJECT["project"]["dependencies"], *without_cuda, *PROJECT["dependency-groups"]["test"]]


def with_floors(needs: list[str]) -> list[str]:
    """Those that state one: "numpy<2.5" states a ceiling only."""
    return [need for need in needs if ">=" in need]


def floors() -> list[str]:
    """Each at its floor."""
    return [need.replace(">=", "==", 1) for need in with_floors(stated())]


def newest() -> list[str]:
    """Each at its newest, as who has no GPU installs it: numba-cuda holds NumPy back."""
    return [need for need in with_floors(stated()) if not need.startswith("numba-cuda")]


def lowest_python() -> str:
    """The command of the lowest Python supported, "python3.11"."""
    return "python" + PROJECT["project"]["requires-python"].removeprefix(">=")


def pythons() -> dict[str, str]:
    """The Pythons that can make an environment, newest first: on the PATH, or where pyenv installs them."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [None, *map(str, sorted(pyenv.glob("versions/3.*/bin")))]
    found: dict[str, str] = {}
    for name in (f"python3.{minor}" for minor in range(30, 10, -1)):
        commands = (shutil.which(name, path=folder) for folder in folders)
        working = [c for c in commands if c and name not in found and _well(c, "-c", "import venv, ensurepip")]
        found |= {name: working[0]} if working else {}
    return found


def _well(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def check(end: str, python: str, needs: list[str]) -> bool:
    """Make the environment of one end where there is none, and run the tests in it."""
    folder, begin = ROOT / f".venv-{end}", time.perf_counter()
    made_from = folder / "made_from.txt"
    wanted = "\n".join([python, *needs])
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != wanted:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--upgrade"]
        subprocess.run([*install, "pip"], check=True)
        subprocess.run([*install, *needs], check=True)
        made_from.write_text(wanted, encoding="utf-8")
    ready = time.perf_counter()
    print(f"versions: {end} ({python}): made in {ready - begin:.0f} s", flush=True)
    done = subprocess.run(
        [folder / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    print(f"versions: {end} ({python}): {time.perf_counter() - ready:.0f} s of tests", flush=True)
    return done.returncode == 0


def main() -> int:
    """Run both ends; say which is left out, and why. 1 if one fails."""
    there, lowest, well = pythons(), lowest_python(), True
    if lowest in there:
        well = check("low", there[lowest], floors())
    else:
        print(f"NOT RUN: the floors need {lowest}, which is not here")
    newest_python = next(iter(there), f"python3.{sys.version_info.minor}")
    if newest_python != f"python3.{sys.version_info.minor}":
        well = check("new", there[newest_python], newest()) and well
    else:
        print(f"NOT RUN: no Python newer than {sys.version.split()[0]} is here; `make test` ran on this one")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
