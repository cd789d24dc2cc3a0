"""What clients send: typed once, and the same on both sides."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.workflow.events import Event, RepositoryState

TEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
PAYLOADS = st.dictionaries(st.text(max_size=8), JSON, max_size=2)
REQUIREMENTS = st.builds(
    Requirement,
    architecture=st.none() | st.sampled_from(Architecture),
    cpu=st.decimals("0.001", 1000, places=3),
    memory_mib=st.integers(1, 1 << 20),
)
REQUESTS = st.builds(
    RunRequest,
    file=st.text(),
    texts=TEXTS,
    event=st.builds(Event, payload=PAYLOADS),
    repository=st.builds(RepositoryState),
    actions=TEXTS,
    inputs=PAYLOADS,
    secrets=TEXTS,
    vars=TEXTS,
    env=TEXTS,
    architecture=st.none() | st.sampled_from(Architecture),
    jobs=st.frozensets(st.text(max_size=8), max_size=3),
    matrix=st.dictionaries(st.text(max_size=8), st.frozensets(st.text(max_size=8)), max_size=2),
    labels=st.dictionaries(st.text(max_size=8), REQUIREMENTS, max_size=2),
    image=st.none() | st.text(),
)
SUBMISSIONS = st.builds(
    Submission,
    runs=st.lists(REQUESTS, max_size=2).map(tuple),
    source=st.text(),
    actions=TEXTS,
    fit=st.booleans(),
)


@settings(max_examples=50, deadline=None)
@given(SUBMISSIONS)
def test_what_is_sent_is_what_comes(submission: Submission) -> None:
    assert codec.decode(Submission, codec.encode(submission)) == submission


SMALLEST: dict[str, Any] = {
    "runs": [
        {
            "file": "ci.yml",
            "texts": {"ci.yml": "on: push"},
            "event": {"name": "push", "payload": {}, "ref": "refs/heads/main", "sha": "0"},
            "repository": {"owner": "o", "name": "r", "branch": None, "sha": "0"},
        }
    ],
    "source": "0",
}


def test_the_rest_may_be_left_out() -> None:
    submission = codec.from_plain(Submission, SMALLEST)
    [run] = submission.runs
    assert (run.jobs, run.matrix, run.architecture, submission.fit) == (
        frozenset(),
        {},
        None,
        False,
    )


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        ("plan", {}, "runs[0]: unknown key 'plan'"),  # a plan is made by the server only
        ("texts", {"ci.yml": 1}, "runs[0].texts.ci.yml: expected str, got int"),
        ("jobs", "a", "runs[0].jobs: expected a list, got str"),
        ("matrix", {"os": ["a", 1]}, "runs[0].matrix.os[1]: expected str, got int"),
        ("architecture", "mips", "runs[0].architecture: 'mips' is not a Architecture"),
        (
            "labels",
            {"x": {"cpu": "NaN"}},
            "runs[0].labels.x.cpu: expected a decimal number in a string",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(place: str, value: Any, error: str) -> None:
    [run] = SMALLEST["runs"]
    with pytest.raises(codec.DecodeError) as refused:
        codec.from_plain(Submission, {**SMALLEST, "runs": [{**run, place: value}]})
    assert str(refused.value) == error
