"""Stores to test with, by name of the database."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from tests.postgres import Postgres

from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import database
from mayfly.store.sql.group import Carried
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import SqlStore
from mayfly.store.vault import Vault

VAULT = Vault([bytes(32)])

DATABASES = ("sqlite", "postgresql")


def unobserved(_carried: Carried) -> None:
    pass


async def open_with(
    url: str, kinds: Sequence[type[Any]] = ALL_ROWS, vault: Vault = VAULT
) -> SqlStore:
    """Of a server that knows these kinds of rows."""
    store = SqlStore(database(url).driver(), vault, tuple(kinds), unobserved)
    await store.listen()
    return store


class SqliteFiles:
    """Makes databases by copying one that was migrated."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._template = folder / "template.db"
        self._count = 0
        migrate(f"sqlite:///{self._template}")

    def make(self) -> str:
        self._count += 1
        path = self._folder / f"{self._count}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"


class PostgresDatabases:
    """Gives one database again and again, emptied: making one takes much longer."""

    def __init__(self, server: Postgres):
        self._url = server.url(server.create())
        migrate(self._url)
        with psycopg.connect(self._url) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
            names = {name for (name,) in found} - {"clock", "alembic_version"}
        emptied = [f'DELETE FROM "{name}"' for name in names]
        self._empty = "; ".join([*emptied, "UPDATE clock SET number = 0"])

    def make(self) -> str:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(self._empty)
        return self._url
