"""One job."""

from tests.server.web.views.rows import job, metering, run

from mayfly.domain.job import JobState
from mayfly.server.web.views.job import Found, JobPage, job_page
from mayfly.store.rows import JobRow, ReviewRow


def page(row: JobRow, *others: JobRow, why: str = "", **fields: object) -> JobPage:
    given = {"metering": (), "reviews": ()} | fields
    return job_page(Found(job=row, run=run(), siblings=[row, *others], **given), why)  # type: ignore[arg-type]


def test_a_queued_job_says_why_it_waits() -> None:
    found = page(job("a", queued_at=110.0), why="all hosts are full")
    assert (found.why, found.waits, found.since) == ("all hosts are full", True, 110.0)
    assert found.may_be_cancelled


def test_what_ended_says_how_long_it_took() -> None:
    row = job(
        "a",
        JobState.FAILED,
        reason="exit code 2",
        queued_at=100.0,
        claimed_at=130.0,
        started_at=131.0,
        finished_at=161.0,
    )
    found = page(row)
    assert (found.why, found.elapsed, found.waited) == ("exit code 2", 30.0, 30.0)
    assert not found.may_be_cancelled


def test_what_is_being_cancelled_is_not_cancelled_again() -> None:
    found = page(job("a", JobState.RUNNING, cancel_reason="cancelled by ada"))
    assert (found.cancelling, found.may_be_cancelled) == ("cancelled by ada", False)


def test_what_it_needs_is_linked() -> None:
    found = page(job("b", needs=["a", "gone"]), job("a", JobState.SUCCEEDED))
    assert [(one.id, one.look.word) for one in found.needs] == [("r-a", "succeeded")]


def test_it_asks_for_its_own_environment_only() -> None:
    reviews = [
        ReviewRow(id="1", run="r", project="acme/site", environment="Production"),
        ReviewRow(id="2", run="r", project="acme/site", environment="staging"),
    ]
    blocked = job("a", JobState.BLOCKED, environment="production")
    assert page(blocked, reviews=reviews).asks == ("Production",)
    assert page(job("a", environment="production"), reviews=reviews).asks == ()


def test_attempts_and_advice_come_along() -> None:
    found = page(job("a", JobState.SUCCEEDED), metering=[metering()])
    assert len(found.attempts) == 1
    assert found.advice is not None
