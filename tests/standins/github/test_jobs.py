"""Which runner gets which job at the stand-in, and how jobs end there."""

import asyncio
import functools
import json
from typing import Any

import pytest
from tests.standins.github.in_process import InProcess, Webhooks, in_process
from tests.standins.github.runner import CONFLICT, DONE, TERMINATED, TOO_OLD, VERSION
from tests.standins.github.simulated import run_simulated
from tests.standins.github.world import JobSpec, Run
from tests.virtual_time import run_virtual, virtual_time

from mayfly.forges.github import events
from mayfly.forges.github.installation import InstallationClient
from mayfly.forges.github.model import Scope, Status
from mayfly.system.tasks import stop

ORG = Scope("octo-org")
LABELS = ("self-hosted", "mayfly-arm64")
BUILD = JobSpec("build", LABELS)


async def at_once(_: object) -> str:
    return "success"


async def for_ten_seconds(_: object) -> str:
    await asyncio.sleep(10)
    return "success"


class Scene:
    """An organisation with one repository and our app."""

    def __init__(self, world: InProcess, inbox: Webhooks):
        self.world = world
        self.github = world.github
        self.inbox = inbox
        self.repository = world.github.create_repository("octo-org/hello")
        self.app, self.installation = world.installed()
        self.client: InstallationClient = world.client(self.app).installation(self.installation.id)

    def start(self, *specs: JobSpec) -> Run:
        return self.github.start_run(self.repository, specs or (BUILD,))

    async def registered(self, name: str, labels: tuple[str, ...] = LABELS) -> str:
        return (await self.client.generate_jit(ORG, name=name, labels=labels)).config

    def runner(self, config: str, work: Any = at_once) -> "asyncio.Task[int]":
        return asyncio.ensure_future(run_simulated(self.world.http, config, work))

    async def told(self) -> list[tuple[str, Status, str | None]]:
        """What webhooks said of jobs: action, status, runner."""
        await self.github.delivered()
        read = [
            events.read(headers["x-github-event"], body) for headers, body in self.inbox.received
        ]
        return [
            (event.action, event.job.status, event.job.runner_name)
            for event in read
            if isinstance(event, events.WorkflowJob)
        ]


@virtual_time
async def test_a_job_goes_its_way_and_webhooks_tell() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        run = scene.start()
        assert await run_simulated(world.http, await scene.registered("a"), at_once) == DONE
        assert run.conclusion == "success"
        assert await scene.told() == [
            ("queued", Status.QUEUED, None),
            ("in_progress", Status.IN_PROGRESS, "a"),
            ("completed", Status.COMPLETED, "a"),
        ]
        headers, body = inbox.received[-1]
        assert events.accept(headers, body, scene.app.webhook_secret).event == "workflow_job"


@virtual_time
async def test_only_runners_with_all_labels_are_chosen() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        poor = scene.runner(await scene.registered("poor", ("mayfly-arm64",)))
        rich = scene.runner(await scene.registered("rich", ("Self-Hosted", "MAYFLY-arm64", "x")))
        await asyncio.sleep(1)
        run = scene.start()
        assert await rich == DONE
        assert run.status == "completed"
        assert not poor.done()
        await stop(poor)


@virtual_time
async def test_a_runner_of_another_repository_gets_nothing() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        world.github.create_repository("octo-org/other")
        other = Scope("octo-org", "other")
        config = (await scene.client.generate_jit(other, name="a", labels=LABELS)).config
        runner = scene.runner(config)
        run = scene.start()
        await asyncio.sleep(600)
        assert run.status == "queued"
        await stop(runner)


@virtual_time
async def test_runners_are_not_bound_to_the_job_they_were_made_for() -> None:
    """With two runners and two jobs all four pairs come up, whoever registered what for which."""
    pairs = set()
    for seed in range(20):
        inbox = Webhooks()
        async with in_process(inbox, seed=seed) as world:
            scene = Scene(world, inbox)
            runners = [scene.runner(await scene.registered(name)) for name in "ab"]
            await asyncio.sleep(1)
            run = scene.start(JobSpec("1", LABELS), JobSpec("2", LABELS))
            await asyncio.gather(*runners)
            pairs |= {(job.spec.name, job.runner.name) for job in run.jobs if job.runner}
    assert pairs == {("1", "a"), ("1", "b"), ("2", "a"), ("2", "b")}


@virtual_time
async def test_what_was_offered_to_a_runner_that_died_goes_to_another() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        config = await scene.registered("a")
        session = world.github.actions.open_session(world.github.runners.all[1])
        world.github.actions.listen(session, polling=True)
        run = scene.start()
        world.github.actions.listen(session, polling=False)
        assert await scene.client.job("octo-org/hello", run.jobs[0].id) is not None
        assert run.jobs[0].runner is not None  # queued, and with a runner
        begun = world.github.clock()
        assert await run_simulated(world.http, await scene.registered("b"), at_once) == DONE
        assert world.github.clock() - begun == pytest.approx(120, abs=1)
        assert config


@virtual_time
async def test_a_job_whose_runner_falls_silent_fails_after_ten_minutes() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        run = scene.start()
        runner = scene.runner(await scene.registered("a"), for_ten_seconds)
        await asyncio.sleep(5)
        await stop(runner)
        await asyncio.sleep(590)
        assert run.status == "in_progress"
        await asyncio.sleep(10)
        assert run.conclusion == "failure"
        assert "lost communication" in run.jobs[0].log[-1]
        assert await scene.client.runners(ORG) == ()


@virtual_time
async def test_a_long_job_keeps_its_lock() -> None:
    async def for_an_hour(_: object) -> str:
        await asyncio.sleep(3600)
        return "success"

    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        run = scene.start()
        assert await run_simulated(world.http, await scene.registered("a"), for_an_hour) == DONE
        assert run.conclusion == "success"


@virtual_time
async def test_cancelled_jobs_end_at_once_or_when_their_runner_hears_of_it() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        queued = scene.start(JobSpec("x", ("nobody",)))
        world.github.cancel(queued)
        assert queued.conclusion == "cancelled"

        async def forever(_: object) -> str:
            await asyncio.sleep(100_000)
            raise AssertionError

        running = scene.start()
        runner = scene.runner(await scene.registered("a"), forever)
        await asyncio.sleep(1)
        world.github.cancel(running)
        assert running.status == "in_progress"
        assert await runner == DONE
        assert running.conclusion == "cancelled"
        dead = scene.start()
        runner = scene.runner(await scene.registered("b"), forever)
        await asyncio.sleep(1)
        await stop(runner)
        world.github.cancel(dead)
        await asyncio.sleep(301)
        assert dead.conclusion == "cancelled"


@virtual_time
async def test_a_cancelled_job_leaves_the_runner_it_was_offered_to() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        await scene.registered("a")
        session = world.github.actions.open_session(world.github.runners.all[1])
        world.github.actions.listen(session, polling=True)
        world.github.cancel(scene.start())
        next_run = scene.start()
        assert session.job is next_run.jobs[0]


@virtual_time
async def test_nobody_waits_longer_than_a_day() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        run = Scene(world, inbox).start()
        await asyncio.sleep(24 * 3600 - 1)
        assert run.status == "queued"
        await asyncio.sleep(2)
        assert run.conclusion == "cancelled"


@virtual_time
async def test_environments_are_waited_for() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        scene.app.permissions["deployments"] = "write"
        run = scene.start(JobSpec("deploy", LABELS, environment="prod"))
        assert run.status == "waiting"
        token = world.github.issue_token(scene.installation)[0]
        url = f"{world.github.api_url}/repos/octo-org/hello/actions/runs/{run.id}"
        headers = {"authorization": f"Bearer {token}"}
        [pending] = (await world.http.get(f"{url}/pending_deployments", headers=headers)).json()
        review = {
            "environment_ids": [pending["environment"]["id"]],
            "state": "approved",
            "comment": "go",
        }
        await world.http.post(f"{url}/pending_deployments", json=review, headers=headers)
        assert run.status == "queued"
        other = scene.start(JobSpec("deploy", LABELS, environment="prod"))
        world.github.approve(other, "prod", approved=False)
        assert other.conclusion == "failure"
        assert [(action, status) for action, status, _ in await scene.told()] == [
            ("waiting", Status.WAITING),
            ("queued", Status.QUEUED),
            ("waiting", Status.WAITING),
            ("completed", Status.COMPLETED),
        ]


@virtual_time
async def test_a_rerun_runs_what_failed() -> None:
    async def by_name(job: dict[str, Any]) -> str:
        return "success" if job["name"] == "good" else "failure"

    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        run = scene.start(JobSpec("good", LABELS), JobSpec("bad", LABELS))
        for name in "ab":
            await run_simulated(world.http, await scene.registered(name), by_name)
        assert run.conclusion == "failure"
        world.github.rerun(run, failed_only=True)
        assert {job.spec.name: job.status for job in run.latest} == {
            "good": "completed",
            "bad": "queued",
        }
        assert await run_simulated(world.http, await scene.registered("c"), at_once) == DONE
        assert run.conclusion == "success"


@virtual_time
async def test_runners_end_as_githubs_do() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        config = await scene.registered("a")
        first = scene.runner(config)
        await asyncio.sleep(1)
        assert await run_simulated(world.http, config, at_once) == CONFLICT
        [runner] = await scene.client.runners(ORG)
        await scene.client.delete_runner(ORG, runner.id)
        assert await first == TERMINATED
        world.github.faults.too_old = {VERSION}
        assert await run_simulated(world.http, await scene.registered("b"), at_once) == TOO_OLD


@virtual_time
async def test_runners_are_online_while_they_listen_and_a_minute_more() -> None:
    inbox = Webhooks()
    async with in_process(inbox) as world:
        scene = Scene(world, inbox)
        runner = scene.runner(await scene.registered("a"))
        for _ in range(3):
            await asyncio.sleep(200)
            assert [each.online for each in await scene.client.runners(ORG)] == [True]
        await stop(runner)
        assert [each.online for each in await scene.client.runners(ORG)] == [True]
        await asyncio.sleep(61)
        assert [each.online for each in await scene.client.runners(ORG)] == [False]


def test_the_same_seed_gives_the_same_day() -> None:
    async def day(seed: int) -> list[bytes]:
        inbox = Webhooks()
        async with in_process(inbox, seed=seed) as world:
            scene = Scene(world, inbox)
            faults = world.github.faults
            faults.webhook_twice = faults.webhook_fails = faults.webhook_lost = 0.2
            faults.webhook_delay = (0.0, 30.0)
            for number in range(10):
                scene.start()
                await asyncio.sleep(world.github.rng.random())
                await run_simulated(
                    world.http, await scene.registered(f"r{number}"), for_ten_seconds
                )
            await world.github.delivered()
            return [json.dumps(headers).encode() + body for headers, body in inbox.received]

    first, again, other = (run_virtual(functools.partial(day, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
