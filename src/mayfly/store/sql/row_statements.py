"""The SQL of the verbs about rows; each names its parameters."""

import enum
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from mayfly.store.sql.compiled import Compiled, limited_to, value
from mayfly.store.sql.tables import Tables


class Compare(enum.Enum):
    EQUAL = "eq"
    NULL = "null"
    ANY = "any"
    ANY_OR_NULL = "any_or_null"
    LESS = "lt"
    GREATER = "gt"


Condition = tuple[str, Compare]
"""A field and how it is compared; the n-th condition's parameter is `c<n>`."""

Conditions = tuple[Condition, ...]


class RowStatements:
    def __init__(self, tables: Tables, compiled: Compiled):
        self._tables = tables
        self._compiled = compiled

    def get(self, kind: type[Any]) -> str:
        """`id`"""
        table = self._tables.rows[kind]
        return self._compiled.sql(("get", kind), lambda: sa.select(table).where(_is_row(table)))

    def find(self, kind: type[Any], conditions: Conditions, order: str, limited: bool) -> str:
        """Those of the conditions, and `limit` if limited"""
        table = self._tables.rows[kind]

        def make() -> Any:
            wanted = sa.select(table).where(*self._tests(table, conditions))
            wanted = wanted.order_by(*_order(table, order))
            return limited_to(wanted) if limited else wanted

        return self._compiled.sql(("find", kind, conditions, order, limited), make)

    def count(self, kind: type[Any], conditions: Conditions) -> str:
        """Those of the conditions"""
        table = self._tables.rows[kind]

        def make() -> Any:
            counted = sa.select(sa.func.count()).select_from(table)
            return counted.where(*self._tests(table, conditions))

        return self._compiled.sql(("count", kind, conditions), make)

    def add(self, kind: type[Any]) -> str:
        """All fields; gives the key if it was free, else nothing happens"""
        table = self._tables.rows[kind]

        def make() -> Any:
            return self._compiled.insert(table).on_conflict_do_nothing().returning(table.c.id)

        return self._compiled.sql(("add", kind), make)

    def put(self, kind: type[Any]) -> str:
        """All fields"""
        table = self._tables.rows[kind]

        def make() -> Any:
            made = self._compiled.insert(table)
            others = {
                column.name: made.excluded[column.name]
                for column in table.columns
                if column.name != "id"
            }
            return made.on_conflict_do_update(index_elements=["id"], set_=others)

        return self._compiled.sql(("put", kind), make)

    def update(self, kind: type[Any], names: Iterable[str], expected: Conditions = ()) -> str:
        """`id`, `new_<field>`, and those of the conditions; gives the key of what was changed"""
        table = self._tables.rows[kind]
        changed = tuple(names)

        def make() -> Any:
            chosen = sa.update(table).where(_is_row(table), *self._tests(table, expected))
            values = {name: value(table.c[name], f"new_{name}") for name in changed}
            return chosen.values(values).returning(table.c.id)

        return self._compiled.sql(("update", kind, changed, expected), make)

    def delete(self, kind: type[Any]) -> str:
        """`id`"""
        table = self._tables.rows[kind]
        return self._compiled.sql(("delete", kind), lambda: sa.delete(table).where(_is_row(table)))

    def _tests(self, table: sa.Table, conditions: Conditions) -> list[Any]:
        return [
            self._test(table.c[name], compare, f"c{index}")
            for index, (name, compare) in enumerate(conditions)
        ]

    def _test(self, column: "sa.Column[Any]", compare: Compare, parameter: str) -> Any:
        match compare:
            case Compare.EQUAL:
                return column == value(column, parameter)
            case Compare.NULL:
                return column.is_(None)
            case Compare.ANY:
                return self._compiled.any_of(column, parameter)
            case Compare.ANY_OR_NULL:
                return self._compiled.any_of(column, parameter) | column.is_(None)
            case Compare.LESS:
                return column < value(column, parameter)
            case Compare.GREATER:
                return column > value(column, parameter)


def _is_row(table: sa.Table) -> Any:
    return table.c.id == value(table.c.id)


def _order(table: sa.Table, order: str) -> list[Any]:
    """None comes before everything; PostgreSQL must be told so."""
    column = table.c[order.removeprefix("-")]
    chosen = column.desc() if order.startswith("-") else column.asc()
    if column.nullable:
        chosen = chosen.nulls_last() if order.startswith("-") else chosen.nulls_first()
    return [chosen] if column is table.c.id else [chosen, table.c.id]
