"""Pages of what is bounded, and of logs whose time is over."""

from dataclasses import replace

from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import PROJECT, Site, made

from mayfly.store.base import Tx
from mayfly.store.rows import JobRow, ProjectRow

HTML = {"Accept": "text/html"}


async def page(site: Site, path: str, user: str = "root") -> str:
    async with site.client(user) as client:
        answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200
    return answer.text


async def test_a_job_whose_log_was_deleted_says_so_and_asks_for_none() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    await (await Host(site).open()).run_all()
    await site.services.journal.seal(run)
    [job, *_] = await site.rows(JobRow, run=run)
    assert f'data-log="/api/v1/jobs/{job.id}/log"' in await page(site, f"/jobs/{job.id}")
    site.clock += 400 * 86400
    await site.services.retention.step()
    shown = await page(site, f"/jobs/{job.id}")
    assert "logs are kept for a time only" in shown
    assert "data-log=" not in shown
    assert "log.txt" not in shown
    assert run in await page(site, f"/runs/{run}")


async def test_a_project_says_what_its_quota_is_and_that_it_is_full() -> None:
    site = await made()
    place = f"/projects/{PROJECT}"
    shown = await page(site, place)
    assert "10,000 jobs at most" in shown
    assert "as many unfinished jobs as it may" not in shown
    await submitted(site, TWO_JOBS)

    def work(tx: Tx) -> None:
        row = tx.get(ProjectRow, PROJECT)
        assert row is not None
        tx.put(replace(row, quota_unfinished=2))

    await site.store.serial(work)
    shown = await page(site, place)
    assert "2 jobs at most" in shown
    assert "as many unfinished jobs as it may" in shown


async def test_the_quota_is_set_by_the_projects_form() -> None:
    site = await made()
    form = {"weight": "1", "priority": "0", "quota_unfinished": "7"}
    for value, kept in (("7", 7), ("", None)):
        async with site.client("root") as client:
            form["quota_unfinished"] = value
            answer = await client.post(f"/projects/{PROJECT}/allotment", data=form)
        assert answer.status_code == 303, answer.text
        [row] = await site.rows(ProjectRow, id=PROJECT)
        assert row.quota_unfinished == kept
