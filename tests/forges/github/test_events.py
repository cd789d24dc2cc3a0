"""Webhooks against GitHub's own examples, and against what no one should send."""

import contextlib
import functools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import oracle

from mayfly.domain.errors import MayflyError
from mayfly.forges.github import events, model
from mayfly.protocol.codec import DecodeError

SECRET = "It's a Secret to Everybody"
HEADERS = {
    "content-type": "application/json",
    "x-github-event": "workflow_job",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
}
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
FLAVOURS = ("api.github.com", "ghes-33", "ghes-34", "ghes-35")  # older ones have no jobs
KINDS = {
    "workflow_job": events.WorkflowJob,
    "push": events.Push,
    "installation": events.InstallationChanged,
    "installation_repositories": events.RepositoriesChanged,
    "ping": events.Ping,
}


def examples(flavour: str = "api.github.com") -> list[tuple[str, dict[str, Any]]]:
    path = oracle.node_modules() / "@octokit/webhooks-examples" / flavour / "index.json"
    return [
        (event["name"], example)
        for event in json.loads(path.read_text())
        for example in event["examples"]
    ]


def workflow_job(**changes: Any) -> bytes:
    payload = {
        "action": "queued",
        "workflow_job": {
            "id": 11,
            "run_id": 7,
            "run_attempt": 2,
            "status": "queued",
            "conclusion": None,
            "name": "build",
            "head_sha": "a" * 40,
            "labels": ["mayfly-arm64"],
            "created_at": "2024-01-01T00:00:00Z",
        },
        "repository": {"id": 3, "full_name": "octo-org/hello", "private": False},
        "sender": {"login": "monalisa"},
    }
    payload["workflow_job"].update(changes)  # type: ignore[attr-defined]
    return json.dumps(payload).encode()


def test_signature_of_githubs_own_test_vector() -> None:
    delivery = events.accept(
        {**HEADERS, "x-hub-signature-256": SIGNATURE}, b"Hello, World!", SECRET
    )
    assert delivery == events.Delivery(
        HEADERS["x-github-delivery"], "workflow_job", b"Hello, World!"
    )


@pytest.mark.parametrize(
    ("signature", "body", "secret"),
    [
        (SIGNATURE, b"Hello, World", SECRET),
        (SIGNATURE, b"Hello, World!", "another"),
        (SIGNATURE.upper(), b"Hello, World!", SECRET),
        (SIGNATURE + "0", b"Hello, World!", SECRET),
        ("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", b"Hello, World!", SECRET),
        ("sha256=é", b"Hello, World!", SECRET),
        ("", b"Hello, World!", SECRET),
        (events.sign(b"Hello, World!", ""), b"Hello, World!", ""),
    ],
)
def test_what_is_not_signed_with_the_secret_is_refused(
    signature: str, body: bytes, secret: str
) -> None:
    with pytest.raises(events.BadSignature):
        events.accept({**HEADERS, "x-hub-signature-256": signature}, body, secret)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-github-event", "../etc"),
        ("x-github-event", ""),
        ("x-github-delivery", "a b"),
        ("x-github-delivery", "0" * 65),
    ],
)
def test_what_is_no_delivery_is_refused(header: str, value: str) -> None:
    headers = {**HEADERS, "x-hub-signature-256": SIGNATURE, header: value}
    with pytest.raises(events.BadDelivery):
        events.accept(headers, b"Hello, World!", SECRET)


def test_a_body_larger_than_github_sends_is_refused() -> None:
    body = bytes(events.MAX_BODY + 1)
    headers = {**HEADERS, "x-hub-signature-256": events.sign(body, SECRET)}
    with pytest.raises(events.BadDelivery, match="larger"):
        events.accept(headers, body, SECRET)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_all_official_examples_are_read(flavour: str) -> None:
    seen = set()
    for name, example in examples(flavour):
        event = events.read(name, json.dumps(example).encode())
        if name in KINDS:
            seen.add(name)
            assert isinstance(event, KINDS[name])
        else:
            assert event is None
    assert seen == KINDS.keys()


def test_the_examples_of_jobs_say_what_they_say() -> None:
    read = [
        events.read(name, json.dumps(example).encode())
        for name, example in examples()
        if name == "workflow_job"
    ]
    assert all(isinstance(event, events.WorkflowJob) for event in read)
    jobs = [event for event in read if isinstance(event, events.WorkflowJob)]
    assert {(event.action, event.job.status) for event in jobs} >= {
        ("queued", model.Status.WAITING),
        ("queued", model.Status.QUEUED),
        ("waiting", model.Status.WAITING),
    }
    first = jobs[0]
    assert first.repository.full_name == "octo-org/example-workflow"
    assert first.repository.private
    assert first.organization == "octo-org"
    assert first.job.key == (2832853555, 1)
    assert first.job.labels == ("gpu", "db-app", "dc-03")
    assert first.job.runner_id == 1
    assert first.job.started_at == 1623784947.0
    assert first.job.created_at is None
    assert {event.installation for event in jobs} >= {None, 1, 3456996}


def test_the_examples_of_pushes_say_what_they_say() -> None:
    payloads = [example for name, example in examples() if name == "push"]
    for payload in payloads:
        push = events.read("push", json.dumps(payload).encode())
        assert isinstance(push, events.Push)
        assert push.sender == payload["sender"]["login"]
        assert (push.ref, push.after) == (payload["ref"], payload["after"])
        assert push.deleted == (push.after == "0" * 40)
        assert (push.message is None) == push.deleted
    del payloads[0]["sender"]
    by_program = events.read("push", json.dumps(payloads[0]).encode())
    assert isinstance(by_program, events.Push)
    assert by_program.sender == payloads[0]["pusher"]["name"]


def test_fields_that_nobody_knows_yet_are_ignored() -> None:
    event = events.read("workflow_job", workflow_job(surprise={"a": [1]}))
    assert isinstance(event, events.WorkflowJob)
    assert event.job.key == (11, 2)


def test_no_runner_is_told_in_several_ways() -> None:
    for nothing in (0, None):
        event = events.read("workflow_job", workflow_job(runner_id=nothing, runner_name=""))
        assert isinstance(event, events.WorkflowJob)
        assert (event.job.runner_id, event.job.runner_name) == (None, None)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"id": "11"}, "workflow_job.id: expected a number, got text"),
        ({"id": True}, "workflow_job.id: expected a number, got a flag"),
        ({"id": 2**63}, "workflow_job.id: out of range"),
        ({"id": -1}, "workflow_job.id: out of range"),
        ({"id": 1.5}, "workflow_job.id: expected a number, got a number"),
        ({"labels": ["a", 2]}, r"workflow_job.labels\[1\]: expected text, got a number"),
        ({"labels": "a"}, "workflow_job.labels: expected a list, got text"),
        ({"labels": ["a"] * 101}, "workflow_job.labels: more than 100 entries"),
        ({"status": "gone"}, "workflow_job.status: 'gone' is not a Status"),
        ({"name": "a\0b"}, "workflow_job.name: holds a character that is none"),
        ({"name": "\ud800"}, "workflow_job.name: holds a character that is none"),
        ({"name": "a" * 5000}, "workflow_job.name: longer than"),
        ({"created_at": "yesterday"}, "workflow_job.created_at: 'yesterday' is not a time"),
        ({"created_at": "2024-13-01T00:00:00Z"}, "workflow_job.created_at: '2024-13"),
    ],
)
def test_wrong_types_are_refused_with_their_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(DecodeError, match=place):
        events.read("workflow_job", workflow_job(**changes))


@pytest.mark.parametrize(
    "name", ["hello", "a/b/c", "../..", "octo/..", "octo/.", "octo /x", "octo/x\n", ""]
)
def test_a_repository_that_is_no_path_is_refused(name: str) -> None:
    with pytest.raises(DecodeError, match="full_name"):
        model.repository({"id": 1, "full_name": name, "private": False}, "repository")


def test_jobs_move_forward_only() -> None:
    def job(status: str, runner: int | None = None) -> model.Job:
        event = events.read("workflow_job", workflow_job(status=status, runner_id=runner))
        assert isinstance(event, events.WorkflowJob)
        return event.job

    order = ["waiting", "queued", "in_progress", "completed"]
    for earlier, known in enumerate(order):
        for later, seen in enumerate(order):
            assert job(seen).follows(job(known)) == (later > earlier)
    assert job("queued", 5).follows(job("queued"))
    assert not job("queued").follows(job("queued", 5))
    assert not job("queued", 6).follows(job("queued", 5))
    assert not job("queued", 5).follows(job("in_progress"))


@functools.cache
def ours() -> list[tuple[str, str]]:
    return [(name, json.dumps(example)) for name, example in examples() if name in KINDS]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    event=st.sampled_from(sorted(KINDS)) | st.text(),
    body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
)
def test_no_body_raises_anything_else(event: str, body: bytes) -> None:
    with contextlib.suppress(DecodeError):
        events.read(event, body)


@given(data=st.data())
def test_no_changed_example_raises_anything_else(data: st.DataObject) -> None:
    """A value anywhere in an example is replaced, or taken out."""
    event, example = data.draw(st.sampled_from(ours()))
    place = example = json.loads(example)
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(json_values)
    try:
        read = events.read(event, json.dumps(example).encode())
    except DecodeError:
        return
    assert isinstance(read, KINDS[event])


@given(
    headers=st.dictionaries(
        st.sampled_from([*HEADERS, "x-hub-signature-256"]), st.text(max_size=80)
    ),
    body=st.binary(),
    secret=st.text(min_size=1),
)
def test_no_request_raises_anything_else(headers: dict[str, str], body: bytes, secret: str) -> None:
    with pytest.raises(MayflyError):
        events.accept(headers, body, secret)


def test_too_deep_and_too_long_numbers_are_no_json() -> None:
    for body in (b"[" * 100_000, b"1" * 10_000, b"\xff", b""):
        with pytest.raises(DecodeError, match="not JSON"):
            events.read("ping", body)
