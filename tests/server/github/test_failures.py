"""Each way in which GitHub, webhooks, runners and hosts fail, and what becomes of the jobs."""

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server.github.fleet import REPOSITORY, Fleet, fleet
from tests.server.github.guest import succeeds
from tests.standins.github.faults import Refusal
from tests.standins.github.world import JobSpec
from tests.virtual_time import virtual_time

from mayfly.domain.job import JobState
from mayfly.server.github.spec import CONFIG
from mayfly.store.forge_rows import AlarmRow, ForgeJobRow, RunnerRow
from mayfly.store.rows import ProjectRow, RunRow, SpecRow


async def lasts(_job: dict[str, Any], seconds: float = 1200.0) -> str:
    await asyncio.sleep(seconds)
    return "success"


def ran_once(here: Fleet) -> None:
    assert set(here.guests.ran.values()) <= {1}


@virtual_time
async def test_a_webhook_that_failed_is_delivered_again(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.webhook_fails = 1.0
        run = here.queue()
        here.github.faults.webhook_fails = 0.0
        begun = here.github.clock()
        await here.done(run)
        assert run.conclusion == "success"
        assert run.updated - begun < 300


@virtual_time
async def test_a_webhook_that_is_lost_altogether_is_found_by_looking(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.webhook_lost = 1.0
        run = here.queue("one", "two")
        await here.done(run)
        assert run.conclusion == "success"
        ran_once(here)


@virtual_time
async def test_webhooks_twice_and_in_any_order(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.webhook_twice = 1.0
        here.github.faults.webhook_delay = (0.0, 120.0)
        runs = [here.queue(f"job {number}") for number in range(5)]
        await here.done(*runs)
        assert {run.conclusion for run in runs} == {"success"}
        ran_once(here)


@virtual_time
async def test_news_of_a_job_that_is_over_starts_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        here.github.faults.webhook_delay = (300.0, 301.0)
        run = here.queue()
        here.github.faults.webhook_delay = (0.0, 0.0)
        here.github.cancel(run)
        await here.until(lambda: here.rows(ForgeJobRow, status="completed"))
        await asyncio.sleep(400)
        assert here.jobs() == []


@virtual_time
async def test_another_job_may_take_the_runner(tmp_path: Path) -> None:
    """Labels are a set to GitHub: the machine made for `any` takes `large` away, and so on."""
    async with fleet(tmp_path, hosts=0) as here:
        first = here.queue("first")
        await here.until(lambda: len(here.jobs()) == 1)
        second = here.queue("second")
        await here.until(lambda: len(here.jobs()) == 2)
        here.github.actions.queue.reverse()  # so that GitHub gives the newer one first
        await here.host("h1", cpu=1)
        await here.done(first, second)
        states = {row.name: row.conclusion for row in here.rows(RunRow)}
        assert states == {"CI / first": "success", "CI / second": "success"}
        ran_once(here)


@virtual_time
async def test_a_runner_of_more_labels_is_taken_and_another_is_made(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        wide = here.github.start_run(
            here.repository, [JobSpec("wide", ("mayfly-1cpu-1gb", "self-hosted"))]
        )
        await here.until(lambda: len(here.jobs()) == 1)
        narrow = here.queue("narrow")
        await here.until(lambda: len(here.jobs()) == 2)
        here.github.actions.queue.reverse()
        await here.host("h1", cpu=1)
        await here.done(wide, narrow)
        assert (wide.conclusion, narrow.conclusion) == ("success", "success")
        ran_once(here)


@virtual_time
async def test_cancelled_before_pick_up_nothing_is_started(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        run = here.queue()
        await here.until(here.jobs)
        here.github.cancel(run)
        await here.done(run)
        assert [row.state for row in here.jobs()] == [JobState.CANCELLED]


@virtual_time
async def test_a_runner_whose_job_was_cancelled_waits_a_while_then_goes(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.webhook_delay = (0.0, 0.0)
        run = here.queue()
        here.github.actions.queue.clear()  # GitHub is slow to give it out
        await here.until(lambda: here.rows(RunnerRow) and here.rows(RunnerRow)[0].minted)
        here.github.cancel(run)
        at = here.github.clock()
        await asyncio.sleep(200)
        assert here.machines == 1
        await here.done(run)
        assert 290 < here.github.clock() - at < 400
        assert here.guests.killed_at_work == []


@virtual_time
async def test_what_works_is_not_stopped_whatever_github_says_of_it(tmp_path: Path) -> None:
    """`busy` lies, DELETE succeeds, and no webhook tells that the job began."""
    async with fleet(tmp_path) as here:
        here.guests.work = lasts
        run = here.queue()
        held, here.github.actions.queue[:] = list(here.github.actions.queue), []
        await here.until(lambda: any(row.minted for row in here.rows(RunnerRow)))
        faults = here.github.faults
        faults.busy_lies, faults.delete_while_busy, faults.webhook_lost = 1.0, True, 1.0
        faults.refusals = [Refusal("GET", "/jobs", 502, times=10**9)]
        here.github.actions.queue[:] = held
        await here.until(lambda: here.guests.at_work)
        [job] = here.rows(ForgeJobRow)
        await here.put(_cancelled(job))  # as if it had been, and the news of its begin got lost
        await here.until(lambda: run.conclusion)
        assert run.conclusion == "success"
        assert here.guests.killed_at_work == []
        faults.refusals, faults.webhook_lost = [], 0.0
        await here.done(run)


@virtual_time
async def test_idle_runners_that_github_evicts_are_replaced(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.evict_idle_after = 120.0
        run = here.queue()
        held, here.github.actions.queue[:] = list(here.github.actions.queue), []
        await here.until(lambda: len(here.rows(RunnerRow)) > 2)
        here.github.actions.queue[:] = held
        await here.done(run)
        assert run.conclusion == "success"


@virtual_time
async def test_a_registration_that_vanishes_is_made_again(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.registration_vanishes = 1.0
        run = here.queue()
        await here.until(lambda: len(here.rows(RunnerRow)) > 1)
        here.github.faults.registration_vanishes = 0.0
        await here.done(run)
        assert run.conclusion == "success"


@virtual_time
async def test_a_name_that_is_taken_is_freed(tmp_path: Path) -> None:
    """As after a crash between the registration and its note."""
    async with fleet(tmp_path) as here:
        lost = Refusal("POST", "/generate-jitconfig", 502, done=True, times=2)
        here.github.faults.refusals = [lost]
        run = here.queue()
        await here.done(run)
        assert run.conclusion == "success"
        assert len(here.rows(RunnerRow)) == 1


@virtual_time
async def test_limits_are_waited_for(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        headers = {"retry-after": "90"}
        limited = Refusal("POST", "/generate-jitconfig", 429, headers=headers, times=2)
        here.github.faults.refusals = [limited]
        run = here.queue()
        await here.done(run)
        assert run.conclusion == "success"
        assert len(here.rows(RunnerRow)) == 1


@virtual_time
async def test_a_refused_registration_is_tried_again_later_not_at_once(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        refused = Refusal("POST", "/generate-jitconfig", 422, message="no", times=20)
        here.github.faults.refusals = [refused]
        run = here.queue()
        await here.done(run)
        assert run.conclusion == "success"
        *refused_ones, last = here.jobs()
        assert {row.state for row in refused_ones} == {JobState.LOST}
        assert last.state is JobState.SUCCEEDED
        waits = [b.created - a.created for a, b in itertools.pairwise(here.jobs())]
        assert waits == sorted(waits)
        assert waits[-1] > 10
        assert "no" in (here.jobs()[0].reason or "")


@virtual_time
async def test_a_runner_that_is_too_old_stops_the_launching(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.too_old = {here.guests.version}
        run = here.queue("one", "two", "three")
        await here.until(lambda: here.rows(AlarmRow))
        [alarm] = here.rows(AlarmRow)
        assert "too old" in alarm.reason
        metrics = here.services.metrics
        await metrics.fleet.refresh(here.store)
        assert b'mayfly_images_stopped{image="github"} 1.0' in metrics.text()
        await asyncio.sleep(600)
        assert len(here.guests.specs) <= 3
        assert here.machines == 0
        here.guests.version = "3.0.0"
        await here.done(run)
        assert run.conclusion == "success"


@virtual_time
async def test_a_lost_host_is_reported_and_its_job_rerun_if_the_project_chose(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path) as here:
        [project] = here.rows(ProjectRow)
        await here.put(_rerun(project))
        here.guests.work = lasts
        run = here.queue()
        await here.until(lambda: here.guests.at_work)
        await here.lose("h1")
        await here.until(lambda: here.jobs()[0].state is JobState.LOST)
        await here.host("h2")
        here.guests.work = succeeds
        await here.until(lambda: run.attempt == 2)
        await here.done(run)
        assert run.conclusion == "success"


@virtual_time
async def test_a_lost_host_is_only_reported_by_default(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.guests.work = lasts
        run = here.queue()
        await here.until(lambda: here.guests.at_work)
        await here.lose("h1")
        await here.host("h2")
        await here.done(run)
        assert (run.attempt, run.conclusion) == (1, "failure")
        assert [row.state for row in here.jobs()] == [JobState.LOST]


@virtual_time
async def test_a_host_lost_before_the_job_began_costs_only_time(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        run = here.queue()
        held, here.github.actions.queue[:] = list(here.github.actions.queue), []
        await here.host("h1")
        await here.until(lambda: any(row.minted for row in here.rows(RunnerRow)))
        await here.lose("h1")
        here.github.actions.queue[:] = held
        await here.host("h2")
        await here.done(run)
        assert run.conclusion == "success"


@virtual_time
async def test_ghosts_are_removed_and_others_left_alone(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        run = here.queue()
        account = here.repository.owner
        register = here.github.runners.register
        register(account, here.repository, name="mayflytest-old-1", group=1, labels=("x",))
        other = register(account, here.repository, name="elsewhere-1", group=1, labels=("x",))
        await here.until(lambda: here.registered() == ["elsewhere-1"])
        here.github.runners.take_away(other)
        await here.done(run)


@virtual_time
async def test_a_label_nobody_can_serve_fails_a_check_within_seconds(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        begun = here.github.clock()
        run = here.queue(label="mayfly-64cpu-256gb")
        await here.until(lambda: here.repository.checks)
        assert here.github.clock() - begun < 10
        [check] = here.repository.checks.values()
        assert check.body["head_sha"] == run.head_sha
        assert check.body["conclusion"] == "failure"
        assert "nearest that fits is mayfly-amd64-4cpu-8gb" in check.body["output"]["summary"]
        here.github.cancel(run)
        await here.done(run)
        assert len(here.repository.checks) == 1


@virtual_time
async def test_a_check_is_not_shown_twice_when_its_making_was_answered_by_trouble(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path) as here:
        here.github.faults.refusals = [Refusal("POST", "/check-runs", 502, done=True)]
        run = here.queue(label="mayfly-64cpu-256gb")
        await here.until(lambda: not here.chores("check") and here.repository.checks)
        assert here.github.faults.refusals[0].times == 0
        assert len(here.repository.checks) == 1
        here.github.cancel(run)
        await here.done(run)


@virtual_time
async def test_a_label_that_is_none_fails_a_check_too(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        run = here.queue(label="mayfly-arm46-8cpu")
        await here.until(lambda: here.repository.checks)
        [check] = here.repository.checks.values()
        assert "mayfly-arm46-8cpu" in check.body["output"]["summary"]
        here.github.cancel(run)
        await here.done(run)


@virtual_time
async def test_jobs_for_others_are_left_alone(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.queue(label="ubuntu-latest")
        await asyncio.sleep(60)
        assert here.rows(ForgeJobRow) == []
        assert not here.repository.checks


@virtual_time
async def test_the_registration_is_told_to_nobody_but_the_machine(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        run = here.queue()
        await here.done(run)
        [spec] = here.guests.specs
        config = spec.env[CONFIG]
        assert spec.masks == (config,)
        [row] = here.rows(RunRow)
        told = here.store.view().journal(row.id)
        assert told
        assert all(config not in repr(entry) for entry in told)
        assert all(config not in repr(row) for row in here.rows(RunnerRow))
        assert here.rows(SpecRow) == []


@virtual_time
async def test_what_a_person_cancels_here_is_not_started_again(tmp_path: Path) -> None:
    async with fleet(tmp_path, hosts=0) as here:
        run = here.queue()
        await here.until(here.jobs)
        [row] = here.rows(RunRow)
        orchestrator = here.services.orchestrator
        await here.store.serial(lambda tx: orchestrator.cancel_run(tx, row.id, "ada"))
        await asyncio.sleep(60)
        assert len(here.jobs()) == 1
        [check] = here.repository.checks.values()
        assert check.body["conclusion"] == "cancelled"
        assert "cancelled here: ada" in check.body["output"]["summary"]
        here.github.cancel(run)
        await here.done(run)


@virtual_time
async def test_a_repository_that_is_taken_away_is_polled_no_more(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        here.github.choose_repositories(here.installation, [])
        await here.until(lambda: here.rows(ProjectRow)[0].installation is None)
        here.github.choose_repositories(here.installation, [REPOSITORY])
        await here.until(lambda: here.rows(ProjectRow)[0].installation == here.installation.id)


@virtual_time
@pytest.mark.parametrize("conclusion", ["failure", "cancelled"])
async def test_a_run_ends_as_its_job_did_at_github(tmp_path: Path, conclusion: str) -> None:
    async def ends(_job: dict[str, Any]) -> str:
        await asyncio.sleep(5)
        return conclusion

    async with fleet(tmp_path) as here:
        here.guests.work = ends
        run = here.queue()
        await here.done(run)
        assert [row.conclusion for row in here.rows(RunRow)] == [conclusion]


def _cancelled(job: ForgeJobRow) -> ForgeJobRow:
    return replace(job, status="completed", conclusion="cancelled", runner=None)


def _rerun(project: ProjectRow) -> ProjectRow:
    return replace(project, rerun_lost=True)
