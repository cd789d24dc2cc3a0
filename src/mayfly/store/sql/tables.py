"""The tables: one for each kind of row, made from its definition, and those of the store's own."""

import re
from typing import Any

import sqlalchemy as sa

from mayfly.store.schema import INDICES
from mayfly.store.sql import columns
from mayfly.store.sql.columns import TEXT

_NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}


class Tables:
    """`journal` holds events, `heads` the first number kept and the last given out of each run's,
    `clock` the number of the last serial transaction, in its only row.
    """

    def __init__(self, kinds: tuple[type[Any], ...]):
        self.metadata = sa.MetaData(naming_convention=_NAMES)
        self.kinds = kinds
        self.rows = {
            kind: sa.Table(table_name(kind), self.metadata, *_columns(kind)) for kind in kinds
        }
        for kind, names in INDICES.items():
            if kind in self.rows:
                table = self.rows[kind]
                sa.Index(f"ix_{table.name}_{'_'.join(names)}", *(table.c[name] for name in names))
        self.journal = sa.Table(
            "journal",
            self.metadata,
            sa.Column("run", TEXT, primary_key=True),
            sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("job", TEXT, nullable=True),
            sa.Column("body", TEXT, nullable=False),
        )
        self.heads = sa.Table(
            "journal_heads",
            self.metadata,
            sa.Column("run", TEXT, primary_key=True),
            sa.Column("first", sa.BigInteger, nullable=False),
            sa.Column("last", sa.BigInteger, nullable=False),
        )
        self.clock = sa.Table(
            "clock",
            self.metadata,
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("number", sa.BigInteger, nullable=False),
        )


def table_name(kind: type[Any]) -> str:
    """`JobRow` is in `jobs`, `DeliveryRow` in `deliveries`, `SignInRow` in `sign_ins`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__.removesuffix("Row")).lower()
    return f"{words[:-1]}ies" if re.search("[^aeiou]y$", words) else f"{words}s"


def _columns(kind: type[Any]) -> list["sa.Column[Any]"]:
    return [columns.column(field) for field in columns.fields_of(kind)]
