"""What jobs took, as figures beside those of the period before."""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.server.insights import Comparison, Figures, Insights
from mayfly.server.web.views import words

_MOST_LINES = 100
_HOUR_S = 3600.0
_MANY_TIMES = 9.995


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in words, and how it was before."""

    name: str
    text: str
    change: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One project or person, and its part of all vCPU hours."""

    name: str
    jobs: int
    jobs_change: str
    hours: float
    hours_change: str
    part: float
    success: float | None
    wait_s: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Jobs of an hour or a day; parts are of the busiest."""

    title: str
    part: float
    bad_part: float


@dataclass(frozen=True, slots=True)
class InsightsPage:
    is_empty: bool
    figures: tuple[Figure, ...]
    projects: tuple[Line, ...]
    people: tuple[Line, ...]
    bars: tuple[Bar, ...]


def insights_page(found: Insights) -> InsightsPage:
    total = found.total
    return InsightsPage(
        is_empty=not total.now.attempts and not total.before.attempts,
        figures=_figures(total.now, total.before),
        projects=_lines(found.projects, total.now),
        people=_lines(found.people, total.now),
        bars=_bars(found.slots),
    )


def _figures(now: Figures, before: Figures) -> tuple[Figure, ...]:
    success, earlier = success_of(now), success_of(before)
    return (
        Figure("jobs", words.count(now.attempts), change(now.attempts, before.attempts)),
        Figure("vCPU hours", f"{hours_of(now):,.1f}", change(now.vcpu_s, before.vcpu_s)),
        Figure(
            "succeeded",
            "none" if success is None else words.percent(success),
            "" if earlier is None else f"before {words.percent(earlier)}",
        ),
        Figure("mean wait", words.duration(wait_of(now)), _before(wait_of(before), before)),
        Figure(
            "longest wait",
            words.duration(now.longest_queued_s),
            _before(before.longest_queued_s, before),
        ),
        Figure("lost by us", words.count(now.lost), f"before {before.lost}", now.lost > 0),
    )


def _before(seconds: float, figures: Figures) -> str:
    return f"before {words.duration(seconds)}" if figures.attempts else ""


def _lines(found: Sequence[tuple[str, Comparison]], total: Figures) -> tuple[Line, ...]:
    """Those who did something now, most first."""
    return tuple(
        Line(
            name=name,
            jobs=one.now.attempts,
            jobs_change=change(one.now.attempts, one.before.attempts),
            hours=hours_of(one.now),
            hours_change=change(one.now.vcpu_s, one.before.vcpu_s),
            part=one.now.vcpu_s / total.vcpu_s if total.vcpu_s else 0.0,
            success=success_of(one.now),
            wait_s=wait_of(one.now),
        )
        for name, one in found[:_MOST_LINES]
        if one.now.attempts
    )


def _bars(slots: Sequence[Figures]) -> tuple[Bar, ...]:
    most = max((slot.attempts for slot in slots), default=0) or 1
    unit = "h" if len(slots) == 24 else "d"
    return tuple(
        Bar(
            f"{len(slots) - 1 - place} {unit} ago: {words.plural(slot.attempts, 'job')}, "
            f"{slot.failed} failed, {slot.lost} lost",
            slot.attempts / most,
            (slot.failed + slot.lost) / most,
        )
        for place, slot in enumerate(slots)
    )


def success_of(figures: Figures) -> float | None:
    """Of those that came to an end of their own."""
    ended = figures.succeeded + figures.failed
    return figures.succeeded / ended if ended else None


def wait_of(figures: Figures) -> float:
    return figures.queued_s / figures.attempts if figures.attempts else 0.0


def hours_of(figures: Figures) -> float:
    return figures.vcpu_s / _HOUR_S


def change(now: float, before: float) -> str:
    """+12%, -40%, 12 times; `new` where there was nothing."""
    if not before:
        return "new" if now else ""
    part = now / before - 1
    return f"{now / before:.0f} times" if part >= _MANY_TIMES else f"{part * 100:+.0f}%"
