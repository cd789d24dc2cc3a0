"""The stand-in's rate limits, and who a request comes from."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import jwt
from tests.standins.github.world import App, Installation

HOUR = 3600.0
MINUTE = 60.0
SECONDARY = "You have exceeded a secondary rate limit."


class Refuse(Exception):
    """Answer with this instead."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


@dataclass
class Limits:
    """GitHub's published ones; tests set lower ones to meet them."""

    hourly: int = 5000
    points: int = 900
    registrations: int = 170
    at_once: int = 100


@dataclass
class Usage:
    """Of one app or installation."""

    used: int = 0
    reset: float = 0.0
    points: deque[tuple[float, int]] = field(default_factory=deque)
    registrations: deque[tuple[float, int]] = field(default_factory=deque)


class Meter:
    """Counts requests; beyond a limit it refuses them."""

    def __init__(self, limits: Limits, clock: Callable[[], float]):
        self._limits = limits
        self._clock = clock
        self._usage: dict[str, Usage] = {}

    def count(self, who: str, method: str, *, registers: bool) -> None:
        """Raises Refuse. A refused request counts for the hour."""
        usage, now = self._of(who), self._clock()
        usage.used += 1
        if usage.used > self._limits.hourly:
            raise Refuse(403, "API rate limit exceeded for installation.", self.headers(who))
        self._in_minute(usage.points, 1 if method == "GET" else 5, self._limits.points, now)
        if registers:
            self._in_minute(usage.registrations, 1, self._limits.registrations, now)

    def give_back(self, who: str) -> None:
        """What has not changed costs nothing."""
        self._of(who).used -= 1

    def headers(self, who: str) -> dict[str, str]:
        usage = self._of(who)
        return {
            "x-ratelimit-limit": str(self._limits.hourly),
            "x-ratelimit-remaining": str(max(self._limits.hourly - usage.used, 0)),
            "x-ratelimit-used": str(usage.used),
            "x-ratelimit-reset": str(int(usage.reset)),
            "x-ratelimit-resource": "core",
        }

    def _of(self, who: str) -> Usage:
        usage = self._usage.setdefault(who, Usage())
        if self._clock() >= usage.reset:
            usage.used, usage.reset = 0, float(int(self._clock() + HOUR))
        return usage

    def _in_minute(
        self, taken: deque[tuple[float, int]], cost: int, limit: int, now: float
    ) -> None:
        while taken and taken[0][0] <= now - MINUTE:
            taken.popleft()
        if sum(spent for _, spent in taken) + cost > limit:
            raise Refuse(403, SECONDARY, {"retry-after": "60"})
        taken.append((now, cost))


def app_of(token: str, apps: dict[int, App], public_key: str, now: float) -> App:
    """The app that signed the token. Raises Refuse."""
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        app = next(each for each in apps.values() if str(issuer) in {str(each.id), each.client_id})
        unchecked = {"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]}
        claims = jwt.decode(token, public_key, algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
    except (jwt.InvalidTokenError, StopIteration):
        raise Refuse(401, "A JSON web token could not be decoded") from None
    if claims["exp"] > now + 600:
        raise Refuse(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims["exp"] <= now:
        raise Refuse(401, "'Expiration time' claim ('exp') must be a numeric value in the future")
    if claims["iat"] > now:
        raise Refuse(401, "'Issued at' claim ('iat') must be an Integer in the past")
    return app


@dataclass(frozen=True)
class IssuedToken:
    installation: Installation
    expires: float
