"""How a server is set up; made once by the composition root and never changed."""

from dataclasses import dataclass

_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`base_url` is how people and forges reach the server, without a path.

    `session_s` is how long a browser stays signed in. Limits are in bytes: of any request's body
    that its route does not bound otherwise, of an uploaded blob, of all that a user (or a project,
    by pushes) may have uploaded at once, and of what hosts may report of one job. Uploads are
    deleted `uploads_s` after their last use, logs `logs_s` after the end of their run; None: never.
    `open_metrics` lets anyone
    read /metrics, for a server that only a monitoring network reaches. `github_url` is the GitHub
    that people come from, `github_api_url` its interface.
    """

    base_url: str = "http://127.0.0.1:8080"
    session_s: float = 7 * _DAY
    body_limit: int = 1 << 20
    blob_limit: int = 2 << 30
    uploads_limit: int = 50 << 30
    journal_limit: int = 256 << 20
    uploads_s: float | None = 14 * _DAY
    logs_s: float | None = 365 * _DAY
    open_metrics: bool = False
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by HTTPS only."""
        return self.base_url.startswith("https://")
