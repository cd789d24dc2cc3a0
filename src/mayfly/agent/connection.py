"""The server as one host reaches it: requests in the types of `protocol.wire`, errors by kind.

Everything a request can come to is one of these: its answer; `Unreachable`, so ask again;
`SessionOver` or `StaleLease`; `Refused`, which asking again does not change; `NotWelcome`, with
which this agent must end.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

import mayfly
from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError
from mayfly.protocol import codec, wire
from mayfly.protocol.fleet import StaleLease

T = TypeVar("T")

REQUEST_S = 30.0

_UNREACHABLE = frozenset({408, 421, 425, 429, 500, 502, 503, 504})
_MAX_ANSWER = 64 * 1024 * 1024


class Unreachable(Exception):
    """No answer, or none of the server's; `status` is what stood there instead."""

    def __init__(self, message: str, status: int | None = None):
        super().__init__(message)
        self.status = status


class SessionOver(StaleLease):
    """Everything that ran in the session was taken away."""


class Refused(MayflyError):
    """The server understood, and will not; `status` says of what kind that is."""

    def __init__(self, status: int, trouble: wire.Trouble):
        super().__init__(trouble.error, remedy=trouble.remedy, details=trouble.details)
        self.status = status


class NotWelcome(Refused):
    """The server does not know this host, or not this agent's protocol."""


class Connection:
    """Safe to be used by many tasks. `key` gives the host's key, which may change meanwhile."""

    def __init__(self, http: httpx.AsyncClient, key: Callable[[], str]):
        self._http = http
        self._key = key

    async def ask(
        self,
        path: str,
        message: Any,
        answer: type[T],
        *,
        within: float = REQUEST_S,
        method: str = "POST",
    ) -> T:
        """The answer to one request, sent once. `within` is in seconds."""
        data = await self._exchange(path, wire.write(message), {}, within, method)
        return _decoded(answer, data)

    async def tell(
        self, path: str, message: Any = None, *, within: float = REQUEST_S, method: str = "POST"
    ) -> None:
        """A request whose answer says nothing."""
        body = b"" if message is None else wire.write(message)
        await self._exchange(path, body, {}, within, method)

    async def send(self, path: str, body: bytes, answer: type[T], *, within: float) -> T:
        """The same for a body that was written already; compressed if large."""
        packed, headers = wire.pack(body)
        return _decoded(answer, await self._exchange(path, packed, headers, within, "POST"))

    @contextlib.asynccontextmanager
    async def stream(self, path: str, message: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a long answer; Unreachable if it breaks off."""
        async with _reaching():
            request = self._request("POST", path, wire.write(message), {})
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code != httpx.codes.OK:
                    raise _trouble(response.status_code, await response.aread())
                yield response.aiter_bytes()
            finally:
                await response.aclose()

    async def _exchange(
        self, path: str, body: bytes, headers: Mapping[str, str], within: float, method: str
    ) -> bytes:
        used = self._key()
        try:
            return await self._once(path, body, headers, within, method)
        except NotWelcome:
            if self._key() == used:
                raise
        return await self._once(path, body, headers, within, method)

    async def _once(
        self, path: str, body: bytes, headers: Mapping[str, str], within: float, method: str
    ) -> bytes:
        try:
            async with asyncio.timeout(within), _reaching():
                response = await self._http.send(self._request(method, path, body, headers))
        except TimeoutError:
            raise Unreachable(f"no answer within {within:g} s") from None
        if not response.is_success:
            raise _trouble(response.status_code, response.content)
        return response.content

    def _request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx.Request:
        said = {"Authorization": f"Bearer {self._key()}", "Content-Type": "application/json"}
        return self._http.build_request(
            method, wire.PREFIX + path, content=body, headers={**said, **headers}
        )


@contextlib.asynccontextmanager
async def reach(
    server: str, ca_file: Path | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client for `Connection`; proxies are taken from the environment.

    `ca_file` adds to what the system trusts. `transport` is another way there than a network.
    """
    url = httpx.URL(server)
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidInput(
            f"{server!r} is no address of a server", remedy="use https://HOST[:PORT]"
        )
    # Reading all certificates takes a while; without TLS there is nobody to trust.
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if url.scheme == "https":
            trusted = ssl.create_default_context()
        if ca_file is not None:
            trusted.load_verify_locations(ca_file)
    except OSError as error:
        raise HostCannot(f"cannot use the certificates in {ca_file}: {error}") from error
    async with httpx.AsyncClient(
        base_url=url,
        headers={
            wire.PROTOCOL_HEADER: str(wire.PROTOCOL),
            wire.VERSION_HEADER: mayfly.__version__,
        },
        verify=trusted,
        transport=transport,
        timeout=httpx.Timeout(None),  # each request has its own
        # Long polls must not keep a renewal from being sent.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
    ) as http:
        yield http


@contextlib.asynccontextmanager
async def _reaching() -> AsyncIterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error


def _trouble(status: int, body: bytes) -> Exception:
    """What an answer that is no success comes to."""
    try:
        trouble = wire.read(wire.Trouble, body[: wire.MAX_BODY])
    except codec.DecodeError:  # whoever said that, it was not our server
        if status != httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            return Unreachable(f"the server's address answers {status}", status)
        trouble = wire.Trouble("the request is too large for the server, or a proxy before it")
    if status in _UNREACHABLE:
        return Unreachable(f"{trouble.error} ({status})", status)
    if status == httpx.codes.CONFLICT:
        return StaleLease(trouble.error)
    if status == httpx.codes.GONE:
        return SessionOver(trouble.error)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.UPGRADE_REQUIRED}:
        return NotWelcome(status, trouble)
    return Refused(status, trouble)


def _decoded(answer: type[T], data: bytes) -> T:
    try:
        return wire.read(answer, data)
    except codec.DecodeError as error:
        raise Unreachable(f"an answer that is none: {error}") from error
