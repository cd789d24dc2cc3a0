"""Stores to test with, by name of the database."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import database
from mayfly.store.sql.group import Carried
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import SqlStore
from mayfly.store.vault import Vault

VAULT = Vault([bytes(32)])

DATABASES = ("sqlite",)


def unobserved(_carried: Carried) -> None:
    pass


def open_with(url: str, kinds: Sequence[type[Any]] = ALL_ROWS) -> SqlStore:
    """Of a server that knows these kinds of rows."""
    return SqlStore(database(url).driver(), VAULT, tuple(kinds), unobserved)


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
