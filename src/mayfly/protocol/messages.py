"""What host and runner say to each other in CONTROL frames.

A connection in order: the runner says `Ready` once its machine is up (there the template is
sealed); the host may send `Rehearse`, which the runner answers with `Rehearsed`; the host sends
one `Assign`; the runner answers `JobStarted`, then any number of step messages and LOG frames,
then exactly one `JobFinished`, and says nothing more. In between the host may send `Cancel` once,
and answers each `SourceRequest` with BLOB frames or `SourceRefused`.

    runner → host   Ready · Rehearsed · JobStarted · StepStarted · LOG · Annotation · Summary
                    · StepFinished · SourceRequest · JobFinished
    host → runner   Rehearse · Assign · Cancel · BLOB… · SourceRefused
"""

import enum
from dataclasses import dataclass
from typing import Any

from mayfly.domain import job
from mayfly.protocol import codec
from mayfly.protocol.frames import Frame, FrameKind, ProtocolViolation, encode_frame
from mayfly.workflow.spec import JobSpec

PROTOCOL_VERSION = 1

Conclusion = job.Conclusion


class Level(enum.StrEnum):
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a clone must make its own before the job sees it.

    `entropy` is 64 random bytes in base64, credited to the kernel's pool; `time_ns` is the host's
    wall clock (nanoseconds since 1970, UTC). `address` is `a.b.c.d/prefix`; without a network the
    address, gateway and DNS server are None.
    """

    hostname: str
    machine_id: str
    entropy: str
    time_ns: int
    mac: str
    address: str | None = None
    gateway: str | None = None
    dns: str | None = None
    mtu: int = 1500


# --- runner → host -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    protocol: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Nothing of the rehearsal is left but what it warmed."""


@dataclass(frozen=True, slots=True)
class JobStarted:
    pass


@dataclass(frozen=True, slots=True)
class StepStarted:
    """`step` counts from 0 over everything that is shown as a step: set-up, main and post steps."""

    step: int
    name: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """`outcome` is before, `conclusion` after `continue-on-error`; `reason` says why it failed."""

    step: int
    outcome: Conclusion
    conclusion: Conclusion
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    step: int
    level: Level
    message: str
    title: str | None = None
    file: str | None = None
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Markdown a step wrote to GITHUB_STEP_SUMMARY; at most 1 MiB."""

    step: int
    markdown: str


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """The runner wants a source: the repository of its run, or a fetched action.

    `action` is None for the repository, else a key of the job's `actions`.
    """

    action: str | None = None


@dataclass(frozen=True, slots=True)
class JobFinished:
    conclusion: Conclusion
    outputs: dict[str, str]
    timed_out: bool = False
    environment_url: str | None = None
    reason: str | None = None


# --- host → runner -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Become this machine and run a small job of the runner's own, to be quicker at the real one.

    `Assign` brings the identity again, with new entropy and the time of then.
    """

    identity: Identity


@dataclass(frozen=True, slots=True)
class Assign:
    identity: Identity
    job: JobSpec


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running step; steps whose `if` holds on cancellation may run for `grace_s` more."""

    reason: str
    grace_s: float


@dataclass(frozen=True, slots=True)
class SourceRefused:
    reason: str


FromRunner = (
    Ready
    | Rehearsed
    | JobStarted
    | StepStarted
    | StepFinished
    | Annotation
    | Summary
    | SourceRequest
    | JobFinished
)
FromHost = Rehearse | Assign | Cancel | SourceRefused

FROM_RUNNER: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Ready,
        Rehearsed,
        JobStarted,
        StepStarted,
        StepFinished,
        Annotation,
        Summary,
        SourceRequest,
        JobFinished,
    )
}
_FROM_HOST: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Rehearse, Assign, Cancel, SourceRefused)
}


@dataclass(frozen=True, slots=True)
class _Envelope:
    type: str
    body: Any


def encode_message(message: FromRunner | FromHost) -> bytes:
    """A whole CONTROL frame, ready to be written."""
    envelope = _Envelope(type(message).__name__, message)
    return encode_frame(FrameKind.CONTROL, codec.encode(envelope))


def decode_from_runner(frame: Frame) -> FromRunner:
    """Raises ProtocolViolation for whatever a runner may not say."""
    message: FromRunner = _decode(frame, FROM_RUNNER)
    return message


def decode_from_host(frame: Frame) -> FromHost:
    """Raises ProtocolViolation for whatever a host may not say."""
    message: FromHost = _decode(frame, _FROM_HOST)
    return message


def _decode(frame: Frame, known: dict[str, type[Any]]) -> Any:
    if frame.kind is not FrameKind.CONTROL:
        raise ProtocolViolation(f"expected a CONTROL frame, got {frame.kind.name}")
    try:
        envelope = codec.decode(_Envelope, frame.payload)
        kind = known.get(envelope.type)
        if kind is None:
            raise ProtocolViolation(f"unknown message {envelope.type[:80]!r}")
        return codec.from_plain(kind, envelope.body)
    except codec.DecodeError as error:
        raise ProtocolViolation(f"malformed message: {error}") from None
