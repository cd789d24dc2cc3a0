"""One run."""

from dataclasses import replace

from tests.server.web.views.rows import job, run

from mayfly.domain.job import Conclusion, JobState
from mayfly.server.web.views.run import Found, RunPage, run_page
from mayfly.store.rows import EnvironmentRow, JobRow, ReviewRow, RunKind, RunRow

NOW = 200.0
RULES = EnvironmentRow(
    id="acme/site/production",
    project="acme/site",
    name="production",
    reviewers=("ada", "lin"),
    prevent_self_review=True,
)
ASKED = ReviewRow(id="r/production", run="r", project="acme/site", environment="production")


def page(
    *jobs: JobRow,
    of: RunRow | None = None,
    user: str | None = "ada",
    reviews: tuple[tuple[ReviewRow, EnvironmentRow | None], ...] = (),
) -> RunPage:
    found = Found(run=of or run(), jobs=jobs, reviews=reviews, others=())
    return run_page(found, user, lambda job: f"why {job}", NOW)


def test_what_goes_on_cannot_be_run_again() -> None:
    found = page(job("a", queued_at=100.0))
    assert not found.can_retry
    assert not found.is_over
    assert found.jobs[0].why == "why r-a"


def test_what_is_over_can_unless_its_forge_owns_it() -> None:
    over = run(conclusion=Conclusion.FAILURE, finished=150.0)
    assert page(of=over).can_retry
    assert not page(of=replace(over, kind=RunKind.GITHUB)).can_retry


def test_there_is_something_to_run_again_if_anything_failed() -> None:
    assert page(job("a", JobState.LOST)).has_failed
    assert page(job("a", JobState.CANCELLED)).has_failed
    assert not page(job("a", JobState.SUCCEEDED), job("b", JobState.SKIPPED)).has_failed


def test_states_are_counted_in_the_order_of_a_jobs_life() -> None:
    found = page(job("a", JobState.FAILED), job("b", JobState.RUNNING), job("c", JobState.FAILED))
    assert [(look.word, number) for look, number in found.counts] == [("running", 1), ("failed", 2)]


def test_a_reviewer_may_say() -> None:
    [review] = page(reviews=((ASKED, RULES),)).reviews
    assert (review.open, review.refusal) == (True, None)


def test_others_hear_why_they_may_not() -> None:
    [review] = page(user="bob", reviews=((ASKED, RULES),)).reviews
    assert review.refusal == "bob is no reviewer of this environment"
    [review] = page(of=run(actor="ada"), reviews=((ASKED, RULES),)).reviews
    assert review.refusal is not None
    assert "started this run" in review.refusal


def test_after_the_run_nothing_is_asked_any_more() -> None:
    over = run(conclusion=Conclusion.CANCELLED, finished=150.0)
    [review] = page(of=over, reviews=((ASKED, RULES),)).reviews
    assert (review.open, review.refusal) == (False, None)


def test_waiting_for_time_alone_is_not_shown_as_a_review() -> None:
    rules = EnvironmentRow(
        id=RULES.id, project=RULES.project, name="production", wait_minutes=5, reviewers=()
    )
    assert page(reviews=((ASKED, rules),)).reviews == ()
