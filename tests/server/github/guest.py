"""What runs in a dummy machine for a job of GitHub: the stand-in's runner, and what it says."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.standins.github.runner import RETRY, VERSION
from tests.standins.github.simulated import run_simulated

from mayfly.domain.job import Conclusion
from mayfly.machines.dummy.pipe import Port
from mayfly.protocol.frames import FrameDecoder, FrameKind, encode_log
from mayfly.protocol.messages import (
    Assign,
    Cancel,
    JobFinished,
    JobStarted,
    Rehearse,
    Rehearsed,
    StepFinished,
    StepStarted,
    decode_from_host,
    encode_message,
)
from mayfly.server.github.spec import CONFIG, WORKING
from mayfly.system.changes import Changes
from mayfly.system.tasks import stop

Work = Callable[[dict[str, Any]], Awaitable[str]]


async def succeeds(_job: dict[str, Any]) -> str:
    await asyncio.sleep(30.0)
    return "success"


@dataclass
class Guests:
    """All machines of a test. `work` is what a job does, `version` that of the runner."""

    http: httpx.AsyncClient
    work: Work = succeeds
    version: str = VERSION
    ran: Counter[int] = field(default_factory=Counter)
    at_work: set[int] = field(default_factory=set)
    killed_at_work: list[int] = field(default_factory=list)
    specs: list[Any] = field(default_factory=list)

    async def __call__(self, port: Port) -> None:
        guest = _Guest(self, port)
        listening = asyncio.create_task(guest.listen())
        try:
            await guest.run()
            await listening
        finally:
            await stop(listening)


class _Guest:
    def __init__(self, guests: Guests, port: Port):
        self._guests = guests
        self._port = port
        self._changes = Changes()
        self._assign: Assign | None = None
        self._cancelled = False

    async def listen(self) -> None:
        decoder = FrameDecoder()
        while data := await self._port.read():
            for frame in decoder.feed(data):
                if frame.kind is FrameKind.BLOB:
                    continue
                match decode_from_host(frame):
                    case Assign() as assign:
                        self._assign = assign
                    case Cancel():
                        self._cancelled = True
                    case Rehearse():
                        await self._port.write(encode_message(Rehearsed()))
            self._changes.announce()

    async def run(self) -> None:
        while self._assign is None:
            await self._changes.wait()
        self._guests.specs.append(self._assign.job)
        await self._port.write(encode_message(JobStarted()))
        await self._port.write(encode_message(StepStarted(1, "runner")))
        running = asyncio.create_task(self._runner(self._assign.job.env[CONFIG]))
        wanted = asyncio.create_task(self._until_cancelled())
        try:
            await asyncio.wait({running, wanted}, return_when=asyncio.FIRST_COMPLETED)
            code = running.result() if running.done() else None
        finally:
            await stop(running, wanted)
        outcome = Conclusion.SUCCESS if code == 0 else Conclusion.FAILURE
        if code is None:
            outcome = Conclusion.CANCELLED
        await self._port.write(encode_message(StepFinished(1, outcome, outcome, code or 0)))
        await self._port.write(encode_message(JobFinished(outcome, {})))

    async def _until_cancelled(self) -> None:
        while not self._cancelled:
            await self._changes.wait()

    async def _runner(self, config: str) -> int:
        for _ in range(3):
            code = await run_simulated(
                self._guests.http, config, self._work, version=self._guests.version
            )
            if code != RETRY:
                break
        return code

    async def _work(self, job: dict[str, Any]) -> str:
        guests, number = self._guests, int(job["job"])
        await self._port.write(encode_log(1, f"{WORKING} {job['name']}\n".encode()))
        assert number not in guests.at_work, f"job {number} runs twice"
        guests.at_work.add(number)
        guests.ran[number] += 1
        try:
            return await guests.work(job)
        except asyncio.CancelledError:
            guests.killed_at_work.append(number)
            raise
        finally:
            guests.at_work.discard(number)
