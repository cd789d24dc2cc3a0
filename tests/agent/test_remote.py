"""An agent far from its server: nothing is lost, doubled or reordered, whatever happens between."""

import asyncio
import random
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.agent.served import HELLO, TTL_S, Served, served
from tests.virtual_time import cancelled_at_every_turn, run_virtual, virtual_time

from mayfly.agent.connection import NotWelcome, Refused, SessionOver
from mayfly.agent.remote import RemoteControlPlane
from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import (
    Assignment,
    JobEnded,
    JobPhase,
    Lease,
    Printed,
    Report,
    StaleLease,
)
from mayfly.system.tasks import stop
from mayfly.workflow.spec import JobSpec

ROOM = HELLO.capacity
ENDED = JobEnded(JobState.SUCCEEDED)
GIVEN_BACK = JobEnded(JobState.LOST, reason="its host takes no more jobs")


def job(name: str = "job") -> Assignment:
    return Assignment(Lease(name, 1), "default", Architecture.AMD64, 1, 1.0, 1024, 60.0)


def line(number: int) -> Printed:
    return Printed(0, (f"line {number} \0 \ud800",))


def arrived(number: int) -> Printed:
    """What databases cannot store has been replaced."""
    return Printed(0, (f"line {number} � ?",))


async def carry_out(control: RemoteControlPlane, lease: Lease, lines: int) -> None:
    await control.report(lease, JobPhase(JobState.RUNNING))
    for number in range(lines):
        await control.report(lease, line(number))
        await asyncio.sleep(0.01 * (number % 3))
    await control.report(lease, ENDED)


def whole(lines: int) -> list[Report]:
    return [JobPhase(JobState.RUNNING), *map(arrived, range(lines)), ENDED]


@virtual_time
async def test_a_job_comes_and_its_reports_arrive_in_order() -> None:
    async with served() as server, server.session() as control:
        server.hosts.put(job())
        assert await control.claim(ROOM) == job()
        await carry_out(control, job().lease, 100)
        assert server.hosts.reports[job().lease] == whole(100)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(),
    lose_request=st.sampled_from([0.0, 0.3]),
    lose_answer=st.sampled_from([0.0, 0.3]),
    repeat=st.sampled_from([0.0, 0.3]),
    late_s=st.sampled_from([0.0, 0.2, 2.0]),
)
def test_no_fault_of_the_network_loses_doubles_or_reorders_a_report(
    seed: int, lose_request: float, lose_answer: float, repeat: float, late_s: float
) -> None:
    leases = [job(f"j{number}").lease for number in range(6)]

    async def work() -> None:
        faults = {"lose_request": lose_request, "lose_answer": lose_answer, "repeat": repeat}
        chance = random.Random(seed)
        async with served(**faults, late_s=late_s, chance=chance) as server:
            over = False
            try:
                async with server.session() as control:
                    server.hosts.put(*(job(lease.job) for lease in leases))
                    async with asyncio.TaskGroup() as working:
                        for _ in leases:
                            lease = (await control.claim(ROOM)).lease
                            working.create_task(carry_out(control, lease, 30))
            except* SessionOver:  # no renewal came through for too long
                over = True
            for lease in leases:
                taken = server.hosts.reports.get(lease, [])
                assert taken == whole(30)[: len(taken) if over else None]
            assert over or not server.hosts.lost

    run_virtual(work)


@virtual_time
async def test_lines_arrive_while_the_job_is_silent_afterwards() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        for number in range(20):
            began = loop.time()
            await control.report(lease, line(number))
            await asyncio.sleep(0.1)
            assert len(server.hosts.taken_at) == number + 1
            assert server.hosts.taken_at[-1] - began <= 0.05


@virtual_time
async def test_reports_of_all_jobs_share_requests() -> None:
    async with served(late_s=0.1) as server, server.session() as control:
        leases = [await claimed(server, control, f"j{number}") for number in range(10)]
        await asyncio.gather(*(carry_out(control, lease, 50) for lease in leases))
        sent = sum(path.endswith("/reports") for path in server.network.seen)
        assert sent < 40  # for 520 reports


@virtual_time
async def test_a_job_waits_while_the_server_takes_nothing_in() -> None:
    async with served() as server, server.session() as control:
        lease, other = await claimed(server, control), await claimed(server, control, "other")
        server.network.cut = True
        flood = Printed(0, ("x" * 10_000,))
        printing = asyncio.create_task(report_often(control, lease, flood, 500))
        await asyncio.sleep(5)
        held = control.waiting_bytes
        assert 512 * 1024 <= held <= 512 * 1024 + 20_000
        assert not printing.done()
        await asyncio.wait_for(control.report(other, line(0)), 1)  # another has room of its own
        server.network.cut = False
        await printing
        await control.report(lease, ENDED)
        assert server.hosts.reports[lease] == [*[flood] * 500, ENDED]
        assert control.waiting_bytes == 0


@virtual_time
async def test_the_end_of_a_job_is_reported_when_the_call_returns() -> None:
    async with served(late_s=0.5) as server, server.session() as control:
        lease = await claimed(server, control)
        await control.report(lease, ENDED)
        assert server.hosts.reports[lease] == [ENDED]
        with pytest.raises(StaleLease):
            await control.report(lease, line(1))


@virtual_time
async def test_a_lease_taken_away_is_noticed_at_the_next_reports() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        for one in server.hosts.sessions.values():
            one.leases.clear()
        with pytest.raises(StaleLease):
            await report_often(control, lease, line(0), 10, every_s=0.1)


@virtual_time
async def test_a_lease_taken_away_is_noticed_by_a_job_that_says_nothing() -> None:
    async with served() as server, server.session() as control:
        lease, other = await claimed(server, control), await claimed(server, control, "other")
        waiting = asyncio.create_task(control.cancellation(lease))
        await asyncio.sleep(1)
        server.hosts.take_away(lease)
        with pytest.raises(StaleLease):
            await asyncio.wait_for(waiting, 1)
        with pytest.raises(StaleLease):
            await control.report(lease, ENDED)
        await control.report(other, ENDED)


@virtual_time
async def test_a_cancellation_reaches_its_job_and_no_other() -> None:
    async with served(lose_answer=0.3, lose_request=0.3) as server, server.session() as control:
        leases = [await claimed(server, control, f"j{number}") for number in range(3)]
        wishes = [asyncio.create_task(control.cancellation(lease)) for lease in leases]
        await asyncio.sleep(100)
        for chosen in (1, 2):
            server.hosts.cancel(leases[chosen], f"wish {chosen}")
            assert await wishes[chosen] == f"wish {chosen}"
        await asyncio.sleep(100)
        assert not wishes[0].done()
        await control.report(leases[0], ENDED)
        for wish in wishes:
            wish.cancel()


@virtual_time
async def test_a_cancellation_that_is_older_than_the_answer_to_a_claim_is_heard() -> None:
    async with served() as server, server.session() as control:
        await claimed(server, control, "other")
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        server.network.lose_answer = 1.0
        server.hosts.put(job())
        await asyncio.sleep(0.01)
        server.network.lose_answer = 0.0
        server.hosts.cancel(job().lease)
        assert await claiming == job()
        assert await asyncio.wait_for(control.cancellation(job().lease), 1) == "a test says so"


def test_an_assignment_is_not_lost_at_whatever_moment_its_claim_is_given_up() -> None:
    left: list[Lease] = []

    async def work() -> None:
        async with served() as server, server.session() as control:
            left[:] = [job().lease]
            server.hosts.put(job())
            try:
                await control.claim(ROOM)
            except asyncio.CancelledError:
                again = await asyncio.wait_for(control.claim(ROOM), 5)
                assert again == job()
                left.clear()
                raise
            left.clear()

    assert cancelled_at_every_turn(work, lambda: None) > 10
    assert not left


@virtual_time
async def test_a_claim_that_was_given_up_ends_with_its_session() -> None:
    async with served() as server, server.session() as control:
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        await stop(claiming)  # a task that is left fails the test


@virtual_time
async def test_an_assignment_whose_answer_is_lost_is_given_again() -> None:
    async with served() as server, server.session() as control:
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        server.network.lose_answer = 1.0
        server.hosts.put(job(), job("another"))
        await asyncio.sleep(1)
        server.network.lose_answer = 0.0
        both = {(await claiming).lease, (await control.claim(ROOM)).lease}
        assert both == {job().lease, job("another").lease}


@virtual_time
async def test_a_host_that_drains_gives_back_what_is_on_its_way() -> None:
    async with served() as server, server.session() as control:
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        server.network.lose_answer = 1.0
        given = (job(), job("another"))
        server.hosts.put(*given)
        await asyncio.sleep(0.1)
        control.drain()
        server.network.lose_answer = 0.0
        await asyncio.sleep(60)
        assert not claiming.done()
        for one in given:
            assert server.hosts.reports[one.lease] == [GIVEN_BACK]
        await control.settled()
        server.hosts.put(job("later"))
        control.drain(draining=False)
        assert await claiming == job("later")


@virtual_time
async def test_jobs_that_are_given_together_are_taken_one_by_one() -> None:
    async with served() as server, server.session() as control:
        both = [job(), job("another")]
        server.hosts.put(*both)
        assert [await control.claim(ROOM), await control.claim(ROOM)] == both
        assert sum(path.endswith("/claim") for path in server.network.seen) == 1
        for one in both:
            await carry_out(control, one.lease, 1)


@virtual_time
async def test_of_jobs_given_together_those_not_begun_are_given_back_when_a_host_drains() -> None:
    async with served() as server, server.session() as control:
        server.hosts.put(job(), job("another"))
        lease = (await control.claim(ROOM)).lease
        control.drain()
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        assert server.hosts.reports == {job("another").lease: [GIVEN_BACK]}
        assert control.held == (lease,)
        await stop(claiming)


@virtual_time
async def test_what_was_taken_away_before_it_was_begun_is_not_begun() -> None:
    async with served() as server, server.session() as control:
        server.hosts.put(job(), job("gone"))
        await control.claim(ROOM)
        server.hosts.take_away(job("gone").lease)
        await asyncio.sleep(60)
        server.hosts.put(job("next"))
        assert await control.claim(ROOM) == job("next")


@virtual_time
async def test_a_short_loss_of_the_server_only_delays() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        server.network.cut = True
        reporting = asyncio.create_task(carry_out(control, lease, 20))
        await asyncio.sleep(TTL_S / 2)
        assert not reporting.done()
        server.network.cut = False
        await reporting
        await asyncio.sleep(5 * TTL_S)
        assert not server.hosts.lost
        assert server.hosts.reports[lease] == whole(20)


@pytest.mark.parametrize("silent", [False, True])
@virtual_time
async def test_here_a_session_is_over_before_the_server_gives_its_jobs_away(silent: bool) -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        [known] = server.hosts.sessions.values()
        await asyncio.sleep(3.7 * TTL_S)
        server.network.silent = silent
        server.network.cut = True
        claiming = asyncio.create_task(control.claim(ROOM))
        with pytest.raises(SessionOver):
            await control.cancellation(lease)
        assert asyncio.get_running_loop().time() < known.until - 2
        for call in (claiming, control.report(lease, ENDED), control.hand_over(lease)):
            with pytest.raises(SessionOver):
                await call


@virtual_time
async def test_a_session_counts_from_when_its_renewal_was_sent() -> None:
    async with served() as server, server.session() as control:
        [known] = server.hosts.sessions.values()
        server.network.answer_s = TTL_S / 6 - 0.1
        await asyncio.sleep(1.5 * TTL_S)
        server.network.cut = True
        with pytest.raises(SessionOver):
            await control.claim(ROOM)
        assert asyncio.get_running_loop().time() < known.until - 2


@virtual_time
async def test_one_renewal_that_is_never_answered_ends_no_session() -> None:
    async with served() as server, server.session() as control:
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(TTL_S / 3 - 1)
        server.network.cut = server.network.silent = True
        await asyncio.sleep(2)
        server.network.cut = False
        await asyncio.sleep(3 * TTL_S)
        assert not claiming.done()
        assert not server.hosts.sessions["session-1"].ended
        await stop(claiming)


@virtual_time
async def test_a_session_that_the_server_ended_is_over_at_once() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        server.hosts.end("session-1")
        with pytest.raises(StaleLease):
            await report_often(control, lease, line(0), 10, every_s=0.1)
        with pytest.raises(SessionOver):
            await control.claim(ROOM)


@virtual_time
async def test_a_session_is_closed_behind_the_host() -> None:
    async with served() as server:
        async with server.session() as control:
            lease = await claimed(server, control)
        assert server.hosts.lost == [lease]
        assert server.hosts.sessions["session-1"].ended


@virtual_time
async def test_closing_does_not_wait_for_a_server_that_is_away() -> None:
    async with served() as server:
        async with server.session():
            server.network.cut = server.network.silent = True
        assert not server.hosts.sessions["session-1"].ended


@virtual_time
async def test_a_host_waits_for_its_server_to_start() -> None:
    async with served(cut=True) as server:

        async def plug_in() -> None:
            await asyncio.sleep(3600)
            server.network.cut = False

        plugging = asyncio.create_task(plug_in())
        async with server.session() as control:
            server.hosts.put(job())
            assert await control.claim(ROOM) == job()
        await plugging


@virtual_time
async def test_a_report_that_the_server_refuses_ends_its_job_only() -> None:
    async with served() as server, server.session() as control:
        lease, other = await claimed(server, control), await claimed(server, control, "other")
        both = asyncio.gather(
            report_often(control, lease, JobPhase(JobState.QUEUED), 1),
            carry_out(control, other, 100),
        )
        await both
        with pytest.raises(StaleLease):
            await control.report(lease, ENDED)
        assert server.hosts.reports[other] == whole(100)
        [ended] = server.hosts.reports[lease]
        assert isinstance(ended, JobEnded)
        assert ended.state is JobState.LOST
        assert "makes no sense" in (ended.reason or "")


@virtual_time
async def test_a_job_on_whose_reports_the_server_fails_does_not_hold_back_others() -> None:
    async with served() as server, server.session() as control:
        lease, other = await claimed(server, control), await claimed(server, control, "other")

        def fail(of: Lease, report: Report) -> None:
            if of == lease and isinstance(report, Printed):
                raise ZeroDivisionError

        server.hosts.on_report = fail
        await control.report(lease, line(0))
        await carry_out(control, other, 100)
        assert server.hosts.reports[other] == whole(100)


@virtual_time
async def test_a_spec_is_handed_over_however_often_it_is_asked_for() -> None:
    async with served(lose_answer=0.5) as server, server.session() as control:
        lease = await claimed(server, control)
        spec = JobSpec("job", "job", (), {"secrets": {"A": "\ud800é"}}, {"B": "C"})
        server.hosts.specs["job"] = spec
        for _ in range(5):
            assert (await control.hand_over(lease)).env == {"B": "C"}
        server.hosts.take_away(lease)
        with pytest.raises(StaleLease):
            await control.hand_over(lease)


PIECES = tuple(bytes([number]) * 70_000 for number in range(10))


@virtual_time
async def test_a_source_arrives_whole_however_often_it_breaks_off() -> None:
    async with served(break_off=0.6, lose_request=0.3) as server, server.session() as control:
        lease = await claimed(server, control)
        server.hosts.sources["key"] = PIECES
        for _ in range(5):
            got = b"".join([piece async for piece in control.source(lease, "key")])
            assert got == b"".join(PIECES)


@virtual_time
async def test_a_source_that_changes_meanwhile_is_not_mixed() -> None:
    async with served(break_off=1.0) as server, server.session() as control:
        lease = await claimed(server, control)
        server.hosts.sources[None] = PIECES
        source = control.source(lease, None)
        await anext(source)
        server.hosts.sources[None] = PIECES[::-1]
        with pytest.raises(Exception, match="changed"):
            async for _ in source:
                pass


@virtual_time
async def test_a_source_that_is_not_there_is_said_to_be() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        with pytest.raises(Refused, match="there is no key"):
            await anext(control.source(lease, "key"))


@virtual_time
async def test_a_source_that_never_comes_is_given_up() -> None:
    async with served() as server, server.session() as control:
        lease = await claimed(server, control)
        server.hosts.sources[None] = PIECES
        server.network.cut = True
        with pytest.raises(Exception, match="did not come"):
            await anext(control.source(lease, None))


@virtual_time
async def test_a_host_that_is_not_known_is_told_so() -> None:
    async with served() as server:
        server.connection._key = lambda: "another key"
        with pytest.raises(NotWelcome, match="not known"):
            async with server.session():
                pass


@virtual_time
async def test_a_key_that_another_process_changed_is_used_at_once() -> None:
    async with served() as server:
        keys = ["an old key"]
        server.connection._key = lambda: keys[-1]
        fetched = iter(["an old key", "an old key", "a key", "a key", "a key"])
        server.connection._key = lambda: next(fetched, "a key")
        async with server.session():
            pass


async def claimed(server: Served, control: RemoteControlPlane, name: str = "job") -> Lease:
    server.hosts.put(job(name))
    return (await control.claim(ROOM)).lease


async def report_often(
    control: RemoteControlPlane, lease: Lease, report: Report, times: int, every_s: float = 0
) -> None:
    for _ in range(times):
        await control.report(lease, report)
        await asyncio.sleep(every_s)


def test_nothing_is_left_at_whatever_moment_a_session_is_given_up() -> None:
    async def work() -> None:
        async with served() as server, server.session() as control:
            lease = await claimed(server, control)
            wish = asyncio.create_task(control.cancellation(lease))
            try:
                await carry_out(control, lease, 3)
            finally:
                wish.cancel()
                with suppress(asyncio.CancelledError, StaleLease):
                    await wish

    assert cancelled_at_every_turn(work, lambda: None) > 10


def test_a_claim_for_more_room_replaces_the_one_before() -> None:
    async def work() -> None:
        async with served() as server, server.session() as control:
            small = Capacity(Decimal("0.5"), 512, ROOM.architectures)
            claiming = asyncio.create_task(control.claim(small))
            server.hosts.put(job())
            await asyncio.sleep(1)
            claiming.cancel()
            assert await asyncio.wait_for(control.claim(ROOM), 1) == job()

    run_virtual(work)


@virtual_time
async def test_what_a_request_is_given_after_another_was_made_is_taken() -> None:
    async with served() as server, server.session() as control:
        small = Capacity(Decimal(1), 1024, ROOM.architectures)
        claiming = asyncio.create_task(control.claim(small))
        await asyncio.sleep(1)
        await stop(claiming)
        claiming = asyncio.create_task(control.claim(ROOM))
        await asyncio.sleep(1)
        assert sum(path.endswith("/claim") for path in server.network.seen) == 2
        server.hosts.put(job())  # the first request has room enough, and is answered first
        assert await asyncio.wait_for(claiming, 1) == job()


@virtual_time
async def test_a_job_that_is_known_with_its_claim_needs_no_other_request() -> None:
    async with served() as server, server.session() as control:
        for name in ("odd", "even"):
            server.hosts.specs[name] = JobSpec(name, name, (), {})
            server.hosts.put(job(name))
            lease = (await control.claim(ROOM)).lease
            assert await control.hand_over(lease) == server.hosts.specs[name]
        asked = [path for path in server.network.seen if path.endswith("/spec")]
        assert len(asked) == 1  # the other was not known then
        assert await control.hand_over(Lease("odd", 1)) == server.hosts.specs["odd"]
