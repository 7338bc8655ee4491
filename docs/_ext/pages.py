"""Pages that are made from what is there: the API reference, the ladders' stories, the notebooks.

Nothing here is committed: a public name, a ladder or a notebook that is added has its page at the next build.
"""

from __future__ import annotations

import importlib
import inspect
import shutil
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
PROJECT = DOCS.parent

# Module, title, whether the methods of its classes are listed (those of layers are all the same).
MODULES = (
    ("minidl", "minidl", True),
    ("minidl.models", "Models", True),
    ("minidl.layers", "Layers", False),
    ("minidl.functional", "Functional ops", False),
    ("minidl.activations", "Activations", False),
    ("minidl.losses", "Losses", False),
    ("minidl.metrics", "Metrics", False),
    ("minidl.optimizers", "Optimizers", False),
    ("minidl.initializers", "Initializers", False),
    ("minidl.regularizers", "Regularizers", False),
    ("minidl.constraints", "Constraints", False),
    ("minidl.callbacks", "Callbacks", False),
    ("minidl.data", "Data", True),
    ("minidl.datasets", "Data sets", False),
    ("minidl.applications", "Applications", False),
    ("minidl.preprocessing", "Preprocessing", False),
    ("minidl.utils", "Utilities", False),
    ("minidl.saving", "Saving", False),
    ("minidl.testing", "Testing gradients and kernels", False),
    ("minidl.observers", "Observers", True),
    ("minidl.errors", "Errors", False),
    ("minidl.lens", "The lens", True),
    ("cuda_kernels.simt", "The SIMT machine", True),
    ("cuda_kernels.ptx", "Compiled kernels", True),
    ("cuda_kernels.launch", "Launching kernels", True),
    ("cuda_kernels.ladder", "Ladders", True),
)
NO_OPS = ("__init__",)  # of minidl/ops
TRACKS = {
    "A": "Backprop in NumPy", "B": "First kernels", "C": "Memory", "D": "Parallel patterns", "E": "Time",
    "F": "Networks' kernels", "G": "The framework",
}  # fmt: skip


def public_names(module: Any) -> list[str]:
    """Return a module's public names: those it lists, or those it defines; modules are left out.

    >>> import minidl.constraints
    >>> public_names(minidl.constraints)[:3]
    ['Constraint', 'MaxNorm', 'MinMaxNorm']
    """
    if hasattr(module, "__all__"):
        names = list(module.__all__)
    else:
        names = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", module.__name__) == module.__name__
        ]
    return sorted(name for name in names if not inspect.ismodule(getattr(module, name)) and name != "annotations")


def _entry(module: Any, name: str, members: bool, homes: dict[int, str]) -> list[str]:
    value, path = getattr(module, name), f"{module.__name__}.{name}"
    if not callable(value):
        return []
    home = homes.setdefault(id(value), path)
    if home != path:  # one thing that two modules offer stands on one page
        return [f"- ``{name}`` is :py:obj:`{home}`"]
    if inspect.ismethod(value):  # Sphinx takes `self` off such a signature, and off what is left, whenever it looks
        arguments = [str(p.replace(annotation=p.empty)) for p in inspect.signature(value).parameters.values()]
        return [f".. autofunction:: {path}({', '.join(arguments)})", ""]
    if not inspect.isclass(value):
        return [f".. autofunction:: {path}", ""]
    listed = members and not issubclass(value, BaseException)
    return [f".. autoclass:: {path}", *(["   :members:"] if listed else []), ""]


def module_page(module_name: str, title: str, members: bool, homes: dict[int, str]) -> str:
    """Return the page of a module: its own words, then every public class and function."""
    module = importlib.import_module(module_name)
    lines = [title, "=" * max(4, len(title)), "", f".. automodule:: {module_name}", ""]
    entries = [_entry(module, name, members, homes) for name in public_names(module)]
    functions = [entry for entry in entries if entry and "autofunction" in entry[0]]
    classes = [entry for entry in entries if entry and "autoclass" in entry[0]]
    elsewhere = [entry for entry in entries if entry and entry[0].startswith("- ")]
    for heading, group in (("Classes", classes), ("Functions", functions), ("Also here", elsewhere)):
        if group:
            lines += [heading, "-" * len(heading), "", *(line for entry in group for line in entry)]
    return "\n".join(lines)


def op_page(module_name: str) -> str:
    """Return the page of an op: its functions in the order of the file, forward above backward."""
    module = importlib.import_module(module_name)
    name = module_name.rpartition(".")[2]
    lines = [name, "=" * len(name), "", f".. automodule:: {module_name}", ""]
    for function, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module_name and not function.startswith("_"):
            lines += [f".. autofunction:: {module_name}.{function}", ""]
    return "\n".join(lines)


def track_pages() -> dict[str, str]:
    """Return a page for each track of exercises: what a student is told at the head of each file, and no more."""
    from docstrings import rst

    from minidl.course import catalog

    pages: dict[str, list[str]] = {}
    for number, path in catalog.files().items():
        e = catalog.load(number)
        title = f"{e.track} · {TRACKS[e.track]}"
        lines = pages.setdefault(path.parent.name, [title, "=" * len(title), "", ".. highlight:: text", ""])
        needs = "".join(f", after {catalog.load(name).number} ``{name}``" for name in e.needs)
        notebook = f", notebook {e.section}" if e.section else ""
        heading = f"{number} · {e.title} {'★' * e.stars}"
        start = f"``minidl exercises start {number}``: some {e.minutes} minutes{needs}{notebook}."
        write = f"To write: {', '.join(f'``{task.signature}``' for task in e.tasks)}."
        lines += [heading, "-" * len(heading), "", start, "", *rst(e.text.splitlines()), write, ""]
    return {track: "\n".join(lines) for track, lines in pages.items()}


def write_pages(app: Any = None) -> None:
    """Write the pages that changed and take away those whose reason is gone."""
    pages: dict[Path, str] = {}
    homes: dict[int, str] = {}
    for module_name, title, members in reversed(MODULES):  # `minidl` last: Model is at home in minidl.models
        pages[DOCS / "api" / f"{module_name}.rst"] = module_page(module_name, title, members, homes)
    ops = PROJECT / "minidl" / "ops"
    for path in sorted([*ops.glob("*.py"), *ops.glob("recurrent/*.py")]):
        if path.stem not in NO_OPS:
            module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
            pages[DOCS / "api" / "ops" / f"{path.stem}.rst"] = op_page(module)
    for readme in sorted((PROJECT / "cuda_kernels").glob("*/README.md")):
        target = DOCS / "kernels" / "ladders" / f"{readme.parent.name}.md"
        pages[target] = f"```{{include}} ../../../{readme.relative_to(PROJECT).as_posix()}\n:relative-docs: ..\n```\n"
    for track, page in track_pages().items():
        pages[DOCS / "course" / "tracks" / f"{track}.rst"] = page
    generated = (("api", "*.rst"), ("api/ops", "*.rst"), ("kernels/ladders", "*.md"), ("course/tracks", "*.rst"))
    for folder, pattern in generated:
        for old in (DOCS / folder).glob(pattern):
            if old not in pages:
                old.unlink()
    for path, page in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8")
    _copy_notebooks()


def _copy_notebooks() -> None:
    notebooks = {path.name: path for path in (PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    for old in (DOCS / "course").glob("*.ipynb"):
        if old.name not in notebooks:
            old.unlink()
    for name, path in notebooks.items():
        shutil.copy2(path, DOCS / "course" / name)


def setup(app: Any) -> dict[str, Any]:
    """Write the pages before Sphinx looks for pages."""
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
