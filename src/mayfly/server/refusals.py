"""Why the server does not do what a client asked for; `status` is how HTTP says it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from mayfly.domain.errors import MayflyError


class Refused(MayflyError):
    """The base of them; the request itself is wrong."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST

    @property
    def headers(self) -> Mapping[str, str]:
        return {}


class Unauthenticated(Refused):
    """Nobody knows who asks."""

    status = HTTPStatus.UNAUTHORIZED

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="mayfly"'}


class Forbidden(Refused):
    """Who asks may not."""

    status = HTTPStatus.FORBIDDEN


class NotFound(Refused):
    """It is not there, or not for who asks."""

    status = HTTPStatus.NOT_FOUND


class Conflict(Refused):
    """As things stand it cannot be done."""

    status = HTTPStatus.CONFLICT


class Gone(Refused):
    """It was there, and is kept no longer."""

    status = HTTPStatus.GONE


class TooLarge(Refused):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooMany(Refused):
    """It was tried too often; `wait_s` is when it may be tried again."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, wait_s: float):
        self.wait_s = max(1, round(wait_s))
        super().__init__(message, remedy=f"try again in {self.wait_s} s")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.wait_s)}
