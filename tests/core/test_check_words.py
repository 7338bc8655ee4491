"""What `minidl.check` says to a student: the stage, and the words that name the slip."""

from __future__ import annotations

import re

import pytest
from student_slips import SLIPS

import minidl
from minidl.backends import unregister_kernel


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_named(slip):
    minidl.register_kernel(slip.kernel, "slip", slip.given, replace=True, **slip.options)
    try:
        result = minidl.check(f"{slip.kernel}:slip")
    finally:
        unregister_kernel(slip.kernel, "slip")
    assert result.failed_stage is not None and re.fullmatch(slip.stage, result.failed_stage), result
    said = f"{result.explanation} {result.cause}".replace("\n", " ")
    assert re.search(slip.phrase, said), result
