"""What Prometheus is told of the fleet."""

from prometheus_client.parser import text_string_to_metric_families
from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import Site, made

from mayfly.domain.job import JobState
from mayfly.server.settings import Settings


async def told(site: Site) -> dict[str, float]:
    """All figures of the fleet that are not 0, by name and labels."""
    metrics = site.services.metrics
    await metrics.fleet.refresh(site.store)
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(value for _, value in sorted(sample.labels.items()))
            if sample.value and not sample.name.endswith("_created"):
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


async def test_jobs_are_told_as_they_stand_and_as_they_end() -> None:
    site = await made()
    host = await Host(site).open()
    await told(site)
    await submitted(site, TWO_JOBS, TWO_JOBS)
    figures = await told(site)
    assert figures["mayfly_jobs{amd64,acme/site,queued}"] == 2
    site.clock += 4
    first, second = await host.start(), await host.start()
    figures = await told(site)
    assert figures["mayfly_jobs{amd64,acme/site,running}"] == 2
    assert "mayfly_jobs{amd64,acme/site,queued}" not in figures
    assert figures["mayfly_millicpu{used}"] == 2000
    assert figures["mayfly_memory_mib{offered}"] == 8192
    await host.end(first)
    await host.end(second, JobState.FAILED)
    figures = await told(site)
    assert figures["mayfly_jobs_ended_total{success,acme/site,succeeded}"] == 1
    assert figures["mayfly_jobs_ended_total{failure,acme/site,failed}"] == 1
    assert figures["mayfly_jobs_ended_total{skipped,acme/site,skipped}"] == 1
    assert figures["mayfly_job_waiting_seconds_bucket{amd64,5.0}"] == 2
    assert "mayfly_job_waiting_seconds_bucket{amd64,1.0}" not in figures
    assert await told(site) == figures


async def test_what_was_before_is_shown_but_not_counted() -> None:
    site = await made()
    await submitted(site, TWO_JOBS, TWO_JOBS)
    host = await Host(site).open()
    await host.end(await host.start())
    lease = await host.start()
    figures = await told(site)
    assert figures["mayfly_jobs{amd64,acme/site,running}"] == 1
    assert not any(name.startswith(("mayfly_jobs_ended", "mayfly_job_w")) for name in figures)
    await host.end(lease)
    figures = await told(site)
    assert figures["mayfly_jobs_ended_total{success,acme/site,succeeded}"] == 1
    assert not any(name.startswith("mayfly_job_waiting") for name in figures)


async def test_hosts_are_told_by_how_they_stand() -> None:
    site = await made()
    await Host(site).open()
    assert (await told(site))["mayfly_hosts{online}"] == 1
    assert (await told(site))["mayfly_sessions{}"] == 1
    async with site.client("root") as client:
        await client.post("/api/v1/hosts/h1/drain")
    assert (await told(site))["mayfly_hosts{draining}"] == 1


async def test_metrics_are_for_site_administrators_unless_they_are_open() -> None:
    site = await made()
    async with site.client("admin") as client:
        assert (await client.get("/metrics")).status_code == 403
    async with site.client("root") as client:
        answer = await client.get("/metrics")
    assert "mayfly_sessions 0.0" in answer.text
    site = await made(settings=Settings(base_url="http://mayfly.test", open_metrics=True))
    async with site.client() as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_requests_and_transactions_are_timed() -> None:
    site = await made()
    store = site.services.store
    before = await told(site)
    assert await store.serial(lambda tx: 6) == 6
    assert await store.write(lambda tx: 7) == 7
    async with site.client("viewer") as client:
        await client.get("/api/v1/projects/acme/site")
        await client.get("/nowhere")
    figures = await told(site)
    for kind in ("read", "serial", "write"):
        count = f"mayfly_store_seconds_count{{{kind}}}"
        assert figures[count] > before.get(count, 0)
    route = "/api/v1/projects/{owner}/{name}"
    assert figures[f"mayfly_http_request_seconds_count{{GET,{route},200}}"] == 1
    assert figures["mayfly_http_request_seconds_count{GET,none,404}"] == 1
