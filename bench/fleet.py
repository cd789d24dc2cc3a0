"""A fleet's throughput: jobs queued → finished over real processes, on dummy machines."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.postgres import started
from tests.replicas.site import Site, site
from tests.replicas.work import prepare, submission, submit

_ONE_JOB = """\
on: push
jobs:
  job:
    runs-on: mayfly-0.25cpu-1gb
    steps: [{run: echo one}]
"""

_AT_ONCE = 50


async def jobs_per_second(database: str, folder: Path, jobs: int) -> float:
    """One server, two agents; from the first submission to the last end."""
    async with site(folder, database, servers=1, hosts=2) as made, made.client() as client:
        await prepare(client)
        began = time.monotonic()
        for _ in range(jobs // _AT_ONCE):
            await submit(client, submission(_ONE_JOB, _AT_ONCE))
        while (await client.get("/runs", state="active", limit=1))["items"]:
            await asyncio.sleep(0.1)
        return jobs / (time.monotonic() - began)


async def measure(jobs: int = 500) -> dict[str, float]:
    """Jobs a second by database."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for name in ("sqlite", "postgres"):
            (path / name).mkdir()
        found["SQLite"] = await jobs_per_second(
            f"sqlite:///{path}/sqlite/mayfly.db", path / "sqlite", jobs
        )
        print(found)
        with started("") as postgres:
            database = postgres.url(postgres.create())
            found["PostgreSQL"] = await jobs_per_second(database, path / "postgres", jobs)
    return found


if __name__ == "__main__":
    print(asyncio.run(measure()))
