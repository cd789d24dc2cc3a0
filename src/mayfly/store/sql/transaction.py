"""The verbs of `store.base.Tx` in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from mayfly.domain.events import Event
from mayfly.store.base import Entry, KeyTaken, run_topic
from mayfly.store.sql.batch import Batch
from mayfly.store.sql.compiled import LIMIT
from mayfly.store.sql.model import Model
from mayfly.store.sql.reseal import reseal_some
from mayfly.store.sql.row_statements import Compare, Conditions

R = TypeVar("R")


class Transaction:
    """See `store.base.Tx`; of one work, in the thread of its batch.

    A row that was read or written is remembered: `get` does not ask for it again, and a `put` of
    it writes only what has changed, so that large fields are not made into JSON, encrypted and
    sent again each time.
    """

    def __init__(self, model: Model, batch: Batch, number: int, committed: int):
        self.number = number
        self.committed = committed
        self._model = model
        self._batch = batch
        self._seen: dict[tuple[type[Any], str], Any] = {}

    def get(self, kind: type[R], key: str) -> R | None:
        if (seen := self._seen.get((kind, key))) is not None:
            return cast("R", seen)
        form = self._model.forms[kind]
        records = self._batch.rows(self._model.rows.get(kind), {"id": form.value("id", key)})
        return self._remember(form.row(records[0])) if records else None

    def find(
        self, kind: type[R], /, *, order: str = "id", limit: int | None = None, **conditions: Any
    ) -> list[R]:
        shape, params = self._conditions(kind, conditions)
        if limit is not None:
            params[LIMIT] = limit
        sql = self._model.rows.find(kind, shape, order, limit is not None)
        form = self._model.forms[kind]
        return [self._remember(form.row(record)) for record in self._batch.rows(sql, params)]

    def count(self, kind: type[Any], /, **conditions: Any) -> int:
        shape, params = self._conditions(kind, conditions)
        ((number,),) = self._batch.rows(self._model.rows.count(kind, shape), params)
        return int(number)

    def journal(
        self, run: str, *, after: int = 0, job: str | None = None, limit: int = 1000
    ) -> list[Entry]:
        return self._model.journals.entries(self._batch.journal(), run, after, job, limit)

    def journal_span(self, run: str) -> tuple[int, int]:
        return self._model.journals.span(self._batch.journal(), run)

    def add(self, row: Any) -> None:
        kind = type(row)
        record = self._model.forms[kind].whole(row, self.number)
        if not self._batch.change(self._model.rows.add(kind), record):
            raise KeyTaken(f"{kind.__name__} {row.id}")
        self._remember(self._versioned(row))

    def put(self, row: Any) -> None:
        if self.number == 0:
            raise RuntimeError("put belongs into a serial transaction")
        kind = type(row)
        form = self._model.forms[kind]
        before = self._seen.get((kind, row.id))
        if before is None:
            self._batch.later(self._model.rows.put(kind), form.whole(row, self.number))
        elif changed := form.changed(before, row, self.number):
            sql = self._model.rows.update(kind, changed)
            self._batch.later(sql, form.changes(changed, row.id))
        self._remember(self._versioned(row))

    def delete(self, kind: type[Any], key: str) -> None:
        self._seen.pop((kind, key), None)
        params = {"id": self._model.forms[kind].value("id", key)}
        self._batch.later(self._model.rows.delete(kind), params)

    def update(
        self, kind: type[Any], key: str, expected: Mapping[str, Any], /, **changes: Any
    ) -> bool:
        form = self._model.forms[kind]
        if form.versioned and self.number:
            changes["version"] = self.number
        shape: Conditions = tuple(
            (name, Compare.NULL if value is None else Compare.EQUAL)
            for name, value in expected.items()
        )
        params = form.changes(changes, key)
        for index, (name, value) in enumerate(expected.items()):
            if value is not None:
                params[f"c{index}"] = form.value(name, value)
        self._seen.pop((kind, key), None)
        return bool(self._batch.change(self._model.rows.update(kind, changes, shape), params))

    def emit(self, run: str, job: str | None, events: Sequence[Event]) -> None:
        self._batch.emit((run, job, event) for event in events)
        self.announce(run_topic(run))

    def trim_journal(self, run: str, upto: int) -> None:
        for sql, params in self._model.journals.trim(run, upto):
            self._batch.later(sql, params)

    def reseal(self, kind: type[Any], after: str) -> tuple[str | None, int]:
        """See `reseal.reseal_some`."""
        return reseal_some(self._model, self._batch, kind, after)

    def announce(self, topic: str) -> None:
        self._batch.announce(topic)

    def _versioned(self, row: Any) -> Any:
        versioned = self._model.forms[type(row)].versioned
        return replace(row, version=self.number) if versioned else row

    def _remember(self, row: Any) -> Any:
        self._seen[type(row), row.id] = row
        return row

    def _conditions(
        self, kind: type[Any], conditions: Mapping[str, Any]
    ) -> tuple[Conditions, dict[str, Any]]:
        """Their shape, and their parameters."""
        shape = []
        params: dict[str, Any] = {}
        for index, (name, wanted) in enumerate(conditions.items()):
            field, _, comparison = name.partition("__")
            compare, parameter = self._condition(kind, field, comparison, wanted)
            shape.append((field, compare))
            if compare is not Compare.NULL:
                params[f"c{index}"] = parameter
        return tuple(shape), params

    def _condition(
        self, kind: type[Any], field: str, comparison: str, wanted: Any
    ) -> tuple[Compare, Any]:
        form = self._model.forms[kind]
        if comparison:
            return Compare(comparison), form.value(field, wanted)
        if wanted is None:
            return Compare.NULL, None
        if isinstance(wanted, tuple):
            some = [form.value(field, value) for value in wanted if value is not None]
            compare = Compare.ANY if len(some) == len(wanted) else Compare.ANY_OR_NULL
            return compare, self._model.compiled.several(some)
        return Compare.EQUAL, form.value(field, wanted)
