"""What routes take and answer, where several do the same: problems, names, pages of lists."""

from typing import Annotated, Any, Generic, Self, TypeVar

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")


class Problem(BaseModel):
    """What went wrong, what to do about it, and what else is known."""

    error: str
    remedy: str | None = None
    details: str | None = None


class Said(BaseModel):
    """An answer made from a row: its fields by name."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls.model_validate(row)


class Asked(BaseModel):
    """A body. What it does not know is a mistake of the client's, and said to be one."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` gets the following one, as `after`, and is null at the end."""

    items: list[T]
    next: str | None = None


class Listing(BaseModel):
    """What every list may be asked."""

    limit: int = Field(50, ge=1, le=200)
    after: str | None = Field(None, max_length=500, description="`next` of the page before")


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


def _plain(text: str) -> str:
    if not all(sign.isprintable() or sign in "\n\t\r" for sign in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_plain)]
Text = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_plain)]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,38})$")]
ProjectPart = Annotated[
    str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
]
ProjectName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"
    ),
]
VariableName = Annotated[str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")]
EnvironmentName = Annotated[str, Path(min_length=1, max_length=100), AfterValidator(_plain)]
