"""What a runner may say when, and how much."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.domain.job import Conclusion
from mayfly.protocol import conversation
from mayfly.protocol.conversation import Conversation, LogLimitExceeded
from mayfly.protocol.frames import (
    MAX_CONTROL,
    FrameKind,
    ProtocolViolation,
    encode_frame,
    encode_log,
)
from mayfly.protocol.messages import (
    PROTOCOL_VERSION,
    Annotation,
    FromRunner,
    JobFinished,
    JobStarted,
    Level,
    Ready,
    Rehearsed,
    SourceRequest,
    StepFinished,
    StepStarted,
    Summary,
    encode_message,
)

SUCCESS = Conclusion.SUCCESS
STARTED = JobStarted()
FINISHED = JobFinished(SUCCESS, {"a": "b"})


def begin(step: int) -> StepStarted:
    return StepStarted(step, f"step {step}")


def end(step: int) -> StepFinished:
    return StepFinished(step, SUCCESS, SUCCESS)


def note(step: int) -> Annotation:
    return Annotation(step, Level.NOTICE, "look")


def said(item: FromRunner | tuple[int, bytes]) -> bytes:
    return encode_log(*item) if isinstance(item, tuple) else encode_message(item)


def hear(*items: FromRunner | tuple[int, bytes], log_limit: int = 1000) -> list[Any]:
    return Conversation(log_limit=log_limit).feed(b"".join(map(said, items)))


WHOLE: list[Any] = [
    STARTED,
    begin(0),
    (0, b"setting up"),
    end(0),
    SourceRequest(None),
    SourceRequest("an action"),
    begin(1),
    (1, b"a"),
    note(1),
    (1, b"b\xff"),
    Summary(1, "# done"),
    end(1),
    begin(5),
    note(1),
    end(5),
    note(5),
    FINISHED,
]


def test_a_whole_conversation_comes_out_as_it_was_said() -> None:
    assert hear(*WHOLE) == WHOLE


@given(cuts=st.lists(st.integers(1, 2000)))
def test_in_whatever_pieces(cuts: list[int]) -> None:
    data = b"".join(map(said, WHOLE))
    places = [0, *sorted({cut for cut in cuts if cut < len(data)}), len(data)]
    heard = Conversation(log_limit=1000)
    items = [
        item for begin, end in itertools.pairwise(places) for item in heard.feed(data[begin:end])
    ]
    assert items == WHOLE
    assert heard.finished


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        ([begin(0)], "StepStarted out of order"),
        ([(0, b"x")], "output of step 0, which is not running"),
        ([FINISHED], "JobFinished out of order"),
        ([Ready(PROTOCOL_VERSION)], "Ready out of order"),
        ([Rehearsed()], "Rehearsed out of order"),
        ([STARTED, STARTED], "JobStarted out of order"),
        ([STARTED, Ready(PROTOCOL_VERSION)], "Ready out of order"),
        ([STARTED, Rehearsed()], "Rehearsed out of order"),
        ([STARTED, (0, b"x")], "output of step 0, which is not running"),
        ([STARTED, end(0)], "step 0 is not running"),
        ([STARTED, begin(0), begin(1)], "step 1 began while step 0 is running"),
        ([STARTED, begin(0), end(1)], "step 1 is not running"),
        ([STARTED, begin(1), (0, b"x")], "output of step 0, which is not running"),
        ([STARTED, begin(1), end(1), begin(1)], "step number 1 after 1"),
        ([STARTED, begin(1), end(1), begin(0)], "step number 0 after 1"),
        ([STARTED, begin(-1)], "step number -1 after -1"),
        ([STARTED, begin(conversation.MAX_STEPS)], "step number 5000 after -1"),
        ([STARTED, note(0)], "step 0 has not begun"),
        ([STARTED, begin(0), note(1)], "step 1 has not begun"),
        ([STARTED, begin(0), Summary(-1, "")], "step -1 has not begun"),
        ([STARTED, begin(0), FINISHED], "JobFinished while step 0 is running"),
        ([STARTED, FINISHED, FINISHED], "the runner went on after JobFinished"),
        ([STARTED, FINISHED, (0, b"x")], "the runner went on after JobFinished"),
    ],
)
def test_order(items: list[Any], complaint: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        hear(*items)
    assert str(caught.value) == complaint


def test_blobs_are_the_hosts_to_send() -> None:
    with pytest.raises(ProtocolViolation, match="expected a CONTROL frame, got BLOB"):
        Conversation(log_limit=1).feed(encode_frame(FrameKind.BLOB, b"x"))


def test_output_up_to_the_limit() -> None:
    steps: list[Any] = [STARTED, begin(0), (0, b"x" * 600), end(0), begin(1)]
    assert hear(*steps, (1, b"x" * 400))
    with pytest.raises(LogLimitExceeded):
        hear(*steps, (1, b"x" * 401))


def test_the_limit_is_told_in_mib() -> None:
    assert str(LogLimitExceeded(64 * 1024 * 1024)) == "the job printed more than 64 MiB"


def test_messages_have_a_limit_in_all() -> None:
    heard = Conversation(log_limit=1)
    heard.feed(said(STARTED) + said(begin(0)))
    large = said(Summary(0, "x" * (MAX_CONTROL - 100)))
    for _ in range(conversation.MAX_CONTROL_TOTAL // MAX_CONTROL):
        heard.feed(large)
    with pytest.raises(ProtocolViolation, match="more than 67108864 bytes of messages"):
        heard.feed(large)


def test_source_requests_have_a_limit() -> None:
    requests: list[Any] = [SourceRequest(None)] * conversation.MAX_SOURCE_REQUESTS
    assert len(hear(STARTED, *requests)) == 1001
    with pytest.raises(ProtocolViolation, match="more than 1000 source requests"):
        hear(STARTED, *requests, SourceRequest(None))


steps = st.integers(-1, 4)
things = st.one_of(
    st.just(STARTED),
    st.just(FINISHED),
    st.just(Ready(PROTOCOL_VERSION)),
    st.just(Rehearsed()),
    st.just(SourceRequest(None)),
    steps.map(begin),
    steps.map(end),
    steps.map(note),
    st.tuples(st.integers(0, 4), st.binary(max_size=300)),
)


@given(items=st.lists(things), log_limit=st.integers(0, 2000))
def test_whatever_passes_is_in_order_and_within_the_limit(items: list[Any], log_limit: int) -> None:
    heard = Conversation(log_limit=log_limit)
    passed: list[Any] = []
    try:
        for item in items:
            passed += heard.feed(said(item))
    except (ProtocolViolation, LogLimitExceeded):
        pass
    assert passed == items[: len(passed)]
    assert sum(len(item[1]) for item in passed if isinstance(item, tuple)) <= log_limit
    assert passed[:1] in ([], [STARTED])
    assert passed.count(STARTED) <= 1
    assert FINISHED not in passed[:-1]
    numbers = [item.step for item in passed if isinstance(item, StepStarted)]
    assert numbers == sorted(set(numbers))
    running: int | None = None
    for item in passed:
        if isinstance(item, StepStarted):
            assert running is None
            running = item.step
        elif isinstance(item, StepFinished):
            assert running == item.step
            running = None
        elif isinstance(item, tuple):
            assert running == item[0]


@given(data=st.binary(max_size=2000))
def test_noise_is_refused_or_waited_for_and_nothing_else(data: bytes) -> None:
    heard = Conversation(log_limit=1000)
    try:
        items = heard.feed(data)
    except ProtocolViolation:
        return
    assert items == []
