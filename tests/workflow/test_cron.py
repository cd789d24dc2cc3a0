"""Schedules, held against a cron library."""

from datetime import UTC, datetime

import pytest
from croniter import croniter
from hypothesis import assume, given
from hypothesis import strategies as st

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.cron import parse_cron


def next_after(text: str, moment: str) -> str:
    found = parse_cron(text).next_after(datetime.fromisoformat(f"{moment}+00:00").timestamp())
    return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("30 5 * * *", "2026-11-21 05:29:59", "2026-11-21 05:30"),
        ("30 5 * * *", "2026-11-21 05:30:00", "2026-11-22 05:30"),
        ("0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-29 00:00"),
        ("*/15 * * * *", "2026-12-31 23:45:00", "2027-01-01 00:00"),
        ("0 12 * * MON-FRI", "2026-11-20 12:00:00", "2026-11-23 12:00"),
        ("0 12 * * 7", "2026-11-20 12:00:00", "2026-11-22 12:00"),
        ("0 0 13 * fri", "2026-11-14 00:00:00", "2026-11-20 00:00"),
        ("5/20 3 * jan,JUL *", "2026-11-14 00:00:00", "2027-01-01 03:05"),
    ],
)
def test_the_next_time(text: str, moment: str, expected: str) -> None:
    assert next_after(text, moment) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of week"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("a * * * *", "minute"),
        ("@daily", "1 fields"),
        ("1,,2 * * * *", "minute"),
    ],
)
def test_what_is_wrong_is_named(text: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        parse_cron(text)


def test_a_day_that_no_month_has_never_comes() -> None:
    with pytest.raises(InvalidInput, match="never"):
        parse_cron("0 0 31 2 *").next_after(0)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pairs = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    spans = pairs.map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(1, 12).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), number.map(str), spans, steps)


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)),
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
)
def test_it_agrees_with_croniter(fields: tuple[str, ...], moment: datetime) -> None:
    # A step over days counts as restricted there, as any day here, as in Vixie's cron.
    assume("/" not in fields[2] + fields[4])
    text, start = " ".join(fields), moment.replace(tzinfo=UTC).timestamp()
    assert parse_cron(text).next_after(start) == croniter(text, start).get_next(float)
