"""make bank: judge the whole bank, print both counts, fail on any miss."""

from __future__ import annotations

import sys
from collections import Counter

from . import RIGHT, WRONG, judge, summary


def main() -> int:
    """Print the verdicts; 0 if every entry went as expected."""
    verdicts = [judge(entry) for entry in WRONG + RIGHT]
    print(summary(verdicts))
    kinds = Counter(kind for entry in WRONG for kind in {kind for kind, _ in entry.expected()})
    print("kinds among the wrong: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
