"""What every store must keep to."""

from collections.abc import Callable

import pytest

from mayfly.domain.errors import Location
from mayfly.domain.job import JobState
from mayfly.store.base import JobRow, JobStore
from mayfly.store.memory import MemoryStore
from mayfly.workflow.planned import PlannedJob, PlannedState

HERE = Location("ci.yml", 1, 1)

STORES: dict[str, Callable[[], JobStore]] = {"memory": MemoryStore}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> JobStore:
    return STORES[request.param]()


def row(job: str, state: JobState = JobState.BLOCKED, run: str = "r") -> JobRow:
    return JobRow(job, run, PlannedJob(job, job, job, HERE, PlannedState.READY), state)


def state_of(store: JobStore, job: str) -> JobState:
    found = store.get(job)
    assert found is not None
    return found.state


def test_jobs_are_kept_in_order_of_runs(store: JobStore) -> None:
    for job, run in (("b", "r"), ("a", "r"), ("c", "other")):
        store.add(row(job, run=run))
    assert [found.id for found in store.of_run("r")] == ["b", "a"]
    assert store.get("nobody") is None


def test_an_id_is_taken_once(store: JobStore) -> None:
    store.add(row("a"))
    with pytest.raises(ValueError, match="already there"):
        store.add(row("a"))


def test_only_blocked_jobs_can_be_forgotten(store: JobStore) -> None:
    store.add(row("a"))
    store.add(row("b", JobState.QUEUED))
    store.remove("a")
    assert store.get("a") is None
    with pytest.raises(ValueError, match="not blocked"):
        store.remove("b")


def test_queued_jobs_come_oldest_first(store: JobStore) -> None:
    for job in "bac":
        store.add(row(job, JobState.QUEUED))
    store.claim("a")
    assert [found.id for found in store.queued()] == ["b", "c"]


def test_a_job_is_claimed_once(store: JobStore) -> None:
    store.add(row("a", JobState.QUEUED))
    assert store.claim("a") == 1
    assert store.claim("a") is None
    assert state_of(store, "a") is JobState.ASSIGNED


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.QUEUED])
def test_only_queued_jobs_can_be_claimed(store: JobStore, state: JobState) -> None:
    store.add(row("a", state))
    assert store.claim("a") is None
    assert state_of(store, "a") is state


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_a_job_moves_forward_only(store: JobStore, before: JobState, after: JobState) -> None:
    store.add(row("a", before))
    moved = store.move("a", after)
    assert moved is before.may_become(after)
    assert state_of(store, "a") is (after if moved else before)


def test_a_write_of_another_attempt_is_refused(store: JobStore) -> None:
    store.add(row("a", JobState.QUEUED))
    store.claim("a")
    assert not store.move("a", JobState.RUNNING, attempt=0)
    assert not store.move("a", JobState.RUNNING, attempt=2)
    assert state_of(store, "a") is JobState.ASSIGNED
    assert store.move("a", JobState.RUNNING, attempt=1)


def test_the_reason_may_change_until_the_end(store: JobStore) -> None:
    store.add(row("a"))
    assert store.move("a", JobState.BLOCKED, reason="waits for b")
    assert not store.move("a", JobState.BLOCKED, reason="waits for b")
    assert store.move("a", JobState.FAILED, reason="it broke")
    assert not store.move("a", JobState.FAILED, reason="it broke again")
    found = store.get("a")
    assert found is not None
    assert found.reason == "it broke"
