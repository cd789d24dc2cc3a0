"""How much text one evaluation may make and how much it may look at.

An expression is short, yet `format` of `format` doubles text at every level and a filter visits
every item of a large context: both are counted, so that a hostile workflow gets an error.
"""

from mayfly.workflow.expressions.errors import FunctionFailed

TEXT_LIMIT = 10_000_000  # characters made by one evaluation
WORK_LIMIT = 100_000_000  # characters compared and items visited by one evaluation


class Budget:
    """What is left for one evaluation. Both methods raise FunctionFailed when it is spent."""

    __slots__ = ("_text", "_work")

    def __init__(self) -> None:
        self._text = TEXT_LIMIT
        self._work = WORK_LIMIT

    def make(self, characters: int) -> None:
        self._text -= characters
        if self._text < 0:
            raise FunctionFailed("the expression makes more than 10 MB of text")

    def visit(self, items: int) -> None:
        self._work -= items
        if self._work < 0:
            raise FunctionFailed("the expression looks at more data than is allowed")
