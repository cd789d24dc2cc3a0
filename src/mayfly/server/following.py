"""Follows several runs at once, or one job of a run: what happened, and what goes on to happen."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mayfly.server.journal import Journals
from mayfly.store.base import Entry, Store, View, run_topic
from mayfly.store.rows import JobRow, RunRow


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
    going = frozenset(at)
    topics = {run_topic(run): run for run in at}
    watch = store.watch(*topics)
    fresh = frozenset(at)  # only runs that were announced are looked at again
    try:
        while going:
            seen = dict(at)
            look = partial(_look, going=fresh & going, at=dict(at), job=job)
            ended, news = await store.read(look)
            for run in sorted(news):
                entries, at[run] = await journals.entries(run, at[run], job)
                if entries:
                    yield [Followed(entry, seen | {run: entry.number}) for entry in entries]
                    seen[run] = entries[-1].number
            going -= ended - news
            fresh = frozenset(news)
            if going and not news:
                fresh = frozenset(topics[topic] for topic in await watch.wait())
    finally:
        watch.close()


def _look(
    view: View, going: frozenset[str], at: Mapping[str, int], job: str | None
) -> tuple[set[str], set[str]]:
    """Of the runs that are followed: which are over, and which have entries to tell."""
    ended, news = set(), set()
    for run in going:
        _, last = view.journal_span(run)
        if last > at[run]:
            news.add(run)
        if _is_over(view, run, job):
            ended.add(run)
    return ended, news


def _is_over(view: View, run: str, job: str | None) -> bool:
    if job is not None:
        row = view.get(JobRow, job)
        if row is None or row.state.is_final:
            return True
    of = view.get(RunRow, run)
    return of is None or of.conclusion is not None
