"""Figures of a period beside those of the one before."""

import pytest
from tests.server.web.views.rows import metering

from mayfly.domain.job import JobState
from mayfly.server.insights import DAY_S, Insights
from mayfly.server.web.views.insights import change, insights_page
from mayfly.store.rows import MeteringRow

NOW = 100 * DAY_S


def at(days_ago: float, number: int = 1, **fields: object) -> MeteringRow:
    return metering(number, finished=NOW - days_ago * DAY_S, **fields)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (0, 0, ""),
        (5, 0, "new"),
        (0, 5, "-100%"),
        (6, 5, "+20%"),
        (5, 5, "+0%"),
        (100, 5, "20 times"),
    ],
)
def test_changes_in_words(now: float, before: float, text: str) -> None:
    assert change(now, before) == text


def test_nothing_happened() -> None:
    found = insights_page(Insights(NOW, 7))
    assert found.is_empty
    assert found.projects == ()
    assert len(found.bars) == 7


def test_figures_are_compared_with_the_period_before() -> None:
    found = Insights(NOW, 7)
    found.add([at(1, 1), at(2, 2, state=JobState.FAILED), at(8, 3), at(20, 4)])
    shown = insights_page(found)
    figures = {figure.name: (figure.text, figure.change) for figure in shown.figures}
    assert figures["jobs"] == ("2", "+100%")
    assert figures["succeeded"] == ("50%", "before 100%")
    assert figures["vCPU hours"] == ("0.4", "+100%")


def test_who_used_most_is_first_and_parts_are_of_all() -> None:
    found = Insights(NOW, 7)
    found.add([at(1, 1, project="a/small"), at(1, 2, project="a/large", ran_s=300.0)])
    lines = insights_page(found).projects
    assert [(line.name, line.part) for line in lines] == [("a/large", 0.75), ("a/small", 0.25)]


def test_those_who_did_nothing_now_are_left_out() -> None:
    found = Insights(NOW, 7)
    found.add([at(1, 1, actor="ada"), at(9, 2, actor="lin")])
    assert [line.name for line in insights_page(found).people] == ["ada"]


@pytest.mark.parametrize(("days", "count"), [(1, 24), (7, 7), (28, 28)])
def test_each_hour_or_day_has_a_bar(days: int, count: int) -> None:
    found = Insights(NOW, days)
    width = days / count
    found.add([at(0, 1), at(days - 1e-9, 2), at(width * 1.5, 3, state=JobState.LOST)])
    bars = insights_page(found).bars
    assert len(bars) == count
    assert [place for place, bar in enumerate(bars) if bar.part] == [0, count - 2, count - 1]
    assert bars[-2].bad_part == 1.0
    assert "1 lost" in bars[-2].title


def test_what_we_lost_stands_out() -> None:
    found = Insights(NOW, 7)
    found.add([at(1, 1, state=JobState.LOST)])
    [lost] = [figure for figure in insights_page(found).figures if figure.name == "lost by us"]
    assert lost.is_bad
