"""What forms send, as the bodies that the API takes, so that both check alike."""

from http import HTTPStatus
from typing import Annotated, Any, ClassVar, TypeVar

from fastapi import Form
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from mayfly.server.refusals import Refused

M = TypeVar("M", bound=BaseModel)

Check = Annotated[bool, Form()]
"""A box that is sent only when it is ticked."""

Words = Annotated[str, Form(max_length=4000)]
"""Names with spaces or commas between."""

NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,199}$"
"""Of secrets and variables."""


class NotUnderstood(Refused):
    """A form was filled in wrongly; `details` say which fields."""

    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY


def asked(kind: type[M], **fields: Any) -> M:
    """The API's body of that kind. Raises NotUnderstood."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        wrong = "\n".join(
            f"{'.'.join(str(part) for part in one['loc']).replace('_', ' ')}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        )
        raise NotUnderstood(
            "the form is not filled in right", remedy="go back and change it", details=wrong
        ) from None


def split(words: str) -> list[str]:
    return words.replace(",", " ").split()


def back_to(path: str) -> RedirectResponse:
    """So that loading the page anew does not send the form again."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)
