"""SQLite: one file, one writer at a time, readers beside it (WAL).

Announcements reach this process only, for only one process serves a fleet from a file.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from mayfly.store.sql.driver import Heard, Link, Listener, Mode, Params, Record, Trouble

_BUSY_MS = 10_000
_STATEMENTS = 1000  # kept compiled, per connection
_PRIMARY = 0xFF  # of an extended error code


class SqliteDriver:
    """See `driver.Driver`."""

    dialect = SQLiteDialect_pysqlite(paramstyle="named")
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    writers = 1
    readers = 4

    def __init__(self, path: Path):
        self._path = path

    def connect(self, mode: Mode) -> Link:
        return SqliteLink(connect(self._path), mode)

    def trouble(self, error: BaseException) -> Trouble:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Trouble.AGAIN
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
            return Trouble.FULL
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return Trouble.DAMAGED
        return Trouble.GONE if code == sqlite3.SQLITE_CANTOPEN else Trouble.WRONG

    def listen(self, heard: Heard) -> Listener | None:
        return None

    def describe(self) -> tuple[str, str]:
        return str(self._path), (
            "see that its disk has room and that no other program uses it; "
            "mayfly restore brings back a backup"
        )


def connect(path: Path) -> sqlite3.Connection:
    """Makes the file if it is not there, for us alone."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(
        path, timeout=_BUSY_MS / 1000, isolation_level=None, cached_statements=_STATEMENTS
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY"):
        database.execute(f"PRAGMA {pragma}")
    return database


class SqliteLink:
    """See `driver.Link`."""

    def __init__(self, database: sqlite3.Connection, mode: Mode):
        self._database = database
        self._begin = "BEGIN" if mode is Mode.READ else "BEGIN IMMEDIATE"
        self._saved = False

    def begin(self) -> None:
        self._saved = False
        self._database.execute(self._begin)

    def rows(self, sql: str, params: Params) -> list[Record]:
        return self._database.execute(sql, params).fetchall()

    def many(self, sql: str, many: Sequence[Params]) -> list[Record]:
        return [record for params in many for record in self.rows(sql, params)]

    def send(self, sql: str, params: Params) -> None:
        self._database.execute(sql, params)

    def send_many(self, sql: str, many: Sequence[Params]) -> None:
        self._database.executemany(sql, many)

    def save(self) -> None:
        if self._saved:
            self._database.execute("RELEASE work")
        self._database.execute("SAVEPOINT work")
        self._saved = True

    def back(self) -> None:
        self._database.execute("ROLLBACK TO work")

    def commit(self, topics: Iterable[str]) -> None:
        self._database.execute("COMMIT")

    def rollback(self) -> None:
        if self._database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")

    def close(self) -> None:
        self._database.close()
