"""Reads a TOML table key by key; every complaint names the file and the key."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from mayfly.domain.errors import InvalidInput

_KINDS = {"str": "a string", "list": "a list of strings", "dict": "a table"}

_Value = TypeVar("_Value")


class Table:
    """Takes known keys out of a TOML table, then complains about what is left."""

    def __init__(self, file: str, path: str, content: Mapping[str, Any]):
        self._file = file
        self._path = path
        self._left = dict(content)
        self._known: list[str] = []

    def names(self) -> Iterable[str]:
        return tuple(self._left)

    def text(self, key: str, pattern: re.Pattern[str] | None, default: str | None = None) -> str:
        value = self._take(key, str, default)
        if value is None:
            raise self.wrong(key, "is missing")
        return self._matching(key, value, pattern)

    def texts(
        self, key: str, pattern: re.Pattern[str] | None, default: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        values = self._take(key, list, list(default)) or []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.wrong(f"{key}[{index}]", f"must be a string, not {value!r}")
            self._matching(f"{key}[{index}]", value, pattern)
        return tuple(values)

    def table(self, key: str) -> "Table":
        content = self._take(key, dict, {})
        return Table(self._file, self._name(key), content or {})

    def nothing_else(self) -> None:
        for key in self._left:
            raise self.wrong(key, f"is not known here; known: {', '.join(self._known)}")

    def wrong(self, key: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self._file}: {self._name(key)} {problem}")

    def _name(self, key: str) -> str:
        shown = key if re.fullmatch(r"[\w\[\]-]+", key) else f'"{key}"'
        return f"{self._path}.{shown}" if self._path else shown

    def _take(self, key: str, kind: type[_Value], default: _Value | None) -> _Value | None:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is not None and not isinstance(value, kind):
            wanted = _KINDS[kind.__name__]
            raise self.wrong(key, f"must be {wanted}, not {value!r}")
        return value

    def _matching(self, key: str, value: str, pattern: re.Pattern[str] | None) -> str:
        if "\0" in value or (pattern is not None and not pattern.fullmatch(value)):
            expected = f" (expected {pattern.pattern})" if pattern else ""
            raise self.wrong(key, f"has a value that cannot be used: {value!r}{expected}")
        return value
