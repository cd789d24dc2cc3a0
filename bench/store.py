"""`python -m bench.store`: how fast the store is on this machine, on SQLite and PostgreSQL.

Both write to disk as they do for users. Callers are coroutines of one process, a hundred at a time,
each waiting for its work before it asks for the next.
"""

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.postgres import started

from mayfly.domain.errors import Location
from mayfly.domain.events import JobRef, LogLines, RunRef
from mayfly.domain.job import JobState
from mayfly.store.base import QUEUE, Store, Tx
from mayfly.store.rows import CounterRow, JobRow, LeaseRow, SpecRow
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault
from mayfly.workflow.planned import PlannedJob, PlannedState
from mayfly.workflow.spec import JobSpec

_CALLERS = 100
_PLANNED = PlannedJob("test", "Test", "test", Location("ci.yml", 1, 1), PlannedState.READY)
_SPEC = JobSpec("test", "Test", (), {"github": {"sha": "0" * 40, "event": {"x": "y" * 4000}}})
_LINES = LogLines(1.0, JobRef(RunRef("ci.yml"), "test"), 0, ("a line of a log, as they are",) * 4)
_POSTGRES = "listen_addresses = ''\nshared_buffers = 256MB"  # the rest as it comes

Call = Callable[[int], Awaitable[Any]]


def _serial(store: Store) -> Call:
    """A decision: look at a job, change it, tell the run."""

    def work(tx: Tx, key: str) -> None:
        row = tx.get(JobRow, key)
        assert row is not None
        tx.put(replace(row, attempt=row.attempt + 1))
        tx.emit(row.run, key, [_LINES])

    return lambda number: store.serial(lambda tx: work(tx, f"job-{number % _CALLERS}"))


def _report(store: Store) -> Call:
    """A report of a host: one guarded update, one event."""

    def work(tx: Tx, key: str) -> None:
        tx.update(LeaseRow, key, {"session": "s"}, reports=1)
        tx.emit(f"run-{key}", key, [_LINES])

    return lambda number: store.write(lambda tx: work(tx, f"job-{number % _CALLERS}"))


def _delivery(store: Store) -> Call:
    """A webhook: one row of 4 KB, once."""
    fresh = itertools.count()

    def work(tx: Tx, number: int) -> None:
        tx.add(
            JobRow(
                id=f"delivery-{number}",
                run="d",
                project="p",
                planned=_PLANNED,
                state=JobState.BLOCKED,
                reason="x" * 4000,
            )
        )
        tx.announce(QUEUE)

    return lambda _: store.write(lambda tx: work(tx, next(fresh)))


def _smallest(store: Store) -> Call:
    return lambda number: store.serial(lambda tx: tx.put(CounterRow(id="n", value=number)))


def _look(store: Store) -> Call:
    return lambda number: store.read(lambda view: view.get(JobRow, f"job-{number % _CALLERS}"))


_MEASURES: dict[str, tuple[Callable[[Store], Call], str]] = {
    "serial: put a small row": (_smallest, "≥ 2,000/s"),
    "serial: get a job, put it, emit": (_serial, "≥ 2,000/s"),
    "write: guarded update, emit": (_report, ""),
    "write: add 4 KB (a webhook)": (_delivery, "≥ 500/s, p99 ≤ 50 ms"),
    "read: get a job": (_look, ""),
}


def _fill(tx: Tx) -> None:
    for number in range(_CALLERS):
        key = f"job-{number}"
        tx.add(
            JobRow(
                id=key,
                run=f"run-{number % 10}",
                project="p",
                planned=_PLANNED,
                state=JobState.QUEUED,
            )
        )
        tx.add(SpecRow(id=key, spec=_SPEC))
        tx.add(LeaseRow(id=key, attempt=1, session="s", host="h"))


async def measure(url: str, seconds: float) -> Iterator[tuple[str, str]]:
    """Each measure's name, and works a second with the 99th percentile of waiting."""
    migrate(url)
    store = await open_store(url, Vault([bytes(32)]))
    try:
        await store.serial(_fill)
        return iter(
            [(name, await _run(make(store), seconds)) for name, (make, _) in _MEASURES.items()]
        )
    finally:
        await store.close()


async def _run(call: Call, seconds: float) -> str:
    taken: list[float] = []
    numbers = itertools.count()
    begun = time.perf_counter()

    async def caller() -> None:
        while (before := time.perf_counter()) < begun + seconds:
            await call(next(numbers))
            taken.append(time.perf_counter() - before)

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    taken.sort()
    rate = len(taken) / (time.perf_counter() - begun)
    return f"{rate:,.0f}/s, p99 {taken[len(taken) * 99 // 100] * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measure")
    seconds = parser.parse_args().seconds
    table = Table("works", "SQLite", "PostgreSQL", "aim", title=f"{_CALLERS} callers")
    with tempfile.TemporaryDirectory() as folder, started(_POSTGRES) as server:
        sqlite = asyncio.run(measure(f"sqlite:///{Path(folder) / 'bench.db'}", seconds))
        postgres = asyncio.run(measure(server.url(server.create()), seconds))
        for (name, on_sqlite), (_, on_postgres) in zip(sqlite, postgres, strict=True):
            table.add_row(name, on_sqlite, on_postgres, _MEASURES[name][1])
    Console().print(table)


if __name__ == "__main__":
    main()
