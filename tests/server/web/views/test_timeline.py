"""Jobs along the time of their run."""

from tests.server.web.views.rows import job

from mayfly.domain.job import JobState
from mayfly.server.web.views.timeline import Piece, Span, pieces, span_of

NOW = 200.0


def test_nothing_was_queued_yet() -> None:
    assert span_of([job("a", JobState.BLOCKED)], NOW) is None


def test_a_run_spans_from_the_first_queued_to_the_last_end() -> None:
    first = job("a", JobState.SUCCEEDED, queued_at=100.0, finished_at=120.0)
    last = job("b", JobState.SUCCEEDED, queued_at=120.0, finished_at=150.0)
    assert span_of([last, first], NOW) == Span(100.0, 150.0)


def test_what_goes_on_reaches_to_now() -> None:
    assert span_of([job("a", queued_at=100.0)], NOW) == Span(100.0, NOW)


def test_it_is_never_empty() -> None:
    span = span_of([job("a", queued_at=NOW)], NOW)
    assert span is not None
    assert span.seconds == 1.0


def test_a_job_waits_starts_and_runs() -> None:
    row = job(
        "a",
        JobState.SUCCEEDED,
        queued_at=100.0,
        claimed_at=110.0,
        started_at=115.0,
        finished_at=140.0,
    )
    found = pieces(row, Span(100.0, 200.0), NOW)
    assert [piece.kind for piece in found] == ["wait", "start", "run"]
    assert found[2] == Piece("run", 0.15, 0.25)


def test_what_took_no_time_is_left_out() -> None:
    row = job("a", queued_at=100.0, claimed_at=100.0, started_at=100.0)
    [piece] = pieces(row, Span(100.0, 200.0), 150.0)
    assert (piece.kind, piece.length) == ("run", 0.5)


def test_a_job_that_never_waited_has_no_pieces() -> None:
    assert pieces(job("a", JobState.SKIPPED), Span(100.0, 200.0), NOW) == ()
