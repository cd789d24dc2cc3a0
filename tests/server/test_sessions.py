"""Hosts that are lost: what they ran is run again or lost, once, and their word counts no more."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.service import SOON_S, Service, jobs
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol.fleet import JobEnded, JobPhase, Lease, Printed
from mayfly.server.dispatch import SessionOver
from mayfly.server.hosts import SESSION_TTL_S
from mayfly.server.sessions import end_overdue
from mayfly.store.rows import HostRow, RunKind, SessionRow

RUNNING = (JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING))


@pytest.fixture
def service() -> Service:
    return Service()


async def look(service: Service) -> list[str]:
    """What the clock does: end the sessions that nobody renewed."""
    now = service.now()
    return await service.serial(lambda tx: end_overdue(tx, service.orchestrator, now))


async def a_running_job(service: Service, **project: Any) -> tuple[str, str, Lease]:
    """A session, a run, and the lease of its only job."""
    session = await service.host()
    [run] = await service.submit(jobs("a"), **project)
    lease = await service.given(session)
    await service.report(session, lease, *RUNNING)
    return session, run, lease


@virtual_time
async def test_a_session_that_nobody_renews_ends(service: Service) -> None:
    session = await service.host()
    other = await service.host("h2")
    await asyncio.sleep(SESSION_TTL_S - 1)
    assert await look(service) == []
    assert await service.hosts.renew(other)
    await asyncio.sleep(2)
    assert await look(service) == [session]
    assert await look(service) == []
    online = await service.read(lambda view: view.find(HostRow, online=True))
    assert [host.id for host in online] == ["h2"]


@virtual_time
async def test_a_native_job_runs_again_at_the_next_attempt(service: Service) -> None:
    session, run, lease = await a_running_job(service)
    await asyncio.sleep(100)
    await look(service)
    row = await service.row(lease)
    assert (row.state, row.losses, row.host, row.placed) == (JobState.QUEUED, 1, None, None)
    assert row.reason == "host h1 was lost: it did not answer any more; it runs again"
    assert (await service.run(run)).conclusion is None
    other = await service.host("h2")
    again = await service.given(other)
    assert again == Lease(lease.job, 2)
    with pytest.raises(SessionOver):
        await service.report(session, lease, JobEnded(JobState.FAILED), first=3)
    assert await service.report(other, again, Printed(1, ("x",))) == ()
    assert await service.report(other, again, JobEnded(JobState.SUCCEEDED), first=2) == ()
    assert (await service.run(run)).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_a_job_is_lost_when_its_project_allows_no_more(allowed: int) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        session, run, lease = await a_running_job(service, losses_allowed=allowed)
        for attempt in range(2, allowed + 2):
            await service.hosts.close_session(session)
            session = await service.session()
            assert await service.given(session) == Lease(lease.job, attempt)
        await service.hosts.close_session(session)
        row = await service.row(lease)
        assert (row.state, row.attempt) == (JobState.LOST, allowed + 1)
        assert row.reason == "host h1 was lost: its agent was stopped"
        assert (await service.run(run)).conclusion is Conclusion.FAILURE
        assert await service.claim(await service.session()) is None

    check()


@virtual_time
async def test_a_job_that_was_to_be_cancelled_is(service: Service) -> None:
    session, run, lease = await a_running_job(service)
    await service.cancel(run)
    await service.hosts.close_session(session)
    row = await service.row(lease)
    assert (row.state, row.reason) == (JobState.CANCELLED, "mona cancelled it")
    assert (await service.run(run)).conclusion is Conclusion.CANCELLED
    assert await service.leases() == []


@virtual_time
async def test_the_job_of_a_forge_is_never_run_twice(service: Service) -> None:
    session, run, lease = await a_running_job(service)
    await service.put(replace(await service.run(run), kind=RunKind.GITHUB))
    await service.hosts.close_session(session)
    assert (await service.row(lease)).state is JobState.LOST


@virtual_time
async def test_a_lost_job_fails_what_needs_it(service: Service) -> None:
    session = await service.host()
    text = jobs("a") + "  b:\n    needs: a\n    runs-on: mayfly\n    steps: [{run: make}]\n"
    [run] = await service.submit(text, losses_allowed=0)
    await service.given(session)
    await service.hosts.close_session(session)
    states = {"a": JobState.LOST, "b": JobState.SKIPPED}
    assert await service.states(run) == states
    assert (await service.run(run)).conclusion is Conclusion.FAILURE


@virtual_time
async def test_a_waiting_host_gets_what_another_lost(service: Service) -> None:
    session, _run, lease = await a_running_job(service)
    other = await service.host("h2")
    waiting = asyncio.create_task(service.claim(other, patience_s=None))
    await asyncio.sleep(5)
    await service.hosts.close_session(session)
    found = await waiting
    assert found is not None
    assert found.lease == Lease(lease.job, 2)


@virtual_time
async def test_a_lost_job_keeps_its_place_in_the_queue(service: Service) -> None:
    session, _run, lease = await a_running_job(service)
    await asyncio.sleep(10)
    await service.submit(jobs("younger"))
    await asyncio.sleep(10)
    await service.hosts.close_session(session)
    assert await service.given(await service.session()) == Lease(lease.job, 2)


@virtual_time
async def test_a_host_is_online_while_any_agent_of_it_is_there(service: Service) -> None:
    old = await service.host()
    new = await service.session()

    async def online() -> bool:
        row = await service.read(lambda view: view.get(HostRow, "h1"))
        assert row is not None
        return row.online

    await service.hosts.close_session(old)
    assert await online()
    await service.hosts.close_session(new)
    assert not await online()
    await service.session()
    assert await online()


@virtual_time
async def test_a_renewal_just_before_the_end_wins(service: Service) -> None:
    session, _run, lease = await a_running_job(service)
    await asyncio.sleep(SESSION_TTL_S + 5)
    assert await service.hosts.renew(session)
    assert await look(service) == []
    assert (await service.row(lease)).state is JobState.RUNNING


@virtual_time
async def test_a_renewal_that_comes_between_look_and_end_wins(service: Service) -> None:
    """It is a write beside the transaction that found the session overdue."""
    session, _run, lease = await a_running_job(service)
    await asyncio.sleep(SESSION_TTL_S + 5)
    now = service.now()

    class Renewed:
        """The transaction, in which the session is renewed after it was looked for."""

        def __init__(self, tx: Any):
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def find(self, kind: type[Any], /, **conditions: Any) -> list[Any]:
            found: list[Any] = self._tx.find(kind, **conditions)
            if kind is SessionRow:
                self._tx.update(SessionRow, session, {"ended": False}, until=now + 45)
            return found

    def work(tx: Any) -> list[str]:
        return end_overdue(Renewed(tx), service.orchestrator, now)

    assert await service.serial(work) == []
    assert (await service.row(lease)).state is JobState.RUNNING
    assert await service.hosts.renew(session)


@virtual_time
async def test_a_renewal_after_the_end_loses(service: Service) -> None:
    session, _run, _lease = await a_running_job(service)
    await asyncio.sleep(SESSION_TTL_S + 5)
    assert await look(service) == [session]
    assert not await service.hosts.renew(session)
    assert await look(service) == []


@settings(max_examples=40, deadline=None)
@given(
    ends=st.lists(st.sampled_from(["close", "silence", "finish", "give back"]), max_size=8),
    allowed=st.integers(0, 3),
)
def test_whatever_happens_to_its_hosts_a_job_ends_once_and_no_attempt_is_given_twice(
    ends: list[str], allowed: int
) -> None:
    async def check() -> None:
        service = Service()
        [run] = await service.submit(jobs("a"), losses_allowed=allowed)
        session = await service.host()
        attempts: list[int] = []
        for end in [*ends, "finish"]:
            found = await service.claim(session)
            if found is None:
                break
            attempts.append(found.lease.attempt)
            if end == "finish":
                await service.finish(session, found.lease)
            elif end == "give back":
                await service.report(session, found.lease, JobEnded(JobState.LOST))
            elif end == "close":
                await service.hosts.close_session(session)
                session = await service.session()
            else:
                await asyncio.sleep(SESSION_TTL_S + SOON_S)
                await look(service)
                session = await service.session()
        losses = sum(end in {"close", "silence"} for end in ends[: len(attempts)])
        assert attempts == list(range(1, len(attempts) + 1))
        row = await service.job(run, "a")
        assert row.state is (JobState.LOST if losses > allowed else JobState.SUCCEEDED)
        assert (await service.run(run)).conclusion is not None
        assert await service.leases() == []

    run_virtual(check)
