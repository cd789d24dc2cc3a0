"""What machines of native runs get: the job as it was planned, and sources from blobs."""

import hashlib
from collections.abc import AsyncIterator

from mayfly.domain.errors import InvalidInput
from mayfly.protocol.fleet import StaleLease
from mayfly.store.base import Store
from mayfly.store.blobs import BlobStore
from mayfly.store.rows import JobRow, RunRow, SpecRow
from mayfly.workflow.spec import JobSpec


class PlannedSpecs:
    """See `server.hosts.HandOver`."""

    def __init__(self, store: Store):
        self._store = store

    async def __call__(self, _run: RunRow, job: JobRow) -> JobSpec:
        row = await self._store.read(lambda view: view.get(SpecRow, job.id))
        if row is None:
            raise StaleLease(f"{job.id} has ended")
        return row.spec


class BlobSources:
    """See `server.hosts.Sources`."""

    def __init__(self, blobs: BlobStore):
        self._blobs = blobs

    async def __call__(self, run: RunRow, action: str | None) -> AsyncIterator[bytes]:
        digest = run.source if action is None else run.actions.get(action)
        if digest is None:
            what = "has no source" if action is None else f"uses no action {action!r}"
            raise InvalidInput(f"run {run.id} {what}")
        async for piece in self._blobs.open(upload_key(digest)):
            yield piece


def upload_key(name: str) -> str:
    """Where the blob lies that a run names as its source, or as that of an action."""
    return f"uploads/{name}"


def uploaded_by(user: str | None, digest: str) -> str:
    """How a run names what this user uploaded. What others did cannot be named by its digest."""
    return f"{hashlib.sha256((user or '').encode()).hexdigest()[:32]}/{digest}"
