"""Hosts, over HTTP."""

from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import made

from mayfly.domain.job import JobState
from mayfly.server.enrolment import TOKEN_PREFIX
from mayfly.store.people import EnrolmentRow
from mayfly.store.rows import HostRow, JobRow, SessionRow


async def test_a_host_is_shown_with_what_is_taken_of_it() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    await (await Host(site).open()).start()
    async with site.client("stranger") as client:
        [listed] = (await client.get("/api/v1/hosts")).json()
        shown = (await client.get("/api/v1/hosts/h1")).json()
    assert listed == shown
    assert (shown["online"], shown["running"]) == (True, 1)
    assert (shown["millicpu"], shown["used_millicpu"]) == (4000, 1000)
    assert (shown["memory_mib"], shown["used_memory_mib"]) == (8192, 1024)
    assert "key_hash" not in shown


async def test_a_draining_host_gets_nothing_until_it_is_told_otherwise() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    host = await Host(site).open()
    async with site.client("root") as client:
        assert (await client.post("/api/v1/hosts/h1/drain")).json()["draining"] is True
        assert await host.claim() is None
        await client.post("/api/v1/hosts/h1/drain")
        assert (await client.post("/api/v1/hosts/h1/undrain")).json()["draining"] is False
    assert await host.claim() is not None
    assert [one for one in await site.audited() if one.startswith("host")] == [
        "host.drain",
        "host.undrain",
    ]


async def test_a_quarantined_host_is_released_by_a_person() -> None:
    site = await made()
    await site.add(HostRow(id="h1", quarantined="starts failed", failures=5))
    async with site.client("root") as client:
        assert (await client.post("/api/v1/hosts/h1/release")).json()["quarantined"] is None
    [row] = await site.rows(HostRow)
    assert row.failures == 0


async def test_what_a_removed_host_ran_runs_elsewhere() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    lease = await (await Host(site).open()).start()
    async with site.client("root") as client:
        assert (await client.delete("/api/v1/hosts/h1")).status_code == 204
        assert (await client.get("/api/v1/hosts")).json() == []
        assert (await client.delete("/api/v1/hosts/h1")).status_code == 404
    [job] = await site.rows(JobRow, id=lease.job)
    assert (job.state, job.losses) == (JobState.QUEUED, 1)
    [host] = await site.rows(HostRow)
    assert (host.removed, host.key_hash) == (True, "")
    assert [session.ended for session in await site.rows(SessionRow)] == [True]


async def test_how_much_is_given_out_is_changed() -> None:
    site = await made()
    await site.add(HostRow(id="h1"))
    async with site.client("root") as client:
        answer = await client.patch("/api/v1/hosts/h1", json={"cpu_factor": 2})
        assert answer.json()["cpu_factor"] == 2
        assert (await client.patch("/api/v1/hosts/h1", json={"cpu_factor": 0})).status_code == 422


async def test_a_token_for_a_new_host_is_shown_once() -> None:
    site = await made()
    async with site.client("root") as client:
        body = {"labels": ["gpu"], "ttl_s": 60}
        answer = await client.post("/api/v1/enrolments", json=body)
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert token.startswith(TOKEN_PREFIX)
    [row] = await site.rows(EnrolmentRow)
    assert token not in str(row)
    assert (row.labels, row.by) == (("gpu",), "root")
