"""Values of configuration files, checked one by one: each knows its file and key."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mayfly.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it was read. Each of the readers below raises InvalidInput."""

    file: str
    key: str
    value: object

    def wrong(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self.file}: {self.key}: {what}")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self._expected("a string")
        return self.value

    def texts(self) -> tuple[str, ...]:
        value = self.value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._expected("a list of strings")
        return tuple(value)

    def count(self) -> int:
        """A whole number above 0."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value <= 0:
            raise self._expected("a whole number above 0")
        return self.value

    def number(self) -> Decimal:
        """A number above 0."""
        value = self.value
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        number = Decimal(str(value)) if numeric else Decimal(0)
        if not number.is_finite() or number <= 0:
            raise self._expected("a number above 0")
        return number

    def table(self, known: frozenset[str] | None) -> dict[str, "Setting"]:
        """The settings in a table; only `known` keys may be there, if given."""
        if not isinstance(self.value, dict):
            raise self._expected("a table")
        if known is not None:
            _check(self.file, self.key, self.value, known)
        prefix = f"{self.key}." if self.key else ""
        return {
            name: Setting(self.file, prefix + name, value) for name, value in self.value.items()
        }

    def _expected(self, what: str) -> InvalidInput:
        shown = "true or false" if isinstance(self.value, bool) else repr(self.value)
        return self.wrong(f"expected {what}, got {shown}")


class Layers:
    """Several files of the same form, the first of which wins key by key."""

    def __init__(
        self,
        files: Mapping[str, Mapping[str, object]],
        tables: Mapping[str, frozenset[str] | None],
    ):
        """`tables` has the keys known in each table, None for any; raises InvalidInput."""
        self._tables = tables
        self._roots = [Setting(file, "", dict(data)) for file, data in files.items()]
        for path in tables:
            self.table(*path.split(".") if path else ())

    def find(self, *path: str) -> Setting | None:
        return self.table(*path[:-1]).get(path[-1])

    def table(self, *path: str) -> dict[str, Setting]:
        """The settings of a table of all files; empty if none has it."""
        merged: dict[str, Setting] = {}
        for found in reversed(self._roots):
            table: dict[str, Setting] | None = found.table(self._tables[""])
            for depth, name in enumerate(path, 1):
                inner = table.get(name) if table is not None else None
                known = self._tables[".".join(path[:depth])]
                table = inner.table(known) if inner is not None else None
            merged |= table or {}
        return merged


def _check(file: str, key: str, table: Iterable[str], known: frozenset[str]) -> None:
    for name in table:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            place = f"{key}.{name}" if key else name
            raise InvalidInput(
                f"{file}: unknown key {place}{hint}", remedy=f"keys: {', '.join(sorted(known))}"
            )
