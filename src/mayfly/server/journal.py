"""Journals of runs: followed live, and kept as blobs once a run is over.

    store: the entries of runs that go on     blob: journals/<run>/<first>-<last>, JSON lines

A follower names the last number it has seen and misses nothing, repeats nothing: wherever the
entries lie meanwhile.
"""

import gzip
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from mayfly.protocol import codec
from mayfly.protocol.reports import Tagged, tag_event, untag_event
from mayfly.store.base import Entry, Store, Tx, View
from mayfly.store.blobs import BlobMissing, BlobStore
from mayfly.store.rows import SegmentRow

_BATCH = 500
_SEGMENT = 5_000

Batch = tuple[list[Entry], int]
"""Entries of a run in order, and the number to go on from, which may be beyond the last."""


class Journals:
    """Used from one event loop."""

    def __init__(self, store: Store, blobs: BlobStore):
        self._store = store
        self._blobs = blobs

    async def entries(self, run: str, after: int = 0, job: str | None = None) -> Batch:
        """The next batch of what there is now; empty at the end.

        `job` leaves out entries of the run itself and of its other jobs.
        """
        while True:
            found = await self._store.read(lambda view, after=after: next_of(view, run, after, job))  # type: ignore[misc]
            if not isinstance(found, SegmentRow):
                return found
            try:
                entries = await self._unpacked(found)
            except BlobMissing:
                if await self._store.read(lambda view, key=found.id: view.get(SegmentRow, key)):  # type: ignore[misc]
                    raise
                continue  # its time was over just then
            batch = [e for e in entries if e.number > after and job in {None, e.job}]
            after = found.last
            if batch:
                return batch, after

    async def seal(self, run: str, keep: int = 0) -> int:
        """Move entries, but for the last ones, from the store into blobs; says how many."""
        moved = 0
        while entries := await self._store.read(lambda view: _oldest(view, run, keep)):
            first, last = entries[0].number, entries[-1].number
            key = f"journals/{run}/{first:010d}-{last:010d}"
            await self._blobs.put(key, _once(_packed(entries)))
            segment = SegmentRow(
                id=f"{run}/{first:010d}",
                run=run,
                first=first,
                last=last,
                blob=key,
                at=entries[-1].event.at,
            )
            await self._store.serial(lambda tx, segment=segment: _note(tx, segment))  # type: ignore[misc]
            moved += len(entries)
        return moved

    async def _unpacked(self, segment: SegmentRow) -> list[Entry]:
        data = b"".join([piece async for piece in self._blobs.open(segment.blob)])
        lines = gzip.decompress(data).split(b"\n")
        return [_entry(segment.run, json.loads(line)) for line in lines if line]


def next_of(view: View, run: str, after: int, job: str | None = None) -> SegmentRow | Batch:
    """What the store has next of a run, or the segment to read before that."""
    batch = view.journal(run, after=after, job=job, limit=_BATCH)
    if job is None and batch and batch[0].number == after + 1:
        return batch, batch[-1].number
    first, last = view.journal_span(run)
    if after + 1 < first:
        for segment in view.find(SegmentRow, order="first", run=run, last__gt=after, limit=1):
            return segment
    return batch, batch[-1].number if len(batch) == _BATCH else max(after, last)


def _oldest(view: View, run: str, keep: int) -> list[Entry]:
    first, last = view.journal_span(run)
    movable = min(_SEGMENT, last - keep - first + 1)
    return view.journal(run, after=first - 1, limit=movable) if movable > 0 else []


def _note(tx: Tx, segment: SegmentRow) -> None:
    if tx.get(SegmentRow, segment.id) is None:  # else another server was quicker
        tx.add(segment)
        tx.trim_journal(segment.run, segment.last)


def _packed(entries: Iterable[Entry]) -> bytes:
    lines = [
        json.dumps([entry.number, entry.job, codec.to_plain(tag_event(entry.event))])
        for entry in entries
    ]
    return gzip.compress("\n".join(lines).encode(), compresslevel=6)


def _entry(run: str, plain: Any) -> Entry:
    number, job, tagged = plain
    return Entry(run, number, job, untag_event(codec.from_plain(Tagged, tagged)))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
