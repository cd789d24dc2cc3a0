"""Reports and events as JSON: every kind comes back as it went in, and nothing else comes in."""

import contextlib
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain import events
from mayfly.domain.job import JobState
from mayfly.protocol import codec, fleet, messages
from mayfly.protocol.fleet import JobPhase, Report, RunnerSaid
from mayfly.protocol.reports import Tagged, tag_event, tag_report, untag_event, untag_report

EVENTS = get_args(events.Event)
REPORTS = [kind for kind in get_args(fleet.Report) if kind is not RunnerSaid]
MESSAGES = get_args(messages.FromRunner)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def values(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of the kind, as its fields are typed; not what is unequal to itself."""
    return st.from_type(kind).filter(lambda value: b"NaN" not in codec.encode(value))


def through_json(tagged: Tagged) -> Tagged:
    return codec.decode(Tagged, codec.encode(tagged))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_events_come_back_as_they_went(kind: type[Any]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(values(kind))
    def check(event: events.Event) -> None:
        assert untag_event(through_json(tag_event(event))) == event

    check()


@pytest.mark.parametrize("kind", REPORTS, ids=lambda kind: kind.__name__)
def test_reports_come_back_as_they_went(kind: type[Any]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(values(kind))
    def check(report: Report) -> None:
        assert untag_report(through_json(tag_report(report))) == report

    check()


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_what_runners_say_comes_back_as_it_went(kind: type[Any]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(values(kind))
    def check(message: messages.FromRunner) -> None:
        said = RunnerSaid(message)
        tagged = tag_report(said)
        assert tagged.type == kind.__name__  # its own, not that of the wrapping
        assert untag_report(through_json(tagged)) == said

    check()


def test_no_two_kinds_share_a_tag() -> None:
    names = [kind.__name__ for kind in (*REPORTS, *MESSAGES)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("tagged", "error"),
    [
        (Tagged("Nonsense", {}), "type: unknown 'Nonsense'"),
        (Tagged("RunnerSaid", {"message": {}}), "type: unknown 'RunnerSaid'"),
        (Tagged("x" * 200, {}), f"type: unknown '{'x' * 80}'"),
        (Tagged("JobPhase", []), "expected an object, got a list"),
        (Tagged("JobPhase", {}), "missing key 'state'"),
        (Tagged("JobPhase", {"state": "dancing"}), "state: 'dancing' is not a JobState"),
        (Tagged("Printed", {"step": 1, "lines": ["a", 2]}), "lines[1]: expected str, got int"),
        (Tagged("StepStarted", {"step": True, "name": ""}), "step: expected int, got bool"),
        (Tagged("Assign", {}), "type: unknown 'Assign'"),  # which hosts are told, not say
        (Tagged("RunFinished", {}), "type: unknown 'RunFinished'"),  # an event is no report
    ],
)
def test_what_is_no_report_is_refused_with_its_place(tagged: Tagged, error: str) -> None:
    with pytest.raises(codec.DecodeError) as refused:
        untag_report(tagged)
    assert str(refused.value) == error


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(codec.DecodeError, match="unknown 'JobPhase'"):
        untag_event(tag_report(JobPhase(JobState.RUNNING)))


@settings(deadline=None)
@given(st.sampled_from([*EVENTS, *REPORTS, *MESSAGES]).map(lambda kind: kind.__name__), JSON)
def test_any_body_is_a_value_or_a_decode_error(name: str, body: Any) -> None:
    for untag in (untag_event, untag_report):
        with contextlib.suppress(codec.DecodeError):
            untag(Tagged(name, json.loads(json.dumps(body))))
