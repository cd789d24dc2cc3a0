"""What can go wrong with an expression."""

from typing import Self

from mayfly.domain.errors import InvalidInput


class ExpressionError(InvalidInput):
    """An expression cannot be read or evaluated.

    `position` counts characters from 0 in the text that was parsed: the expression, or the whole
    template when it came out of a template.
    """

    def __init__(self, message: str, position: int, *, remedy: str | None = None):
        super().__init__(message, remedy=remedy)
        self.position = position

    def moved(self, offset: int) -> Self:
        """The same error, `offset` characters further on."""
        return type(self)(self.message, self.position + offset, remedy=self.remedy)


class FunctionFailed(Exception):
    """A function refuses its arguments; the message says why.

    The functions that a caller supplies raise this too. The evaluator makes an `ExpressionError`
    of it, which says where in the expression the call is.
    """
