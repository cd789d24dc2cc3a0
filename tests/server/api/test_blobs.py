"""Blobs that clients send, over HTTP."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.server.api.fleet_of_one import STATE, TWO_JOBS
from tests.server.api.site import PROJECT, made

from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.native import BlobSources
from mayfly.server.settings import Settings
from mayfly.server.uploads import of_project, uploaded_by
from mayfly.store.people import Role
from mayfly.store.rows import RunRow
from mayfly.workflow.events import event_for

DATA = b"x" * 100_000
DIGEST = hashlib.sha256(DATA).hexdigest()
SUBMISSIONS = f"/api/v1/projects/{PROJECT}/submissions"


async def pieces() -> AsyncIterator[bytes]:
    for start in range(0, len(DATA), 10_000):
        yield DATA[start : start + 10_000]


async def test_a_blob_is_taken_in_as_a_stream_and_kept_under_its_name() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        assert (await client.get(f"/api/v1/blobs/{DIGEST}")).status_code == 404
        answer = await client.put(f"/api/v1/blobs/{DIGEST}", content=pieces())
        assert answer.status_code == 201
        assert (await client.get(f"/api/v1/blobs/{DIGEST}")).status_code == 204
        assert (await client.head(f"/api/v1/blobs/{DIGEST}")).status_code == 204
    uploads = site.services.uploads
    kept = [piece async for piece in uploads.open(uploaded_by("maintainer", DIGEST))]
    assert b"".join(kept) == DATA


async def test_nothing_is_kept_of_content_that_is_not_what_its_name_says() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        answer = await client.put(f"/api/v1/blobs/{'0' * 64}", content=pieces())
    assert answer.status_code == 400
    assert DIGEST in answer.json()["error"]
    assert await site.services.blobs.keys() == []


async def test_a_blob_has_a_limit_whether_or_not_it_says_its_length() -> None:
    site = await made(settings=Settings(base_url="http://mayfly.test", blob_limit=50_000))
    async with site.client("maintainer") as client:
        streamed = await client.put(f"/api/v1/blobs/{DIGEST}", content=pieces())
        said = await client.put(f"/api/v1/blobs/{DIGEST}", content=DATA)
    assert (streamed.status_code, said.status_code) == (413, 413)
    assert await site.services.blobs.keys() == []


async def test_it_takes_a_project_that_one_may_start_runs_in() -> None:
    site = await made()
    for person, status in ((None, 401), ("stranger", 403), ("viewer", 403), ("root", 201)):
        async with site.client(person) as client:
            answer = await client.put(f"/api/v1/blobs/{DIGEST}", content=DATA)
        assert answer.status_code == status


async def test_knowing_the_digest_of_what_another_sent_gets_nobody_at_it() -> None:
    site = await made()
    await site.user("other", role=Role.MAINTAINER)
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{DIGEST}", content=DATA)
    async with site.client("other") as client:
        assert (await client.get(f"/api/v1/blobs/{DIGEST}")).status_code == 404
        wrong = await client.put(f"/api/v1/blobs/{DIGEST}", content=b"not the content")
        assert wrong.status_code == 400
        refused = await client.post(SUBMISSIONS, json=wanting(DIGEST))
    assert (refused.status_code, refused.json()["remedy"]) == (400, "upload it first")


@pytest.mark.parametrize("actions", [True, False])
async def test_what_the_server_fetched_for_a_run_cannot_be_named(actions: bool) -> None:
    site = await made()
    name = "ab" * 32  # made of what the run is for, which others can guess
    await site.services.uploads.keep(name, of_project(PROJECT), pieces())
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{DIGEST}", content=DATA)
        for path in (name, f"../{name}", f"x/../../{name}"):
            wanted = wanting(DIGEST, a=path) if actions else wanting(path)
            answer = await client.post(SUBMISSIONS, json=wanted)
            assert answer.status_code == 400, path


def wanting(source: str, **actions: str) -> Any:
    file = ".github/workflows/ci.yml"
    run = RunRequest(file, {file: TWO_JOBS}, event_for("push", STATE), STATE)
    return codec.to_plain(Submission((run,), source, actions))


async def test_a_job_gets_the_source_that_its_sender_uploaded() -> None:
    site = await made()
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{DIGEST}", content=DATA)
        answer = await client.post(SUBMISSIONS, json=wanting(DIGEST, tool=DIGEST))
    assert answer.status_code == 201, answer.text
    [run] = await site.rows(RunRow)
    for action in (None, "tool"):
        got = [piece async for piece in BlobSources(site.services.uploads)(run, action)]
        assert b"".join(got) == DATA
