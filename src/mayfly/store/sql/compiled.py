"""SQL made once by SQLAlchemy Core for each shape of a statement, and then reused.

A shape is a verb, a kind of row and names of fields, so there are few; values are always
parameters. The SQL runs on the driver's own connection: what SQLAlchemy adds to each execution
costs more than a small statement takes.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mayfly.store.sql import stored


class Compiled:
    """Usable by several threads at once; making a statement twice does no harm."""

    def __init__(self, dialect: sa.Dialect):
        self._dialect = dialect
        self._made: dict[tuple[Any, ...], str] = {}

    @property
    def postgresql(self) -> bool:
        return self._dialect.name == "postgresql"

    def sql(self, shape: tuple[Any, ...], make: Callable[[], Any]) -> str:
        if (text := self._made.get(shape)) is None:
            text = self._made[shape] = str(make().compile(dialect=self._dialect))
        return text

    def insert(self, table: sa.Table, **values: Any) -> Any:
        """Parameters are the columns' names, but for those given."""
        made: Any = (postgresql.insert if self.postgresql else sqlite.insert)(table)
        return made.values(
            {column.name: values.get(column.name, value(column)) for column in table.columns}
        )

    def insert_many(self, table: sa.Table, **values: Any) -> Any:
        """For `Link.many`: PostgreSQL takes a list for each parameter."""
        if not self.postgresql:
            return self.insert(table, **values)
        columns = {
            column.name: values.get(column.name, sa.func.unnest(_list(column)))
            for column in table.columns
        }
        return postgresql.insert(table).from_select(list(columns), sa.select(*columns.values()))

    def any_of(self, column: "sa.Column[Any]", name: str) -> Any:
        """One parameter for any number of values, so that their number makes no new statement."""
        if self.postgresql:
            return column == sa.func.any(_list(column, name))
        values = sa.func.json_each(sa.bindparam(name)).table_valued("value")
        return column.in_(sa.select(values.c.value))

    def several(self, values: list[Any]) -> Any:
        """The parameter of `any_of`."""
        return values if self.postgresql else stored.to_json(values)


def _list(column: "sa.Column[Any]", name: str | None = None) -> Any:
    return sa.bindparam(name or column.name, type_=sa.ARRAY(column.type))


def value(column: "sa.Column[Any]", name: str | None = None) -> Any:
    """A parameter of the column's type, named as the column if not told otherwise."""
    return sa.bindparam(name or column.name, type_=column.type)


LIMIT = "limit"


def limited_to(chosen: "sa.Select[Any]") -> "sa.Select[Any]":
    """Parameter `limit`. SQLAlchemy would give SQLite's offset a parameter of its own."""
    limit = sa.bindparam(LIMIT, type_=sa.BigInteger)
    return chosen.limit(limit).offset(sa.literal_column("0"))
