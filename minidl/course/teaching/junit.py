"""JUnit's XML, which GitHub Classroom, GitLab and Jenkins show: a testsuite an exercise, a testcase a stage."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET

from minidl.course.checker.results import Result


def junit(results: list[Result], language: str = "en") -> str:
    """Return the verdicts as JUnit's XML, in the strict form of Ant's schema, which holds by Jenkins' too.

    >>> from minidl.course.checker.judging import check_source
    >>> print(junit([check_source(13, "import os")]))
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
      <testsuite name="13_vector_add" id="0" package="exercises" tests="5" failures="1" errors="0" skipped="4" ...>
        <properties>
          <property name="state" value="failed" />...
    """
    root = ET.Element("testsuites")
    for number, result in enumerate(results):
        _suite(root, number, result, language)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, number: int, result: Result, language: str) -> None:
    label = f"{result.number:02d}_{result.name}"
    stages = result.stages or {"file": "not begun"}
    count = list(stages.values()).count
    suite = ET.SubElement(
        root, "testsuite", name=label, id=str(number), package="exercises", tests=str(len(stages)),
        failures=str(count("failed") + count("not begun")), errors="0", skipped=str(count("not run")),
        time=f"{result.seconds:.3f}", timestamp=time.strftime("%Y-%m-%dT%H:%M:%S"), hostname="localhost",
    )  # fmt: skip
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="state", value=result.state)
    ET.SubElement(properties, "property", name="stars", value=str(result.stars))
    for k, (stage, verdict) in enumerate(stages.items()):
        took = 0.0 if k else result.seconds  # all stages of a file run in one go
        case = ET.SubElement(suite, "testcase", name=stage, classname=label, time=f"{took:.3f}")
        if verdict == "not run":
            ET.SubElement(case, "skipped")
        elif verdict == "not begun":
            ET.SubElement(case, "failure", type="not begun", message="The file is still the starter.")
        elif verdict == "failed" and result.failure is not None:
            said = printable(result.failure.said[language == "zh"])
            ET.SubElement(case, "failure", type=result.failure.code, message=said).text = printable(
                result.text(language)
            )
    rest = [result.summary, *[remark.said[language == "zh"] for remark in result.remarks], result.printed]
    ET.SubElement(suite, "system-out").text = printable("\n".join(filter(None, rest)))
    ET.SubElement(suite, "system-err")


def printable(text: str) -> str:
    r"""Return text without what XML cannot hold.

    >>> printable("a\x00b\x1b[31m\ud800")
    'ab[31m'
    """
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
