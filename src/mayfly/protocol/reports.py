"""The reports of hosts and the events of runs as JSON: `{"type": …, "body": {…}}`."""

from dataclasses import dataclass
from typing import Any

from mayfly.domain import events
from mayfly.protocol import codec, fleet, messages

_REPORTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        fleet.JobPhase,
        fleet.Printed,
        fleet.Preparation,
        fleet.Measured,
        fleet.Kept,
        fleet.JobEnded,
    )
}
_EVENTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        events.RunStarted,
        events.JobChanged,
        events.JobRemoved,
        events.StepStarted,
        events.StepFinished,
        events.LogLines,
        events.Annotated,
        events.Summarised,
        events.JobMeasured,
        events.MachineKept,
        events.Preparing,
        events.RunFinished,
    )
}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value of one of several kinds, as plain JSON data."""

    type: str
    body: Any


def tag_event(event: events.Event) -> Tagged:
    return Tagged(type(event).__name__, codec.to_plain(event))


def untag_event(tagged: Tagged) -> events.Event:
    """Raises codec.DecodeError."""
    event: events.Event = _untag(_EVENTS, tagged)
    return event


def tag_report(report: fleet.Report) -> Tagged:
    """A runner's message keeps its own type."""
    said = report.message if isinstance(report, fleet.RunnerSaid) else report
    return Tagged(type(said).__name__, codec.to_plain(said))


def untag_report(tagged: Tagged) -> fleet.Report:
    """Raises codec.DecodeError."""
    if tagged.type in _REPORTS:
        report: fleet.Report = _untag(_REPORTS, tagged)
        return report
    return fleet.RunnerSaid(_untag(messages.FROM_RUNNER, tagged))


def _untag(known: dict[str, type[Any]], tagged: Tagged) -> Any:
    kind = known.get(tagged.type)
    if kind is None:
        raise codec.DecodeError("type", f"unknown {tagged.type[:80]!r}")
    return codec.from_plain(kind, tagged.body)
