"""The server's API as commands use it: JSON in and out, errors in words, streams that go on.

A stream that breaks off is taken up again behind its last event: nothing is lost or repeated.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

import mayfly
from mayfly.cli.outage import Outage
from mayfly.cli.servers import Account
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import codec
from mayfly.protocol.told import END, Told
from mayfly.system.threads import in_thread

_PATIENCE = httpx.Timeout(30.0, read=60.0)
_STREAM = httpx.Timeout(30.0, read=120.0)
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_GIVE_UP_AFTER = 60
_PIECE = 256 * 1024
_NO_ROUTE = "Not Found"
"""How the framework says that it knows no such path, and not that a thing is not there."""


class KeptNoLonger(InvalidInput):
    """It was there; its time was over."""


class Client:
    """One account on one server; used from one event loop, inside `async with`."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport | None = None):
        self._http = httpx.AsyncClient(
            base_url=f"{account.url}/api/v1",
            headers={
                "Authorization": f"Bearer {account.token}",
                "User-Agent": f"mayfly/{mayfly.__version__}",
            },
            timeout=_PATIENCE,
            transport=transport,
        )
        self.url = account.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path. InvalidInput for what is refused, HostCannot for what fails."""
        wanted = {key: value for key, value in query.items() if value is not None}
        return await self._ask("GET", path, params=wanted)

    async def post(self, path: str, body: Any = None) -> Any:
        return await self._ask("POST", path, json={} if body is None else body)

    async def put(self, path: str, body: Any) -> Any:
        return await self._ask("PUT", path, json=body)

    async def has(self, path: str) -> bool:
        """Whether there is anything at a path (that this account may see)."""
        response = await self._send("GET", path)
        if not response.is_success and not _lacks(response):
            raise _refusal(self.url, response)
        return response.is_success

    async def put_blob(self, path: str, pieces: AsyncIterator[bytes]) -> None:
        """Nothing is sent of one that is there already."""
        if not await self.has(path):
            await self._ask("PUT", path, content=pieces, timeout=None)

    async def text(self, path: str) -> AsyncIterator[str]:
        """A text, piece by piece."""
        try:
            async with self._http.stream("GET", path) as response:
                if not response.is_success:
                    await response.aread()
                    raise _refusal(self.url, response)
                async for piece in response.aiter_text():
                    yield piece
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error

    async def events(self, path: str) -> AsyncIterator[Told]:
        """What a stream tells, to its end, through lost connections and restarts."""
        place, failures = "", 0
        with contextlib.closing(Outage(self.url)) as outage:
            while True:
                try:
                    async for kind, place_now, data in self._stream(path, place, outage):
                        failures = 0
                        if kind == END:
                            return
                        yield codec.decode(Told, data.encode())
                        place = place_now or place
                except httpx.HTTPError as error:
                    failures += 1
                    if failures > _GIVE_UP_AFTER:
                        raise _unreachable(self.url, error) from error
                    outage.failed()
                await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])

    async def _stream(
        self, path: str, place: str, outage: Outage
    ) -> AsyncIterator[tuple[str, str, str]]:
        """(event, id, data) of each server-sent event. Ends the outage once the server answers."""
        query = {"after": place} if place else {}
        async with self._http.stream("GET", path, params=query, timeout=_STREAM) as response:
            if response.status_code >= 500:
                raise httpx.RemoteProtocolError(f"the server answered {response.status_code}")
            if not response.is_success:
                await response.aread()
                raise _refusal(self.url, response)
            outage.over()
            fields: dict[str, str] = {}
            async for line in response.aiter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield fields.get("event", ""), fields.get("id", ""), fields["data"]
                    fields = {}

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
        response = await self._send(method, path, **options)
        if not response.is_success:
            raise _refusal(self.url, response)
        try:
            return response.json() if response.content else None
        except ValueError:
            raise _no_server_of_ours(self.url, response) from None

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error


async def pieces_of(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := await in_thread(opened.read, _PIECE):
            yield piece


def _refusal(url: str, response: httpx.Response) -> InvalidInput | HostCannot:
    """What the server says is wrong; its fault from 500 on."""
    said = _said(response)
    if "error" not in said and response.status_code < 500:
        return _no_server_of_ours(url, response)
    message = str(said.get("error") or f"{url} answered {response.status_code}")
    remedy, details = said.get("remedy"), said.get("details")
    if response.status_code == 401:
        remedy = f"{remedy or 'sign in again'}; then: mayfly login --server {url}"
    if response.status_code == 404 and message.startswith("there is no "):
        remedy = remedy or "mayfly runs, mayfly jobs and mayfly hosts list what there is"
    if response.status_code >= 500:
        return HostCannot(message, remedy=remedy or "try again in a moment", details=details)
    kind = KeptNoLonger if response.status_code == 410 else InvalidInput
    return kind(message, remedy=remedy, details=details)


def _lacks(response: httpx.Response) -> bool:
    """Whether it is our server that says so, and not whatever else is at that address."""
    return response.status_code == 404 and "error" in _said(response)


def _said(response: httpx.Response) -> dict[str, Any]:
    """The problem that our server tells; nothing if it tells none."""
    try:
        said = json.loads(response.content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and said.get("error") != _NO_ROUTE else {}


def _no_server_of_ours(url: str, response: httpx.Response) -> InvalidInput:
    elsewhere = response.headers.get("location")
    seen = f"status {response.status_code}, {response.headers.get('content-type', 'no content')}"
    return InvalidInput(
        f"what answers at {url} is no Mayfly server, or an old one",
        details=f"{seen}, to {elsewhere}" if elsewhere else seen,
        remedy="check the address: `mayfly up` and `mayfly serve` print theirs",
    )


def _unreachable(url: str, error: Exception) -> HostCannot:
    reason = str(error) or type(error).__name__
    return HostCannot(
        f"{url} cannot be reached: {reason}",
        remedy="check the address, the network, and that the server runs",
    )
