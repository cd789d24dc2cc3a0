"""Problem matchers: patterns that find warnings and errors of tools in their output."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mayfly.protocol.messages import Level

_MAX_FILE = 1024 * 1024
_MAX_LINE = 4096
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_FIELDS = ("file", "line", "column", "severity", "code", "message", "fromPath")


class MatcherInvalid(Exception):
    """A problem matcher file is not as documented; the message says where."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a matcher found; `from_path` is the file that `file` is relative to."""

    level: Level
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    code: str | None = None
    from_path: str | None = None


@dataclass(frozen=True, slots=True)
class _Pattern:
    regexp: re.Pattern[str]
    groups: dict[str, int]
    loop: bool


class Matcher:
    """One owner's patterns, matched on consecutive lines."""

    def __init__(self, owner: str, severity: str, from_path: str | None, patterns: list[_Pattern]):
        self.owner = owner
        self._severity = severity
        self._from_path = from_path
        self._patterns = patterns
        self._begun: list[dict[str, str] | None] = [None] * len(patterns)

    def reset(self) -> None:
        self._begun = [None] * len(self._patterns)

    def match(self, line: str) -> Finding | None:
        """The finding this line completes."""
        last = len(self._patterns) - 1
        for i in range(last, -1, -1):
            before = self._begun[i - 1] if i else {}
            if before is None:
                continue
            found = self._patterns[i].regexp.search(line)
            if found is None:
                self._begun[i if i < last else i - 1] = None
                continue
            values = before | _captured(self._patterns[i], found)
            if i == last:
                self.reset()
                if self._patterns[i].loop and i:
                    self._begun[i - 1] = before
                return self._finding(values)
            self._begun[i] = values
        return None

    def _finding(self, values: dict[str, str]) -> Finding | None:
        if not (message := values.get("message", "")):
            return None
        severity = (values.get("severity") or self._severity).lower()
        level = {"warning": Level.WARNING, "notice": Level.NOTICE}.get(severity, Level.ERROR)
        return Finding(
            level,
            message,
            values.get("file"),
            _number(values.get("line")),
            _number(values.get("column")),
            values.get("code"),
            values.get("fromPath") or self._from_path,
        )


class Matchers:
    """The matchers that are active in a job."""

    def __init__(self) -> None:
        self._matchers: dict[str, Matcher] = {}

    @property
    def active(self) -> bool:
        return bool(self._matchers)

    def add(self, data: bytes) -> list[str]:
        """Activate what a matcher file defines; its owners. MatcherInvalid if it is wrong."""
        added = _read(data)
        for matcher in added:
            self._matchers.pop(matcher.owner, None)
            # The one added last is asked first.
            self._matchers = {matcher.owner: matcher} | self._matchers
        return [matcher.owner for matcher in added]

    def remove(self, owner: str) -> None:
        self._matchers.pop(owner, None)

    def scan(self, block: bytes, report: Callable[[Finding], None]) -> None:
        """Look through whole lines; each finding goes to `report`."""
        for line in _COLOUR.sub(b"", block).splitlines():
            if len(line) <= _MAX_LINE:
                finding = self._match(line.decode("utf-8", "replace"))
                if finding is not None:
                    report(finding)

    def _match(self, line: str) -> Finding | None:
        for matcher in self._matchers.values():
            finding = matcher.match(line)
            if finding is not None:
                for other in self._matchers.values():
                    if other is not matcher:
                        other.reset()
                return finding
        return None


def _captured(pattern: _Pattern, found: re.Match[str]) -> dict[str, str]:
    return {
        name: found[group].strip()
        for name, group in pattern.groups.items()
        if found[group] is not None
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _read(data: bytes) -> list[Matcher]:
    if len(data) > _MAX_FILE:
        raise MatcherInvalid(f"the file is larger than {_MAX_FILE} bytes")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MatcherInvalid(f"not JSON: {error}") from None
    entries = document.get("problemMatcher") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise MatcherInvalid("expected an object with a list 'problemMatcher'")
    return [_matcher(entry, f"problemMatcher[{i}]") for i, entry in enumerate(entries)]


def _matcher(entry: Any, path: str) -> Matcher:
    if not isinstance(entry, dict) or not isinstance(entry.get("owner"), str):
        raise MatcherInvalid(f"{path}: expected an object with an 'owner'")
    patterns = entry.get("pattern")
    if not isinstance(patterns, list) or not patterns:
        raise MatcherInvalid(f"{path}: expected a list 'pattern'")
    read = [_pattern(item, f"{path}.pattern[{i}]") for i, item in enumerate(patterns)]
    if any(pattern.loop for pattern in read[:-1]) or (read[0].loop and len(read) == 1):
        raise MatcherInvalid(f"{path}: only the last of several patterns may have 'loop'")
    if not any("message" in pattern.groups for pattern in read):
        raise MatcherInvalid(f"{path}: no pattern has a 'message'")
    from_path = entry.get("fromPath")
    return Matcher(
        entry["owner"],
        str(entry.get("severity") or "error"),
        from_path if isinstance(from_path, str) else None,
        read,
    )


def _pattern(entry: Any, path: str) -> _Pattern:
    if not isinstance(entry, dict) or not isinstance(entry.get("regexp"), str):
        raise MatcherInvalid(f"{path}: expected an object with a 'regexp'")
    try:
        # JavaScript spells named groups without P.
        regexp = re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", entry["regexp"]))
    except (re.error, RecursionError, OverflowError) as error:
        raise MatcherInvalid(f"{path}: the regexp is not valid: {error}") from None
    groups = {name: entry[name] for name in _FIELDS if entry.get(name) is not None}
    for name, group in groups.items():
        if not isinstance(group, int) or not 0 <= group <= regexp.groups:
            raise MatcherInvalid(f"{path}: '{name}' is not the number of a group of the regexp")
    return _Pattern(regexp, groups, loop=entry.get("loop") is True)
