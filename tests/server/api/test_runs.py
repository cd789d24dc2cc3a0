"""Runs, jobs and reviews, over HTTP."""

from tests.server.api.fleet_of_one import DEPLOY, TWO_JOBS, Host, submitted
from tests.server.api.site import OPEN, PROJECT, Site, made

from mayfly.domain.job import Conclusion, JobState
from mayfly.store.people import Role
from mayfly.store.rows import EnvironmentRow, JobRow, ReviewRow, RunRow


async def test_a_run_is_shown_with_its_jobs_and_why_they_wait() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    async with site.client("viewer") as client:
        shown = (await client.get(f"/api/v1/runs/{run}")).json()
    assert (shown["project"], shown["branch"], shown["actor"]) == (PROJECT, "main", "maintainer")
    build, test = shown["jobs"]
    assert (build["state"], test["state"]) == ("queued", "blocked")
    assert build["size"]["label"] == "mayfly-amd64-1cpu-1gb"
    assert build["why"]
    assert test["needs"] == ["build"]


async def test_runs_are_listed_page_by_page_by_what_is_asked() -> None:
    site = await made()
    for _ in range(5):
        await submitted(site, TWO_JOBS)
    await submitted(site, TWO_JOBS, project=OPEN, actor="root")
    async with site.client("viewer") as client:
        first = (await client.get("/api/v1/runs?limit=4")).json()
        second = (await client.get(f"/api/v1/runs?limit=4&after={first['next']}")).json()
        here = (await client.get(f"/api/v1/runs?project={PROJECT}&state=active")).json()
        done = (await client.get("/api/v1/runs?state=finished")).json()
        root = (await client.get("/api/v1/runs?actor=root")).json()
    times = [run["created"] for run in first["items"] + second["items"]]
    assert len(times) == 6
    assert times == sorted(times, reverse=True)
    assert second["next"] is None
    assert len(here["items"]) == 5
    assert done["items"] == []
    assert [run["project"] for run in root["items"]] == [OPEN]


async def test_lists_hold_nothing_of_hidden_projects() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    await submitted(site, TWO_JOBS, project=OPEN)
    async with site.client("stranger") as client:
        runs = (await client.get("/api/v1/runs")).json()["items"]
        jobs = (await client.get("/api/v1/jobs")).json()["items"]
        asked = await client.get(f"/api/v1/jobs?project={PROJECT}")
    assert {one["project"] for one in runs + jobs} == {OPEN}
    assert asked.status_code == 404


async def test_jobs_are_found_by_state_and_host() -> None:
    site = await made()
    await submitted(site, TWO_JOBS, TWO_JOBS)
    lease = await (await Host(site).open()).start()
    async with site.client("viewer") as client:
        on_host = (await client.get("/api/v1/jobs?host=h1")).json()["items"]
        waiting = (await client.get("/api/v1/jobs?state=queued&state=blocked")).json()["items"]
        one = (await client.get(f"/api/v1/jobs/{lease.job}")).json()
    assert [job["id"] for job in on_host] == [lease.job]
    assert len(waiting) == 3
    assert (one["state"], one["host"], one["attempt"]) == ("running", "h1", 1)


async def test_a_run_is_cancelled_once_and_by_name() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    async with site.client("maintainer") as client:
        answer = await client.post(f"/api/v1/runs/{run}/cancel", json={})
        again = await client.post(f"/api/v1/runs/{run}/cancel", json={})
    assert answer.json()["conclusion"] == again.json()["conclusion"] == "cancelled"
    assert answer.json()["cancelled"] == "cancelled by maintainer"
    assert (await site.audited()).count("run.cancel") == 1


async def test_a_submission_is_cancelled_as_a_whole() -> None:
    site = await made()
    submission = await submitted(site, TWO_JOBS, TWO_JOBS)
    async with site.client("maintainer") as client:
        path = f"/api/v1/submissions/{submission.id}"
        answer = await client.post(f"{path}/cancel", json={"force": True})
        shown = await client.get(path)
    assert [run["conclusion"] for run in answer.json()["runs"]] == ["cancelled"] * 2
    assert shown.json() == answer.json()


async def test_a_job_is_cancelled_alone() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    [build, _] = await site.rows(JobRow, order="created", run=run)
    async with site.client("maintainer") as client:
        answer = await client.post(f"/api/v1/jobs/{build.id}/cancel")
    assert (answer.json()["state"], answer.json()["why"]) == (
        "cancelled",
        "cancelled by maintainer",
    )


async def test_what_failed_runs_again_and_what_succeeded_stays() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    host = await Host(site).open()
    await host.end(await host.start())
    await host.end(await host.start(), JobState.FAILED)
    async with site.client("maintainer") as client:
        answer = await client.post(f"/api/v1/runs/{run}/retry", json={})
        whole = await client.post(f"/api/v1/runs/{run}/retry", json={"failed_only": False})
        early = await client.post(f"/api/v1/runs/{answer.json()['id']}/retry", json={})
    assert answer.status_code == 201
    assert answer.json()["attempt"] == 2
    assert [job["state"] for job in answer.json()["jobs"]] == ["succeeded", "queued"]
    assert [job["state"] for job in whole.json()["jobs"]] == ["queued", "blocked"]
    assert early.status_code == 400


async def test_what_an_attempt_took_is_shown() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    await (await Host(site).open()).run_all()
    [job, _] = await site.rows(JobRow, order="created")
    async with site.client("viewer") as client:
        [metering] = (await client.get(f"/api/v1/jobs/{job.id}/metering")).json()
    assert metering["usage"]["cpu_seconds"] == 12.5
    assert metering["state"] == "succeeded"


async def waiting(site: Site, *reviewers: str, prevent_self_review: bool = False) -> str:
    rules = EnvironmentRow(
        id="acme/site/production",
        project=PROJECT,
        name="production",
        reviewers=reviewers,
        prevent_self_review=prevent_self_review,
    )
    await site.add(rules)
    [run] = (await submitted(site, DEPLOY)).runs
    return run


async def test_a_reviewer_lets_a_deployment_go_on() -> None:
    site = await made()
    run = await waiting(site, "viewer")
    async with site.client("viewer") as client:
        [asked] = (await client.get("/api/v1/reviews")).json()["items"]
        assert (asked["run"], asked["reviewers"]) == (run, ["viewer"])
        body = {"environment": "production", "approve": True, "comment": "go"}
        said = await client.post(f"/api/v1/runs/{run}/reviews", json=body)
        again = await client.post(f"/api/v1/runs/{run}/reviews", json=body)
        left = (await client.get("/api/v1/reviews")).json()["items"]
    assert (said.json()["approved"], said.json()["by"]) == (True, "viewer")
    assert again.status_code == 409
    assert left == []
    [job] = await site.rows(JobRow, run=run)
    assert job.state is JobState.QUEUED
    assert "review.approve" in await site.audited()


async def test_a_rejected_deployment_never_starts() -> None:
    site = await made()
    run = await waiting(site, "viewer")
    async with site.client("viewer") as client:
        body = {"environment": "Production", "approve": False, "comment": "not today"}
        await client.post(f"/api/v1/runs/{run}/reviews", json=body)
    [row] = await site.rows(RunRow, id=run)
    assert row.conclusion is Conclusion.FAILURE
    [job] = await site.rows(JobRow, run=run)
    assert "not today" in (job.reason or "")


async def test_who_is_no_reviewer_has_no_word_not_even_an_administrator() -> None:
    site = await made()
    await site.user("other", role=Role.ADMIN)
    run = await waiting(site, "viewer")
    body = {"environment": "production", "approve": True}
    for person in ("maintainer", "admin", "root"):
        async with site.client(person) as client:
            answer = await client.post(f"/api/v1/runs/{run}/reviews", json=body)
        assert answer.status_code == 403
        assert answer.json()["remedy"] == "ask viewer"
    [review] = await site.rows(ReviewRow)
    assert review.approved is None


async def test_who_started_a_run_may_be_kept_from_approving_it() -> None:
    site = await made()
    run = await waiting(site, "maintainer", prevent_self_review=True)
    async with site.client("maintainer") as client:
        body = {"environment": "production", "approve": True}
        answer = await client.post(f"/api/v1/runs/{run}/reviews", json=body)
    assert answer.status_code == 403
    assert "started this run" in answer.json()["error"]


async def test_reviews_of_a_public_project_are_for_its_members() -> None:
    site = await made()
    rules = EnvironmentRow(
        id="acme/open/production", project=OPEN, name="production", reviewers=("viewer",)
    )
    await site.add(rules)
    await submitted(site, DEPLOY, project=OPEN)
    for person, number in (("stranger", 0), ("root", 1)):
        async with site.client(person) as client:
            found = (await client.get("/api/v1/reviews")).json()["items"]
        assert len(found) == number
