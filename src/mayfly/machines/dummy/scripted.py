"""A runner that runs nothing: it says what a real one would say, or misbehaves.

The workflow chooses, by the environment of the job:

    DUMMY            how the job goes, one of `Conduct`; `succeeds` if not given
    DUMMY_SECONDS    how long each step takes (event loop time)

A step prints its own `run` text. Job outputs are given back as they are written. A step that uses
actions/checkout fetches the source and prints how many bytes it was. On Cancel the running step
is given up, and steps whose `if` mentions always() run still.
"""

import asyncio
import enum
from collections.abc import AsyncIterator

from mayfly.domain.job import Conclusion
from mayfly.machines.base import MachineFailed
from mayfly.machines.dummy.pipe import Port
from mayfly.protocol.frames import MAX_DATA, FrameDecoder, FrameKind, encode_log
from mayfly.protocol.messages import (
    Assign,
    Cancel,
    FromRunner,
    JobFinished,
    JobStarted,
    Ready,
    Rehearse,
    Rehearsed,
    SourceRefused,
    SourceRequest,
    StepFinished,
    StepStarted,
    decode_from_host,
    encode_message,
)
from mayfly.system.changes import Changes
from mayfly.system.tasks import stop
from mayfly.workflow.model import Step


class Conduct(enum.StrEnum):
    """What a job does once it was assigned."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    TIMES_OUT = "times_out"
    DIES = "dies"  # the guest powers off
    CRASHES = "crashes"  # the machine fails, by no fault of the guest
    SILENT = "silent"
    DEAF = "deaf"  # begins, then neither ends nor hears of a cancellation
    ENDLESS = "endless"  # prints for ever
    GARBAGE = "garbage"
    OVERSIZED = "oversized"
    DISORDER = "disorder"
    AGAIN = "again"  # is Ready once more
    PRETENDS = "pretends"  # says it was cancelled
    GOES_ON = "goes_on"  # speaks after its end


_CANCELLED = Conclusion.CANCELLED
_RAW = {
    Conduct.GARBAGE: b"\xff" * 100,
    Conduct.OVERSIZED: bytes([FrameKind.LOG, 0xFF, 0xFF, 0xFF, 0xFF]),
    Conduct.DISORDER: encode_message(StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS)),
    Conduct.AGAIN: encode_message(Ready(1)),
    Conduct.PRETENDS: encode_message(JobFinished(_CANCELLED, {})),
}


async def scripted(port: Port) -> None:
    """A `Guest`: waits for its job, then follows its conduct to the host's leaving."""
    inbox = _Inbox(port)
    listening = asyncio.create_task(inbox.listen())
    try:
        assign = await inbox.assigned()
        conduct = Conduct(assign.job.env.get("DUMMY", Conduct.SUCCEEDS))
        if conduct is not Conduct.SILENT:
            await port.write(encode_message(JobStarted()))
            await _Script(port, inbox, assign, conduct).follow()
        await listening  # which ends when the host hangs up
    finally:
        await stop(listening)


class _Inbox:
    """What the host has said."""

    def __init__(self, port: Port):
        self._port = port
        self._changes = Changes()
        self._assign: Assign | None = None
        self._pieces: list[bytes | SourceRefused] = []
        self.cancelled = False

    async def listen(self) -> None:
        decoder = FrameDecoder()
        while data := await self._port.read():
            for frame in decoder.feed(data):
                if frame.kind is FrameKind.BLOB:
                    self._pieces.append(frame.payload)
                    continue
                message = decode_from_host(frame)
                self.cancelled |= isinstance(message, Cancel)
                if isinstance(message, Rehearse):
                    await self._port.write(encode_message(Rehearsed()))
                elif isinstance(message, Assign):
                    self._assign = message
                elif isinstance(message, SourceRefused):
                    self._pieces.append(message)
            self._changes.announce()

    async def assigned(self) -> Assign:
        while self._assign is None:
            await self._changes.wait()
        return self._assign

    async def until_cancelled(self) -> None:
        while not self.cancelled:
            await self._changes.wait()

    async def source(self) -> AsyncIterator[bytes]:
        """Raises MachineFailed when the host refuses."""
        while True:
            while not self._pieces:
                await self._changes.wait()
            piece = self._pieces.pop(0)
            if isinstance(piece, SourceRefused):
                raise _Refused(piece.reason)
            if not piece:
                return
            yield piece


class _Refused(Exception):
    """The host will not send a source; the message says why."""


class _Script:
    def __init__(self, port: Port, inbox: _Inbox, assign: Assign, conduct: Conduct):
        self._port = port
        self._inbox = inbox
        self._job = assign.job
        self._conduct = conduct
        self._seconds = float(assign.job.env.get("DUMMY_SECONDS", "0"))
        self._conclusion = Conclusion.SUCCESS

    async def follow(self) -> None:
        for number, step in enumerate(self._job.steps, start=1):
            await self._step(number, step)
        timed_out = self._conduct is Conduct.TIMES_OUT
        await self._say(JobFinished(self._conclusion, self._job.outputs, timed_out=timed_out))
        if self._conduct is Conduct.GOES_ON:
            await self._say(JobStarted())

    async def _step(self, number: int, step: Step) -> None:
        always = "always()" in (step.condition or "")
        if self._conclusion is not Conclusion.SUCCESS and not always:
            return
        await self._say(StepStarted(number, step.name or step.run or step.uses or ""))
        outcome = await self._outcome(number, step, always=always)
        if outcome is not Conclusion.SUCCESS and self._conclusion is Conclusion.SUCCESS:
            self._conclusion = outcome
        failed = outcome is Conclusion.FAILURE
        await self._say(StepFinished(number, outcome, outcome, int(failed)))

    async def _outcome(self, number: int, step: Step, *, always: bool) -> Conclusion:
        if (step.uses or "").startswith("actions/checkout") and not await self._fetch(number):
            return Conclusion.FAILURE
        await self._print(number, f"{step.run or step.uses}\n".encode())
        await self._misbehave(number)
        if not await self._pass_time(deaf_to_cancel=always):
            return _CANCELLED
        failing = self._conduct in {Conduct.FAILS, Conduct.TIMES_OUT} and not always
        return Conclusion.FAILURE if failing else Conclusion.SUCCESS

    async def _misbehave(self, number: int) -> None:
        match self._conduct:
            case Conduct.DIES:
                await self._port.close()
            case Conduct.CRASHES:
                raise MachineFailed("the dummy crashed")
            case Conduct.DEAF:
                await asyncio.Event().wait()
            case Conduct.ENDLESS:
                while True:
                    await self._print(number, b"y\n" * (MAX_DATA // 2))
            case conduct if raw := _RAW.get(conduct):
                await self._port.write(raw)

    async def _fetch(self, number: int) -> bool:
        await self._say(SourceRequest())
        size = 0
        try:
            async for piece in self._inbox.source():
                size += len(piece)
        except _Refused as refused:
            await self._print(number, f"no source: {refused}\n".encode())
            return False
        await self._print(number, f"source of {size} bytes\n".encode())
        return True

    async def _pass_time(self, *, deaf_to_cancel: bool) -> bool:
        """Whether the time passed without a cancellation."""
        if deaf_to_cancel:
            await asyncio.sleep(self._seconds)
            return True
        try:
            async with asyncio.timeout(self._seconds):
                await self._inbox.until_cancelled()
        except TimeoutError:
            return not self._inbox.cancelled
        return False

    async def _print(self, step: int, data: bytes) -> None:
        await self._port.write(encode_log(step, data))

    async def _say(self, message: FromRunner) -> None:
        await self._port.write(encode_message(message))
