"""What can go wrong when GitHub is asked, as types, so that callers decide by type.

`NotFound`, `Conflict`, `Unprocessable`, `Forbidden` and `Unauthorised` stay wrong when asked again;
`RateLimited` and `ServerTrouble` pass. A write that ended in `ServerTrouble` may have been done.
"""

from mayfly.domain.errors import MayflyError


class GitHubError(MayflyError):
    """GitHub did not do what it was asked."""


class NotFound(GitHubError):
    """404: it is not there, or the app may not see it."""


class Conflict(GitHubError):
    """409."""


class NameTaken(Conflict):
    """409: a runner of that name is registered."""


class Unprocessable(GitHubError):
    """422: understood and refused."""


class Busy(Unprocessable):
    """422: the runner is at work and cannot be removed."""


class Forbidden(GitHubError):
    """403: the app lacks a permission, or was suspended."""


class Unauthorised(GitHubError):
    """401, also with a new token: the app's key is wrong, or it was uninstalled."""


class RateLimited(GitHubError):
    """Too many requests; `until` is when to ask again, in seconds since 1970."""

    def __init__(self, message: str, until: float):
        super().__init__(message)
        self.until = until


class ServerTrouble(GitHubError):
    """5xx, no answer in time, no connection."""


class Unreadable(ServerTrouble):
    """An answer that is not what GitHub documents, such as a proxy's page."""
