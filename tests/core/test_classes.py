"""Classes of the two packages: few names on one self, and none cut into parts that live on each other's names."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST = 40  # names of its own that a class may have: attributes, properties and methods, those of its bases not counted
BASE_OF_ONE = {"WeightHolder"}  # of Layer; it sets its own names through vars(self), which is not seen here


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for package in ("minidl", "cuda_kernels"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield str(path.relative_to(ROOT)), node


CLASSES = list(_classes())


def _on_self(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Names that are read from `self`, or assigned to it."""
    return {
        n.attr
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute)
        and isinstance(n.ctx, context)
        and isinstance(n.value, ast.Name)
        and n.value.id == "self"
    }


def _own_names(node: ast.ClassDef) -> set[str]:
    """What a class puts on its instances: methods, what its body assigns, and what its methods assign to self."""
    found = _on_self(node, ast.Store)
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            found.add(item.name)
        elif isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            found |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return {name for name in found if not name.startswith("__")}


def test_no_class_has_more_than_forty_names_of_its_own():
    many = {f"{path}: {node.name}": len(_own_names(node)) for path, node in CLASSES if len(_own_names(node)) > MOST}
    assert many == {}


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(b.value if isinstance(b, ast.Subscript) else b).split(".")[-1] for b in node.bases]


def test_no_class_is_cut_into_mixins():
    """A mixin reads names from self that neither it nor its bases have, for the one class that it is a part of.

    (A base of several classes may read what each of these declares, as a convolution its strides.)
    """
    by_name: dict[str, list[ast.ClassDef]] = {}
    children: Counter[str] = Counter()
    for _, node in CLASSES:
        by_name.setdefault(node.name, []).append(node)
        children.update(_bases(node))

    def held(node: ast.ClassDef) -> set[str] | None:
        """All names of a class and its bases; None where a base is not of the packages."""
        names = _own_names(node) | {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        for base in _bases(node):
            if base in ("NamedTuple", "Protocol", "Generic", "object"):
                continue
            for found in by_name.get(base, []):
                if found is node or (more := held(found)) is None:
                    return None
                names |= more
            if base not in by_name:
                return None
        return names

    reads = {}
    for path, node in CLASSES:
        names = held(node)
        if names is not None and children[node.name] == 1 and node.name not in BASE_OF_ONE:
            missing = {name for name in _on_self(node, ast.Load) - names if not name.startswith("__")}
            if missing and "__getattr__" not in names:
                reads[f"{path}: {node.name}"] = sorted(missing)
    assert reads == {}


@pytest.mark.parametrize("folder", ["minidl", "cuda_kernels"])
def test_every_folder_has_at_most_twenty_files(folder):
    counts = {
        str(d.relative_to(ROOT)): len(list(d.glob("*.py")))
        for d in (ROOT / folder, *(ROOT / folder).rglob("*"))
        if d.is_dir()
    }
    assert {name: count for name, count in counts.items() if count > 20} == {}
