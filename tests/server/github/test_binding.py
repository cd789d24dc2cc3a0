"""Which place runs which job, when the news of it comes in whatever order."""

import asyncio

from mayfly.forges.github.model import Job, Status
from mayfly.server.github.binding import bind
from mayfly.store.base import Tx
from mayfly.store.forge_rows import ForgeJobRow, RunnerRow
from mayfly.store.memory import MemoryStore


def _job(number: int, status: Status = Status.QUEUED) -> ForgeJobRow:
    return ForgeJobRow(
        id=f"{number}-1", project="a/b", installation=1, job=number, attempt=1, run=1,
        status=status.value, runner_name="taken" if status is Status.COMPLETED else None,
    )  # fmt: skip


def _place(name: str, made_for: str, *, live: bool = True) -> RunnerRow:
    return RunnerRow(
        id=name, project="a/b", installation=1, owner="a", pool="p", made_for=made_for,
        name=name, live=live,
    )  # fmt: skip


def _seen(row: ForgeJobRow) -> Job:
    return Job(
        id=row.job, run_id=1, run_attempt=1, status=Status(row.status), conclusion="success",
        name="", workflow=None, head_branch=None, head_sha="", labels=(), runner_id=None,
        runner_name=row.runner_name, created_at=None, started_at=None, completed_at=None,
    )  # fmt: skip


def _bound(*rows: ForgeJobRow | RunnerRow) -> dict[str, str]:
    """What places are made for, once it is known that `taken` ran job 2."""
    store, job = MemoryStore(), _job(2, Status.COMPLETED)

    def work(tx: Tx) -> None:
        for row in (job, *rows):
            tx.add(row)
        bind(tx, job, _seen(job))

    asyncio.run(store.serial(work))
    return {place.id: place.made_for for place in store.view().find(RunnerRow)}


def test_the_job_whose_place_was_taken_gets_the_takers() -> None:
    places = _bound(_job(1), _place("taken", "1-1"), _place("left", "2-1"))
    assert places == {"taken": "2-1", "left": "1-1"}


def test_a_job_that_has_got_another_place_since_needs_no_second() -> None:
    ended, another = _place("taken", "1-1", live=False), _place("another", "1-1")
    places = _bound(_job(1), ended, another, _place("left", "2-1"))
    assert places == {"taken": "2-1", "another": "1-1", "left": "2-1"}
