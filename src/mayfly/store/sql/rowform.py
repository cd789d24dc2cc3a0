"""A kind of row as records of its table: what a transaction writes and reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from mayfly.store.sql import columns
from mayfly.store.sql.columns import Convert
from mayfly.store.vault import Vault

_VERSION = "version"


class RowForm:
    """Usable by several threads at once."""

    def __init__(self, kind: type[Any], table: str, vault: Vault):
        fields = columns.fields_of(kind)
        self.kind = kind
        self._table = table
        self._vault = vault
        self.names = tuple(field.name for field in fields)
        self.versioned = _VERSION in self.names
        self._to: dict[str, Convert] = {}
        self._from: list[tuple[str, Convert]] = []
        self._sealed: dict[str, Any] = {}  # by name
        self._unsealed: list[tuple[str, Any]] = []
        for field in fields:
            if field.sealed:
                self._sealed[field.name] = columns.seal(field, table, vault)
                self._unsealed.append((field.name, columns.unseal(field, table, vault)))
                continue
            self._to[field.name] = columns.to_database(field)
            if (convert := columns.from_database(field)) is not None:
                self._from.append((field.name, convert))

    @property
    def seals(self) -> bool:
        return bool(self._sealed)

    def value(self, name: str, value: Any) -> Any:
        """As the database holds it; raises KeyError for what cannot be searched by."""
        return self._to[name](value)

    def record(self, values: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Fields of the row `key` as its table holds them."""
        key = self._to["id"](key)
        return {
            name: self._sealed[name](value, key) if name in self._sealed else self._to[name](value)
            for name, value in values.items()
        }

    def whole(self, row: Any, version: int) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in self.names}
        if self.versioned:
            values[_VERSION] = version
        return self.record(values, row.id)

    def changes(self, values: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The parameters of an update."""
        return self.parameters(self.record(values, key), self.value("id", key))

    def parameters(self, record: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The same from fields and a key as the table holds them."""
        return {f"new_{name}": value for name, value in record.items()} | {"id": key}

    def resealed(self, record: Mapping[str, Any]) -> dict[str, bytes]:
        """Those of a record's fields that were not sealed by the first key, sealed by it."""
        return {
            name: self._vault.seal(
                self._vault.unseal(record[name], self._table, name, record["id"]),
                self._table,
                name,
                record["id"],
            )
            for name in self._sealed
            if record[name] is not None and not self._vault.is_current(record[name])
        }

    def changed(self, before: Any, row: Any, version: int) -> dict[str, Any]:
        """Fields that differ; those that `replace` took over cost nothing to compare."""
        values = {}
        for name in self.names:
            new, old = getattr(row, name), getattr(before, name)
            if new is not old and new != old:
                values[name] = new
        if self.versioned:
            values[_VERSION] = version
        return values

    def row(self, record: Sequence[Any]) -> Any:
        """Takes all columns in the order of `names`."""
        values = dict(zip(self.names, record, strict=True))
        for name, convert in self._from:
            values[name] = convert(values[name])
        for name, unseal in self._unsealed:
            values[name] = unseal(values[name], values["id"])
        return self.kind(**values)
