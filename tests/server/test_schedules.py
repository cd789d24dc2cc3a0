"""Schedules: kept as the workflows say, fired once, however many servers look."""

from typing import Any

import pytest
from tests.virtual_time import run_virtual

from mayfly.server.schedules import STARTS, fire_due, keep_schedules
from mayfly.store.base import Tx
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import ProjectRow, ScheduleRow, StartRow
from mayfly.workflow.model import Workflow
from mayfly.workflow.reader import read_workflow

HOUR = 3600.0
PROJECT = "acme/site"


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    row = ProjectRow(id=PROJECT, native_on_push=True, default_branch="trunk")
    serially(made, lambda tx: tx.add(row))
    return made


def serially(store: MemoryStore, work: Any) -> Any:
    return run_virtual(lambda: store.serial(work))


def workflow(*crons: str, file: str = "nightly.yml") -> Workflow:
    listed = "".join(f"    - cron: '{cron}'\n" for cron in crons)
    text = f"on:\n  schedule:\n{listed}jobs:\n  a: {{runs-on: mayfly, steps: [{{run: make}}]}}\n"
    return read_workflow(text.encode(), file)


def keep(store: MemoryStore, *workflows: Workflow, now: float = 0.0) -> list[ScheduleRow]:
    serially(store, lambda tx: keep_schedules(tx, PROJECT, workflows, now))
    return store.view().find(ScheduleRow, project=PROJECT)


def starts(store: MemoryStore) -> list[StartRow]:
    return store.view().find(StartRow)


def test_schedules_are_those_of_the_workflows(store: MemoryStore) -> None:
    [hourly, daily] = keep(store, workflow("0 * * * *", "0 5 * * *"), now=30.0)
    assert (hourly.next_at, daily.next_at) == (HOUR, 5 * HOUR)
    [left] = keep(store, workflow("0 5 * * *"), now=2 * HOUR)
    assert left == daily


def test_one_that_stays_keeps_its_time(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    [same] = keep(store, workflow("0 * * * *"), now=10 * HOUR)
    assert same.next_at == HOUR  # it is late, and must still be fired


def test_a_cron_that_never_comes_is_left_out(store: MemoryStore) -> None:
    [row] = keep(store, workflow("0 0 31 2 *", "* * * * *"))
    assert row.cron == "* * * * *"


def test_a_schedule_that_is_due_is_fired_once(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    for _replica in range(3):
        serially(store, lambda tx: fire_due(tx, HOUR + 1))
    [start] = starts(store)
    assert (start.event, start.workflow, start.cron) == ("schedule", "nightly.yml", "0 * * * *")
    assert start.ref == "refs/heads/trunk"
    assert store.view().find(ScheduleRow)[0].next_at == 2 * HOUR


def test_missed_times_are_fired_once_together(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    assert serially(store, lambda tx: fire_due(tx, 50 * HOUR + 1)) == 1
    assert len(starts(store)) == 1
    assert store.view().find(ScheduleRow)[0].next_at == 51 * HOUR


def test_nothing_is_fired_before_its_time(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    assert serially(store, lambda tx: fire_due(tx, HOUR - 1)) == 0
    assert starts(store) == []


def test_a_project_that_does_not_want_native_runs_gets_none(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    serially(store, lambda tx: tx.put(ProjectRow(id=PROJECT)))
    serially(store, lambda tx: fire_due(tx, HOUR + 1))
    assert starts(store) == []


def test_who_waits_for_starts_is_woken(store: MemoryStore) -> None:
    keep(store, workflow("0 * * * *"))
    announced: list[str] = []

    def work(tx: Tx) -> None:
        fire_due(tx, HOUR + 1)
        announced.extend(tx.topics)  # type: ignore[attr-defined]

    serially(store, work)
    assert STARTS in announced
