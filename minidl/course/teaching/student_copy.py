"""The students' copy: starters, notebooks, letter, schedule, and minidl as a wheel, which has fingerprints and cases.

No solution is in it: tests look for `leaks`, every line of every solution that is long enough to be told from others,
and every block of more than four statements.
"""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from minidl.course import catalog
from minidl.course.folder import KEPT, NAME
from minidl.course.teaching import planning, variants, wheel
from minidl.course.teaching.course_file import Course
from minidl.errors import ArgumentError

LONG = 30  # characters of a line without spaces: shorter ones are anybody's
MANY = 4  # statements of a block
COMMON = ("import", "from", "if", "with")  # what a line begins with that says no more than what is guarded
FRAMEWORK = (
    "minidl/course/",
)  # of the wheel, what is made for exercises; the rest is the framework, which has such ops

README = """# {name}

    python -m venv env
    env/bin/pip install {wheel}        # Windows: env\\Scripts\\pip
    env/bin/minidl exercises list                   # in this folder: what there is
    env/bin/minidl exercises watch                  # the next one, checked at every save

`letter.md` says how it goes on, `schedule.md` when. The first installation needs a network, for NumPy and Numba.
Your files are in `{folder}/`; notebooks open with JupyterLab (`env/bin/pip install jupyterlab`).
"""


def files(course: Course, student: str = "") -> dict[str, bytes]:
    """Return the copy's files by their paths.

    student : whose variants are in it; without, starters of exercises with variants are left out

    Raises
    ------
    ArgumentError : there is no such notebook, or the secret stands in a file
    """
    made = f"wheels/{wheel.name()}"
    kept: dict[str, object] = {"name": course.name, "allow": list(course.allow), "exercises": course.exercises}
    own = {n: variants.drawn(course, n, student) for n in course.exercises if n in course.variants} if student else {}
    if student:
        kept |= {"student": student, "variants": {str(n): variant for n, variant in own.items()}}
    found = {
        "README.md": README.format(name=course.name, wheel=made, folder=NAME).encode(),
        "letter.md": planning.letter(course).encode(), "schedule.md": planning.schedule(course).encode(),
        f"{NAME}/{KEPT}/course.json": json.dumps(kept, ensure_ascii=False, indent=1).encode(),
        made: wheel.made(),
    }  # fmt: skip
    for number in (n for n in course.exercises if student or n not in course.variants):
        key = catalog.keyed(number, own.get(number, ""))
        found[f"{NAME}/{catalog.load(number).label}.py"] = catalog.starter(key).encode()
    have = planning.notebooks()
    for name in course.notebooks:
        if name not in have:
            raise ArgumentError(f"student-copy: there is no notebook {name!r}; there are {', '.join(have)}.")
        found[f"notebooks/{have[name].name}"] = have[name].read_bytes()
    for path, data in found.items():
        if course.secret and course.secret.encode() in data:
            raise ArgumentError(f"student-copy: nothing is written: {path} has the course's secret in it.")
    return found


def write(course: Course, out: Path, as_zip: bool = False, student: str = "") -> Path:
    """Write the copy into a new folder, or as a zip; nothing of it where something is wrong.

    student : whose variants are in it

    Raises
    ------
    ArgumentError : the folder is there and not empty
    """
    if as_zip and out.suffix == ".zip":
        out = out.with_suffix("")
    place = out.with_name(f"{out.name}.zip") if as_zip else out  # a name may have dots: "J. Doe"
    if place.exists() and (as_zip or any(place.iterdir())):
        raise ArgumentError(f"student-copy: {place} is there, and is left as it is. Choose another name.")
    found = files(course, student)
    if as_zip:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(wheel.zipped({f"{out.name}/{path}": data for path, data in found.items()}))
        return place
    for path, data in found.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    return place


# -- no solution in it -------------------------------------------------------------------------------------------------


def texts(found: Mapping[str, bytes]) -> dict[str, str]:
    """Return what is to be read of a copy: texts, cells of notebooks, and the part of the wheel made for exercises."""
    read: dict[str, str] = {}
    for path, data in found.items():
        if path.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(data)) as inside:
                names = [n for n in inside.namelist() if n.startswith(FRAMEWORK) and n.endswith((".py", ".json"))]
                read |= {f"{path}: {n}": inside.read(n).decode() for n in names}
        elif path.endswith(".ipynb"):
            cells = json.loads(data.decode())["cells"]
            read[path] = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        else:
            read[path] = data.decode()
    return read


def leaks(read: Mapping[str, str]) -> list[str]:
    """Return where a line or a block of a solution stands, of all exercises that there are.

    Lines that some starter gives away, imports, and bare guards are none's.
    """
    dense = {path: _dense(text) for path, text in read.items()}
    given = "".join(_dense(catalog.starter(number)) for number in catalog.files())
    blocks = {path: set(_blocks(text)) for path, text in read.items() if path.endswith((".py", ".ipynb"))}
    found = []
    for number in catalog.files():
        starter = catalog.starter(number)
        known_blocks = set(_blocks(starter))
        for style, source in catalog.bank(number).rights().items():
            lines = {_dense(line.partition("#")[0]) for line in source.splitlines()}
            told = [line for line in lines if len(line) >= LONG and not line.startswith(COMMON) and line not in given]
            for path, text in dense.items():
                found += [f"{path} has a line of {number}, {style!r}: {line}" for line in told if line in text]
            mine = set(_blocks(source)) - known_blocks
            found += [f"{path} has a block of {number}, {style!r}" for path, there in blocks.items() if mine & there]
    return found


def _dense(text: str) -> str:
    return "".join(text.replace("\\n", "\n").split())


def _blocks(text: str) -> Iterator[str]:
    """Yield functions, loops and branches of more than four statements, without places and comments."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a cell of a notebook's own commands
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and sum(isinstance(n, ast.stmt) for n in ast.walk(node)) > MANY:
            yield ast.dump(node)
