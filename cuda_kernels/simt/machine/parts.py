"""A class that is put together from several files, one for each concern."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any


class Part:
    """Base of the parts of `Machine` and of the translator: what a part does not define, another part does."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Tells the type checker that other parts have more names."""
