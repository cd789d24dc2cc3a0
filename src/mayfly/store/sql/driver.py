"""What a database must do for the store: connections for threads, and telling troubles apart."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from mayfly.store.base import StoreUnavailable

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
    DAMAGED: it cannot be read.
    WRONG: this transaction will never succeed.
    """

    AGAIN = "again"
    GONE = "gone"
    FULL = "full"
    DAMAGED = "damaged"
    WRONG = "wrong"


class Link(Protocol):
    """A connection, used by one thread, with one transaction at a time.

    Parameters are named. Every call may raise an error of the driver, also for what was sent
    before; then only `rollback` and `close` may follow.
    """

    def begin(self) -> None: ...

    def rows(self, sql: str, params: Params) -> list[Record]: ...

    def many(self, sql: str, many: Sequence[Params]) -> list[Record]:
        """A statement of `Compiled.insert_many` for all these parameters, in their order; gives
        what it gives, in any order.
        """

    def send(self, sql: str, params: Params) -> None:
        """Need not wait for the result: an error may show later, at the latest at `commit`."""

    def send_many(self, sql: str, many: Sequence[Params]) -> None:
        """The same for statements that give nothing."""

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


Heard = Callable[[Iterable[str] | None], None]
"""Called in a thread with topics, or with None when any may have been missed."""


class Listener(Protocol):
    def close(self) -> None:
        """Waits until it has ended."""


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

    def trouble(self, error: BaseException) -> Trouble: ...

    def listen(self, heard: Heard) -> Listener | None:
        """From now on tell what other processes announce; None if there are no others.

        May wait, and raise an error of the driver.
        """

    def describe(self) -> tuple[str, str]:
        """Which database this is, without its password; and what helps if it cannot be used."""


def unavailable(driver: Driver, error: BaseException, trouble: Trouble) -> StoreUnavailable:
    name, remedy = driver.describe()
    what = {
        Trouble.AGAIN: "is kept busy by others",
        Trouble.GONE: "cannot be reached",
        Trouble.FULL: "cannot be written to",
        Trouble.DAMAGED: "is damaged, or no database",
        Trouble.WRONG: "does not answer as expected",
    }[trouble]
    return StoreUnavailable(
        f"the database {name} {what}", details=str(error).strip(), remedy=remedy
    )
