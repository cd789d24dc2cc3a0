"""What a machine is given when it asks for its job, once, again, twice at once, or too late."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from tests.server.github.fleet import BOTH, Fleet, fleet
from tests.standins.github.faults import Refusal
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Hello, Lease, StaleLease
from mayfly.server.github.handover import NoRegistration, NotYet
from mayfly.server.github.spec import CONFIG
from mayfly.store.forge_rows import AlarmRow, RunnerRow
from mayfly.store.rows import HostRow
from mayfly.workflow.spec import JobSpec

ROOM = Capacity(Decimal(4), 8192, BOTH)


async def claimed(here: Fleet) -> tuple[str, Lease]:
    """A queued job of GitHub, given to a host that this test plays."""
    here.queue()
    await here.until(here.jobs)
    await here.put(HostRow(id="mine"))
    hosts = here.services.hosts
    session = (await hosts.open_session("mine", Hello(ROOM, Architecture.AMD64))).session
    [given] = await hosts.claim(session, ROOM, frozenset(), 10.0)
    return session, given.assignment.lease


async def asked(here: Fleet, session: str, lease: Lease) -> JobSpec:
    return await here.services.hosts.hand_over(session, lease)


@virtual_time
async def test_asked_again_soon_it_is_the_same_later_another(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        session, lease = await claimed(here)
        first = await asked(here, session, lease)
        assert await asked(here, session, lease) == first
        assert len(here.registered()) == 1
        for _ in range(4):
            await asyncio.sleep(20)
            assert await here.services.hosts.renew(session)
        later = await asked(here, session, lease)
        assert later.env[CONFIG] != first.env[CONFIG]
        assert len(here.registered()) == 1


@pytest.mark.parametrize("seed", range(10))
@virtual_time
async def test_asked_twice_at_once_one_answer_holds(tmp_path: Path, seed: int) -> None:
    async with fleet(tmp_path, seed=seed, hosts=0) as here:
        session, lease = await claimed(here)
        here.github.faults.latency = (0.5, 3.0)
        answers = await asyncio.gather(
            *(asked(here, session, lease) for _ in range(2)), return_exceptions=True
        )
        good = [answer for answer in answers if isinstance(answer, JobSpec)]
        assert [type(answer) for answer in answers if answer not in good] == [NotYet]
        here.github.faults.latency = (0.0, 0.0)
        again = await asked(here, session, lease)
        assert good == [again]
        [runner] = [one for one in here.github.runners.all.values() if one.removed is None]
        assert here.rows(RunnerRow)[0].runner == runner.id


@virtual_time
async def test_too_many_requests_mean_ask_later(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        session, lease = await claimed(here)
        headers = {"retry-after": "30"}
        refusal = Refusal("POST", "/generate-jitconfig", 403, headers=headers)
        here.github.faults.refusals = [refusal]
        with pytest.raises(NotYet):
            await asked(here, session, lease)
        await asyncio.sleep(31)
        assert (await asked(here, session, lease)).env[CONFIG]


@virtual_time
async def test_what_was_cancelled_meanwhile_gets_none_and_leaves_none(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        session, lease = await claimed(here)
        here.github.faults.latency = (2.0, 2.0)
        asking = asyncio.create_task(asked(here, session, lease))
        await asyncio.sleep(1)
        orchestrator = here.services.orchestrator
        await here.store.serial(
            lambda tx: orchestrator.end_job(tx, lease.job, JobState.LOST, "gone")
        )
        [over] = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(over, StaleLease)
        here.github.faults.latency = (0.0, 0.0)
        await here.until(lambda: not here.registered())


@virtual_time
async def test_while_the_image_is_too_old_nothing_is_registered(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        session, lease = await claimed(here)
        until = here.github.clock() + 100
        await here.put(AlarmRow(id="github", reason="too old", since=0, until=until))
        with pytest.raises(NoRegistration):
            await asked(here, session, lease)
        assert here.registered() == []
