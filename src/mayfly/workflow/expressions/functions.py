"""The functions of the language itself, on evaluated arguments (`case` is the evaluator's).

Each raises FunctionFailed when it refuses its arguments; the parser has checked their number.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from mayfly.workflow.expressions.budget import Budget
from mayfly.workflow.expressions.comparison import equals, upper
from mayfly.workflow.expressions.errors import FunctionFailed
from mayfly.workflow.expressions.json_text import from_json, to_json
from mayfly.workflow.expressions.values import Value, is_primitive, to_string

Builtin: TypeAlias = Callable[[Sequence[Value], Budget], Value]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([0-9]+)\}|[{}]")
_ARGUMENT_DIGITS = 3  # there are at most 255 arguments


def _contains(arguments: Sequence[Value], budget: Budget) -> bool:
    where, what = arguments
    if isinstance(where, list):
        budget.visit(len(where))
        budget.read(sum(_size(item) for item in where) + len(where) * _size(what))
        return any(equals(what, item) for item in where)
    if not is_primitive(where) or not is_primitive(what):
        return False
    text, part = to_string(where), to_string(what)
    budget.read(len(text) + len(part))
    return part.lower() in text.lower()


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str) else 0


def _starts_with(arguments: Sequence[Value], budget: Budget) -> bool:
    text, part = _uppercased(arguments, budget)
    return text is not None and part is not None and text.startswith(part)


def _ends_with(arguments: Sequence[Value], budget: Budget) -> bool:
    text, part = _uppercased(arguments, budget)
    return text is not None and part is not None and text.endswith(part)


def _uppercased(arguments: Sequence[Value], budget: Budget) -> list[str | None]:
    """Each argument as text without case; None for an array or object."""
    budget.read(sum(_size(value) for value in arguments))
    return [upper(to_string(value)) if is_primitive(value) else None for value in arguments]


def _format(arguments: Sequence[Value], budget: Budget) -> str:
    pattern, *replacements = map(to_string, arguments)
    pieces: list[str] = []
    copied = 0
    for match in _PLACEHOLDER.finditer(pattern):
        piece = pattern[copied : match.start()] + _replacement(match, replacements)
        budget.make(len(piece))
        pieces.append(piece)
        copied = match.end()
    budget.make(len(pattern) - copied)
    return "".join(pieces) + pattern[copied:]


def _replacement(match: re.Match[str], replacements: Sequence[str]) -> str:
    if match[0] in {"{{", "}}"}:
        return match[0][0]
    if match[1] is None:
        raise FunctionFailed(
            f"format: the '{match[0]}' at offset {match.start()} of the format text is no "
            "placeholder such as {0}; write '{{' or '}}' for the brace itself"
        )
    digits = match[1].lstrip("0") or "0"
    if len(digits) > _ARGUMENT_DIGITS or int(digits) >= len(replacements):
        raise FunctionFailed(
            f"format: the format text refers to {match[0][:20]}, but only {len(replacements)} "
            "further arguments are given"
        )
    return replacements[int(digits)]


def _join(arguments: Sequence[Value], budget: Budget) -> str:
    values = arguments[0]
    if not isinstance(values, list):
        return to_string(values) if is_primitive(values) else ""
    separator = ","
    if len(arguments) > 1 and is_primitive(arguments[1]):
        separator = to_string(arguments[1])
    budget.make(len(separator) * len(values))
    texts = []
    for value in values:
        text = to_string(value)
        budget.make(len(text))
        texts.append(text)
    return separator.join(texts)


def _from_json(arguments: Sequence[Value], budget: Budget) -> Value:
    text = to_string(arguments[0])
    if not text:
        raise FunctionFailed("fromJSON: the text is empty")
    budget.make(len(text))
    return from_json(text)


def _to_json(arguments: Sequence[Value], budget: Budget) -> str:
    return to_json(arguments[0], budget)


BUILTINS: dict[str, Builtin] = {
    "contains": _contains,
    "endsWith": _ends_with,
    "format": _format,
    "fromJSON": _from_json,
    "join": _join,
    "startsWith": _starts_with,
    "toJSON": _to_json,
}
