"""Hosts: how each stands, how full it is, what runs there."""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.server.web.views.load import HostLine, host_lines
from mayfly.server.web.views.now import ON_HOSTS, JobLine, job_line
from mayfly.store.base import View
from mayfly.store.rows import HostRow, JobRow, RunRow, SessionRow

_MOST_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class ListedHost:
    row: HostRow
    line: HostLine
    architectures: str


@dataclass(frozen=True, slots=True)
class SessionLine:
    id: str
    opened: float
    until: float
    is_open: bool


@dataclass(frozen=True, slots=True)
class HostPage:
    """`hidden` counts what runs here of projects that are not for who looks."""

    row: HostRow
    line: HostLine
    architectures: str
    accelerators: tuple[tuple[str, str], ...]
    running: tuple[JobLine, ...]
    hidden: int
    sessions: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True)
class Found:
    row: HostRow
    running: Sequence[JobRow]
    runs: Sequence[RunRow]
    sessions: Sequence[SessionRow]


def find_list(view: View, after: str, limit: int) -> tuple[list[HostRow], list[JobRow]]:
    """Hosts beyond a name, one more than the limit, and what runs on them."""
    rows = view.find(HostRow, removed=False, id__gt=after, limit=limit + 1)
    names = tuple(row.id for row in rows[:limit])
    return rows, view.find(JobRow, host=names, state=ON_HOSTS) if names else []


def listed(rows: Sequence[HostRow], jobs: Sequence[JobRow]) -> tuple[ListedHost, ...]:
    lines = host_lines(rows, jobs)
    return tuple(ListedHost(row, line, _names(row)) for row, line in zip(rows, lines, strict=True))


def find(view: View, row: HostRow) -> Found:
    running = view.find(JobRow, order="claimed_at", host=row.id, state=ON_HOSTS)
    wanted = tuple({job.run for job in running})
    return Found(
        row=row,
        running=running,
        runs=view.find(RunRow, id=wanted) if wanted else [],
        sessions=view.find(SessionRow, host=row.id, order="-opened", limit=_MOST_SESSIONS),
    )


def host_page(found: Found, visible: frozenset[str]) -> HostPage:
    """`visible` are the projects whose jobs may be named; others are counted only."""
    row = found.row
    runs = {run.id: run for run in found.runs}
    shown = [job for job in found.running if job.project in visible]
    [line] = host_lines([row], found.running)
    return HostPage(
        row=row,
        line=line,
        architectures=_names(row),
        accelerators=tuple(sorted(row.accelerators.items())),
        running=tuple(job_line(job, runs.get(job.run), "") for job in shown),
        hidden=len(found.running) - len(shown),
        sessions=tuple(
            SessionLine(one.id, one.opened, one.until, not one.ended) for one in found.sessions
        ),
    )


def _names(row: HostRow) -> str:
    return ", ".join(one.value for one in row.architectures) or "unknown"
