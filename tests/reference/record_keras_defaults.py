"""Write keras_defaults.json: what arguments of Keras' constructors are when they are not given.

KERAS_BACKEND=torch python -m tests.reference.record_keras_defaults
"""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

MODULES = ("callbacks", "constraints", "initializers", "losses", "metrics", "optimizers", "optimizers.schedules",
           "regularizers")  # fmt: skip


def defaults(module: str) -> dict[str, dict[str, str]]:
    """Of each class that both have: argument -> default, of the arguments that both have."""
    keras, ours = (importlib.import_module(f"{package}.{module}") for package in ("keras", "minidl"))
    found = {}
    for name in sorted(set(dir(keras)) & set(dir(ours))):
        if inspect.isclass(theirs := getattr(keras, name)):
            own = inspect.signature(getattr(ours, name)).parameters
            given = inspect.signature(theirs.__init__).parameters
            found[f"{module}.{name}"] = {
                key: repr(value.default)
                for key, value in given.items()
                if value.default is not value.empty and key in own
            }
    return {path: values for path, values in found.items() if values}


if __name__ == "__main__":
    lines = [f"  {json.dumps(path)}: {json.dumps(values)}" for m in MODULES for path, values in defaults(m).items()]
    Path(__file__).with_name("keras_defaults.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
