"""The rows as a server of the version before knows them."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import database
from mayfly.store.sql.migrate import head, migrate
from mayfly.store.sql.tables import table_name


def kinds_before(folder: Path) -> tuple[type[Any], ...]:
    """Without the tables and columns that the newest version of the schema has added."""
    columns = _columns_before(f"sqlite:///{folder / 'before.db'}")
    return tuple(
        _known(kind, columns[table_name(kind)]) for kind in ALL_ROWS if table_name(kind) in columns
    )


def _columns_before(url: str) -> dict[str, set[str]]:
    migrate(url, f"{head() - 1:04}")
    engine = database(url).engine()
    with engine.begin() as connection:
        look = sa.inspect(connection)
        return {
            table: {column["name"] for column in look.get_columns(table)}
            for table in look.get_table_names()
        }


def _known(kind: type[Any], columns: set[str]) -> type[Any]:
    fields = dataclasses.fields(kind)
    if all(field.name in columns for field in fields):
        return kind
    hints = typing.get_type_hints(kind)
    return dataclasses.make_dataclass(
        kind.__name__,
        [
            (field.name, hints[field.name], _copy(field))
            for field in fields
            if field.name in columns
        ],
        frozen=True,
        slots=True,
        kw_only=True,
    )


def _copy(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory, metadata=field.metadata)
    return dataclasses.field(default=field.default, metadata=field.metadata)
