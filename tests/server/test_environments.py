"""Deployment environments, and concurrency groups across runs and projects."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.server.service import PROJECT, Service, entries, jobs, request
from tests.virtual_time import virtual_time
from tests.workflow.simulation import STATE

from mayfly.domain.job import Conclusion, JobState
from mayfly.server.environments import environment_id
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import (
    EnvironmentRow,
    GroupRow,
    Holder,
    JobRow,
    ProjectRow,
    RequestRow,
    ReviewRow,
    RunRow,
    SpecRow,
)

DEPLOY = jobs("deploy", environment="Production")
BLOCKED, QUEUED, REJECTED = JobState.BLOCKED, JobState.QUEUED, JobState.REJECTED


@pytest.fixture
def service() -> Service:
    return Service()


async def rules(service: Service, **fields: Any) -> None:
    row = EnvironmentRow(
        id=environment_id(PROJECT, "production"), project=PROJECT, name="production", **fields
    )
    await service.put(row)


async def review(service: Service, run: str, *, approved: bool, comment: str = "") -> None:
    """As a person does it: say so, then look at the run again."""
    key = f"{run}/production"
    said = {"approved": approved, "by": "hubot", "comment": comment}

    def work(tx: Any) -> None:
        assert tx.update(ReviewRow, key, {"approved": None}, **said)
        service.orchestrator.advance(tx, run)

    await service.serial(work)


async def tick(service: Service) -> None:
    """As the clock does it: look at the runs whose time has come."""
    now = service.now()

    def work(tx: Any) -> None:
        due = [run.id for run in tx.find(RunRow, look_at__lt=now)]
        service.orchestrator.advance(tx, *due)

    await service.serial(work)


async def standing(service: Service, run: str, key: str = "deploy") -> tuple[JobState, str | None]:
    row = await service.job(run, key)
    return row.state, row.reason


# --- environments --------------------------------------------------------------------------------


@virtual_time
async def test_an_environment_that_nobody_knows_is_open(service: Service) -> None:
    [run] = await service.submit(DEPLOY)
    assert await standing(service, run) == (QUEUED, None)


@virtual_time
async def test_the_environment_of_another_project_binds_nobody(service: Service) -> None:
    await rules(service, reviewers=("hubot",))
    [run] = await service.submit(DEPLOY, id="octo/other")
    assert await standing(service, run) == (QUEUED, None)


@virtual_time
async def test_a_job_waits_for_a_reviewer(service: Service) -> None:
    await rules(service, reviewers=("hubot", "lisa"))
    [run] = await service.submit(DEPLOY)
    why = "waits for hubot or lisa to approve environment 'production'"
    assert await standing(service, run) == (BLOCKED, why)
    assert (await service.run(run)).look_at is None
    asked = await service.read(lambda view: view.find(ReviewRow, run=run, approved=None))
    assert [(row.environment, row.asked) for row in asked] == [("production", service.now())]
    await asyncio.sleep(1000)
    await tick(service)
    assert await standing(service, run) == (BLOCKED, why)
    await review(service, run, approved=True)
    assert await standing(service, run) == (QUEUED, None)


@virtual_time
async def test_a_job_that_a_reviewer_refuses_is_rejected_with_the_comment(
    service: Service,
) -> None:
    await rules(service, reviewers=("hubot",))
    text = DEPLOY + "  after:\n    needs: deploy\n    runs-on: mayfly\n    steps: [{run: make}]\n"
    [run] = await service.submit(text)
    await review(service, run, approved=False, comment="not on a Friday")
    why = "hubot rejected its use of environment 'production': not on a Friday"
    assert await standing(service, run) == (REJECTED, why)
    assert await service.states(run) == {"deploy": REJECTED, "after": JobState.SKIPPED}
    assert (await service.run(run)).conclusion is Conclusion.FAILURE


@virtual_time
async def test_one_review_is_for_all_jobs_of_the_run_and_for_no_other_run(
    service: Service,
) -> None:
    await rules(service, reviewers=("hubot",))
    text = jobs("a", "b", environment="production")
    first, second = await service.submit(text, text)
    await review(service, first, approved=True)
    assert await service.states(first) == {"a": QUEUED, "b": QUEUED}
    assert await service.states(second) == {"a": BLOCKED, "b": BLOCKED}


@virtual_time
async def test_a_job_waits_for_the_timer(service: Service) -> None:
    await rules(service, wait_minutes=2.5)
    [run] = await service.submit(DEPLOY)
    why = "waits 2.5 minutes for environment 'production'"
    assert await standing(service, run) == (BLOCKED, why)
    assert (await service.run(run)).look_at == service.now() + 150
    await asyncio.sleep(149)
    await service.serial(lambda tx: service.orchestrator.advance(tx, run))
    assert await standing(service, run) == (BLOCKED, why)
    await asyncio.sleep(2)
    await tick(service)
    assert await standing(service, run) == (QUEUED, None)
    assert (await service.run(run)).look_at is None


@virtual_time
async def test_a_review_does_not_cut_the_timer_short_nor_the_timer_the_review(
    service: Service,
) -> None:
    await rules(service, wait_minutes=1, reviewers=("hubot",))
    early, late = await service.submit(DEPLOY, DEPLOY)
    await review(service, early, approved=True)
    assert (await standing(service, early))[0] is BLOCKED
    await asyncio.sleep(61)
    await tick(service)
    assert await standing(service, early) == (QUEUED, None)
    assert (await standing(service, late))[0] is BLOCKED
    assert (await service.run(late)).look_at is None
    await review(service, late, approved=True)
    assert await standing(service, late) == (QUEUED, None)


@virtual_time
async def test_of_several_timers_the_first_is_looked_at_first(service: Service) -> None:
    await rules(service, wait_minutes=10)
    other = EnvironmentRow(
        id=environment_id(PROJECT, "staging"), project=PROJECT, name="staging", wait_minutes=5
    )
    await service.put(other)
    text = DEPLOY + entries("stage", environment="staging")
    [run] = await service.submit(text)
    assert (await service.run(run)).look_at == service.now() + 300
    await asyncio.sleep(301)
    await tick(service)
    assert await service.states(run) == {"deploy": BLOCKED, "stage": QUEUED}
    assert (await service.run(run)).look_at == pytest.approx(service.now() + 299)


@virtual_time
async def test_the_timer_begins_when_the_job_comes_to_its_environment(service: Service) -> None:
    await rules(service, wait_minutes=1)
    text = jobs("build") + entries("deploy", environment="production", needs="build")
    [run] = await service.submit(text)
    session = await service.host()
    await asyncio.sleep(1000)
    await service.finish(session, await service.given(session))
    assert (await service.run(run)).look_at == service.now() + 60


@pytest.mark.parametrize(
    ("patterns", "suits"),
    [((), True), (("main",), True), (("release/*", "m*"), True), (("release/*",), False)],
)
def test_only_some_branches_may_use_it(patterns: tuple[str, ...], suits: bool) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        await rules(service, branches=patterns)
        [run] = await service.submit(DEPLOY, proven=True)
        only = f"environment 'production' is only for branches {', '.join(patterns)}"
        why = f"{only}, and this run is of main"
        assert await standing(service, run) == ((QUEUED, None) if suits else (REJECTED, why))

    check()


@pytest.mark.parametrize(
    ("pattern", "tag", "suits"),
    [("tag:v*", "v1.2", True), ("tag:v*", "w1", False), ("main", "main", False)],
)
def test_tags_are_named_as_such(pattern: str, tag: str, suits: bool) -> None:
    """Else who may push a tag, but not to `main`, would push a tag of that name."""

    @virtual_time
    async def check() -> None:
        service = Service()
        await rules(service, branches=(pattern,))
        tagged = replace(STATE, branch=None, tags=(tag,))
        [run] = await service.submit(request(DEPLOY, state=tagged), proven=True)
        state, why = await standing(service, run)
        assert state is (QUEUED if suits else REJECTED)
        assert suits or f"this run is of tag:{tag}" in (why or "")

    check()


@virtual_time
async def test_a_clone_proves_no_branch(service: Service) -> None:
    await rules(service, branches=("main",), reviewers=("hubot",))
    [run] = await service.submit(DEPLOY)
    why = (
        "environment 'production' is only for branches main, and this run was sent as a clone,"
        " which proves no branch: push instead"
    )
    assert await standing(service, run) == (REJECTED, why)
    assert await service.read(lambda view: view.find(ReviewRow)) == []


@virtual_time
async def test_a_repeated_run_proves_what_the_first_did(service: Service) -> None:
    await rules(service, branches=("main",))
    sent, pushed = [(await service.submit(DEPLOY, proven=proven))[0] for proven in (False, True)]
    await service.cancel(pushed)
    for run, state in ((sent, REJECTED), (pushed, QUEUED)):
        row = await service.run(run)
        again = await service.serial(partial(service.submissions.again, run=row, actor="mona"))
        assert (await standing(service, again))[0] is state


@virtual_time
async def test_who_waits_for_leave_is_cancelled_with_the_run(service: Service) -> None:
    await rules(service, reviewers=("hubot",), wait_minutes=1)
    [run] = await service.submit(DEPLOY)
    await service.cancel(run)
    assert (await standing(service, run))[0] is JobState.CANCELLED
    ended = await service.run(run)
    assert (ended.conclusion, ended.look_at) == (Conclusion.CANCELLED, None)


@virtual_time
async def test_who_waits_for_leave_holds_no_group(service: Service) -> None:
    """Else it would keep others waiting for as long as nobody looks."""
    await rules(service, reviewers=("hubot",))
    text = jobs("deploy", environment="production", concurrency="live")
    first, second = await service.submit(text, jobs("deploy", concurrency="live"))
    assert (await standing(service, first))[0] is BLOCKED
    assert await standing(service, second) == (QUEUED, None)
    await review(service, first, approved=True)
    assert await standing(service, first) == (BLOCKED, "waits for concurrency group 'live'")


# --- what an environment gives -------------------------------------------------------------------

ENV = "{T: '${{ secrets.TOKEN }}', O: '${{ secrets.OTHER }}', V: '${{ vars.PLACE }}'}"


async def values(service: Service, environment: str, **more: str) -> None:
    """TOKEN and PLACE of an environment, or of none; `more` are further secrets."""
    prefix = f"{PROJECT}/{environment}/" if environment else f"{PROJECT}/"
    word = environment or "all"
    of: Any = {"project": PROJECT, "environment": environment, "updated": 0.0}
    secrets = {"TOKEN": f"token of {word}", **more}
    await service.put(
        *(
            SecretRow(id=prefix + name, name=name, value=value, **of)
            for name, value in secrets.items()
        ),
        VariableRow(id=f"{prefix}PLACE", name="PLACE", value=f"place of {word}", **of),
    )


@virtual_time
async def test_jobs_get_what_their_environment_has_over_what_all_have(service: Service) -> None:
    await values(service, "", OTHER="for all")
    await values(service, "production")
    await values(service, "staging")
    text = "env: {W: '${{ secrets.TOKEN }}'}\n" + jobs("deploy", environment="Production", env=ENV)
    [run] = await service.submit(text + entries("build", env=ENV))
    deploy, build = [await service.spec(run, key) for key in ("deploy", "build")]
    mine, common = "token of production", "token of all"
    assert deploy.env == {"W": mine, "T": mine, "O": "for all", "V": "place of production"}
    assert build.env == {"W": common, "T": common, "O": "for all", "V": "place of all"}
    assert deploy.contexts["secrets"]["TOKEN"] == mine
    assert deploy.contexts["vars"] == {"PLACE": "place of production"}
    assert mine in deploy.masks
    assert mine not in repr(build)
    assert "token of staging" not in repr((deploy, build))


@virtual_time
async def test_what_an_environment_has_counts_more_than_what_a_run_brings(
    service: Service,
) -> None:
    await values(service, "production")
    [run] = await service.submit(
        request(jobs("deploy", environment="production", env=ENV), secrets={"token": "mine"})
    )
    assert (await service.spec(run, "deploy")).env["T"] == "token of production"


@virtual_time
async def test_nothing_holds_them_before_a_reviewer_approved(service: Service) -> None:
    await rules(service, reviewers=("hubot",))
    await values(service, "production")
    [run] = await service.submit(jobs("deploy", environment="production", env=ENV))
    kinds = (RequestRow, SpecRow, JobRow, RunRow)
    held = await service.read(lambda view: [row for kind in kinds for row in view.find(kind)])
    assert "token of production" not in repr(held)
    await review(service, run, approved=True)
    assert (await service.spec(run, "deploy")).env["T"] == "token of production"


@virtual_time
async def test_nothing_holds_them_before_the_timer_passed(service: Service) -> None:
    await rules(service, wait_minutes=1)
    await values(service, "production")
    [run] = await service.submit(jobs("deploy", environment="production", env=ENV))
    assert await service.read(lambda view: view.find(SpecRow)) == []
    await values(service, "production", LATER="set meanwhile")
    await asyncio.sleep(61)
    await tick(service)
    spec = await service.spec(run, "deploy")
    assert spec.contexts["secrets"]["LATER"] == "set meanwhile"


@virtual_time
async def test_a_job_whose_environment_makes_it_wrong_is_rejected(service: Service) -> None:
    await values(service, "production")
    env = "{T: '${{ fromJSON(vars.PLACE || 1) }}'}"
    [run] = await service.submit(jobs("deploy", environment="production", env=env))
    state, why = await standing(service, run)
    assert state is REJECTED
    assert "env.T" in (why or "")


# --- concurrency groups --------------------------------------------------------------------------

GROUP = "concurrency: {group: g, cancel-in-progress: %s}\n"


def grouped(*names: str, cancel: str = "false", **more: Any) -> str:
    return GROUP % cancel + jobs(*names, **more)


async def groups(service: Service) -> dict[str, tuple[Holder, ...]]:
    rows = await service.read(lambda view: view.find(GroupRow))
    return {row.id: row.holders for row in rows}


@virtual_time
async def test_runs_of_a_group_take_turns(service: Service) -> None:
    session = await service.host()
    first, second = await service.submit(grouped("a"), grouped("a"))
    assert (await standing(service, second, "a")) == (BLOCKED, "waits for concurrency group 'g'")
    lease = await service.given(session)
    assert (await service.row(lease)).run == first
    await service.finish(session, lease)
    lease = await service.given(session)
    assert (await service.row(lease)).run == second
    await service.finish(session, lease)
    assert await groups(service) == {}


@virtual_time
async def test_another_project_has_groups_of_its_own(service: Service) -> None:
    await service.submit(grouped("a"))
    [other] = await service.submit(grouped("a"), id="octo/other")
    assert await service.states(other) == {"a": QUEUED}
    assert set(await groups(service)) == {f"{PROJECT}/g", "octo/other/g"}


@virtual_time
async def test_a_newer_run_cancels_the_one_in_progress_and_follows_it(service: Service) -> None:
    session = await service.host()
    [first] = await service.submit(grouped("a"))
    lease = await service.given(session)
    [second] = await service.submit(grouped("a", cancel="true"))
    wishes = await service.hosts.wishes(session, frozenset({lease}))
    assert wishes.cancel == ((lease, "a newer one entered concurrency group 'g'"),)
    assert await service.states(second) == {"a": BLOCKED}
    await service.finish(session, lease, JobState.CANCELLED)
    assert (await service.run(first)).conclusion is Conclusion.CANCELLED
    assert await service.states(second) == {"a": QUEUED}


@virtual_time
async def test_a_third_run_takes_the_place_of_the_second(service: Service) -> None:
    first, second, third = await service.submit(*[grouped("a", "b")] * 3)
    assert (await service.run(second)).conclusion is Conclusion.CANCELLED
    assert await service.states(third) == {"a": BLOCKED, "b": BLOCKED}
    assert (await groups(service))[f"{PROJECT}/g"] == (Holder(first), Holder(third))


@virtual_time
async def test_a_lost_job_keeps_its_group_while_it_runs_again(service: Service) -> None:
    session = await service.host()
    first, second = await service.submit(grouped("a"), grouped("a"))
    await service.given(session)
    await service.hosts.close_session(session)
    session = await service.session()
    assert await service.states(second) == {"a": BLOCKED}
    lease = await service.given(session)
    assert ((await service.row(lease)).run, lease.attempt) == (first, 2)
    await service.finish(session, lease)
    assert await service.states(second) == {"a": QUEUED}


@virtual_time
async def test_a_newcomer_that_cancels_a_job_of_its_own_run_leaves_it_ended(
    service: Service,
) -> None:
    """The job that comes late is looked at before the one whose place it takes."""
    late = entries("late", needs="before", concurrency="g")
    waits = entries("waits", concurrency="g")
    [run] = await service.submit(jobs("has", concurrency="g") + entries("before") + late + waits)
    session = await service.host()
    given = [one.lease for one in await service.fill(session)]
    leases = {(await service.row(lease)).planned.key: lease for lease in given}
    assert set(leases) == {"has", "before"}
    assert (await service.states(run))["waits"] is BLOCKED
    await service.finish(session, leases["before"])
    assert (await service.states(run))["waits"] is JobState.CANCELLED
    await service.finish(session, leases["has"])
    await service.finish(session, await service.given(session))
    states = dict.fromkeys(("has", "before", "late"), JobState.SUCCEEDED)
    assert await service.states(run) == {**states, "waits": JobState.CANCELLED}
    assert (await service.run(run)).conclusion is Conclusion.CANCELLED
    assert await groups(service) == {}


@virtual_time
async def test_a_run_that_ends_gives_up_all_groups_of_its_jobs(service: Service) -> None:
    """Also of one that fail-fast cancels in the look that finds the run finished."""
    await service.put(ProjectRow(id=PROJECT, hosts=("none",)))
    await service.host()
    matrix = "{matrix: {n: [0, 1, 2]}}"
    [run] = await service.submit(jobs("a", strategy=matrix, concurrency="g"))
    assert (await service.run(run)).conclusion is not None
    assert await groups(service) == {}
    [following] = await service.submit(grouped("a"), id="octo/other")
    assert await service.states(following) == {"a": QUEUED}
