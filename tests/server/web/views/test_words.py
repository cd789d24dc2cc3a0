"""Numbers and times as people read them."""

import pytest

from mayfly.server.web.views import words

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-3, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (125, "2m 05s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (90_000, "1d 1h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (0, "now"),
        (4, "now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7199, "1 h ago"),
        (86_400 * 3, "3 d ago"),
        (86_400 * 90, "3 months ago"),
        (-120, "in 2 min"),
    ],
)
def test_moments_seen_from_now(passed: float, text: str) -> None:
    assert words.ago(NOW - passed, NOW) == text


def test_absolute_times_are_utc_and_bounded() -> None:
    assert words.moment(NOW) == "2023-11-14 22:13:20 UTC"
    assert words.iso(NOW) == "2023-11-14T22:13:20Z"
    assert words.moment(1e300).startswith("9999-12-31")
    assert words.moment(-5).startswith("1970-01-01")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (512, "512 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes(count: float, text: str) -> None:
    assert words.size(count) == text


def test_parts_of_machines() -> None:
    assert [words.cpu(one) for one in (500, 2000, 64_250, 1_024_000)] == [
        "0.5",
        "2",
        "64.25",
        "1,024",
    ]
    assert [words.memory(one) for one in (0, 512, 16384, 1536)] == [
        "0",
        "512 MiB",
        "16 GiB",
        "1.5 GiB",
    ]


def test_numbers_with_their_nouns() -> None:
    assert words.plural(1, "job") == "1 job"
    assert words.plural(10_000, "job") == "10,000 jobs"
    assert words.plural(2, "entry", "entries") == "2 entries"
    assert words.percent(0.125) == "12%"
