"""What is bounded and what is kept for a time, as clients of the API see it."""

from hashlib import sha256

import httpx
import pytest
from tests.server.api.fleet_of_one import STATE, TWO_JOBS, Host, submitted
from tests.server.api.site import PROJECT, Site, made

from mayfly.domain.job import JobState
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.settings import Settings
from mayfly.store.rows import JobRow, RunRow, UploadRow
from mayfly.workflow.events import event_for

DAY = 86400.0
ONE = b"x" * 600
ANOTHER = b"y" * 600
FILE = ".github/workflows/ci.yml"
LATER = 400 * DAY


async def put(client: httpx.AsyncClient, data: bytes) -> httpx.Response:
    return await client.put(f"/api/v1/blobs/{sha256(data).hexdigest()}", content=data)


def limited(uploads_limit: int = 1 << 30, journal_limit: int = 1 << 30) -> Settings:
    return Settings(
        base_url="http://mayfly.test", uploads_limit=uploads_limit, journal_limit=journal_limit
    )


async def submit(client: httpx.AsyncClient, data: bytes) -> httpx.Response:
    run = RunRequest(FILE, {FILE: TWO_JOBS}, event_for("push", STATE), STATE)
    body = codec.to_plain(Submission((run,), sha256(data).hexdigest()))
    return await client.post(f"/api/v1/projects/{PROJECT}/submissions", json=body)


async def quota(site: Site, jobs: int | None) -> httpx.Response:
    async with site.client("root") as client:
        return await client.patch(
            f"/api/v1/projects/{PROJECT}/allotment", json={"quota_unfinished": jobs}
        )


async def later(site: Site) -> None:
    """So late that nothing is kept any more; tokens of the test's people do not expire."""
    site.clock += LATER
    while await site.services.retention.step():
        pass


# --- jobs ----------------------------------------------------------------------------------------


async def test_a_project_has_a_quota_of_unfinished_jobs_from_the_beginning() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        shown = (await client.get(f"/api/v1/projects/{PROJECT}")).json()
    assert shown["quota_unfinished"] == 10_000
    assert (await quota(site, None)).json()["quota_unfinished"] is None
    assert (await quota(site, -1)).status_code == 422


async def test_a_submission_beyond_it_is_refused_with_what_to_do() -> None:
    site = await made()
    assert (await quota(site, 3)).json()["quota_unfinished"] == 3
    async with site.client("maintainer") as client:
        await put(client, ONE)
        assert (await submit(client, ONE)).status_code == 201
        refused = await submit(client, ONE)
        said = refused.json()
        assert refused.status_code == 409
        assert said["error"] == f"{PROJECT} may have 3 jobs that wait or run, and would have more"
        assert "cancel what nobody needs" in said["remedy"]
        [run] = await site.rows(RunRow)
        await client.post(f"/api/v1/runs/{run.id}/cancel", json={})
        assert (await submit(client, ONE)).status_code == 201
        refused = await client.post(f"/api/v1/runs/{run.id}/retry", json={})
        assert refused.status_code == 409


async def test_only_who_allots_the_fleet_changes_it() -> None:
    site = await made()
    async with site.client("admin") as client:
        answer = await client.patch(
            f"/api/v1/projects/{PROJECT}/allotment", json={"quota_unfinished": None}
        )
    assert answer.status_code == 403


# --- uploads -------------------------------------------------------------------------------------


async def test_a_user_has_so_much_uploaded_and_no_more() -> None:
    site = await made(settings=limited(uploads_limit=1000))
    async with site.client("maintainer") as client:
        assert (await put(client, ONE)).status_code == 201
        refused = await put(client, ANOTHER)
        assert refused.status_code == 409
        assert refused.json()["error"].startswith("the uploads of user maintainer fill the")
        assert "deleted some days after" in refused.json()["remedy"]
        assert (await put(client, ONE)).status_code == 201
    async with site.client("root") as client:
        assert (await put(client, ANOTHER)).status_code == 201
    assert len(await site.services.blobs.keys()) == 2
    await later(site)
    async with site.client("maintainer") as client:
        assert (await put(client, ANOTHER)).status_code == 201


async def test_a_wrong_content_takes_no_room() -> None:
    site = await made(settings=limited(uploads_limit=1000))
    async with site.client("maintainer") as client:
        for _ in range(3):
            answer = await client.put(f"/api/v1/blobs/{'0' * 64}", content=ONE)
            assert answer.status_code == 400
        assert (await put(client, ONE)).status_code == 201


async def test_what_was_deleted_is_to_be_uploaded_again() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        await put(client, ONE)
        await later(site)
        assert await site.services.blobs.keys() == []
        refused = await submit(client, ONE)
        assert (refused.status_code, refused.json()["remedy"]) == (400, "upload it first")
        await put(client, ONE)
        assert (await submit(client, ONE)).status_code == 201


async def test_a_run_whose_source_is_gone_is_not_run_again() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        await put(client, ONE)
        [run] = (await submit(client, ONE)).json()["runs"]
        await later(site)
        assert len(await site.rows(UploadRow)) == 1  # it is not over
        await client.post(f"/api/v1/runs/{run}/cancel", json={})
        await later(site)
        refused = await client.post(f"/api/v1/runs/{run}/retry", json={})
    assert refused.status_code == 400
    assert refused.json()["error"] == f"what run {run} checked out is kept no longer"
    assert "send the clone again" in refused.json()["remedy"]


# --- logs ----------------------------------------------------------------------------------------


async def ended(site: Site) -> tuple[str, str]:
    """A run that ended, with its log in a blob, and one of its jobs."""
    [run] = (await submitted(site, TWO_JOBS)).runs
    await (await Host(site).open()).run_all()
    await site.services.journal.seal(run)
    [job, *_] = await site.rows(JobRow, run=run)
    return run, job.id


async def test_a_log_that_was_deleted_is_said_to_be_and_its_run_stays() -> None:
    site = await made()
    run, job = await ended(site)
    async with site.client("viewer") as client:
        assert (await client.get(f"/api/v1/jobs/{job}/log.txt")).text == "hello\n"
        assert (await client.get(f"/api/v1/runs/{run}")).json()["log_gone"] is None
        await later(site)
        for path in ("log", "log.txt"):
            answer = await client.get(f"/api/v1/jobs/{job}/{path}")
            assert answer.status_code == 410
            assert answer.json()["error"].startswith(f"the log of job {job} was deleted on 1971-")
        shown = (await client.get(f"/api/v1/runs/{run}")).json()
        assert shown["conclusion"] == "success"
        assert shown["log_gone"] == pytest.approx(site.clock, abs=1)
        told = await client.get(f"/api/v1/runs/{run}/events")
        assert (told.status_code, told.text.count("event: end")) == (200, 1)
        told = await client.get(f"/api/v1/submissions/{shown['submission']}/events")
        assert (told.status_code, told.text.count("event: end")) == (200, 1)
    assert await site.services.blobs.keys() == []


async def test_another_attempt_has_a_log_of_its_own() -> None:
    site = await made()
    run, _ = await ended(site)
    await later(site)
    row = (await site.rows(RunRow, id=run))[0]
    source = UploadRow(id="0" * 64, owner="user/x", blob="uploads/x.2", size=0, used=site.clock)
    await site.add(source)
    again = await site.store.serial(
        lambda tx: site.services.submissions.again(tx, row, "root", failed_only=False)
    )
    [following] = await site.rows(RunRow, id=again)
    assert following.log_gone is None


# --- journals ------------------------------------------------------------------------------------


async def test_a_job_of_which_too_much_is_reported_is_shown_as_failed() -> None:
    site = await made(settings=limited(journal_limit=5 << 20))
    await submitted(site, TWO_JOBS)
    host = await Host(site).open()
    lease = await host.start()
    for _ in range(6):
        await host.print(lease, "x" * (1 << 20))
    async with site.client("viewer") as client:
        shown = (await client.get(f"/api/v1/jobs/{lease.job}")).json()
        log = (await client.get(f"/api/v1/jobs/{lease.job}/log.txt")).text
    assert (shown["state"], shown["why"]) == (
        JobState.FAILED,
        "its host reported more than the 5 MiB that are kept of a job",
    )
    assert len(log) < 5 << 20
