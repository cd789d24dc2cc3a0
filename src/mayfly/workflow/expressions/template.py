"""Text with `${{ }}` in it, the form in which workflows hold almost every expression."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from mayfly.workflow.expressions.errors import ExpressionError, FunctionFailed
from mayfly.workflow.expressions.evaluator import Contexts, Functions, Scope, evaluate
from mayfly.workflow.expressions.expression import (
    NO_FUNCTIONS,
    Call,
    Expression,
    Reference,
    parse,
)
from mayfly.workflow.expressions.values import Value, to_string

_OPENING = "${{"
# The body ends at the first "}}" outside a string.
_BODY = re.compile(r"((?:[^'}]++|'[^']*+'|\}(?!\}))*+)\}\}")


@dataclass(frozen=True, slots=True)
class Embedded:
    """An expression inside a template; `position` is where its text begins there."""

    expression: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and expressions, in order; positions count in the whole text."""

    text: str
    segments: tuple[str | Embedded, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """ExpressionError if a `${{` is not closed or holds no proper expression."""
        return cls(text, tuple(_segments(text)))

    @property
    def expressions(self) -> tuple[Embedded, ...]:
        return tuple(segment for segment in self.segments if isinstance(segment, Embedded))

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(
            reference.moved(embedded.position)
            for embedded in self.expressions
            for reference in embedded.expression.references
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(
            call.moved(embedded.position)
            for embedded in self.expressions
            for call in embedded.expression.calls
        )

    def evaluate(self, contexts: Contexts, functions: Functions = NO_FUNCTIONS) -> Value:
        """The value of the expression if the text is exactly one, else the text it makes."""
        if len(self.segments) == 1 and isinstance(self.segments[0], Embedded):
            return _evaluate(self.segments[0], Scope(contexts, functions))
        return self.evaluate_string(contexts, functions)

    def evaluate_string(self, contexts: Contexts, functions: Functions = NO_FUNCTIONS) -> str:
        """The text with every expression replaced by its value, printed as GitHub prints it."""
        scope = Scope(contexts, functions)
        pieces: list[str] = []
        for segment in self.segments:
            if isinstance(segment, str):
                pieces.append(segment)
                continue
            piece = to_string(_evaluate(segment, scope))
            try:
                scope.budget.make(len(piece))
            except FunctionFailed as error:
                raise ExpressionError(str(error), segment.position) from error
            pieces.append(piece)
        return "".join(pieces)


def _evaluate(embedded: Embedded, scope: Scope) -> Value:
    try:
        return evaluate(embedded.expression.root, scope)
    except ExpressionError as error:
        raise error.moved(embedded.position) from error


def _segments(text: str) -> Iterator[str | Embedded]:
    copied = 0
    while (opening := text.find(_OPENING, copied)) >= 0:
        if opening > copied:
            yield text[copied:opening]
        position = opening + len(_OPENING)
        body = _BODY.match(text, position)
        if body is None:
            raise ExpressionError(
                "the expression is not closed: there is a '${{' but no '}}'",
                opening,
                remedy="close it with '}}'; text in quotes does not count",
            )
        try:
            yield Embedded(parse(body[1]), position)
        except ExpressionError as error:
            raise error.moved(position) from error
        copied = body.end()
    if copied < len(text):
        yield text[copied:]
