"""What routes answer besides what they are for: problems, and pages of long lists."""

from typing import Any

from pydantic import BaseModel


class Problem(BaseModel):
    """What went wrong, what to do about it, and what else is known."""

    error: str
    remedy: str | None = None
    details: str | None = None


_WORDS = {
    400: "The request makes no sense as it is",
    401: "It needs a token or a web session",
    403: "It is not yours to do",
    404: "It is not there, or not for you",
    409: "It cannot be done as things stand",
    413: "The body is too large",
    422: "The request is not valid",
    429: "It was tried too often",
    503: "The store cannot be reached now",
}

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words} for status, words in _WORDS.items()
}
"""The `responses` of every router."""
