"""Each way in which the stand-in goes wrong, as a client sees it."""

import asyncio

import pytest
from tests.standins.github.faults import Refusal
from tests.standins.github.in_process import InProcess, Webhooks, in_process
from tests.standins.github.limits import Refuse
from tests.standins.github.runner import DONE, TERMINATED
from tests.standins.github.simulated import run_simulated
from tests.standins.github.world import JobSpec
from tests.virtual_time import virtual_time

from mayfly.forges.github import events
from mayfly.forges.github.errors import NotFound, RateLimited, ServerTrouble
from mayfly.forges.github.model import Scope

ORG = Scope("octo-org")
BUILD = JobSpec("build", ("x",))


def guids(inbox: Webhooks) -> list[str]:
    return [headers["x-github-delivery"] for headers, _ in inbox.received]


async def for_a_minute(_: object) -> str:
    await asyncio.sleep(60)
    return "success"


async def push(world: InProcess, number: int) -> None:
    repository = world.github.repositories["octo-org/hello"]
    world.github.push(repository, ref="refs/heads/main", before="0" * 40, after=f"{number:040x}")


@virtual_time
async def test_webhooks_get_lost_fail_and_come_twice() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        world.github.create_repository("octo-org/hello")
        app, _ = world.installed()
        await world.github.delivered()
        inbox.received.clear()
        github = world.client(app)
        before = len((await github.deliveries()).attempts)
        world.github.faults.webhook_lost = 1.0
        await push(world, 1)
        assert len((await github.deliveries()).attempts) == before
        world.github.faults.webhook_lost = 0.0
        world.github.faults.webhook_fails = 1.0
        await push(world, 2)
        [failed] = (await github.deliveries(failed=True)).attempts
        assert (failed.event, inbox.received) == ("push", [])
        world.github.faults.webhook_fails = 0.0
        world.github.faults.webhook_twice = 1.0
        await push(world, 3)
        await world.github.delivered()
        first, second = guids(inbox)
        assert first == second
        world.github.faults.webhook_twice = 0.0
        await github.redeliver(failed.id)
        await world.github.delivered()
        assert guids(inbox)[-1] == failed.guid


@virtual_time
async def test_webhooks_come_late_and_in_another_order() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        world.github.create_repository("octo-org/hello")
        world.installed()
        await world.github.delivered()
        inbox.received.clear()
        world.github.faults.webhook_delay = (5.0, 60.0)
        begun = world.github.clock()
        for number in range(10):
            await push(world, number)
        await world.github.delivered()
        assert 5 < world.github.clock() - begun <= 60
        read = [events.read("push", body) for _, body in inbox.received]
        order = [event.after for event in read if isinstance(event, events.Push)]
        assert len(order) == 10
        assert order != sorted(order)


@virtual_time
async def test_a_receiver_that_hangs_fails_after_ten_seconds() -> None:
    async def hangs(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(1000)

    async with in_process(hangs) as world:
        app, _ = world.installed()
        begun = world.github.clock()
        await world.github.delivered()
        assert world.github.clock() - begun == pytest.approx(10, abs=0.1)
        attempts = (await world.client(app).deliveries(failed=True)).attempts
        assert len(attempts) == 2


@virtual_time
async def test_busy_lies_and_delete_removes_a_working_runner_whose_job_goes_on() -> None:
    async with in_process() as world:
        repository = world.github.create_repository("octo-org/hello")
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        run = world.github.start_run(repository, [BUILD])
        made = await client.generate_jit(ORG, name="a", labels=["x"])
        runner = asyncio.ensure_future(run_simulated(world.http, made.config, for_a_minute))
        await asyncio.sleep(1)
        assert [each.busy for each in await client.runners(ORG)] == [True]
        world.github.faults.busy_lies = 1.0
        assert [each.busy for each in await client.runners(ORG)] == [False]
        world.github.faults.delete_while_busy = True
        await client.delete_runner(ORG, made.runner.id)
        assert await client.runners(ORG) == ()
        assert await runner == DONE
        assert run.conclusion == "success"


@virtual_time
async def test_lists_lag_behind() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        world.github.faults.list_lag = 30.0
        made = await client.generate_jit(ORG, name="a", labels=["x"])
        assert await client.runners(ORG) == ()
        await asyncio.sleep(31)
        assert [each.name for each in await client.runners(ORG)] == ["a"]
        await client.delete_runner(ORG, made.runner.id)
        assert [each.name for each in await client.runners(ORG)] == ["a"]
        await asyncio.sleep(31)
        assert await client.runners(ORG) == ()


@virtual_time
async def test_registrations_vanish_and_idle_ones_are_evicted() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        world.github.faults.registration_vanishes = 1.0
        made = await client.generate_jit(ORG, name="a", labels=["x"])
        assert await run_simulated(world.http, made.config, for_a_minute) == TERMINATED
        world.github.faults.registration_vanishes = 0.0
        world.github.faults.evict_idle_after = 120.0
        made = await client.generate_jit(ORG, name="a", labels=["x"])
        begun = world.github.clock()
        assert await run_simulated(world.http, made.config, for_a_minute) == TERMINATED
        assert world.github.clock() - begun == pytest.approx(150, abs=1)


@virtual_time
async def test_too_many_at_once_are_refused() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        await client.runners(ORG)
        world.github.limits.at_once = 10
        world.github.faults.latency = (1.0, 2.0)
        results = await asyncio.gather(
            *(client.runners(ORG, name=str(number)) for number in range(20)),
            return_exceptions=True,
        )
        assert sum(isinstance(each, RateLimited) for each in results) == 10


@virtual_time
async def test_our_pace_is_never_too_fast_for_github() -> None:
    """Whatever is wanted for an hour, the stand-in's limits are not met, only our own."""
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        count, refused = world.github.meter.count, []

        def counted(who: str, method: str, *, registers: bool) -> None:
            try:
                count(who, method, registers=registers)
            except Refuse as refusal:
                refused.append(refusal)
                raise

        world.github.meter.count = counted  # type: ignore[method-assign]

        async def register(number: int) -> None:
            done = False
            while not done:
                try:
                    await client.generate_jit(ORG, name=f"r{number}", labels=["x"])
                    done = True
                except RateLimited as error:
                    await asyncio.sleep(error.until - world.github.clock() + number / 100)

        begun = world.github.clock()
        await asyncio.gather(*(register(number) for number in range(600)))
        assert refused == []
        assert 180 <= world.github.clock() - begun < 300


@virtual_time
async def test_trouble_comes_before_or_after_the_deed() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        await client.runners(ORG)
        world.github.faults.trouble = 1.0
        for number in range(20):
            with pytest.raises(ServerTrouble):
                await client.generate_jit(ORG, name=f"r{number}", labels=["x"])
        world.github.faults.trouble = 0.0
        assert 0 < len(await client.runners(ORG)) < 20


@virtual_time
async def test_scripted_refusals_are_used_up() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        world.github.faults.refusals = [Refusal("GET", "/actions/runners", 404, times=2)]
        for _ in range(2):
            with pytest.raises(NotFound):
                await client.runners(ORG)
        assert await client.runners(ORG) == ()


@virtual_time
async def test_ending_the_stand_in_ends_what_is_under_way() -> None:
    world_left: InProcess
    async with in_process() as world:
        world.github.faults.webhook_delay = (100.0, 200.0)
        world.installed()
        world_left = world
    begun = world_left.github.clock()
    await world_left.github.delivered()
    assert world_left.github.clock() == begun
