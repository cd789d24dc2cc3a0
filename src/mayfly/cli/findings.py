"""Findings about a host, as people and programs read them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mayfly.cli.guest_text import block
from mayfly.cli.terminal import paint
from mayfly.domain.finding import Finding, Severity

_MARKS = {
    Severity.OK: ("✓", "green"),
    Severity.WARN: ("!", "yellow"),
    Severity.FAIL: ("✗", "red"),
}


def as_text(findings: Sequence[Finding], *, colour: bool) -> str:
    return "\n".join(_lines(findings, colour=colour))


def _lines(findings: Sequence[Finding], *, colour: bool) -> Iterator[str]:
    for finding in findings:
        mark, style = _MARKS[finding.severity]
        yield f"{paint(mark, style, colour=colour)} {block(finding.text)}"
        if finding.remedy:
            yield f"  {paint('remedy:', 'dim', colour=colour)} {block(finding.remedy)}"
    failed = sum(1 for finding in findings if finding.severity is Severity.FAIL)
    warned = sum(1 for finding in findings if finding.severity is Severity.WARN)
    if failed:
        yield paint(
            f"this host cannot run Mayfly yet: see ✗ above ({failed})", "red", colour=colour
        )
    elif warned:
        yield f"this host runs Mayfly, though not as well as it could: see ! above ({warned})"
    else:
        yield paint("this host runs Mayfly", "green", colour=colour)


def as_json(findings: Sequence[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], indent=2)
