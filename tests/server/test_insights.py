"""What jobs took, in a period and the one before."""

from typing import Any

import pytest

from mayfly.domain.job import JobState
from mayfly.server.insights import DAY_S, Insights
from mayfly.store.rows import MeteringRow

NOW = 100 * DAY_S


def row(ended_days_ago: float, **fields: Any) -> MeteringRow:
    defaults: dict[str, Any] = {
        "id": "x:1",
        "project": "acme/site",
        "actor": "ann",
        "job": "x",
        "millicpu": 2000,
        "memory_mib": 4096,
        "queued_s": 5.0,
        "ran_s": 60.0,
        "finished": NOW - ended_days_ago * DAY_S,
    }
    return MeteringRow(**defaults | fields)


def of(days: int, *rows: MeteringRow) -> Insights:
    insights = Insights(NOW, days)
    insights.add(rows)
    return insights


def test_a_period_is_compared_with_the_one_before() -> None:
    insights = of(7, row(0), row(6.9), row(7), row(13.9), row(14), row(-0.1))
    assert (insights.total.now.attempts, insights.total.before.attempts) == (2, 2)


def test_what_was_given_is_size_times_time() -> None:
    figures = of(1, row(0.5), row(0.5, queued_s=9.0, millicpu=500, memory_mib=512)).total.now
    assert figures.ran_s == 120
    assert figures.vcpu_s == 60 * 2 + 60 * 0.5
    assert figures.gib_s == 60 * 4 + 60 * 0.5
    assert (figures.queued_s, figures.longest_queued_s) == (14, 9)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (JobState.SUCCEEDED, "succeeded"),
        (JobState.FAILED, "failed"),
        (JobState.TIMED_OUT, "failed"),
        (JobState.CANCELLED, "cancelled"),
        (JobState.LOST, "lost"),
    ],
)
def test_ends_are_told_apart(state: JobState, name: str) -> None:
    figures = of(1, row(0, state=state)).total.now
    counted = {key: getattr(figures, key) for key in ("succeeded", "failed", "cancelled", "lost")}
    assert counted == dict.fromkeys(counted, 0) | {name: 1}


def test_what_still_runs_does_not_count() -> None:
    assert of(1, row(0, state=JobState.RUNNING)).total.now.attempts == 0


def test_projects_and_people_come_by_what_they_took() -> None:
    rows = [row(0), row(0, project="b", actor="bob", ran_s=600.0), row(1.5, project="old")]
    insights = of(1, *rows)
    assert [name for name, _ in insights.projects] == ["b", "acme/site", "old"]
    assert [name for name, _ in insights.people] == ["bob", "ann"]
    assert dict(insights.people)["ann"].before.attempts == 1
