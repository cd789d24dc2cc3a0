"""Claims: who gets which job, once, whatever is lost on the way."""

import asyncio
import functools
import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.service import BOTH, LARGE, SMALL, Service, jobs
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Lease
from mayfly.server.dispatch import SessionOver
from mayfly.store.base import StoreUnavailable
from mayfly.store.rows import HostRow
from mayfly.system.tasks import stop

TWO_SIZES = """\
on: push
jobs:
  big:
    runs-on: mayfly-4cpu-16gb
    steps: [{run: make}]
  small:
    runs-on: mayfly-1cpu-1gb
    timeout-minutes: 7
    steps: [{run: make}]
"""


@pytest.fixture
def service() -> Service:
    return Service()


@virtual_time
async def test_a_host_gets_what_fits_it_even_behind_what_does_not(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(TWO_SIZES)
    assignment = await service.claim(session, SMALL)
    assert assignment is not None
    assert assignment.lease == Lease((await service.job(run, "small")).id, 1)
    assert (assignment.vcpus, assignment.cpu, assignment.memory_mib) == (1, 1.0, 1024)
    assert (assignment.timeout_minutes, assignment.image) == (7, "default")
    assert assignment.architecture is Architecture.AMD64
    row = await service.row(assignment.lease)
    assert (row.state, row.attempt, row.host) == (JobState.ASSIGNED, 1, "h1")
    assert (row.placed, row.claimed_at) == (Architecture.AMD64, service.now())


@virtual_time
async def test_each_job_goes_to_one_host(service: Service) -> None:
    sessions = [await service.host(f"h{number}") for number in range(3)]
    claims = [asyncio.create_task(service.claim(one, patience_s=None)) for one in sessions]
    await asyncio.sleep(5)
    [run] = await service.submit(TWO_SIZES)
    await asyncio.sleep(5)
    given_to = [claim.result() for claim in claims if claim.done()]
    assert len(given_to) == 2
    keys = {(await service.row(one.lease)).planned.key for one in given_to if one}
    assert keys == {"big", "small"}
    assert set((await service.states(run)).values()) == {JobState.ASSIGNED}
    await stop(*claims)


@virtual_time
async def test_nothing_comes_of_a_claim_when_there_is_nothing_in_time(service: Service) -> None:
    session = await service.host()
    began = service.now()
    assert await service.claim(session, patience_s=25) is None
    assert service.now() == pytest.approx(began + 25)


@virtual_time
async def test_hosts_that_wait_are_served_in_one_transaction(service: Service) -> None:
    names = [f"j{number}" for number in range(40)]
    sessions = [await service.host(f"h{number}") for number in range(40)]
    claims = [asyncio.create_task(service.claim(one, patience_s=None)) for one in sessions]
    await asyncio.sleep(5)
    before = await service.serial(lambda tx: tx.number)
    await service.submit(jobs(*names))
    leases = [(await claim) for claim in claims]
    after = await service.serial(lambda tx: tx.number)
    assert len({one.lease.job for one in leases if one}) == 40
    # One wrote the project, one the jobs, one gave all out, and one was this test's own.
    assert after - before == 4


@virtual_time
async def test_a_host_takes_as_many_as_it_asks_for_and_has_room_for(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a", "b", "c", "d", "e"))
    room = Capacity(Decimal(3), 65536, BOTH)
    two = await service.hosts.claim(session, room, frozenset(), 1, 2)
    held = frozenset(one.assignment.lease for one in two)
    three = await service.hosts.claim(session, room, held, 1, 16)
    assert (len(held), len(three)) == (2, 3)
    assert set((await service.states(run)).values()) == {JobState.ASSIGNED}
    assert [one.spec is not None for one in (*two, *three)] == [True] * 5


@virtual_time
async def test_who_waits_is_served_in_turns(service: Service) -> None:
    sessions = [await service.host(f"h{number}") for number in range(3)]
    claims = [
        asyncio.create_task(service.hosts.claim(one, LARGE, frozenset(), None, 16))
        for one in sessions
    ]
    await asyncio.sleep(5)
    await service.submit(jobs(*(f"j{number}" for number in range(7))))
    assert sorted([len(await claim) for claim in claims]) == [2, 2, 3]


@virtual_time
async def test_all_answers_that_were_lost_are_given_again_together(service: Service) -> None:
    session = await service.host()
    await service.submit(jobs("a", "b", "c"))
    lost = await service.hosts.claim(session, LARGE, frozenset(), 1, 3)
    again = await service.hosts.claim(session, LARGE, frozenset(), 1, 3)
    assert {one.assignment.lease.job for one in lost} == {one.assignment.lease.job for one in again}
    assert len(again) == len(await service.leases()) == 3
    [one] = await service.hosts.claim(session, LARGE, frozenset(), 1, 1)
    assert one in again


# --- answers that are lost -----------------------------------------------------------------------


@virtual_time
async def test_a_claim_whose_answer_was_lost_is_given_again(service: Service) -> None:
    session = await service.host()
    await service.submit(jobs("a", "b"))
    first = await service.claim(session)
    assert await service.claim(session) == first
    assert await service.claim(session) == first
    assert first is not None
    second = await service.claim(session, LARGE, first.lease)
    assert second is not None
    assert second.lease.job != first.lease.job
    assert await service.claim(session, LARGE, first.lease, second.lease) is None
    # Lost answers come first, even when there is no room as the agent sees it.
    assert await service.claim(session, SMALL, second.lease) == first
    assert len(await service.leases()) == 2


@virtual_time
async def test_who_does_not_wait_is_told_what_it_was_given_without_knowing(
    service: Service,
) -> None:
    session = await service.host()
    assert await service.claim(session, patience_s=0) is None
    await service.submit(jobs("a"))
    lost = await service.claim(session)
    assert await service.claim(session, SMALL, patience_s=0) == lost


@virtual_time
async def test_a_claim_that_was_repeated_before_it_was_answered_is_harmless(
    service: Service,
) -> None:
    session = await service.host()
    older = asyncio.create_task(service.claim(session, patience_s=30))
    await asyncio.sleep(1)
    newer = asyncio.create_task(service.claim(session, patience_s=60))
    await asyncio.sleep(1)
    assert older.done()
    await service.submit(jobs("a"))
    await asyncio.sleep(40)
    assert older.result() is None
    found = newer.result()
    assert found is not None
    assert [lease.id for lease in await service.leases()] == [found.lease.job]


def test_a_claim_that_is_cut_short_at_any_moment_loses_no_job() -> None:
    for turn in itertools.count(1):
        service = Service()
        session = run_virtual(functools.partial(_with_a_job, service))
        ask = functools.partial(service.given, session)
        try:
            run_virtual(ask, cancel_at=turn)
        except asyncio.CancelledError:
            assert run_virtual(ask).attempt == 1
        else:
            break
    assert turn > 5


async def _with_a_job(service: Service) -> str:
    await service.submit(jobs("a"))
    return await service.host()


@virtual_time
async def test_who_asks_while_the_last_who_waited_leaves_is_served(service: Service) -> None:
    """At whatever moment of that: some steps of the event loop later."""
    session = await service.host()
    for steps in range(20):
        leaving = asyncio.create_task(service.claim(session, patience_s=None))
        await asyncio.sleep(5)
        leaving.cancel()
        for _ in range(steps):
            await asyncio.sleep(0)
        claim = asyncio.create_task(service.claim(session, patience_s=None))
        await asyncio.sleep(5)
        [run] = await service.submit(jobs("a"))
        await asyncio.sleep(5)
        assert claim.done(), f"{steps} steps"
        assert (await service.job(run, "a")).state is JobState.ASSIGNED
        given = claim.result()
        assert given is not None
        await service.finish(session, given.lease)


@virtual_time
async def test_what_the_store_undoes_is_told_and_given_later(service: Service) -> None:
    session = await service.host()
    await service.submit(jobs("a"))
    service.store.breaks = 1
    with pytest.raises(StoreUnavailable):
        await service.claim(session)
    assert await service.leases() == []
    lease = await service.given(session)
    assert lease.attempt == 1
    assert await service.claim(session, LARGE, lease) is None


# --- who gets nothing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"draining": True},
        {"quarantined": "its disk is broken"},
        {"online": False},
        {"removed": True},
    ],
)
def test_such_a_host_gets_nothing(fields: dict[str, Any]) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        session = await service.host()
        await service.serial(lambda tx: tx.update(HostRow, "h1", {}, **fields))
        await service.submit(jobs("a"))
        assert await service.claim(session) is None
        undone = {"draining": False, "quarantined": None, "online": True, "removed": False}
        await service.serial(lambda tx: tx.update(HostRow, "h1", {}, **undone))
        assert await service.claim(session) is not None

    check()


@virtual_time
async def test_a_host_that_drains_is_told_again_what_it_was_given(service: Service) -> None:
    session = await service.host()
    await service.submit(jobs("a", "b"))
    lost = await service.claim(session)
    await service.serial(lambda tx: tx.update(HostRow, "h1", {}, draining=True))
    assert await service.claim(session) == lost


@virtual_time
async def test_a_session_that_is_over_claims_nothing(service: Service) -> None:
    session = await service.host()
    await service.submit(jobs("a"))
    await service.hosts.close_session(session)
    for one in (session, "nobody's"):
        with pytest.raises(SessionOver):
            await service.claim(one)


@virtual_time
async def test_a_session_that_ends_while_it_waits_is_given_nothing(service: Service) -> None:
    """Though another of its host goes on: what the old one got would never end."""
    old = await service.host()
    new = await service.session()
    waiting = asyncio.create_task(service.claim(old, patience_s=None))
    await asyncio.sleep(5)
    await service.hosts.close_session(old)
    await service.submit(jobs("a"))
    with pytest.raises(SessionOver):
        await waiting
    lease = await service.given(new)
    assert [row.session for row in await service.leases()] == [new]
    assert lease.attempt == 1


@virtual_time
async def test_a_session_that_ends_just_before_it_is_looked_at_is_told_so(service: Service) -> None:
    session = await service.host()
    closing = asyncio.create_task(service.hosts.close_session(session))
    claiming = asyncio.create_task(service.claim(session, patience_s=None))
    with pytest.raises(SessionOver):
        await claiming
    await closing


@virtual_time
async def test_a_project_uses_its_own_hosts_only(service: Service) -> None:
    ours, others = await service.host("h1"), await service.host("h2")
    await service.submit(jobs("a"), hosts=("h1",))
    assert await service.claim(others) is None
    assert await service.claim(ours) is not None


# --- room ----------------------------------------------------------------------------------------


@virtual_time
async def test_a_host_is_not_given_more_than_it_has_though_its_agent_asks_for_it(
    service: Service,
) -> None:
    session = await service.host(capacity=Capacity(Decimal(2), 4096, BOTH))
    await service.submit(jobs("a", "b", "c"))
    boundless = Capacity(Decimal(100), 1 << 20, BOTH)
    held: list[Lease] = []
    while found := await service.claim(session, boundless, *held):
        held.append(found.lease)
    assert len(held) == 2


@virtual_time
async def test_a_host_is_not_given_more_than_its_agent_says_is_free(service: Service) -> None:
    """A machine that is kept for somebody takes room though its job has ended."""
    session = await service.host()
    await service.submit(jobs("a", "b", size="mayfly-4cpu-4gb"))
    assert await service.claim(session, Capacity(Decimal(3), 65536, BOTH)) is None
    assert await service.claim(session, Capacity(Decimal(8), 2048, BOTH)) is None
    first = await service.given(session)
    left = Capacity(Decimal(3), 65536, BOTH)
    assert await service.claim(session, left, first) is None
    await service.finish(session, first)
    assert await service.claim(session, left) is None
    assert await service.claim(session, LARGE) is not None


@virtual_time
async def test_cpus_are_given_out_as_often_as_the_host_says_and_memory_once(
    service: Service,
) -> None:
    await service.put(HostRow(id="h1"))
    session = await service.session("h1", Capacity(Decimal(2), 3072, BOTH), cpu_factor=2.0)
    await service.submit(jobs("a", "b", "c", "d"))
    assert len(await service.fill(session)) == 3


@pytest.mark.parametrize(
    ("quota", "most"),
    [
        ({"quota_jobs": 2}, 2),
        ({"quota_millicpu": 3000}, 3),
        ({"quota_memory_mib": 1024}, 1),
        ({"quota_jobs": 0}, 0),
    ],
)
def test_a_project_has_no_more_than_its_quota_over_all_hosts(
    quota: dict[str, int], most: int
) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        sessions = [await service.host(f"h{number}") for number in range(3)]
        await service.submit(jobs("a", "b", "c", "d", "e"), **quota)
        given_out = [len(await service.fill(session)) for session in sessions]
        assert sum(given_out) == most
        for row in await service.leases():  # when one ends another may begin, on whichever host
            await service.finish(row.session, Lease(row.id, row.attempt))
            assert len(await service.fill(sessions[2])) == 1
            assert len(await service.leases()) == most
            break

    check()


SIZES = st.sampled_from(
    ["mayfly-0.5cpu-1gb", "mayfly-1cpu-2gb", "mayfly-2cpu-1gb", "mayfly-3cpu-8gb"]
)
ACTS = st.lists(
    st.tuples(st.sampled_from(["submit", "claim", "lose", "end", "close"]), st.integers(0, 7)),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(acts=ACTS, sizes=st.lists(SIZES, min_size=1, max_size=4), claims=st.integers(1, 8))
def test_no_host_ever_has_more_than_its_room(
    acts: list[tuple[str, int]], sizes: list[str], claims: int
) -> None:
    """Whatever agents say is free, lose, end, and however often they come again."""
    run_virtual(lambda: _fill_and_empty(acts, itertools.cycle(sizes), Decimal(claims)))


async def _fill_and_empty(acts: list[tuple[str, int]], sizes: Any, says: Decimal) -> None:
    service = Service()
    sessions = {name: await service.host(name, Capacity(Decimal(3), 8192, BOTH)) for name in "xy"}
    for number, (act, choice) in enumerate(acts):
        name = "xy"[choice % 2]
        leases = await service.leases()
        if act == "submit":
            await service.submit(jobs(f"j{number}", f"k{number}", size=next(sizes)))
        elif act in {"claim", "lose"}:
            held = [Lease(row.id, row.attempt) for row in leases if row.host == name]
            free = Capacity(says, 1 << 20, BOTH)
            await service.claim(sessions[name], free, *(held if act == "claim" else held[1:]))
        elif act == "end" and leases:
            row = leases[choice % len(leases)]
            await service.finish(row.session, Lease(row.id, row.attempt))
        elif act == "close":
            await service.hosts.close_session(sessions[name])
            sessions[name] = await service.session(name, Capacity(Decimal(3), 8192, BOTH))
        await _within_room(service)


async def _within_room(service: Service) -> None:
    for name in "xy":
        rows = [
            await service.row(Lease(one.id, one.attempt))
            for one in await service.leases()
            if one.host == name
        ]
        wanted = [row.requirement for row in rows if row.requirement]
        assert sum(one.cpu for one in wanted) <= 3
        assert sum(one.memory_mib for one in wanted) <= 8192
