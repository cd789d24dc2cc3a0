"""Deletes what is kept when its time is over: uploads that no run needs, logs of runs long ended.

Rows go first: one transaction gives up the rows that name a blob, and writes its key down as a
`RemovalRow`; then the blob is deleted, and last the removal. A crash leaves a removal, which is
done again by whoever looks next. The other way round it would leave rows that name blobs which are
no more, and a run might begin with one. A key is never used again, so removing a blob twice, by two
servers at once, harms nobody.
"""

from collections.abc import Callable
from dataclasses import replace

from mayfly.server.removals import remove_later
from mayfly.server.uploads import forget, give_back
from mayfly.store.base import Store, Tx, View
from mayfly.store.blobs import BlobStore
from mayfly.store.rows import ArrivingRow, RemovalRow, RunRow, SegmentRow, UploadRow

_AT_ONCE = 50
_SKEW_S = 3600.0  # by which servers' clocks may differ


class Retention:
    """`uploads_s` after its last use an upload is given up, `logs_s` after its end a run's log.

    None: never. `now` gives seconds since 1970. Any number of replicas call `step`.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        now: Callable[[], float],
        *,
        uploads_s: float | None,
        logs_s: float | None,
    ):
        self._store = store
        self._blobs = blobs
        self._now = now
        self._uploads_s = uploads_s
        self._logs_s = logs_s

    async def step(self) -> bool:
        """A little of what is due; whether there may be more. Raises HostCannot."""
        more = False
        if await self._store.read(self._is_due):
            more = await self._store.serial(self._give_up)
        return await self._remove() or more

    def _is_due(self, view: View) -> bool:
        now = self._now()
        return bool(
            view.find(ArrivingRow, until__lt=now, limit=1)
            or (
                self._uploads_s is not None
                and view.find(UploadRow, used__lt=now - self._uploads_s, limit=1)
            )
            or (
                self._logs_s is not None
                and view.find(SegmentRow, at__lt=now - self._logs_s, limit=1)
            )
        )

    def _give_up(self, tx: Tx) -> bool:
        now = self._now()
        arriving = tx.find(ArrivingRow, order="until", until__lt=now, limit=_AT_ONCE)
        for row in arriving:
            give_back(tx, row.id)
        found = [len(arriving)]
        if self._uploads_s is not None:
            found.append(_give_up_uploads(tx, now, now - self._uploads_s))
        if self._logs_s is not None:
            found.append(_give_up_logs(tx, now, now - self._logs_s))
        return _AT_ONCE in found

    async def _remove(self) -> bool:
        removals = await self._store.read(lambda view: view.find(RemovalRow, limit=_AT_ONCE))
        for row in removals:
            await self._blobs.delete(row.id)
            await self._store.serial(lambda tx, row=row: tx.delete(RemovalRow, row.id))  # type: ignore[misc]
        return len(removals) == _AT_ONCE


def _give_up_uploads(tx: Tx, now: float, before: float) -> int:
    """Those that no unfinished run names; says how many were looked at."""
    due = tx.find(UploadRow, order="used", used__lt=before, limit=_AT_ONCE)
    needed = _needed(tx, before + _SKEW_S) if due else set()
    for row in due:
        if row.id in needed:
            tx.put(replace(row, used=now))  # else those would be looked at again and again
        else:
            forget(tx, row)
    return len(due)


def _needed(view: View, before: float) -> set[str]:
    """What unfinished runs name. One that began later has used all that it names since."""
    runs = view.find(RunRow, finished=None, created__lt=before)
    return {name for run in runs for name in (run.source, *run.actions.values()) if name}


def _give_up_logs(tx: Tx, now: float, before: float) -> int:
    """Those of runs that ended before; says how many parts were looked at."""
    due = tx.find(SegmentRow, order="at", at__lt=before, limit=_AT_ONCE)
    for run in sorted({segment.run for segment in due}):
        row = tx.get(RunRow, run)
        ended = row.finished or now if row else before
        parts = tx.find(SegmentRow, run=run)
        if row is not None and ended >= before:  # parts of its log are older than its end
            for part in parts:
                tx.put(replace(part, at=ended))
            continue
        for part in parts:
            tx.delete(SegmentRow, part.id)
            remove_later(tx, part.blob)
        if row is not None:
            tx.put(replace(row, log_gone=now))
    return len(due)
