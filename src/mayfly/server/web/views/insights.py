"""What was used in a period, by project and by person, against the period before."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mayfly.domain.job import JobState
from mayfly.store.base import View
from mayfly.store.rows import MeteringRow

DAY_S = 86400.0
PERIODS = (1, 7, 28)
MOST_ROWS = 20_000
_MOST_GROUPS = 50


@dataclass(frozen=True, slots=True)
class Totals:
    """Of attempts that ended in a period; hours are of vCPUs given out, waits in seconds."""

    jobs: int = 0
    failed: int = 0
    lost: int = 0
    cpu_hours: float = 0.0
    ran_s: float = 0.0
    median_wait_s: float = 0.0
    late_wait_s: float = 0.0

    @property
    def success(self) -> float | None:
        """Of those that a person did not cancel and we did not lose."""
        counted = self.jobs - self.lost
        return (counted - self.failed) / counted if counted else None


@dataclass(frozen=True, slots=True)
class Change:
    """Against the period before: a sign and a part, None where there is nothing to compare."""

    part: float | None

    @property
    def words(self) -> str:
        if self.part is None:
            return "new"
        return (
            f"{self.part * 100:+.0f}%" if abs(self.part) < 9.995 else f"{self.part + 1:.0f} times"
        )


@dataclass(frozen=True, slots=True)
class Group:
    """One project or person, and its part of all vCPU hours."""

    name: str
    now: Totals
    before: Totals
    part: float

    @property
    def jobs_change(self) -> Change:
        return change(self.now.jobs, self.before.jobs)

    @property
    def hours_change(self) -> Change:
        return change(self.now.cpu_hours, self.before.cpu_hours)


@dataclass(frozen=True, slots=True)
class Bar:
    """Jobs of an hour or a day; parts are of the busiest."""

    title: str
    part: float
    failed_part: float


@dataclass(frozen=True, slots=True)
class Insights:
    """`is_cut`: there was more than is counted; the numbers are of the latest."""

    days: int
    now: Totals
    before: Totals
    projects: tuple[Group, ...]
    people: tuple[Group, ...]
    bars: tuple[Bar, ...]
    architectures: tuple[tuple[str, int], ...]
    is_cut: bool

    @property
    def jobs_change(self) -> Change:
        return change(self.now.jobs, self.before.jobs)

    @property
    def hours_change(self) -> Change:
        return change(self.now.cpu_hours, self.before.cpu_hours)


def find(view: View, days: int, now: float, **conditions: object) -> list[MeteringRow]:
    """Of the period and the one before, the latest first, bounded."""
    since = now - 2 * days * DAY_S
    return view.find(
        MeteringRow, order="-finished", limit=MOST_ROWS, finished__gt=since, **conditions
    )


def insights_of(rows: Sequence[MeteringRow], days: int, now: float) -> Insights:
    begin = now - days * DAY_S
    recent = [row for row in rows if row.finished > begin]
    earlier = [row for row in rows if row.finished <= begin]
    return Insights(
        days=days,
        now=totals(recent),
        before=totals(earlier),
        projects=_groups(recent, earlier, lambda row: row.project),
        people=_groups(recent, earlier, lambda row: row.actor or "nobody"),
        bars=_bars(recent, days, now),
        architectures=tuple(Counter(row.architecture.value for row in recent).most_common()),
        is_cut=len(rows) == MOST_ROWS,
    )


def totals(rows: Sequence[MeteringRow]) -> Totals:
    waits = sorted(row.queued_s for row in rows)
    if not rows:
        return Totals()
    return Totals(
        jobs=len(rows),
        failed=sum(row.state in {JobState.FAILED, JobState.TIMED_OUT} for row in rows),
        lost=sum(row.state is JobState.LOST for row in rows),
        cpu_hours=sum(row.millicpu * row.ran_s for row in rows) / 3_600_000,
        ran_s=sum(row.ran_s for row in rows),
        median_wait_s=statistics.median(waits),
        late_wait_s=waits[min(len(waits) - 1, int(len(waits) * 0.95))],
    )


def change(now: float, before: float) -> Change:
    return Change(now / before - 1 if before else (None if now else 0.0))


def _groups(
    recent: Sequence[MeteringRow],
    earlier: Sequence[MeteringRow],
    name_of: Callable[[MeteringRow], str],
) -> tuple[Group, ...]:
    """Those who used most first."""
    now, before = _by(recent, name_of), _by(earlier, name_of)
    whole = sum(one.cpu_hours for one in now.values()) or 1.0
    groups = [
        Group(name, found, before.get(name, Totals()), found.cpu_hours / whole)
        for name, found in now.items()
    ]
    return tuple(sorted(groups, key=lambda one: (-one.now.cpu_hours, one.name))[:_MOST_GROUPS])


def _by(rows: Sequence[MeteringRow], name_of: Callable[[MeteringRow], str]) -> dict[str, Totals]:
    found: dict[str, list[MeteringRow]] = {}
    for row in rows:
        found.setdefault(name_of(row), []).append(row)
    return {name: totals(of_name) for name, of_name in found.items()}


def _bars(rows: Sequence[MeteringRow], days: int, now: float) -> tuple[Bar, ...]:
    """An hour each for a day, else a day each; the latest last."""
    count, width, noun = (24, 3600.0, "h") if days == 1 else (days, DAY_S, "d")
    jobs, failed = [0] * count, [0] * count
    for row in rows:
        place = count - 1 - int((now - row.finished) // width)
        if 0 <= place < count:
            jobs[place] += 1
            failed[place] += row.state in {JobState.FAILED, JobState.TIMED_OUT, JobState.LOST}
    most = max(jobs, default=0) or 1
    return tuple(
        Bar(
            f"{count - 1 - place}{noun} ago: {jobs[place]} jobs, {failed[place]} not well",
            jobs[place] / most,
            failed[place] / most,
        )
        for place in range(count)
    )
