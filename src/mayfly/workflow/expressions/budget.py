"""How much text one evaluation may make and how much it may look at.

An expression is short, yet `format` of `format` doubles text at every level and a filter visits
every item of a large context: both are counted, so that a hostile workflow gets an error.
"""

from mayfly.workflow.expressions.errors import FunctionFailed

TEXT_LIMIT = 10_000_000  # characters made by one evaluation
WORK_LIMIT = 100_000_000  # characters compared by one evaluation: about a second
_ITEM = 50  # visiting an item takes as long as comparing so many characters


class Budget:
    """What is left for one evaluation. Each method raises FunctionFailed when it is spent."""

    __slots__ = ("_text", "_work")

    def __init__(self) -> None:
        self._text = TEXT_LIMIT
        self._work = WORK_LIMIT

    def make(self, characters: int) -> None:
        self._text -= characters
        if self._text < 0:
            raise FunctionFailed("the expression makes more than 10 MB of text")

    def visit(self, items: int) -> None:
        self.read(items * _ITEM)

    def read(self, characters: int) -> None:
        self._work -= characters
        if self._work < 0:
            raise FunctionFailed("the expression looks at more data than is allowed")
