"""Blobs in S3 or what speaks like it (MinIO, Ceph, Garage…); credentials as boto3 finds them.

Parts of blobs that were never finished, because a server was killed, are for the bucket's
lifecycle rule to remove (`AbortIncompleteMultipartUpload`).
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.blobs import PIECE, BlobMissing, Stored, check_key
from mayfly.system.tasks import to_the_end
from mayfly.system.threads import in_thread

T = TypeVar("T")

_PART = 8 << 20  # of S3's 10,000 parts of at least 5 MiB
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 5},
    max_pool_connections=32,
    # Checksums beyond the protocol's first version are unknown to many that speak like S3.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Blobs:
    """See `blobs.BlobStore`. Large blobs are sent in parts, one after the other."""

    def __init__(self, client: Any, bucket: str, prefix: str):
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    @classmethod
    def at(cls, place: str, endpoint: str | None = None) -> "S3Blobs":
        """`s3://bucket/prefix`; `endpoint` is the URL of the service if it is not Amazon's."""
        where = urlsplit(place)
        prefix = where.path.strip("/")
        if where.scheme != "s3" or not where.netloc or where.query or where.fragment:
            raise InvalidInput(f"{place} is no place for blobs", remedy="give s3://bucket/prefix")
        if prefix:
            check_key(prefix)
        try:
            client = boto3.client("s3", endpoint_url=endpoint, config=_CONFIG)
        except ValueError as error:
            raise InvalidInput(f"{endpoint} is no endpoint of S3: {error}") from None
        return cls(client, where.netloc, f"{prefix}/" if prefix else "")

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        upload = _Upload(self, self._name(key))
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                await upload.take(chunk)
            await upload.finish()
        except BaseException:
            await to_the_end(upload.abort())
            raise
        return Stored(size, digest.hexdigest())

    async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        try:
            answer = await self.call("get_object", Key=self._name(key), Range=f"bytes={offset}-")
        except _Refused as error:
            if error.code == "InvalidRange":
                return
            raise _missing(key, error) from error
        body = answer["Body"]
        try:
            while piece := await in_thread(_told, self._bucket, lambda: body.read(PIECE)):
                yield piece
        finally:
            body.close()

    async def size(self, key: str) -> int | None:
        try:
            answer = await self.call("head_object", Key=self._name(key))
        except _Refused as error:
            if error.code in _MISSING:
                return None
            raise
        return int(answer["ContentLength"])

    async def delete(self, key: str) -> None:
        await self.call("delete_object", Key=self._name(key))

    async def keys(self, prefix: str = "") -> list[str]:
        return await in_thread(_told, self._bucket, lambda: self._keys(prefix))

    async def close(self) -> None:
        self._client.close()

    async def call(self, verb: str, **arguments: Any) -> Any:
        """Raises HostCannot; `_Refused`, which is one, for what the service says."""
        act = getattr(self._client, verb)
        return await in_thread(_told, self._bucket, lambda: act(Bucket=self._bucket, **arguments))

    def _keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        found = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return sorted(name.removeprefix(self._prefix) for name in found)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)


@dataclass(slots=True)
class _Upload:
    """One blob on its way; begun in parts only when it does not fit in one."""

    blobs: S3Blobs
    name: str
    waiting: bytearray = field(default_factory=bytearray)
    id: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)

    async def take(self, chunk: bytes) -> None:
        self.waiting += chunk
        while len(self.waiting) >= _PART:
            await self._send(bytes(self.waiting[:_PART]))
            del self.waiting[:_PART]

    async def finish(self) -> None:
        if self.id is None:
            await self.blobs.call("put_object", Key=self.name, Body=bytes(self.waiting))
            return
        if self.waiting:
            await self._send(bytes(self.waiting))
        await self.blobs.call(
            "complete_multipart_upload",
            Key=self.name,
            UploadId=self.id,
            MultipartUpload={"Parts": self.parts},
        )

    async def abort(self) -> None:
        if self.id is not None:
            with contextlib.suppress(HostCannot):
                await self.blobs.call("abort_multipart_upload", Key=self.name, UploadId=self.id)

    async def _send(self, part: bytes) -> None:
        if self.id is None:
            begun = await self.blobs.call("create_multipart_upload", Key=self.name)
            self.id = str(begun["UploadId"])
        number = len(self.parts) + 1
        sent = await self.blobs.call(
            "upload_part", Key=self.name, UploadId=self.id, PartNumber=number, Body=part
        )
        self.parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class _Refused(HostCannot):
    """The service's own word for why is `code`."""

    def __init__(self, bucket: str, code: str, message: str):
        super().__init__(
            f"the bucket {bucket} refused: {code}",
            details=message,
            remedy="see that the bucket is there and that these credentials may use it",
        )
        self.code = code


def _missing(key: str, error: _Refused) -> Exception:
    return BlobMissing(f"there is no blob {key}") if error.code in _MISSING else error


def _told(bucket: str, act: Callable[[], T]) -> T:
    """Raises HostCannot for the errors of boto3."""
    try:
        return act()
    except ClientError as error:
        said = error.response.get("Error", {})
        raise _Refused(bucket, said.get("Code", "?"), said.get("Message", "")) from error
    except BotoCoreError as error:
        raise HostCannot(
            f"the bucket {bucket} cannot be reached",
            details=str(error),
            remedy="see that the endpoint is right and that there are credentials",
        ) from error
