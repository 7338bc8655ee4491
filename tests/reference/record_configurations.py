"""Record what is written of every class: `python tests/reference/record_configurations.py`, of the minidl imported.

configurations.json was written by the version before minidl/registry.py: since then the same text is written. For a
new class, add its lines; a line that is there changes only with what files say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "saving"))

from example_objects import written

lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in written())
(Path(__file__).parent / "configurations.json").write_text(f"{{{lines}}}\n", "utf-8")
