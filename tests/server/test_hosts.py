"""Sessions, the job itself, its sources, and what a session is told while it runs."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from tests.server.service import LARGE, PROJECT, Service, jobs
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Hello, JobEnded, JobPhase, Lease, StaleLease, Wishes
from mayfly.server.dispatch import SessionOver
from mayfly.server.hosts import SESSION_TTL_S, UnknownHost
from mayfly.store.rows import HostRow, SessionRow

REASON = "mona cancelled it"


@pytest.fixture
def service() -> Service:
    return Service()


async def a_job(service: Service) -> tuple[str, str, Lease]:
    """A session, a run, and the lease of its only job."""
    session = await service.host()
    [run] = await service.submit(jobs("a"))
    return session, run, await service.given(session)


# --- sessions ------------------------------------------------------------------------------------


@virtual_time
async def test_a_session_says_what_its_host_has(service: Service) -> None:
    await service.put(HostRow(id="h1", labels=("ssd",), draining=True))
    capacity = Capacity(Decimal("2.5"), 4096, frozenset(Architecture))
    hello = Hello(capacity, Architecture.ARM64, 2.0, "1.2.3", {"amd64": "tcg", "arm64": "kvm"})
    opened = await service.hosts.open_session("h1", hello)
    assert opened.ttl_s == SESSION_TTL_S
    row = await service.read(lambda view: view.get(HostRow, "h1"))
    assert row is not None
    assert (row.millicpu, row.memory_mib, row.cpu_factor) == (2500, 4096, 2.0)
    assert row.architectures == (Architecture.ARM64, Architecture.AMD64)  # its own first
    assert (row.agent_version, row.accelerators["arm64"]) == ("1.2.3", "kvm")
    assert (row.online, row.last_seen) == (True, service.now())
    assert (row.labels, row.draining) == (("ssd",), True)  # which are not the agent's to say


@pytest.mark.parametrize("row", [None, HostRow(id="h1", removed=True)])
def test_a_host_that_nobody_wants_opens_no_session(row: HostRow | None) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        if row is not None:
            await service.put(row)
        with pytest.raises(UnknownHost):
            await service.session("h1")
        assert await service.read(lambda view: view.count(SessionRow)) == 0

    check()


@virtual_time
async def test_a_session_is_renewed_until_it_is_over(service: Service) -> None:
    session = await service.host()
    await asyncio.sleep(40)
    assert await service.hosts.renew(session)
    row = await service.read(lambda view: view.get(SessionRow, session))
    assert row is not None
    assert row.until == pytest.approx(service.now() + SESSION_TTL_S)
    await service.hosts.close_session(session)
    await service.hosts.close_session(session)
    assert not await service.hosts.renew(session)
    assert not await service.hosts.renew("nobody's")


# --- the job itself ------------------------------------------------------------------------------


@virtual_time
async def test_a_job_is_handed_over_as_often_as_it_is_asked_for(service: Service) -> None:
    session, _run, lease = await a_job(service)
    for _ in range(2):
        spec = await service.hosts.hand_over(session, lease)
        assert (spec.key, spec.steps[0].run) == ("a", "make")


@virtual_time
async def test_sources_are_those_of_the_run(service: Service) -> None:
    session, run, lease = await a_job(service)
    for action in (None, "actions/cache@v4"):
        pieces = [piece async for piece in service.hosts.source(session, lease, action)]
        assert b"".join(pieces) == f"{run}:{action}".encode()


@virtual_time
async def test_only_who_holds_a_lease_is_handed_anything(service: Service) -> None:
    session, _run, lease = await a_job(service)
    other = await service.host("h2")
    for asking, asked in ((other, lease), (session, Lease(lease.job, 2)), (session, Lease("x", 1))):
        with pytest.raises(StaleLease):
            await service.hosts.hand_over(asking, asked)
        with pytest.raises(StaleLease):
            await anext(service.hosts.source(asking, asked, None))


@virtual_time
async def test_everything_asked_in_a_session_that_is_over_says_so(service: Service) -> None:
    session, _run, lease = await a_job(service)
    await service.hosts.close_session(session)
    held = frozenset({lease})
    calls: list[Any] = [
        service.hosts.claim(session, LARGE, held, 1),
        service.hosts.hand_over(session, lease),
        service.report(session, lease, JobPhase(JobState.RUNNING)),
        service.hosts.wishes(session, held, frozenset(), 1),
        anext(service.hosts.source(session, lease, None)),
    ]
    for call in calls:
        with pytest.raises(SessionOver):
            await call


# --- wishes --------------------------------------------------------------------------------------


@virtual_time
async def test_a_wish_to_cancel_is_told_when_it_is_there(service: Service) -> None:
    session, run, lease = await a_job(service)
    held = frozenset({lease})
    asking = asyncio.create_task(service.hosts.wishes(session, held))
    await asyncio.sleep(5)
    assert not asking.done()
    began = service.now()
    await service.cancel(run)
    assert await asking == Wishes(cancel=((lease, REASON),))
    assert await service.hosts.wishes(session, held) == Wishes(cancel=((lease, REASON),))
    assert service.now() == began
    told = await service.hosts.wishes(session, held, frozenset({lease}), patience_s=25)
    assert told == Wishes()
    assert service.now() == pytest.approx(began + 25)


@virtual_time
async def test_a_wish_is_told_of_a_job_that_the_agent_does_not_know_yet(service: Service) -> None:
    """The answer that gives it may still be on its way."""
    session, run, lease = await a_job(service)
    await service.cancel(run)
    wishes = await service.hosts.wishes(session, frozenset())
    assert wishes == Wishes(cancel=((lease, REASON),))


@virtual_time
async def test_one_wish_of_several_does_not_hide_the_next(service: Service) -> None:
    session = await service.host()
    first, second = await service.submit(jobs("a"), jobs("b"))
    a = await service.given(session)
    b = await service.given(session, a)
    if (await service.row(a)).run != first:
        a, b = b, a
    held = frozenset({a, b})
    await service.cancel(first)
    asking = asyncio.create_task(service.hosts.wishes(session, held, frozenset({a})))
    await asyncio.sleep(5)
    assert not asking.done()
    await service.cancel(second)
    assert await asking == Wishes(cancel=((b, REASON),))


@virtual_time
async def test_leases_that_are_gone_are_told_once(service: Service) -> None:
    session, _run, lease = await a_job(service)
    strange = Lease("nobody's", 3)
    held = frozenset({lease, strange})
    assert await service.hosts.wishes(session, held) == Wishes(gone=(strange,))
    told = frozenset({strange})
    assert await service.hosts.wishes(session, held, told, patience_s=5) == Wishes()
    await service.report(session, lease, JobEnded(JobState.SUCCEEDED))
    assert await service.hosts.wishes(session, held, told) == Wishes(gone=(lease,))


@virtual_time
async def test_who_listens_while_the_session_ends_is_told_so(service: Service) -> None:
    session, _run, lease = await a_job(service)
    asking = asyncio.create_task(service.hosts.wishes(session, frozenset({lease})))
    await asyncio.sleep(5)
    await service.hosts.close_session(session)
    with pytest.raises(SessionOver):
        await asking


@virtual_time
async def test_a_job_that_is_cancelled_ends_as_its_host_says(service: Service) -> None:
    """It may have cleaned up, or have been quicker than the wish."""
    session, run, lease = await a_job(service)
    await service.cancel(run)
    assert (await service.row(lease)).state is JobState.ASSIGNED
    await service.finish(session, lease, JobState.CANCELLED, reason=REASON)
    assert (await service.row(lease)).state is JobState.CANCELLED
    assert (await service.run(run)).project == PROJECT
    assert (await service.run(run)).cancelled == REASON
