"""What the works of one database transaction write.

Writes whose result nobody needs are sent when somebody reads, or at the end: so a work that fails
before it reads again needs no savepoint. Events are written last and runs in order, because a
journal's numbers stay locked from the moment they are taken until the transaction ends: so nobody
holds them for long, and no two transactions wait for each other's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mayfly.store.sql.driver import Link, Params, Record
from mayfly.store.sql.journals import Emission, Journals


@dataclass(slots=True)
class _Writes:
    statements: list[tuple[str, Params]] = field(default_factory=list)
    events: list[Emission] = field(default_factory=list)
    topics: dict[str, None] = field(default_factory=dict)


class Batch:
    """`own` are those of the work that is being done, which may still fail."""

    def __init__(self, journals: Journals, link: Link, *, alone: bool):
        """`alone`: there is one work only, undone with the whole transaction."""
        self._journals = journals
        self._link = link
        self._alone = alone
        self._kept = _Writes()
        self._own = _Writes()
        self._saved = False

    def rows(self, sql: str, params: Params) -> list[Record]:
        """Reads, and sees what was written before."""
        self._send()
        return self._link.rows(sql, params)

    def change(self, sql: str, params: Params) -> list[Record]:
        """Writes now, and gives what the statement gives."""
        self._send()
        self._save()
        return self._link.rows(sql, params)

    def later(self, sql: str, params: Params) -> None:
        self._own.statements.append((sql, params))

    def emit(self, emissions: Iterable[Emission]) -> None:
        self._own.events += emissions

    def announce(self, topic: str) -> None:
        self._own.topics[topic] = None

    def journal(self) -> Link:
        """To read and change journals, with all events in them."""
        self._send()
        self._write_events(self._kept)
        if self._own.events:
            self._save()
            self._write_events(self._own)
        return self._link

    def keep(self) -> None:
        """The work is done."""
        self._kept.statements += self._own.statements
        self._kept.events += self._own.events
        self._kept.topics |= self._own.topics
        self._next()

    def drop(self) -> None:
        """The work has failed: nothing of it remains."""
        if self._saved:
            self._link.back()
        self._next()

    def finish(self) -> Iterable[str]:
        """All that is kept is written; gives the topics to announce."""
        self._send()
        self._write_events(self._kept)
        return self._kept.topics

    def _next(self) -> None:
        self._own = _Writes()
        self._saved = False

    def _send(self) -> None:
        self._send_statements(self._kept)
        if self._own.statements:
            self._save()
            self._send_statements(self._own)

    def _send_statements(self, writes: _Writes) -> None:
        for sql, params in writes.statements:
            self._link.send(sql, params)
        writes.statements.clear()

    def _write_events(self, writes: _Writes) -> None:
        if writes.events:
            self._journals.append(self._link, writes.events)
            writes.events.clear()

    def _save(self) -> None:
        """Before the first thing of a work is written, and after all of those before it."""
        if not (self._saved or self._alone):
            self._link.save()
            self._saved = True
