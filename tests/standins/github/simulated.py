"""The runner of `runner.py` as a coroutine, for the test's own event loop and virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from tests.standins.github.runner import (
    POLL,
    VERSION,
    Action,
    Ask,
    Kill,
    Pause,
    Start,
    Watch,
    listen,
    read_config,
)

from mayfly.system.tasks import stop

Work = Callable[[dict[str, Any]], Awaitable[str]]
"""Does a job, given as the stand-in told it, and gives its conclusion."""

BEAT = 60.0  # seconds, as GitHub's runner


async def run_simulated(
    http: httpx.AsyncClient, config: str, work: Work, *, version: str = VERSION
) -> int:
    """Runs until its one job is done; the exit code. Cancel it to kill the machine it is on."""
    server, _, secret = read_config(config)
    driver = _Driver(http, server, secret, work)
    listening = listen(BEAT, version)
    reply: Any = None
    try:
        while True:
            try:
                action = listening.send(reply)
            except StopIteration as end:
                return int(end.value)
            reply = await driver.do(action)
    finally:
        await stop(driver.task)


class _Driver:
    def __init__(self, http: httpx.AsyncClient, server: str, secret: str, work: Work):
        self._http = http
        self._server = server
        self._headers = {"authorization": f"Bearer {secret}"}
        self._work = work
        self.task: asyncio.Task[str] | None = None

    async def do(self, action: Action) -> Any:
        match action:
            case Ask():
                return await self._ask(action)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Start(job):
                self.task = asyncio.ensure_future(self._work(job))
            case Watch(seconds):
                return await self._watch(seconds)
            case Kill():
                await stop(self.task)
        return None

    async def _ask(self, ask: Ask) -> tuple[int, Any]:
        url = self._server + ask.path
        try:
            async with asyncio.timeout(POLL + 10):
                answer = await self._http.request(
                    ask.method, url, json=ask.body, headers=self._headers
                )
        except (httpx.HTTPError, TimeoutError):
            return 0, None
        return answer.status_code, answer.json() if answer.content else None

    async def _watch(self, seconds: float) -> tuple[list[str], str | None]:
        assert self.task is not None
        await asyncio.wait([self.task], timeout=seconds)
        return [], self.task.result() if self.task.done() else None
