"""Expression text to tokens, with one compiled regular expression."""

import math
import re
from typing import Final, NamedTuple

from mayfly.workflow.expressions.errors import ExpressionError
from mayfly.workflow.expressions.numerals import parse_number
from mayfly.workflow.expressions.values import Value

MAX_LENGTH = 21_000  # characters; GitHub's own limit

END: Final = "end"
NAME: Final = "name"
LITERAL: Final = "literal"

_KEYWORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
}

_WORD = r"[^\s()\[\],!<>=&|]*+"


def _token_pattern(number_start: str) -> re.Pattern[str]:
    return re.compile(
        rf"""[ \t\r\n]*+(?:
            (?P<name>[A-Za-z_][A-Za-z0-9_-]*+)
          | (?P<string>'[^']*+(?:''[^']*+)*+')
          | (?P<number>{number_start}{_WORD})
          | (?P<symbol>&&|\|\||[!=<>]=|[()\[\],.!<>*])
          | (?P<end>\Z)
        )""",
        re.VERBOSE,
    )


# After a name, a closing bracket or a star, "." takes a property; elsewhere it begins a number.
_TAKES_PROPERTY = frozenset({NAME, "]", ")", "*"})
_AFTER_VALUE = _token_pattern(r"[+\-0-9]")
_ELSEWHERE = _token_pattern(r"[+\-0-9.]")
_UNEXPECTED = re.compile(r"[ \t\r\n]*+(.[^\s()\[\],!<>=&|.]*+)", re.DOTALL)


class Token(NamedTuple):
    """`kind` is a symbol itself, or NAME, LITERAL or END; `text` is as written."""

    kind: str
    text: str
    position: int
    value: Value = None


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, the last one END; ExpressionError if there is no such token."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression is longer than {MAX_LENGTH} characters ({len(text)})", MAX_LENGTH
        )
    found: list[Token] = []
    previous = ""
    offset = 0
    while previous != END:
        token = _next(text, offset, previous)
        found.append(token)
        previous = token.kind
        offset = token.position + len(token.text)
    return found


def _next(text: str, offset: int, previous: str) -> Token:
    pattern = _AFTER_VALUE if previous in _TAKES_PROPERTY else _ELSEWHERE
    match = pattern.match(text, offset)
    if match is None:
        raise _unexpected(text, offset)
    group = match.lastgroup or END
    written, position = match[group], match.start(group)
    if group == "symbol":
        return Token(written, written, position)
    if group == NAME:
        if previous != "." and written in _KEYWORDS:
            return Token(LITERAL, written, position, _KEYWORDS[written])
        return Token(NAME, written, position)
    if group == "string":
        return Token(LITERAL, written, position, written[1:-1].replace("''", "'"))
    if group == "number":
        value = parse_number(written)
        if math.isnan(value):
            raise ExpressionError(f"'{written[:50]}' is not a number", position)
        return Token(LITERAL, written, position, value)
    return Token(END, "", position)


def _unexpected(text: str, offset: int) -> ExpressionError:
    match = _UNEXPECTED.match(text, offset)
    written, position = (match[1], match.start(1)) if match else ("", offset)
    if written.startswith("'"):
        return ExpressionError("the string is not closed: a ' is missing at its end", position)
    remedy = "write strings in single quotes" if written.startswith('"') else None
    return ExpressionError(f"unexpected symbol '{written[:50]}'", position, remedy=remedy)
