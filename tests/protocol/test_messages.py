"""Messages: whole through a frame, refused in the wrong direction or shape."""

import json
from typing import Any

import pytest

from mayfly.domain.errors import Location
from mayfly.protocol.frames import FrameDecoder, FrameKind, ProtocolViolation, encode_frame
from mayfly.protocol.messages import (
    Annotation,
    Assign,
    Cancel,
    Conclusion,
    Identity,
    JobFinished,
    JobStarted,
    Level,
    Ready,
    Rehearse,
    Rehearsed,
    SourceRefused,
    SourceRequest,
    StepFinished,
    StepStarted,
    Summary,
    decode_from_host,
    decode_from_runner,
    encode_message,
)
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

IDENTITY = Identity("clone", "0" * 32, "AAAA", 1, "52:54:00:00:00:01", "10.0.0.2/30", "10.0.0.1")
SPEC = JobSpec(
    "build",
    "build",
    (Step(Location("ci.yml", 3, 7), run="echo", env={"A": "b"}, timeout_minutes="5"),),
    {"github": {"event": {"n": 1, "list": [None, 1.5]}}},
    outputs={"x": "${{ steps.a.outputs.x }}"},
)
FROM_RUNNER = [
    Ready(1),
    Rehearsed(),
    JobStarted(),
    StepStarted(1, "ü"),
    Annotation(1, Level.ERROR, "m", line=3),
    Summary(1, "# x"),
    StepFinished(1, Conclusion.FAILURE, Conclusion.SUCCESS, 1, "why"),
    SourceRequest(),
    SourceRequest("key"),
    JobFinished(Conclusion.SUCCESS, {"a": "b"}, environment_url="https://x"),
]
FROM_HOST = [Rehearse(IDENTITY), Assign(IDENTITY, SPEC), Cancel("why", 2.5), SourceRefused("no")]


@pytest.mark.parametrize("message", FROM_RUNNER)
def test_messages_of_the_runner(message: Any) -> None:
    (frame,) = FrameDecoder().feed(encode_message(message))
    assert decode_from_runner(frame) == message
    with pytest.raises(ProtocolViolation, match="unknown message"):
        decode_from_host(frame)


@pytest.mark.parametrize("message", FROM_HOST)
def test_messages_of_the_host(message: Any) -> None:
    (frame,) = FrameDecoder().feed(encode_message(message))
    assert decode_from_host(frame) == message
    with pytest.raises(ProtocolViolation, match="unknown message"):
        decode_from_runner(frame)


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        (FrameKind.LOG, b"abcd", "expected a CONTROL frame, got LOG"),
        (FrameKind.CONTROL, b"{", "malformed message: not JSON"),
        (FrameKind.CONTROL, b"[]", "malformed message: expected an object"),
        (FrameKind.CONTROL, b'{"type": "Exec", "body": {}}', "unknown message 'Exec'"),
        (FrameKind.CONTROL, b'{"type": "Ready", "body": {}}', "missing key 'protocol'"),
        (FrameKind.CONTROL, b'{"type": "Ready", "body": {"protocol": "1"}}', "expected int"),
    ],
)
def test_what_a_runner_may_not_say(kind: FrameKind, payload: bytes, error: str) -> None:
    (frame,) = FrameDecoder().feed(encode_frame(kind, payload))
    with pytest.raises(ProtocolViolation, match=error.replace("[", r"\[")):
        decode_from_runner(frame)


def test_messages_are_plain_json() -> None:
    payload = encode_message(Ready(1))[5:]
    assert json.loads(payload) == {"type": "Ready", "body": {"protocol": 1}}
