"""No test is left out everywhere: what needs NVIDIA's compilers is named in a target whose environment has them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A test that is left out without the compilers, by whichever name it asks for them.
NEEDS = re.compile(
    r"skipif\(\s*bool\((?:ptx\.missing|compiled\.missing|compiler_missing|packages\.problems)\(\)\)|"
    r"skipif\(\s*bool\(NO_PTX\)|@on_each_device|if missing_compiler\(\)"
)


def test_each_test_that_needs_the_compilers_runs_where_they_are():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^check-(?:gate|ptx):.*\n((?:\t.*\n)+)", makefile, re.M)
    assert len(targets) == 2
    named = {word for target in targets for word in target.split() if word.startswith("tests/")}
    needing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__) and NEEDS.search(path.read_text())
    }
    assert len(needing) > 8 and needing <= named, needing - named
    assert all((ROOT / name).exists() for name in named)
