"""Which database a URL means: `sqlite:///path` or `postgresql://user@host/name`."""

import sqlite3
from pathlib import Path
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa

from mayfly.domain.errors import InvalidInput
from mayfly.store.sql import postgres
from mayfly.store.sql.driver import Driver
from mayfly.store.sql.sqlite import SqliteDriver, connect

_FORMS = "sqlite:///relative/path, sqlite:////absolute/path or postgresql://user@host/database"
_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")
_MIGRATION_LOCK = 6_295_321  # any number that nobody else locks


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
    if url.startswith(_POSTGRESQL):
        return PostgresDatabase(url)
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


class PostgresDatabase:
    """See `Database`."""

    def __init__(self, url: str):
        self._url = url
        self._params = postgres.parameters(url)
        self.name = postgres.name_of(self._params)

    def driver(self) -> Driver:
        return postgres.PostgresDriver(self._url)

    def engine(self) -> sa.Engine:
        return sa.create_engine(
            "postgresql+psycopg://", creator=self._connect, poolclass=sa.NullPool
        )

    def lock_for_migration(self, connection: sa.Connection) -> None:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = postgres.connect(self._params, "mayfly migrate")
        postgres.check(connection, self.name)
        connection.autocommit = False
        return connection


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
