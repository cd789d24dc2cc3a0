"""What is around every route: headers, methods, limits, problems, ids of requests."""

import logging

import pytest
from fastapi import APIRouter
from tests.server.api.fleet_of_one import TWO_JOBS, submitted
from tests.server.api.site import Site, made

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.base import KeyTaken, StoreUnavailable


async def test_browsers_are_told_to_run_nothing_but_our_own_files() -> None:
    async with (await made()).client() as client:
        for path in ("/healthz", "/nowhere", "/api/v1/runs"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "strict-transport-security" not in headers


async def test_head_is_get_without_the_body() -> None:
    site = await made()
    async with site.client("root") as client:
        for path in ("/api/v1/projects", "/nowhere"):
            got, head = await client.get(path), await client.head(path)
            assert head.status_code == got.status_code
            assert head.content == b""
            assert head.headers["content-type"] == got.headers["content-type"]


async def test_head_of_a_stream_does_not_wait_for_it() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    async with site.client("root") as client:
        head = await client.head(f"/api/v1/runs/{run}/events")
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_options_and_wrong_methods_are_told_what_there_is() -> None:
    async with (await made()).client() as client:
        options = await client.options("/api/v1/session")
        wrong = await client.put("/api/v1/session")
    assert options.status_code == 204
    assert wrong.status_code == 405
    for answer in (options, wrong):
        assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/tokens"])
async def test_bodies_have_a_limit(path: str) -> None:
    site = await made()
    async with site.client("root") as client:
        answer = await client.post(path, content=b"x" * (site.settings.body_limit + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"token": "x", "more": 1}', b'{"token": 1}'])
async def test_what_is_no_such_body_is_said_to_be_none(body: bytes) -> None:
    async with (await made()).client() as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/api/v1/session", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["details"].startswith("body")


def site_that_raises(error: Exception) -> Site:
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise error

    site = Site()
    assert site.app is not None
    site.app.include_router(router)
    return site


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("wrong", remedy="do it right"), 400),
        (HostCannot("no space"), 503),
        (StoreUnavailable("gone"), 503),
        (KeyTaken("row"), 409),
    ],
)
async def test_what_is_foreseen_has_its_status(error: Exception, status: int) -> None:
    async with site_that_raises(error).client() as client:
        answer = await client.get("/broken")
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "remedy", "details"}


async def test_a_defect_has_an_id_that_the_log_has_too(caplog: pytest.LogCaptureFixture) -> None:
    site = site_that_raises(ZeroDivisionError("secret words"))
    with caplog.at_level(logging.INFO):
        async with site.client() as client:
            answer = await client.get("/broken", headers={"X-Request-Id": "abc123"})
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "abc123"
    assert answer.headers["content-security-policy"]
    assert "abc123" in answer.json()["remedy"]
    assert "secret words" not in answer.text
    [record] = [one for one in caplog.records if one.exc_info]
    assert record.getMessage() == "defect"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "ü"])
async def test_ids_of_requests_that_could_upset_a_log_are_not_taken_over(given: str) -> None:
    async with (await made()).client() as client:
        answer = await client.get("/healthz", headers={b"X-Request-Id": given.encode()})
    assert answer.headers["x-request-id"] not in {given, ""}


async def test_readiness_asks_the_store() -> None:
    site = await made()
    async with site.client() as client:
        assert (await client.get("/readyz")).status_code == 200
    await site.store.close()
