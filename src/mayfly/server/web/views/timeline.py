"""When each job of a run waited, started and ran, as parts of the run's time."""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.store.rows import JobRow

_LEAST_S = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """From `start`, `length` long, both as parts of the whole; `kind` is wait, start or run."""

    kind: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds since 1970."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def span_of(rows: Sequence[JobRow], now: float) -> Span | None:
    """None if no job was ever queued."""
    begins = [row.queued_at for row in rows if row.queued_at is not None]
    if not begins:
        return None
    ends = [row.finished_at or now for row in rows if row.queued_at is not None]
    return Span(min(begins), max(*ends, min(begins) + _LEAST_S))


def pieces(row: JobRow, span: Span, now: float) -> tuple[Piece, ...]:
    end = row.finished_at or now
    moments = [
        ("wait", row.queued_at),
        ("start", row.claimed_at),
        ("run", row.started_at),
    ]
    known = [(kind, at) for kind, at in moments if at is not None]
    ends = [*(at for _, at in known), end][1:]
    return tuple(
        Piece(kind, (at - span.begin) / span.seconds, (following - at) / span.seconds)
        for (kind, at), following in zip(known, ends, strict=True)
        if following > at
    )
