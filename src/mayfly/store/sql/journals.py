"""Runs' journals: entries in and out, numbers without gaps."""

import itertools
import json
import typing
from collections.abc import Sequence
from typing import Any

from mayfly.domain.events import Event
from mayfly.store.base import Entry
from mayfly.store.sql import stored
from mayfly.store.sql.columns import text
from mayfly.store.sql.driver import Link, Params
from mayfly.store.sql.journal_statements import JournalStatements

_EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(Event)}

Emission = tuple[str, str | None, Event]
"""Run, job, event."""


class Journals:
    def __init__(self, statements: JournalStatements):
        self.sql = statements

    def entries(self, link: Link, run: str, after: int, job: str | None, limit: int) -> list[Entry]:
        params = {"run": text(run), "after": after, "limit": limit}
        if job is not None:
            params["job"] = text(job)
        records = link.rows(self.sql.read(of_job=job is not None), params)
        return [Entry(run, number, of_job, _event(body)) for (_, number, of_job, body) in records]

    def span(self, link: Link, run: str) -> tuple[int, int]:
        records = link.rows(self.sql.span(), {"run": text(run)})
        return tuple(records[0]) if records else (1, 0)

    def append(self, link: Link, emissions: Sequence[Emission]) -> None:
        """Runs in a fixed order, as others wait for their numbers meanwhile."""
        by_run: dict[str, list[Emission]] = {}
        for emission in emissions:
            by_run.setdefault(text(emission[0]), []).append(emission)
        runs = sorted(by_run)
        wanted = [{"run": run, "last": len(by_run[run])} for run in runs]
        entries = []
        for run, last in link.many(self.sql.take_numbers(), wanted):
            numbers = itertools.count(last - len(by_run[run]) + 1)
            entries += [
                {"run": run, "number": number, "job": text(job), "body": _body(event)}
                for number, (_, job, event) in zip(numbers, by_run[run], strict=False)
            ]
        link.send_many(self.sql.write(), entries)

    def trim(self, run: str, upto: int) -> list[tuple[str, Params]]:
        """Statements."""
        return [
            (self.sql.forget(), {"run": text(run), "upto": upto}),
            (self.sql.forgotten(), {"run": text(run), "new_first": upto + 1}),
        ]


def _body(event: Event) -> str:
    return stored.to_json({"type": type(event).__name__, "body": event})


def _event(body: str) -> Event:
    plain = json.loads(body)
    event: Event = stored.reader(_EVENTS[plain["type"]])(plain["body"])
    return event
