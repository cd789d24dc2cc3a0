"""What routes take and answer, where several do the same: problems, names, pages of lists."""

from typing import Annotated, Any, Generic, Self, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

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
    """A body, taken at its word: no `"1"` for 1, and nothing that it does not know."""

    model_config = ConfigDict(extra="forbid", strict=True)


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
    410: "It was there, and is kept no longer",
    413: "The body is too large",
    422: "The request is not valid",
    429: "It was tried too often",
    503: "The store cannot be reached now",
}

PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"content": PROBLEM, "description": words} for status, words in _WORDS.items()
}
"""The `responses` of every router; `description.py` adds the schema."""

Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[
    str, StringConstraints(max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
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
EnvironmentName = Annotated[
    str, Path(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f/]+$")
]
