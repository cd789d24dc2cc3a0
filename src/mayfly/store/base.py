"""The interface of every store: typed rows, few verbs, three kinds of transaction.

    await store.serial(work)   one at a time in the whole fleet, whatever the number of servers:
                               all that decides (states, claims, groups) is done in these, so that
                               reading, deciding and writing cannot be interleaved
    await store.write(work)    beside others: inserts and guarded updates only
    await store.read(work)     one consistent moment, nothing written

`work` is an ordinary function of the transaction; it must not wait, must have no effect but through
the transaction, and may be called again when the database asks for that. All of it happens or
nothing. An exception of `work` undoes it and is raised to the caller. Calls may be made
concurrently from one event loop; cancelling a call does not undo what was committed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mayfly.domain.errors import MayflyError
from mayfly.domain.events import Event

R = TypeVar("R")
T = TypeVar("T")


class StoreUnavailable(MayflyError):
    """The database cannot be reached, or broke off: whether the work was done is not known."""


class KeyTaken(Exception):
    """A row with this key is already there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a run's journal; `number` counts from 1 without gaps. `job` is its row's id."""

    run: str
    number: int
    job: str | None
    event: Event


class View(Protocol):
    """What can be asked. A condition is `field=value`, `field=(several, values)` for any of them,
    `field__lt`, `field__gt` for less and greater (never true of None); all must hold.

    What others commit meanwhile may be seen, but a row that was seen already `get` gives as it was,
    but for what this transaction wrote.
    """

    def get(self, kind: type[R], key: str) -> R | None: ...

    def find(
        self, kind: type[R], /, *, order: str = "id", limit: int | None = None, **conditions: Any
    ) -> list[R]:
        """Ordered by a field (`-field`: descending) and then by id."""

    def count(self, kind: type[Any], /, **conditions: Any) -> int: ...

    def journal(
        self, run: str, *, after: int = 0, job: str | None = None, limit: int = 1000
    ) -> list[Entry]:
        """The next entries; of one job, if given, then with those of the run itself left out."""

    def journal_span(self, run: str) -> tuple[int, int]:
        """The first number still kept in the store, and the last given out; (1, 0) if none."""


class Tx(View, Protocol):
    """A transaction that may write. Reads see its own writes."""

    @property
    def number(self) -> int:
        """Grows with each serial transaction; 0 in one of `write`."""

    @property
    def committed(self) -> int:
        """What serial transactions up to this number wrote stays; that of later ones may still be
        undone, even if this one sees it.
        """

    def add(self, row: Any) -> None:
        """Raises KeyTaken."""

    def put(self, row: Any) -> None:
        """Replaces the row with the same key, or adds it; sets `version`, if it has one.

        In serial transactions only.
        """

    def delete(self, kind: type[Any], key: str) -> None:
        """Nothing if it is not there."""

    def update(
        self, kind: type[Any], key: str, expected: Mapping[str, Any], /, **changes: Any
    ) -> bool:
        """Change fields if the row is there and has the expected values; says whether it was so.

        Atomic among all transactions: the way to change what others change at the same time.
        """

    def emit(self, run: str, job: str | None, events: Sequence[Event]) -> None:
        """Append to a run's journal, and announce `run:<id>`."""

    def trim_journal(self, run: str, upto: int) -> None:
        """Forget entries up to a number, which are kept elsewhere."""

    def announce(self, topic: str) -> None:
        """Wake who watches the topic, on every server, once this is committed."""


class Watch(Protocol):
    """Wakes when a topic was announced since the last wait, spuriously perhaps; never misses.

    Make it first, then look, then wait.
    """

    async def wait(self) -> frozenset[str]:
        """Which of its topics were announced; more than were, perhaps."""

    def close(self) -> None: ...


class Store(Protocol):
    async def serial(self, work: Callable[[Tx], T]) -> T: ...

    async def write(self, work: Callable[[Tx], T]) -> T: ...

    async def read(self, work: Callable[[View], T]) -> T: ...

    def watch(self, *topics: str) -> Watch: ...

    async def close(self) -> None:
        """Waits for what runs; nothing is called afterwards. Idempotent."""


QUEUE = "queue"
"""Announced when a job was queued or room may have become free."""

FLEET = "fleet"
"""Announced when anything changed that pages show."""


def run_topic(run: str) -> str:
    return f"run:{run}"


def session_topic(session: str) -> str:
    """Announced when a session is to be told something: a job of it is to be cancelled."""
    return f"session:{session}"
