"""The client against the stand-in, whose answers are held against GitHub's own description."""

import asyncio
import functools
import json
from dataclasses import replace

import httpx
import pytest
from tests.standins.github.faults import Refusal
from tests.standins.github.in_process import Webhooks, in_process
from tests.standins.github.simulated import run_simulated
from tests.standins.github.world import JobSpec
from tests.virtual_time import virtual_time

from mayfly.forges.github import events, model
from mayfly.forges.github.client import convert_manifest
from mayfly.forges.github.errors import (
    Busy,
    Forbidden,
    NameTaken,
    NotFound,
    RateLimited,
    ServerTrouble,
    Unauthorised,
    Unprocessable,
)
from mayfly.forges.github.installation import Check
from mayfly.forges.github.manifest import form_url, manifest
from mayfly.forges.github.model import Scope

ORG = Scope("octo-org")
REPO = Scope("octo-org", "hello")
BUILD = JobSpec("build", ("self-hosted", "mayfly-arm64"))


@virtual_time
async def test_a_runner_is_registered_listed_and_removed() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        world.github.create_repository("octo-org/hello")
        client = world.client(app).installation(installation.id)
        for scope in (ORG, REPO):
            made = await client.generate_jit(scope, name="mayfly-1", labels=["mayfly-arm64"])
            assert made.runner.name == "mayfly-1"
            assert made.runner.labels == ("mayfly-arm64",)
            assert not made.runner.online
            assert made.config not in repr(made)
            with pytest.raises(NameTaken):
                await client.generate_jit(scope, name="mayfly-1", labels=["mayfly-arm64"])
            with pytest.raises(Unprocessable):
                await client.generate_jit(scope, name="mayfly-2", labels=[])
            other = await client.generate_jit(scope, name="mayfly-2", labels=["x"])
            assert await client.runners(scope) == (made.runner, other.runner)
            assert await client.runners(scope, name="mayfly-2") == (other.runner,)
            await client.delete_runner(scope, made.runner.id)
            await client.delete_runner(scope, made.runner.id)
            assert await client.runners(scope) == (other.runner,)


@virtual_time
async def test_a_job_runs_and_is_seen() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        repository = world.github.create_repository("octo-org/hello", private=True)
        client = world.client(app).installation(installation.id)
        run = world.github.start_run(repository, [BUILD])
        [seen] = await client.active_runs("octo-org/hello")
        assert (seen.id, seen.status, seen.event) == (run.id, model.Status.QUEUED, "push")
        [job] = await client.jobs("octo-org/hello", run.id)
        assert job.labels == ("self-hosted", "mayfly-arm64")
        assert job.status is model.Status.QUEUED
        made = await client.generate_jit(ORG, name="mayfly-1", labels=job.labels)

        async def work(_: object) -> str:
            [running] = await client.jobs("octo-org/hello", run.id)
            assert running.status is model.Status.IN_PROGRESS
            assert (running.runner_id, running.runner_name) == (made.runner.id, "mayfly-1")
            [runner] = await client.runners(ORG)
            assert (runner.online, runner.busy) == (True, True)
            with pytest.raises(Busy):
                await client.delete_runner(ORG, runner.id)
            return "failure"

        assert await run_simulated(world.http, made.config, work) == 0
        ended = await client.job("octo-org/hello", job.id)
        assert (ended.status, ended.conclusion) == (model.Status.COMPLETED, "failure")
        assert await client.active_runs("octo-org/hello") == ()
        assert await client.runners(ORG) == ()
        await client.rerun_failed_jobs("octo-org/hello", run.id)
        [again] = await client.jobs("octo-org/hello", run.id)
        assert again.run_attempt == 2


@virtual_time
async def test_repositories_are_those_the_installation_may_see() -> None:
    async with in_process() as world:
        for name in ("octo-org/a", "octo-org/b", "other/c"):
            world.github.create_repository(name)
        app = world.github.create_app("octo-org", webhook_url="https://mayfly.test/hook")
        some = world.github.install(app, "octo-org", ["octo-org/a"])
        github = world.client(app)
        client = github.installation(some.id)
        assert [each.full_name for each in await client.repositories()] == ["octo-org/a"]
        assert (await client.repository("octo-org/a")).default_branch == "main"
        for hidden in ("octo-org/b", "other/c"):
            with pytest.raises(NotFound):
                await client.repository(hidden)
        [listed] = await github.installations()
        assert (listed.id, listed.account, listed.organization) == (some.id, "octo-org", True)
        assert not listed.suspended
        assert listed.permissions["checks"] == "write"
        assert (await github.app()).slug == "mayfly"
        world.github.suspend(some)
        [listed] = await github.installations()
        assert listed.suspended
        world.github.unsuspend(some)
        world.github.uninstall(some)
        assert await github.installations() == ()


@virtual_time
async def test_long_lists_come_whole() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        repository = world.github.create_repository("octo-org/hello")
        specs = [JobSpec(f"job {number}", ("x",)) for number in range(201)]
        run = world.github.start_run(repository, specs)
        client = world.client(app).installation(installation.id)
        jobs = await client.jobs("octo-org/hello", run.id)
        assert [job.name for job in jobs] == [spec.name for spec in specs]


@virtual_time
async def test_a_check_is_made_and_concluded() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        repository = world.github.create_repository("octo-org/hello")
        client = world.client(app).installation(installation.id)
        waits = Check("mayfly", "a" * 40, "job 1", "Waiting", "No host serves this label.")
        id_ = await client.show_check("octo-org/hello", waits)
        assert repository.checks[id_].body["status"] == "in_progress"
        failed = Check(
            "mayfly",
            "a" * 40,
            "job 1",
            "Rejected",
            "x" * 70_000,
            conclusion="failure",
            details_url="https://mayfly.test/jobs/1",
        )
        assert await client.show_check("octo-org/hello", failed) == id_
        body = repository.checks[id_].body
        assert (body["status"], body["conclusion"]) == ("completed", "failure")
        assert body["head_sha"] == "a" * 40


@virtual_time
async def test_a_check_whose_making_was_answered_by_trouble_is_not_made_twice() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        repository = world.github.create_repository("octo-org/hello")
        client = world.client(app).installation(installation.id)
        made_but_502 = Refusal("POST", "/check-runs", 502, done=True)
        world.github.faults.refusals = [made_but_502]
        check = Check("mayfly", "a" * 40, "job 1", "Rejected", "Why.", conclusion="failure")
        with pytest.raises(ServerTrouble):
            await client.show_check("octo-org/hello", check)
        await client.show_check("octo-org/hello", check)
        assert len(repository.checks) == 1


@virtual_time
async def test_checks_of_one_name_are_told_apart_by_job_and_by_app() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        other = world.github.create_app("octo-org", webhook_url="", name="Other")
        elsewhere = world.github.install(other, "octo-org")
        repository = world.github.create_repository("octo-org/hello")
        one = Check("mayfly", "a" * 40, "job 1", "Rejected", "Why.", conclusion="failure")
        clients = [
            world.client(app).installation(installation.id),
            world.client(other).installation(elsewhere.id),
        ]
        for _ in range(2):
            for client in clients:
                await client.show_check("octo-org/hello", one)
                await client.show_check("octo-org/hello", replace(one, external_id="job 2"))
        made = [(check.app, check.body["external_id"]) for check in repository.checks.values()]
        assert made == [(app, "job 1"), (app, "job 2"), (other, "job 1"), (other, "job 2")]


@virtual_time
async def test_tokens_are_fetched_once_and_renewed_before_they_expire() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        issued = world.github._tokens
        await asyncio.gather(*(client.runners(ORG) for _ in range(10)))
        assert len(issued) == 1
        await asyncio.sleep(3600 - 301)
        await client.runners(ORG)
        assert len(issued) == 1
        await asyncio.sleep(2)
        await client.runners(ORG)
        assert len(issued) == 2


@virtual_time
async def test_a_token_that_works_no_more_is_replaced_once() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        github = world.client(app)
        client = github.installation(installation.id)
        await client.runners(ORG)
        world.github.revoke_tokens()
        await client.runners(ORG)
        world.github.uninstall(installation)
        with pytest.raises(NotFound):
            await client.runners(ORG)
        world.github.faults.refusals = [Refusal("GET", "/app", 401, times=2)]
        with pytest.raises(Unauthorised):
            await github.app()


@virtual_time
async def test_what_the_app_may_not_is_told_apart() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        app.permissions["organization_self_hosted_runners"] = "read"
        with pytest.raises(Forbidden) as caught:
            await client.runners(ORG)
        assert "permissions" in (caught.value.remedy or "")
        world.github.suspend(installation)
        with pytest.raises(Forbidden):
            await client.runners(ORG)


@virtual_time
async def test_limits_are_obeyed() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        begun = world.github.clock()
        world.github.faults.refusals = [
            Refusal("GET", "/runners", 403, {"retry-after": "90"}, "secondary rate limit")
        ]
        with pytest.raises(RateLimited) as first:
            await client.runners(ORG)
        assert first.value.until == pytest.approx(begun + 90, abs=0.1)
        with pytest.raises(RateLimited) as second:  # without asking
            await client.runners(ORG)
        assert second.value.until == pytest.approx(begun + 90, abs=0.1)
        await asyncio.sleep(90)
        assert await client.runners(ORG) == ()
        world.github.limits.hourly = 3
        with pytest.raises(RateLimited) as third:
            await asyncio.gather(*(client.runners(ORG, name="x") for _ in range(5)))
        assert third.value.until == pytest.approx(begun + 3600, abs=100)


@virtual_time
async def test_bursts_stay_below_the_limits_of_a_minute() -> None:
    """170 registrations a minute: the 171st waits, unless that is long."""
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        begun = world.github.clock()
        for number in range(170):
            await client.generate_jit(ORG, name=f"mayfly-{number}", labels=["x"])
        with pytest.raises(RateLimited):
            await client.generate_jit(ORG, name="mayfly-170", labels=["x"])
        await asyncio.sleep(56)
        await client.generate_jit(ORG, name="mayfly-170", labels=["x"])
        assert world.github.clock() >= begun + 60


@virtual_time
async def test_polls_that_see_nothing_new_cost_nothing() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        repository = world.github.create_repository("octo-org/hello")
        client = world.client(app).installation(installation.id)
        run = world.github.start_run(repository, [BUILD])
        first = await client.active_runs("octo-org/hello")
        used = world.github.meter.headers(f"installation {installation.id}")["x-ratelimit-used"]
        assert await client.active_runs("octo-org/hello") == first
        headers = world.github.meter.headers(f"installation {installation.id}")
        assert headers["x-ratelimit-used"] == used
        world.github.cancel(run)
        assert await client.active_runs("octo-org/hello") == ()


@virtual_time
async def test_looking_for_one_runner_must_be_done_looking_at_all_can_wait() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        world.github.limits.hourly = 10
        for _ in range(8):
            await client.runners(ORG, name="x")
        with pytest.raises(RateLimited):
            await client.runners(ORG)
        assert await client.runners(ORG, name="x") == ()


@virtual_time
async def test_trouble_is_told_apart_and_may_have_been_done() -> None:
    async with in_process() as world:
        app, installation = world.installed()
        client = world.client(app).installation(installation.id)
        world.github.faults.refusals = [Refusal("POST", "generate-jitconfig", 502, done=True)]
        with pytest.raises(ServerTrouble, match="generate-jitconfig"):
            await client.generate_jit(ORG, name="mayfly-1", labels=["x"])
        with pytest.raises(NameTaken):
            await client.generate_jit(ORG, name="mayfly-1", labels=["x"])


@virtual_time
async def test_deliveries_are_listed_and_sent_again() -> None:
    inbox = Webhooks(status=500)
    async with in_process(inbox) as world:
        app, installation = world.installed()
        github = world.client(app)
        await world.github.delivered()
        page = await github.deliveries(failed=True)
        assert [attempt.event for attempt in page.attempts] == ["installation", "ping"]
        assert page.cursor is None
        inbox.status = 200
        await github.redeliver(page.attempts[0].id)
        await world.github.delivered()
        [again] = [each for each in (await github.deliveries()).attempts if each.redelivery]
        assert again.delivered
        assert again.guid == page.attempts[0].guid
        headers, body = inbox.received[-1]
        delivery = events.accept(headers, body, app.webhook_secret)
        assert delivery.id == again.guid
        event = events.read(delivery.event, delivery.body)
        assert isinstance(event, events.InstallationChanged)
        assert event.installation.id == installation.id
        for number in range(120):
            world.github.push(
                world.github.create_repository(f"octo-org/{number}"),
                ref="refs/heads/main",
                before="0" * 40,
                after="a" * 40,
            )
        await world.github.delivered()
        first = await github.deliveries()
        second = await github.deliveries(cursor=first.cursor)
        assert (len(first.attempts), len(second.attempts), second.cursor) == (100, 23, None)


@virtual_time
async def test_a_manifest_becomes_an_app() -> None:
    async with in_process() as world:
        world.github.create_account("octo-org")
        shown = manifest(
            name="Mayfly of octo-org",
            server_url="https://mayfly.test",
            webhook_url="https://mayfly.test/hook",
            redirect_url="https://mayfly.test/github/created",
            setup_url="https://mayfly.test/github/installed",
        )
        address = form_url(world.github.web_url, "octo-org", "a state")
        sent_back = await world.http.post(address, data={"manifest": json.dumps(shown)})
        location = httpx.URL(sent_back.headers["location"])
        assert location.params["state"] == "a state"
        code = location.params["code"]
        convert = functools.partial(
            convert_manifest, clock=world.github.clock, base_url=world.github.api_url
        )
        made = await convert(world.http, code)
        assert made.owner == "octo-org"
        assert made.webhook_secret not in repr(made)
        assert made.pem not in repr(made)
        [app] = world.github.apps.values()
        assert (await world.client(app).app()).id == made.id
        with pytest.raises(NotFound):
            await convert(world.http, code)
        installed = await world.http.get(
            f"{world.github.web_url}/apps/{made.slug}/installations/new"
        )
        id_ = int(httpx.URL(installed.headers["location"]).params["installation_id"])
        assert await world.client(app).installation(id_).runners(ORG) == ()
