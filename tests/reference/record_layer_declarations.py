"""Record what the layers declare: their arguments and configurations, with which files were saved.

    python tests/reference/record_layer_declarations.py

writes layer_declarations.json beside itself. It was run before the layers' arguments became fields of their classes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "layers"))

from declared_layers import RECORDED, classes, configuration, signature, specs

if __name__ == "__main__":
    found = {
        "signatures": {name: signature(cls) for name, cls in classes().items()},
        "configurations": [[spec, configuration(spec)] for spec in specs()],
    }
    RECORDED.write_text(json.dumps(found, separators=(",", ":")) + "\n")
