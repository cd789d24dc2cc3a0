"""What every place for blobs must keep to, and what is particular to each."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store import s3
from mayfly.store.blobs import BlobMissing, BlobStore, DirectoryBlobs, Stored, open_blobs

_PART = 5 << 20  # the smallest that S3 takes


UNSAFE = ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "a\n", "ä", "x" * 513]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def read(blobs: BlobStore, key: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in blobs.open(key, offset)])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client of an empty bucket `blobs`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(s3, "_PART", _PART)
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="blobs")
    yield client
    for item in client.list_objects_v2(Bucket="blobs").get("Contents", ()):
        client.delete_object(Bucket="blobs", Key=item["Key"])
    client.delete_bucket(Bucket="blobs")
    client.close()


@pytest.fixture(params=["folder", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    if request.param == "folder":
        made = open_blobs(str(tmp_path / "blobs"))
    else:
        request.getfixturevalue("bucket")
        made = open_blobs("s3://blobs/of/mayfly", request.getfixturevalue("endpoint"))
    yield made
    await made.close()


class TestEveryPlace:
    @pytest.mark.parametrize(
        "parts",
        [(), (b"",), (b"abc", b"def"), (b"x" * _PART, b"y"), (b"z" * 1_000_000,) * 11],
        ids=["none", "empty", "small", "a part and more", "two parts and more"],
    )
    async def test_gives_back_what_it_was_given(
        self, blobs: BlobStore, parts: tuple[bytes, ...]
    ) -> None:
        whole = b"".join(parts)
        stored = await blobs.put("a/b-1.x_y", pieces(*parts))
        assert stored == Stored(len(whole), hashlib.sha256(whole).hexdigest())
        assert await read(blobs, "a/b-1.x_y") == whole
        assert await blobs.size("a/b-1.x_y") == len(whole)

    async def test_reads_from_the_middle(self, blobs: BlobStore) -> None:
        await blobs.put("k", pieces(b"0123456789"))
        assert [await read(blobs, "k", offset) for offset in (0, 4, 9, 10, 11)] == [
            b"0123456789",
            b"456789",
            b"9",
            b"",
            b"",
        ]

    async def test_replaces(self, blobs: BlobStore) -> None:
        await blobs.put("k", pieces(b"long before"))
        await blobs.put("k", pieces(b"now"))
        assert await read(blobs, "k") == b"now"

    async def test_says_what_is_missing(self, blobs: BlobStore) -> None:
        await blobs.put("a/b", pieces(b"x"))
        for key in ("no", "a", "a/b/c"):
            with pytest.raises(BlobMissing, match=f"there is no blob {key}"):
                await read(blobs, key)
            assert await blobs.size(key) is None
            await blobs.delete(key)
        assert await read(blobs, "a/b") == b"x"

    async def test_deletes(self, blobs: BlobStore) -> None:
        await blobs.put("k", pieces(b"x"))
        await blobs.delete("k")
        await blobs.delete("k")
        assert await blobs.size("k") is None
        assert await blobs.keys() == []

    async def test_lists_in_order(self, blobs: BlobStore) -> None:
        keys = ["a/1", "a/10", "a/2", "a-x", "ab", "b"]
        for key in keys:
            await blobs.put(key, pieces(b"x"))
        assert await blobs.keys() == sorted(keys)
        assert await blobs.keys("a/") == ["a/1", "a/10", "a/2"]
        assert await blobs.keys("a/1") == ["a/1", "a/10"]
        assert await blobs.keys("c") == []

    @pytest.mark.parametrize("size", [10, 3 * _PART], ids=["small", "large"])
    async def test_what_breaks_off_leaves_what_was_there(self, blobs: BlobStore, size: int) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * size
            raise ZeroDivisionError

        await blobs.put("k", pieces(b"before"))
        for key in ("k", "new"):
            with pytest.raises(ZeroDivisionError):
                await blobs.put(key, broken())
        assert await read(blobs, "k") == b"before"
        assert await blobs.keys() == ["k"]

    async def test_a_cancelled_one_leaves_nothing(self, blobs: BlobStore) -> None:
        begun = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x"
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(blobs.put("k", endless()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await blobs.keys() == []

    async def test_many_at_once(self, blobs: BlobStore) -> None:
        whole = {f"k{number}": bytes([number]) * 100_000 for number in range(20)}
        await asyncio.gather(*(blobs.put(key, pieces(data)) for key, data in whole.items()))
        read_back = await asyncio.gather(*(read(blobs, key) for key in whole))
        assert read_back == list(whole.values())

    @pytest.mark.parametrize("key", UNSAFE)
    async def test_refuses_keys_that_are_not_safe(self, blobs: BlobStore, key: str) -> None:
        for act in (blobs.put(key, pieces(b"x")), blobs.size(key), blobs.delete(key)):
            with pytest.raises(InvalidInput, match="is no key of a blob"):
                await act
        with pytest.raises(InvalidInput, match="is no key of a blob"):
            await read(blobs, key)


class TestFolder:
    async def test_only_we_may_read(self, tmp_path: Path) -> None:
        blobs = DirectoryBlobs(tmp_path / "blobs")
        await blobs.put("a/b", pieces(b"x"))
        modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "blobs").rglob("*")}
        assert modes == {0}

    async def test_what_killed_writers_left_is_removed_and_no_more(self, tmp_path: Path) -> None:
        first = DirectoryBlobs(tmp_path)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            begun.set()
            yield b"still "
            await go_on.wait()
            yield b"here"

        task = asyncio.create_task(first.put("k", slow()))
        await begun.wait()
        being_written = list((tmp_path / ".parts").iterdir())
        assert len(being_written) == 1
        (tmp_path / ".parts" / "left").write_bytes(b"by one that was killed")
        second = DirectoryBlobs(tmp_path)
        assert list((tmp_path / ".parts").iterdir()) == being_written
        go_on.set()
        await task
        assert await read(second, "k") == b"still here"
        assert list((tmp_path / ".parts").iterdir()) == []

    async def test_a_full_disk_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(HostCannot, match="No space left on device"):
            await DirectoryBlobs(tmp_path).put("k", pieces(b"x"))
        assert list((tmp_path / ".parts").iterdir()) == []

    async def test_folders_go_with_the_last_in_them(self, tmp_path: Path) -> None:
        blobs = DirectoryBlobs(tmp_path)
        for key in ("a/b/c/1", "a/b/2"):
            await blobs.put(key, pieces(b"x"))
        await blobs.delete("a/b/c/1")
        assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["2"]
        await blobs.delete("a/b/2")
        assert not (tmp_path / "a").exists()
        await blobs.delete("a/b/2")

    async def test_one_is_written_while_its_folder_goes(self, tmp_path: Path) -> None:
        blobs = DirectoryBlobs(tmp_path)

        async def come_and_go(number: int) -> None:
            for _ in range(30):
                await blobs.put(f"a/b/c/{number}", pieces(b"x"))
                await blobs.delete(f"a/b/c/{number}")

        await asyncio.gather(*(come_and_go(number) for number in range(4)))
        assert await blobs.keys() == []
        assert not (tmp_path / "a").exists()

    async def test_what_cannot_be_deleted_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(_path: Path) -> None:
            raise OSError(30, "Read-only file system")

        blobs = DirectoryBlobs(tmp_path)
        await blobs.put("k", pieces(b"x"))
        monkeypatch.setattr(Path, "unlink", refused)
        with pytest.raises(HostCannot, match=r"cannot delete the blob .*/k: Read-only file system"):
            await blobs.delete("k")


class TestS3:
    async def test_nothing_unfinished_stays(self, bucket: Any, endpoint: str) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * _PART * 2
            raise ZeroDivisionError

        blobs = open_blobs("s3://blobs", endpoint)
        with pytest.raises(ZeroDivisionError):
            await blobs.put("k", broken())
        await blobs.close()
        assert "Uploads" not in bucket.list_multipart_uploads(Bucket="blobs")

    async def test_keys_are_below_the_prefix(self, bucket: Any, endpoint: str) -> None:
        bucket.put_object(Bucket="blobs", Key="other/k", Body=b"x")
        blobs = open_blobs("s3://blobs/here/", endpoint)
        await blobs.put("k", pieces(b"y"))
        assert await blobs.keys() == ["k"]
        await blobs.close()
        listed = bucket.list_objects_v2(Bucket="blobs")["Contents"]
        assert [item["Key"] for item in listed] == ["here/k", "other/k"]

    @pytest.mark.usefixtures("bucket")
    async def test_a_missing_bucket_is_said(self, endpoint: str) -> None:
        blobs = open_blobs("s3://nobody", endpoint)
        with pytest.raises(HostCannot, match="the bucket nobody refused: NoSuchBucket"):
            await blobs.put("k", pieces(b"x"))
        with pytest.raises(HostCannot, match="NoSuchBucket"):
            await read(blobs, "k")
        await blobs.close()

    @pytest.mark.usefixtures("bucket")
    async def test_a_service_that_is_not_there_is_said(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        blobs = open_blobs("s3://blobs", "http://127.0.0.1:9")
        with pytest.raises(HostCannot, match="the bucket blobs cannot be reached"):
            await blobs.size("k")
        await blobs.close()


@pytest.mark.parametrize(
    ("place", "endpoint"),
    [
        ("ftp://x/y", None),
        ("s3://", None),
        ("s3:///x", None),
        ("s3://b/../c", None),
        ("s3://b?x", None),
        ("s3://b", "no url"),
    ],
)
def test_other_places_are_refused(place: str, endpoint: str | None) -> None:
    with pytest.raises(InvalidInput):
        open_blobs(place, endpoint)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostCannot, match=f"cannot keep blobs in {tmp_path}/file/blobs"):
        open_blobs(str(tmp_path / "file" / "blobs"))
