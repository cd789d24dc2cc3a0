"""Everything that is wrong with a command line, said at once."""

import contextlib
from collections.abc import Iterator

from mayfly.domain.errors import InvalidInput


class Complaints:
    """Use: `with complaints.noted(): …` around each check, then `raise_any()`."""

    def __init__(self) -> None:
        self._errors: list[InvalidInput] = []

    def add(self, message: str, remedy: str | None = None) -> None:
        self._errors.append(InvalidInput(message, remedy=remedy))

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """An InvalidInput raised inside is kept for later."""
        try:
            yield
        except InvalidInput as error:
            self._errors.append(error)

    def raise_any(self) -> None:
        """InvalidInput with all of them; the only one as it is."""
        match self._errors:
            case []:
                return
            case [error]:
                raise error
            case errors:
                remedies = dict.fromkeys(error.remedy for error in errors if error.remedy)
                raise InvalidInput(
                    "\n".join(error.message for error in errors),
                    remedy="; ".join(remedies) or None,
                )
