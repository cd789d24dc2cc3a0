"""What machines of native runs get: the job as it was planned, and sources from blobs."""

from collections.abc import AsyncIterator

from mayfly.domain.errors import InvalidInput
from mayfly.store.blobs import BlobStore
from mayfly.store.rows import JobRow, RunRow
from mayfly.workflow.spec import JobSpec


async def planned_spec(_run: RunRow, job: JobRow) -> JobSpec:
    """See `server.hosts.HandOver`."""
    assert job.spec is not None  # it was queued
    return job.spec


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


def upload_key(digest: str) -> str:
    """Where an uploaded blob lies; it is named by its SHA-256."""
    return f"uploads/{digest}"
