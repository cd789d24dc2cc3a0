"""How much a host's report adds to what is kept of a job: in characters, with what each takes."""

from dataclasses import fields, is_dataclass
from typing import Any

from mayfly.protocol import fleet

_EACH = 100
"""Of any report, besides what it says: so that a great many empty ones are not small."""

_NUMBER = 8


def size_of(report: fleet.Report) -> int:
    if isinstance(report, fleet.Printed):  # nearly all of them, with many lines
        return _EACH + sum(map(len, report.lines)) + len(report.lines)
    return _EACH + _size(report)


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple | list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(_size(key) + _size(one) for key, one in value.items())
    if is_dataclass(value):
        return sum(_size(getattr(value, field.name)) for field in fields(value))
    return _NUMBER
