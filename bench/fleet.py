"""A fleet's throughput: jobs queued → finished over real processes, on dummy machines."""

import tempfile
import time
from pathlib import Path

from tests.postgres import started
from tests.replicas.site import site
from tests.replicas.work import prepare, submission, submit

_ONE_JOB = """\
on: push
jobs:
  job:
    runs-on: mayfly-0.25cpu-1gb
    steps: [{run: echo one}]
"""
_AT_ONCE = 50
_DURABLE = "listen_addresses = ''"  # and the rest as PostgreSQL has it


async def jobs_per_second(jobs: int) -> dict[str, float]:
    """By database: one server and two agents, each a process, the database on this host's disk."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("SQLite", "PostgreSQL"):
            (place / name).mkdir()
        url = f"sqlite:///{place}/SQLite/mayfly.db"
        found["SQLite"] = await _measure(url, place / "SQLite", jobs)
        with started(_DURABLE) as postgres:
            url = postgres.url(postgres.create())
            found["PostgreSQL"] = await _measure(url, place / "PostgreSQL", jobs)
    return found


async def _measure(database: str, folder: Path, jobs: int) -> float:
    """From the first submission until the last run has ended and its followers know."""
    async with site(folder, database, servers=1, hosts=2) as made, made.client() as client:
        await prepare(client)
        began = time.monotonic()
        wanted = submission(_ONE_JOB, _AT_ONCE)
        submissions = [await submit(client, wanted) for _ in range(jobs // _AT_ONCE)]
        for one in submissions:
            async for _ in client.events(f"/submissions/{one}/events"):
                pass
        return jobs / (time.monotonic() - began)
