"""Problem matchers: one line, several lines, loops, and files that are wrong."""

import json
from typing import Any

import pytest

from mayfly.runner.matchers import Finding, MatcherInvalid, Matchers


def found(patterns: list[dict[str, Any]], text: str, **entry: Any) -> list[Finding]:
    matchers = Matchers()
    document = {"problemMatcher": [{"owner": "t", "pattern": patterns, **entry}]}
    assert matchers.add(json.dumps(document).encode()) == ["t"]
    findings: list[Finding] = []
    matchers.scan(text.encode(), findings.append)
    return findings


FILE = {"regexp": r"^(\S+\.js)$", "file": 1}
PLACE = {
    "regexp": r"^\s+(\d+):(\d+)\s+(error|warning)\s+(.+?)\s+(\S+)$",
    "line": 1,
    "column": 2,
    "severity": 3,
    "message": 4,
    "code": 5,
    "loop": True,
}
ESLINT = """\
a.js
  1:2  error  Bad thing  no-bad
  3:4  warning  Odd  no-odd

b.js
  5:6  error  Z  z
"""


def test_a_loop_keeps_what_came_before() -> None:
    assert [(f.file, f.line, f.level, f.message, f.code) for f in found([FILE, PLACE], ESLINT)] == [
        ("a.js", 1, "error", "Bad thing", "no-bad"),
        ("a.js", 3, "warning", "Odd", "no-odd"),
        ("b.js", 5, "error", "Z", "z"),
    ]


def test_a_broken_sequence_finds_nothing() -> None:
    assert found([FILE, PLACE], "a.js\nsomething else\n  1:2  error  Bad  x\n") == []


def test_without_loop_the_sequence_begins_anew() -> None:
    assert len(found([FILE, {**PLACE, "loop": False}], ESLINT)) == 2


def test_severity_and_path_of_the_matcher() -> None:
    pattern = {"regexp": "^(?<what>oops) (.*)$", "message": 2}
    (finding,) = found([pattern], "oops it\n", severity="notice", fromPath="sub/x.proj")
    assert (finding.level, finding.message, finding.from_path) == ("notice", "it", "sub/x.proj")


def test_the_matcher_added_last_is_asked_first() -> None:
    matchers = Matchers()
    for owner, severity in (("a", "error"), ("b", "warning")):
        entry = {"owner": owner, "severity": severity, "pattern": [{"regexp": "(x)", "message": 1}]}
        matchers.add(json.dumps({"problemMatcher": [entry]}).encode())
    findings: list[Finding] = []
    matchers.scan(b"x\n", findings.append)
    assert [finding.level for finding in findings] == ["warning"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected an object with a list 'problemMatcher'"),
        (b'{"problemMatcher": [{}]}', "problemMatcher[0]: expected an object with an 'owner'"),
        (b'{"problemMatcher": [{"owner": "x"}]}', "problemMatcher[0]: expected a list 'pattern'"),
        (
            b'{"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "("}]}]}',
            "problemMatcher[0].pattern[0]: the regexp is not valid",
        ),
        (
            b'{"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "a", "message": 1}]}]}',
            "problemMatcher[0].pattern[0]: 'message' is not the number of a group of the regexp",
        ),
        (
            b'{"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "(a)"}]}]}',
            "problemMatcher[0]: no pattern has a 'message'",
        ),
    ],
)
def test_wrong_files(data: bytes, message: str) -> None:
    with pytest.raises(MatcherInvalid) as raised:
        Matchers().add(data)
    assert message in str(raised.value)
