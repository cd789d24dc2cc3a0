"""Follows several runs at once, or one job of a run: what happened, and what goes on to happen."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from mayfly.server.journal import Batch, Journals, next_of
from mayfly.store.base import Entry, Store, View, run_topic
from mayfly.store.rows import JobRow, RunRow, SegmentRow

_AT_ONCE = 2_000
"""Entries, roughly: so many are held in memory for one follower."""


@dataclass(frozen=True, slots=True)
class Followed:
    """An entry; `places` are the numbers to go on from after it, by run."""

    entry: Entry
    places: Mapping[str, int]


async def follow(
    store: Store, journals: Journals, places: Mapping[str, int], job: str | None = None
) -> AsyncGenerator[Sequence[Followed], None]:
    """Entries beyond the `places` (by run), until all of them, or the job, are over and told.

    Each once, and in order within a run; those that are there at the same time come together.
    """
    at = dict(places)
    going = set(at)
    topics = {run_topic(run): run for run in at}
    watch = store.watch(*topics)
    fresh = set(at)  # only runs that were announced are looked at again
    try:
        while going:
            before = dict(at)
            there, over = await store.read(partial(_look, runs=fresh & going, at=before, job=job))
            told = dict(at)
            for run, batch in there.items():
                entries, at[run] = batch or await journals.entries(run, at[run], job)
                if entries:
                    yield [Followed(entry, told | {run: entry.number}) for entry in entries]
                    told[run] = entries[-1].number
            fresh = {run for run in fresh & going if run not in there or at[run] > before[run]}
            going -= over - fresh
            if going and not fresh:
                fresh = {topics[topic] for topic in await watch.wait()}
    finally:
        watch.close()


def _look(
    view: View, runs: Set[str], at: Mapping[str, int], job: str | None
) -> tuple[dict[str, Batch | None], set[str]]:
    """What comes next of as many of the runs as are told at once, and which of them are over.

    None for a run whose next entries the store has no more.
    """
    there: dict[str, Batch | None] = {}
    room = _AT_ONCE
    for run in sorted(runs):
        if room > 0:
            batch = next_of(view, run, at[run], job)
            there[run] = None if isinstance(batch, SegmentRow) else batch
            room -= len(batch[0]) if not isinstance(batch, SegmentRow) else _AT_ONCE
    ended = _ended(view, there, job)
    return there, ended


def _ended(view: View, runs: Collection[str], job: str | None) -> set[str]:
    if job is not None:
        row = view.get(JobRow, job)
        if row is None or row.state.is_final:
            return set(runs)
    going = view.find(RunRow, id=tuple(runs), conclusion=None)
    return set(runs) - {row.id for row in going}
