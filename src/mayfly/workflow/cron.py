"""When a schedule is due: POSIX cron in UTC, as `on.schedule` has it. Pure.

Five fields: minute, hour, day of month, month, day of week; `*`, lists, ranges, steps, and names of
months and days. As in every cron a day counts if either of the two day fields has it, when both
are restricted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mayfly.domain.errors import InvalidInput

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_SUNDAY_AGAIN = 7
# Two leap years may be eight years apart, around a century that is none.
_FARTHEST_DAYS = 9 * 366


@dataclass(frozen=True, slots=True)
class Cron:
    """Which values each field has; `any_day` and `any_weekday` for fields written as `*`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def next_after(self, moment: float) -> float:
        """The first time later than `moment`; both are seconds since 1970.

        InvalidInput for a date that never comes.
        """
        begin = datetime.fromtimestamp(moment, UTC)
        for offset in range(_FARTHEST_DAYS):
            day = begin.date() + timedelta(days=offset)
            if self._has(day):
                for at in self._times(day):
                    if at > moment:
                        return at
        raise InvalidInput("this schedule never comes due: no month has that day")

    def _has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def _times(self, day: date) -> Iterator[float]:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp()


def parse_cron(text: str) -> Cron:
    """InvalidInput says which field is wrong."""
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise InvalidInput(
            f"{text!r} has {len(parts)} fields", remedy="minute hour day month weekday: 30 5 * * 1"
        )
    values = [
        _field(part, name, low, high, names)
        for part, (name, low, high, names) in zip(parts, _FIELDS, strict=True)
    ]
    minutes, hours, days, months, weekdays = values
    sundays = {0} if _SUNDAY_AGAIN in weekdays else set()
    return Cron(
        minutes,
        hours,
        days,
        months,
        weekdays - {_SUNDAY_AGAIN} | sundays,
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
    )


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, last = _span(span, low, high, names) or (None, None)
        if first is None or last is None or (slash and not (step.isdecimal() and int(step))):
            raise InvalidInput(
                f"{part!r} is no {name}", remedy=f"a number from {low} to {high}, a-b, */n or *"
            )
        if slash and "-" not in span and span != "*":
            last = high
        values.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(values)


def _span(text: str, low: int, high: int, names: tuple[str, ...]) -> tuple[int, int] | None:
    if text == "*":
        return low, high - (high == _SUNDAY_AGAIN)
    first, dash, last = text.partition("-")
    begin = _number(first, low, names)
    end = _number(last, low, names) if dash else begin
    if begin is None or end is None or not low <= begin <= end <= high:
        return None
    return begin, end


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 2 else None
