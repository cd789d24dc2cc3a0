"""Which database a URL means: `sqlite:///path` or `postgresql://user@host/name`."""

import sqlite3
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from mayfly.domain.errors import InvalidInput
from mayfly.store.sql.driver import Driver
from mayfly.store.sql.sqlite import SqliteDriver, connect

_FORMS = "sqlite:///relative/path, sqlite:////absolute/path or postgresql://user@host/database"
_SQLITE = "sqlite:///"


class Database(Protocol):
    name: str

    def driver(self) -> Driver:
        """For the store's work."""

    def engine(self) -> sa.Engine:
        """For changes of the schema; each transaction that it begins may write."""

    def lock_for_migration(self, connection: sa.Connection) -> None:
        """Until the transaction ends."""


def database(url: str) -> Database:
    """Raises InvalidInput."""
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return SqliteDatabase(Path(url.removeprefix(_SQLITE)))
    scheme = url.split(":", 1)[0][:40]
    raise InvalidInput(f"{scheme!r} is not a database that Mayfly knows", remedy=f"give {_FORMS}")


class SqliteDatabase:
    """See `Database`."""

    def __init__(self, path: Path):
        self.path = path
        self.name = str(path)

    def driver(self) -> Driver:
        return SqliteDriver(self.path)

    def engine(self) -> sa.Engine:
        engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=sa.NullPool)
        # The driver's own way to begin leaves changes of the schema outside of transactions.
        sa.event.listen(engine, "begin", _begin)
        return engine

    def lock_for_migration(self, connection: sa.Connection) -> None:
        pass  # BEGIN IMMEDIATE did

    def _connect(self) -> sqlite3.Connection:
        if not self.path.parent.is_dir():
            raise InvalidInput(f"there is no folder {self.path.parent} for the database")
        return connect(self.path)


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
