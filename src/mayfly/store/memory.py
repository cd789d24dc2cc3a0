"""The store of a run on a laptop, and of simulations: memory, gone with the process."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from mayfly.domain.events import Event
from mayfly.store.base import Entry, KeyTaken, Tx, View, Watch, run_topic
from mayfly.store.watches import Watches

R = TypeVar("R")
T = TypeVar("T")

_MISSING = object()


class MemoryStore:
    """See `store.base.Store`.

    With `observe` each event goes there when it is committed, and no journal is kept.
    """

    def __init__(self, observe: Callable[[Event], None] | None = None) -> None:
        self._observe = observe
        self._tables: dict[type[Any], dict[str, Any]] = {}
        self._journals: dict[str, list[Entry]] = {}
        self._trimmed: dict[str, int] = {}
        self._watches = Watches()
        self._number = 0

    async def serial(self, work: Callable[[Tx], T]) -> T:
        return self._carry_out(work, self._number + 1)

    async def write(self, work: Callable[[Tx], T]) -> T:
        return self._carry_out(work, 0)

    async def read(self, work: Callable[[View], T]) -> T:
        return work(self.view())

    def view(self) -> View:
        """How it is now."""
        return _Transaction(self._tables, self._journals, self._trimmed, 0)

    def watch(self, *topics: str) -> Watch:
        return self._watches.watch(topics)

    async def close(self) -> None:
        pass

    def _carry_out(self, work: Callable[[Tx], T], number: int) -> T:
        journals = self._journals if self._observe is None else {}
        tx = _Transaction(self._tables, journals, self._trimmed, number)
        try:
            result = work(tx)
        except BaseException:
            tx.undo()
            raise
        self._number = max(self._number, number)
        if self._observe is not None:
            for event in tx.emitted:
                self._observe(event)
        self._watches.announce(tx.topics)
        return result


class _Transaction:
    """See `store.base.Tx`; writes at once and knows how to undo it."""

    def __init__(
        self,
        tables: dict[type[Any], dict[str, Any]],
        journals: dict[str, list[Entry]],
        trimmed: dict[str, int],
        number: int,
    ):
        self.number = number
        self.committed = max(0, number - 1)
        self.emitted: list[Event] = []
        self.topics: dict[str, None] = {}
        self._tables = tables
        self._journals = journals
        self._trimmed = trimmed
        self._undo: list[Callable[[], None]] = []

    def get(self, kind: type[R], key: str) -> R | None:
        found: R | None = self._table(kind).get(key)
        return found

    def find(
        self, kind: type[R], /, *, order: str = "id", limit: int | None = None, **conditions: Any
    ) -> list[R]:
        tests = [_test(name, value) for name, value in conditions.items()]
        found = [row for row in self._table(kind).values() if all(test(row) for test in tests)]
        found.sort(key=operator.attrgetter("id"))
        name = order.removeprefix("-")
        if name != "id" or name != order:
            found.sort(key=lambda row: _sortable(getattr(row, name)), reverse=name != order)
        return found[:limit]

    def count(self, kind: type[Any], /, **conditions: Any) -> int:
        return len(self.find(kind, **conditions))

    def journal(
        self, run: str, *, after: int = 0, job: str | None = None, limit: int = 1000
    ) -> list[Entry]:
        entries = self._journals.get(run, [])
        start = max(0, after - self._trimmed.get(run, 0))
        chosen = entries[start:] if job is None else [e for e in entries[start:] if e.job == job]
        return chosen[:limit]

    def journal_span(self, run: str) -> tuple[int, int]:
        journal = self._journals.get(run, [])
        return self._trimmed.get(run, 0) + 1, _last(journal, self._trimmed, run)

    def add(self, row: Any) -> None:
        if row.id in self._table(type(row)):
            raise KeyTaken(f"{type(row).__name__} {row.id}")
        self._set(self._table(type(row)), row.id, self._versioned(row))

    def put(self, row: Any) -> None:
        if self.number == 0:
            raise RuntimeError("put belongs into a serial transaction")
        self._set(self._table(type(row)), row.id, self._versioned(row))

    def delete(self, kind: type[Any], key: str) -> None:
        self._set(self._table(kind), key, _MISSING)

    def update(
        self, kind: type[Any], key: str, expected: Mapping[str, Any], /, **changes: Any
    ) -> bool:
        row = self._table(kind).get(key)
        if row is None or any(getattr(row, name) != value for name, value in expected.items()):
            return False
        self._set(self._table(kind), key, self._versioned(replace(row, **changes)))
        return True

    def emit(self, run: str, job: str | None, events: Sequence[Event]) -> None:
        self.emitted += events
        journal = self._journals.setdefault(run, [])
        length = len(journal)
        self._undo.append(lambda: journal.__delitem__(slice(length, None)))
        for event in events:
            journal.append(Entry(run, _last(journal, self._trimmed, run) + 1, job, event))
        self.announce(run_topic(run))

    def trim_journal(self, run: str, upto: int) -> None:
        before = self._trimmed.get(run, 0)
        if upto > before:
            self._set(self._journals, run, self._journals.get(run, [])[upto - before :])
            self._set(self._trimmed, run, upto)

    def announce(self, topic: str) -> None:
        self.topics[topic] = None

    def undo(self) -> None:
        for back in reversed(self._undo):
            back()

    def _table(self, kind: type[Any]) -> dict[str, Any]:
        return self._tables.setdefault(kind, {})

    def _set(self, table: dict[str, Any], key: str, value: Any) -> None:
        before = table.get(key, _MISSING)
        self._undo.append(lambda: _assign(table, key, before))
        _assign(table, key, value)

    def _versioned(self, row: Any) -> Any:
        return replace(row, version=self.number) if hasattr(row, "version") else row


def _assign(table: dict[str, Any], key: str, value: Any) -> None:
    if value is _MISSING:
        table.pop(key, None)
    else:
        table[key] = value


def _last(journal: list[Entry], trimmed: Mapping[str, int], run: str) -> int:
    return journal[-1].number if journal else trimmed.get(run, 0)


def _test(name: str, wanted: Any) -> Callable[[Any], bool]:
    field, _, comparison = name.partition("__")
    if comparison:
        compare = {"lt": operator.lt, "gt": operator.gt}[comparison]
        return lambda row: (value := getattr(row, field)) is not None and compare(value, wanted)
    if isinstance(wanted, tuple):
        return lambda row: getattr(row, field) in wanted
    return lambda row: bool(getattr(row, field) == wanted)


def _sortable(value: Any) -> tuple[bool, Any]:
    """None comes first."""
    return (value is not None, 0 if value is None else value)
