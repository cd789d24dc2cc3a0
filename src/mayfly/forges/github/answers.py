"""What an answer of GitHub's REST interface means. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gidgethub import sansio

from mayfly.forges.fields import Fields, long_text, parse
from mayfly.forges.github.errors import (
    Conflict,
    Forbidden,
    GitHubError,
    NotFound,
    RateLimited,
    ServerTrouble,
    Unauthorised,
    Unprocessable,
    Unreadable,
)
from mayfly.protocol.codec import DecodeError

CORE = "core"
_SECONDARY_WAIT = 60.0  # seconds, where GitHub says no time
_LONGEST_WAIT = 3700.0  # seconds; limits are by the hour

_REMEDIES = {
    Forbidden: "look at the app's permissions, and whether it is suspended",
    Unauthorised: "look at the app's key, this machine's clock, and whether it is still installed",
}
_REFUSALS: dict[int, type[GitHubError]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    422: Unprocessable,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is left of a limit until `reset` (seconds since 1970)."""

    resource: str
    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is JSON, or None; `next` the address of the page that follows."""

    data: Any
    next: str | None = None
    etag: str | None = None


def read(what: str, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Answer:
    """The answer to `what`, a phrase for messages; header names are in lower case.

    Raises GitHubError: everything but 200, 201, 202 and 204 is one.
    """
    if status not in {200, 201, 202, 204}:
        raise _refusal(what, status, headers, body, now)
    try:
        data, _, following = sansio.decipher_response(status, headers, body)
    except (ValueError, LookupError, OverflowError, RecursionError):
        raise Unreadable(f"GitHub's answer to {what} is not JSON") from None
    return Answer(data, following, headers.get("etag"))


def limits(headers: Mapping[str, str]) -> Limits | None:
    """None if the answer tells none, or nonsense."""
    try:
        rate = sansio.RateLimit.from_http(headers)
    except (ValueError, OverflowError):
        return None
    if rate is None:
        return None
    resource = headers.get("x-ratelimit-resource", CORE)
    return Limits(resource, rate.limit, rate.remaining, rate.reset_datetime.timestamp())


def _refusal(
    what: str, status: int, headers: Mapping[str, str], body: bytes, now: float
) -> GitHubError:
    said = _message(body)
    if status in {403, 429} and (until := _limited_until(status, headers, said, now)) is not None:
        return RateLimited(f"GitHub limits {what}: {said}", until)
    if (kind := _REFUSALS.get(status)) is not None:
        return kind(
            f"GitHub refused {what}: {said} ({status})",
            remedy=_REMEDIES.get(kind),
        )
    return ServerTrouble(f"GitHub failed at {what}: {said} ({status})")


def _limited_until(status: int, headers: Mapping[str, str], said: str, now: float) -> float | None:
    """As GitHub documents: `retry-after`, else the reset once nothing remains, else a minute."""
    after = headers.get("retry-after", "")
    known = limits(headers)
    if after.isascii() and after.isdigit():
        until = now + float(after[:9])
    elif known is not None and known.remaining == 0:
        until = known.reset
    elif status == 429 or "rate limit" in said.lower():
        until = now + _SECONDARY_WAIT
    else:
        return None
    return min(max(until, now + 1), now + _LONGEST_WAIT)


def _message(body: bytes) -> str:
    try:
        fields = Fields(parse(body))
        said = fields.maybe("message", long_text) or ""
        errors = fields.maybe("errors", _errors) or ""
    except DecodeError:
        return "no reason given"
    return ": ".join(part for part in (said, errors) if part)[:500] or "no reason given"


def _errors(value: Any, path: str) -> str:
    """Texts, or objects with a field and a code or message; whatever can be told of them."""
    errors = value if isinstance(value, list) else [value]
    return ", ".join(long_text(_told(error), path) for error in errors[:10])


def _told(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return " ".join(str(error[key]) for key in ("field", "code", "message") if key in error)
