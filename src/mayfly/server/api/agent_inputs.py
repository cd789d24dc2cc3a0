"""What is looked at in agents' messages beyond their types: a host may be anybody's machine."""

from decimal import Decimal

from mayfly.domain.job import JobState
from mayfly.protocol import codec, wire
from mayfly.protocol.fleet import Hello, JobEnded, JobPhase, Numbered
from mayfly.protocol.reports import untag_report
from mayfly.server.api.agent_errors import NotUnderstood

_MAX_CPU = Decimal(100_000)
_MAX_MEMORY_MIB = 2**30
_MAX_FACTOR = 100.0
_MAX_TEXT = 200
_MAX_ACCELERATORS = 16

_PHASES = frozenset({JobState.STARTING, JobState.RUNNING})
_ENDS = frozenset(
    {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
        JobState.LOST,
    }
)


def patience(seconds: float) -> float:
    """How long the server lets an agent wait."""
    return min(max(0.0, seconds), wire.MAX_PATIENCE_S)


def check_hello(hello: Hello) -> None:
    """Raises NotUnderstood for a host that there cannot be."""
    capacity = hello.capacity
    texts = [hello.agent_version, *hello.accelerators, *hello.accelerators.values()]
    if not (
        0 <= capacity.cpu <= _MAX_CPU
        and 0 <= capacity.memory_mib <= _MAX_MEMORY_MIB
        and 0 < hello.cpu_factor <= _MAX_FACTOR
        and len(hello.accelerators) <= _MAX_ACCELERATORS
        and all(len(text) <= _MAX_TEXT for text in texts)
    ):
        raise NotUnderstood("no host is like that: a number or a text is out of bounds")


def numbered(sent: wire.Sent) -> Numbered:
    """Raises NotUnderstood."""
    try:
        report = untag_report(sent.report)
    except codec.DecodeError as error:
        raise NotUnderstood(f"report {sent.number} of {sent.lease.job}: {error}") from None
    wrong_phase = isinstance(report, JobPhase) and report.state not in _PHASES
    wrong_end = isinstance(report, JobEnded) and report.state not in _ENDS
    if sent.number < 1 or wrong_phase or wrong_end:
        raise NotUnderstood(f"report {sent.number} of {sent.lease.job} makes no sense")
    return Numbered(sent.lease, sent.number, report)
