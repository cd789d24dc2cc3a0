"""The host's side of one job: hands it over, takes in what the runner says, keeps it in bounds.

The guest is hostile. Whatever it sends is checked by `protocol.conversation`; whatever it does not
send in time ends its job.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from mayfly.agent.lines import LineSplitter
from mayfly.domain.errors import MayflyError
from mayfly.domain.job import Conclusion, JobState
from mayfly.machines.base import Machine, MachineFailed
from mayfly.protocol.conversation import Conversation, LogLimitExceeded
from mayfly.protocol.fleet import (
    Assignment,
    ControlPlane,
    JobPhase,
    Printed,
    RunnerSaid,
)
from mayfly.protocol.frames import MAX_DATA, FrameKind, ProtocolViolation, encode_frame
from mayfly.protocol.messages import (
    Assign,
    Cancel,
    FromRunner,
    JobFinished,
    JobStarted,
    SourceRefused,
    SourceRequest,
    StepFinished,
    encode_message,
)
from mayfly.system.tasks import stop
from mayfly.workflow.spec import JobSpec

_log = logging.getLogger(__name__)

_SPARE_S = 15.0

# A clone answers within a second; an emulated one on a host that is far too busy takes longer.
_ANSWER_S = 180.0

_STATES = {
    Conclusion.SUCCESS: JobState.SUCCEEDED,
    Conclusion.FAILURE: JobState.FAILED,
    Conclusion.SKIPPED: JobState.SUCCEEDED,
}


class _NoAnswer(Exception):
    """The runner said nothing in time after its job was handed over."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`log_limit` is in bytes. `cancel_grace_s`: how long a cancelled job may clean up."""

    log_limit: int = 64 * 1024 * 1024
    cancel_grace_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended. `machine_gone`: its machine ended by itself, or broke the protocol."""

    state: JobState
    outputs: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    machine_gone: bool = False


class Session:
    """One job's conversation; `run` is called once."""

    def __init__(
        self,
        machine: Machine,
        assignment: Assignment,
        spec: JobSpec,
        control: ControlPlane,
        settings: SessionSettings,
        *,
        claimed: float,
    ):
        """`claimed` is the time (of the loop) from which the start counts."""
        self._machine = machine
        self._assignment = assignment
        self._spec = spec
        self._lines: dict[int, LineSplitter] = {}
        self._control = control
        self._settings = settings
        self._claimed = claimed
        self._sending: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self.start_seconds: float | None = None

    async def run(self, wish: "asyncio.Task[str]") -> Ended:
        """Hand the job over and follow it to its end. Raises StaleLease.

        `wish` ends with the reason once the job is to be cancelled, or with StaleLease.
        """
        ended = await self._followed(wish)
        for step in sorted(self._lines):
            await self._flush(step)
        return ended

    async def _followed(self, wish: "asyncio.Task[str]") -> Ended:
        minutes = self._assignment.timeout_minutes
        deadline = asyncio.timeout(minutes * 60 + self._settings.cancel_grace_s + _SPARE_S)
        cancelling = asyncio.create_task(self._cancel_when_told(wish, deadline))
        try:
            async with deadline:
                return await self._converse(wish)
        except TimeoutError:
            if wish.done():
                wish.result()  # raises StaleLease when that is why
            return self._overdue(cancelled=wish.done())
        except ProtocolViolation as error:
            reason = f"the runner broke the protocol: {error}"
            return Ended(JobState.FAILED, reason=reason, machine_gone=True)
        except LogLimitExceeded as error:
            return Ended(JobState.FAILED, reason=f"{error}: the limit of a job's log")
        finally:
            await stop(cancelling, self._sending)

    async def _converse(self, wish: "asyncio.Task[str]") -> Ended:
        try:
            assign = encode_message(Assign(self._machine.identity, self._spec))
        except ProtocolViolation as error:
            return Ended(JobState.FAILED, reason=f"the job is too large to hand over: {error}")
        conversation = Conversation(log_limit=self._settings.log_limit)
        try:
            data = await self._hand_over(assign)
            while data:
                for item in conversation.feed(data):
                    if isinstance(item, JobFinished):
                        return _ended(item, wish.result() if wish.done() else None)
                    await self._take(item)
                data = await self._machine.read()
        except _NoAnswer:
            reason = f"its machine did not answer within {_ANSWER_S:g} s"
            return Ended(JobState.LOST, reason=reason, machine_gone=True)
        except MachineFailed:
            _log.debug("%s ended while it was written to", self._machine.id)
        return await self._death()

    async def _hand_over(self, assign: bytes) -> bytes:
        """The runner's first bytes; a clone that came up broken must not wait for a job's hours."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._write(assign)
                return await self._machine.read()
        except TimeoutError as error:
            raise _NoAnswer from error

    async def _take(self, item: FromRunner | tuple[int, bytes]) -> None:
        lease = self._assignment.lease
        if isinstance(item, tuple):
            step, data = item
            if step > 0 and self.start_seconds is None:  # step 0 is the runner's own
                self.start_seconds = asyncio.get_running_loop().time() - self._claimed
            await self._print(step, self._lines.setdefault(step, LineSplitter()).feed(data))
        elif isinstance(item, JobStarted):
            await self._control.report(lease, JobPhase(JobState.RUNNING))
        elif isinstance(item, SourceRequest):
            self._send_source(item.action)
        else:
            if isinstance(item, StepFinished):
                await self._flush(item.step)
            await self._control.report(lease, RunnerSaid(item))

    async def _print(self, step: int, lines: tuple[str, ...]) -> None:
        if lines:
            await self._control.report(self._assignment.lease, Printed(step, lines))

    async def _flush(self, step: int) -> None:
        """The last line of a step may have no end."""
        if splitter := self._lines.pop(step, None):
            await self._print(step, splitter.flush())

    def _send_source(self, action: str | None) -> None:
        if self._sending is not None and not self._sending.done():
            raise ProtocolViolation("SourceRequest while another is being answered")
        # A task, because the guest may print meanwhile, and must be read for it to go on.
        self._sending = asyncio.create_task(self._stream(action))

    async def _stream(self, action: str | None) -> None:
        try:
            async for chunk in self._control.source(self._assignment.lease, action):
                for start in range(0, len(chunk), MAX_DATA):
                    await self._write(encode_frame(FrameKind.BLOB, chunk[start : start + MAX_DATA]))
            await self._write(encode_frame(FrameKind.BLOB, b""))
        except MachineFailed:
            return  # the reader notices too, and says why
        except MayflyError as error:
            await self._write(encode_message(SourceRefused(error.message)))
        except Exception:  # noqa: BLE001 (else the guest would wait for it to the end)
            _log.exception("a source of %s broke off", self._assignment.lease)
            reason = "a defect of Mayfly broke the source off; see its log"
            await self._write(encode_message(SourceRefused(reason)))

    async def _cancel_when_told(self, wish: "asyncio.Task[str]", deadline: asyncio.Timeout) -> None:
        """Ends the session at once if there is nothing to wish for any more."""
        await asyncio.wait([wish])
        now, grace = asyncio.get_running_loop().time(), self._settings.cancel_grace_s
        if wish.exception() is not None:
            deadline.reschedule(now)
            return
        deadline.reschedule(now + grace + _SPARE_S)
        with contextlib.suppress(MachineFailed):
            await self._write(encode_message(Cancel(wish.result(), grace)))

    async def _write(self, frame: bytes) -> None:
        async with self._writing:
            await self._machine.write(frame)

    def _overdue(self, *, cancelled: bool) -> Ended:
        if cancelled:
            reason = "cancelled; the job did not end within its grace"
            return Ended(JobState.CANCELLED, reason=reason)
        minutes = self._assignment.timeout_minutes
        reason = f"still running after its timeout of {minutes:g} minutes; its machine was stopped"
        return Ended(JobState.TIMED_OUT, reason=reason)

    async def _death(self) -> Ended:
        death = await self._machine.death()
        if death.by_guest:
            state, what = JobState.FAILED, "the job ended its machine or its runner"
        else:
            state, what = JobState.LOST, "the machine failed"
        reason = f"{what}\n{death.last_words}" if death.last_words else what
        return Ended(state, reason=reason, machine_gone=True)


def _ended(finished: JobFinished, cancelled: str | None) -> Ended:
    """`cancelled` says why, if somebody asked for it."""
    reason = finished.reason
    if finished.timed_out:
        state = JobState.TIMED_OUT
    elif finished.conclusion is not Conclusion.CANCELLED:
        state = _STATES[finished.conclusion]
    elif cancelled is not None:
        state, reason = JobState.CANCELLED, reason or cancelled
    else:
        state = JobState.FAILED
        reason = "the runner says that the job was cancelled, which nobody asked for"
    return Ended(state, finished.outputs, reason)
