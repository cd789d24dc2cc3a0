"""Blobs that clients send, over HTTP."""

import hashlib
from collections.abc import AsyncIterator

from tests.server.api.site import made

from mayfly.server.native import upload_key
from mayfly.server.settings import Settings

DATA = b"x" * 100_000
DIGEST = hashlib.sha256(DATA).hexdigest()


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
    kept = [piece async for piece in site.services.blobs.open(upload_key(DIGEST))]
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
