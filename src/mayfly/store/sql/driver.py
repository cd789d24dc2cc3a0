"""What a database must do for the store: connections for threads, and telling troubles apart."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

Params = Mapping[str, Any]
Record = Sequence[Any]


class Mode(enum.Enum):
    """The kinds of transaction, see `store.base`."""

    SERIAL = "serial"
    WRITE = "write"
    READ = "read"


class Trouble(enum.Enum):
    """What an error of the database means for the transaction it happened in.

    AGAIN: it was undone for the sake of another, and may be tried again at once.
    GONE: the connection is of no use any more.
    FULL: the database cannot be written to, now.
    WRONG: this transaction will never succeed.
    """

    AGAIN = "again"
    GONE = "gone"
    FULL = "full"
    WRONG = "wrong"


class Link(Protocol):
    """A connection, used by one thread, with one transaction at a time.

    Parameters are named. Every call may raise an error of the driver, also for what was sent
    before; then only `rollback` and `close` may follow.
    """

    def begin(self) -> None: ...

    def rows(self, sql: str, params: Params) -> list[Record]: ...

    def each(self, sql: str, many: Sequence[Params]) -> list[Record]:
        """The one record that the statement gives for each of the parameters."""

    def change(self, sql: str, params: Params) -> int:
        """How many rows were changed."""

    def send(self, sql: str, params: Params) -> None:
        """Need not wait for the result: an error may show later, at the latest at `commit`."""

    def send_many(self, sql: str, many: Sequence[Params]) -> None: ...

    def save(self) -> None:
        """Remember this moment of the transaction, in place of the one before."""

    def back(self) -> None:
        """Undo all since `save`."""

    def commit(self, topics: Iterable[str]) -> None:
        """Also tells other processes which topics were announced."""

    def rollback(self) -> None:
        """Never raises."""

    def close(self) -> None:
        """Never raises."""


class Driver(Protocol):
    """`errors` are those its links raise. `writers` is how many may write at the same time: with
    one, `write` shares the thread of `serial`.
    """

    errors: tuple[type[Exception], ...]
    writers: int
    readers: int

    @property
    def dialect(self) -> sa.Dialect: ...

    def connect(self, mode: Mode) -> Link: ...

    def trouble(self, error: Exception) -> Trouble: ...

    def describe(self) -> tuple[str, str]:
        """Which database this is, without its password; and what helps if it cannot be used."""
