"""`python -m bench.pages`: how long the page `now` takes with 10,000 queued jobs, on SQLite.

Fifty projects share them, unevenly, on a fleet of 200 hosts that is full; 20,000 jobs ended before.
A request goes through the whole application, without sockets.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.events import RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.labels import Requirement
from mayfly.server.app import make_app
from mayfly.server.assembly import make_services
from mayfly.server.people.tokens import first_admin_token
from mayfly.server.settings import Settings
from mayfly.store.base import Store, Tx
from mayfly.store.blobs import open_blobs
from mayfly.store.rows import HostRow, JobRow, ProjectRow, RunRow
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault
from mayfly.workflow.planned import PlannedJob, PlannedState

QUEUED = 10_000
_ENDED = 20_000
_PROJECTS = 50
_HOSTS = 200
_ON_A_HOST = 4
_AT_ONCE = 1000

_NOW = 1_700_000_000.0
_SIZE = Requirement(Architecture.ARM64, Decimal(4), 8192)
_PLANNED = PlannedJob("test", "Test", "test", Location("ci.yml", 1, 1), PlannedState.READY)


def _project(number: int) -> str:
    """A third of all is of the first, a sixth of the second, and so on."""
    return f"acme/project-{min(_PROJECTS - 1, number % 97 % (1 + number % _PROJECTS))}"


def _rows() -> Iterator[Any]:
    for number in range(_PROJECTS):
        yield ProjectRow(id=f"acme/project-{number}", created=_NOW)
    for number in range(_HOSTS):
        yield HostRow(
            id=f"host-{number:03}",
            millicpu=4000 * _ON_A_HOST,
            memory_mib=8192 * _ON_A_HOST,
            architectures=(Architecture.ARM64,),
            online=True,
        )
    for number in range(_ENDED):
        yield from _job(number, JobState.SUCCEEDED)
    for number in range(_ENDED, _ENDED + _HOSTS * _ON_A_HOST):
        yield from _job(number, JobState.RUNNING, host=f"host-{number % _HOSTS:03}")
    for number in range(_ENDED + _HOSTS * _ON_A_HOST, _ENDED + _HOSTS * _ON_A_HOST + QUEUED):
        yield from _job(number, JobState.QUEUED)


def _job(number: int, state: JobState, **more: Any) -> Iterator[Any]:
    run, project, at = f"run-{number:06}", _project(number), _NOW + number / 100
    over = state.is_final
    yield RunRow(
        id=run,
        project=project,
        ref=RunRef("ci.yml"),
        name="CI",
        branch="main",
        created=at,
        finished=at if over else None,
        conclusion=Conclusion.SUCCESS if over else None,
    )
    yield JobRow(
        id=f"{run}-1",
        run=run,
        project=project,
        planned=_PLANNED,
        requirement=_SIZE,
        state=state,
        created=at,
        queued_at=at,
        claimed_at=None if state is JobState.QUEUED else at,
        started_at=None if state is JobState.QUEUED else at,
        **more,
    )


async def fill(store: Store) -> None:
    rows = list(_rows())
    for start in range(0, len(rows), _AT_ONCE):
        await store.serial(lambda tx, start=start: _add(tx, rows[start : start + _AT_ONCE]))  # type: ignore[misc]


def _add(tx: Tx, rows: list[Any]) -> None:
    for row in rows:
        tx.add(row)


async def seconds(count: int, path: str = "/") -> list[float]:
    """Of the first request, which reads the queue into the scheduler, and of those after it."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/mayfly.sqlite"
        migrate(url)
        store = await open_store(url, Vault.open(Path(folder) / "key"))
        try:
            await fill(store)
            services = make_services(
                store, open_blobs(f"{folder}/blobs", None), Settings(), lambda: _NOW + 1000
            )
            token = await first_admin_token(store, _NOW)
            transport = httpx.ASGITransport(make_app(services))
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://mayfly.test", headers=headers, timeout=120
            ) as client:
                return [await _once(client, path) for _ in range(count)]
        finally:
            await store.close()


async def _once(client: httpx.AsyncClient, path: str) -> float:
    begun = time.perf_counter()
    answer = await client.get(path)
    answer.raise_for_status()
    return time.perf_counter() - begun


def main() -> None:
    first, *rest = asyncio.run(seconds(31))
    rest.sort()
    print(  # noqa: T201 (a program that prints)
        f"now with {QUEUED} queued jobs: median {rest[len(rest) // 2] * 1000:.0f} ms "
        f"({rest[0] * 1000:.0f} to {rest[-1] * 1000:.0f}), the first {first * 1000:.0f} ms; "
        "aim ≤ 100 ms"
    )


if __name__ == "__main__":
    main()
