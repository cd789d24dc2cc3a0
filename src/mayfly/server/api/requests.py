"""Around every request: its id, its line in the log, its time, and what no handler foresaw."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from mayfly.server.metrics import Metrics
from mayfly.server.problems import Problem, Shown, defect

_log = logging.getLogger(__name__)

_TOO_LARGE = 413
_ID_HEADER = "X-Request-Id"
NOWHERE = "/nowhere"
"""A path that no route has: what the server asks itself once, as it begins."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", NOWHERE})


class Requests:
    """Outermost but for the headers. The id is the client's, where a proxy gave one, or ours."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics):
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = _id(scope)
        status, streams, begun = 0, False, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[_ID_HEADER] = number
                streams = headers.get("content-type", "").startswith("text/event-stream")
            await send(message)

        with bound_contextvars(request=number):
            try:
                await self._app(scope, receive, watched)
            finally:
                seconds = time.perf_counter() - begun
                self._note(scope, status, seconds, streams=streams)

    def _note(self, scope: Scope, status: int, seconds: float, *, streams: bool) -> None:
        method = scope["method"]
        route = _route(scope)
        if not streams:
            self._metrics.request_seconds.labels(method, route, str(status)).observe(seconds)
        level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
        more = {"status": int(status), "ms": round(seconds * 1000, 1)}
        _log.log(level, "%s %s", method, scope["path"], extra=more)


class Defects:
    """Innermost: what escapes is told as a problem with the request's id, and logged with it."""

    def __init__(self, app: ASGIApp, *, shown: Shown):
        self._app = app
        self._shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # the last place that can answer the client
            if scope["type"] != "http" or started:
                raise
            response = await self._shown(Request(scope), defect(error))
            await response(scope, receive, send)


class TooLargeToo:
    """The framework says in plain text that a body is too large; this says it as we say things."""

    def __init__(self, app: ASGIApp, *, shown: Shown):
        self._app = app
        self._shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def as_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                kind = Headers(raw=message["headers"]).get("content-type", "")
                replaced = kind.startswith("text/plain")
                if replaced:
                    problem = Problem(_TOO_LARGE, "the body of the request is too large")
                    response = await self._shown(Request(scope), problem)
                    await response(scope, receive, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, as_problem)


def _route(scope: Scope) -> str:
    """The route's path with its names; of an included one the scope only knows the end of it."""
    known = getattr(scope.get("route"), "path_format", None)
    if not isinstance(known, str):
        return "none"
    parts = scope["path"].split("/")
    return "/".join(parts[: len(parts) - known.count("/")]) + known


def _id(scope: Scope) -> str:
    given = Headers(scope=scope).get(_ID_HEADER, "")
    return given if 0 < len(given) <= 64 and given.isascii() and given.isalnum() else _new()


def _new() -> str:
    return secrets.token_hex(8)
