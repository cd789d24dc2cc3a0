"""How agents are told what went wrong: a status of `protocol.wire`, and why in words."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.protocol import wire
from mayfly.protocol.fleet import StaleLease
from mayfly.server.dispatch import SessionOver
from mayfly.server.hosts import UnknownHost
from mayfly.server.refusals import Refused
from mayfly.server.taking import ReportsMissing
from mayfly.store.base import StoreUnavailable

_log = logging.getLogger(__name__)


_STATUS: dict[type[Exception], HTTPStatus] = {
    StaleLease: HTTPStatus.CONFLICT,
    SessionOver: HTTPStatus.GONE,
    ReportsMissing: HTTPStatus.GONE,  # the session cannot go on either
    UnknownHost: HTTPStatus.UNAUTHORIZED,
    InvalidInput: HTTPStatus.BAD_REQUEST,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class NotUnderstood(Refused):
    """A body is not what it should be; the message has the place."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooOld(Refused):
    status = HTTPStatus.UPGRADE_REQUIRED


class AgentRoute(APIRoute):
    """A route that only agents use whose protocol is known, with errors as they expect them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                _check_protocol(request)
                return await handler(request)
            except (MayflyError, StaleLease, ReportsMissing) as error:
                return _told(error)

        return handle


def _check_protocol(request: Request) -> None:
    said = request.headers.get(wire.PROTOCOL_HEADER, "")
    version = request.headers.get(wire.VERSION_HEADER, "?")[:40]
    spoken = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    if spoken < wire.OLDEST_PROTOCOL:
        raise TooOld(
            f"this agent (version {version}) is too old for the server: it speaks protocol "
            f"{said[:40] or 'none'}, and {wire.OLDEST_PROTOCOL} is the oldest that is understood",
            remedy="install a newer mayfly on the host, then systemctl reload mayfly-agent",
        )
    if spoken > wire.PROTOCOL:
        raise Refused(
            f"this agent (version {version}) is newer than the server",
            remedy="update the server first",
        )


def _told(error: Exception) -> Response:
    status = _status(error)
    if isinstance(error, MayflyError):
        trouble = wire.Trouble(error.message, error.remedy, error.details)
    else:
        trouble = wire.Trouble(str(error))
    headers = error.headers if isinstance(error, Refused) else {}
    _log.info("an agent is refused (%d): %s", status, trouble.error)
    return Response(wire.write(trouble), status, dict(headers), "application/json")


def _status(error: Exception) -> int:
    if isinstance(error, Refused):
        return error.status
    known = (status for kind, status in _STATUS.items() if isinstance(error, kind))
    return next(known, HTTPStatus.UNPROCESSABLE_ENTITY)
