"""A run: its jobs along their time, who must approve what, and what can be done with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mayfly.domain.job import JobState
from mayfly.server.environments import environment_id
from mayfly.server.people.environments import refuse_stranger
from mayfly.server.refusals import Forbidden
from mayfly.server.web.views.graph import Graph, graph_of
from mayfly.server.web.views.looks import Look, of_conclusion, of_state
from mayfly.server.web.views.now import machine_of
from mayfly.server.web.views.timeline import Piece, Span, pieces, span_of
from mayfly.store.base import View
from mayfly.store.rows import EnvironmentRow, JobRow, ReviewRow, RunKind, RunRow


@dataclass(frozen=True, slots=True)
class Found:
    run: RunRow
    jobs: Sequence[JobRow]
    reviews: Sequence[tuple[ReviewRow, EnvironmentRow | None]]
    others: Sequence[RunRow]


@dataclass(frozen=True, slots=True)
class JobLine:
    """`seconds` is how long it ran, `since` when it began to, while it does."""

    id: str
    name: str
    look: Look
    machine: str
    host: str | None
    why: str | None
    pieces: tuple[Piece, ...]
    seconds: float | None
    since: float | None


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """`open` waits for a word; `refusal` says why it is not this person's to say."""

    environment: str
    open: bool
    approved: bool | None
    by: str | None
    at: float | None
    comment: str
    asked: float
    reviewers: tuple[str, ...]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """`others` came with the same submission: other workflows, other architectures."""

    run: RunRow
    look: Look
    leg: str
    is_over: bool
    can_retry: bool
    has_failed: bool
    jobs: tuple[JobLine, ...]
    counts: tuple[tuple[Look, int], ...]
    reviews: tuple[ReviewLine, ...]
    span: Span | None
    graph: Graph | None
    others: tuple[tuple[RunRow, Look], ...]


def find(view: View, run: RunRow, *, with_reviews: bool) -> Found:
    reviews = view.find(ReviewRow, order="asked", run=run.id) if with_reviews else []
    others = view.find(RunRow, submission=run.submission, limit=50) if run.submission else []
    return Found(
        run=run,
        jobs=view.find(JobRow, order="created", run=run.id),
        reviews=[
            (row, view.get(EnvironmentRow, environment_id(row.project, row.environment)))
            for row in reviews
        ],
        others=[row for row in others if row.id != run.id],
    )


def run_page(
    found: Found, user: str | None, why_waits: Callable[[str], str], now: float
) -> RunPage:
    """`user` is who looks; `why_waits` is asked of queued jobs."""
    run, span = found.run, span_of(found.jobs, now)
    states = [row.state for row in found.jobs]
    over = run.conclusion is not None
    return RunPage(
        run=run,
        look=of_conclusion(run.conclusion),
        leg=run.ref.leg.value if run.ref.leg else "",
        is_over=over,
        can_retry=over and run.kind is RunKind.NATIVE,
        has_failed=any(_failed(state) for state in states),
        jobs=tuple(_job_line(row, span, why_waits, now) for row in found.jobs),
        counts=tuple(
            (of_state(state), states.count(state)) for state in JobState if state in states
        ),
        reviews=tuple(
            _review_line(row, rules, run, user) for row, rules in found.reviews if _is_asked(rules)
        ),
        span=span,
        graph=graph_of(found.jobs),
        others=tuple((row, of_conclusion(row.conclusion)) for row in found.others),
    )


def _failed(state: JobState) -> bool:
    return state.is_final and state not in {JobState.SUCCEEDED, JobState.SKIPPED}


def _job_line(
    row: JobRow, span: Span | None, why_waits: Callable[[str], str], now: float
) -> JobLine:
    began = row.started_at or row.claimed_at
    ended = row.finished_at
    return JobLine(
        id=row.id,
        name=row.planned.name,
        look=of_state(row.state),
        machine=machine_of(row),
        host=row.host,
        why=why_waits(row.id) if row.state is JobState.QUEUED else row.reason,
        pieces=pieces(row, span, now) if span else (),
        seconds=ended - began if began and ended else None,
        since=began if began and not ended else None,
    )


def _is_asked(rules: EnvironmentRow | None) -> bool:
    """Waits for time alone are said of their jobs."""
    return rules is None or bool(rules.reviewers)


def _review_line(
    row: ReviewRow, rules: EnvironmentRow | None, run: RunRow, user: str | None
) -> ReviewLine:
    is_open = row.approved is None and run.conclusion is None
    return ReviewLine(
        environment=row.environment,
        open=is_open,
        approved=row.approved,
        by=row.by,
        at=row.at,
        comment=row.comment,
        asked=row.asked,
        reviewers=rules.reviewers if rules else (),
        refusal=_refusal(user or "", rules, run) if is_open else None,
    )


def _refusal(user: str, rules: EnvironmentRow | None, run: RunRow) -> str | None:
    try:
        refuse_stranger(user, rules, run)
    except Forbidden as error:
        return error.message
    return None
