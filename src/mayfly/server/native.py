"""What machines of native runs get: the job as it was planned, and sources from blobs."""

from collections.abc import AsyncIterator

from mayfly.domain.errors import InvalidInput
from mayfly.protocol.fleet import StaleLease
from mayfly.server.uploads import Uploads
from mayfly.store.base import Store
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

    def __init__(self, uploads: Uploads):
        self._uploads = uploads

    async def __call__(self, run: RunRow, action: str | None) -> AsyncIterator[bytes]:
        name = run.source if action is None else run.actions.get(action)
        if name is None:
            what = "has no source" if action is None else f"uses no action {action!r}"
            raise InvalidInput(f"run {run.id} {what}")
        async for piece in self._uploads.open(name):
            yield piece
