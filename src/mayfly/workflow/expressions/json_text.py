"""`fromJSON` and `toJSON`: values from JSON text and back, laid out as GitHub lays it out."""

import json
import math
import re
from typing import NoReturn

from mayfly.workflow.expressions.budget import Budget
from mayfly.workflow.expressions.errors import FunctionFailed
from mayfly.workflow.expressions.numerals import as_double, print_exactly
from mayfly.workflow.expressions.values import Value

MAX_DEPTH = 100

_SURROGATE = re.compile("[\ud800-\udfff]")


def from_json(text: str) -> Value:
    """The value a JSON text stands for, its numbers all floats; FunctionFailed if it is not JSON.

    Keys that differ only in case count as one: the first.
    """
    try:
        value: Value = json.loads(
            text, object_pairs_hook=_object, parse_int=float, parse_constant=_refuse
        )
    except ValueError as error:
        raise FunctionFailed(f"fromJSON: the text is not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep("fromJSON") from error
    _check_depth(value)
    return value


def to_json(value: Value, budget: Budget | None = None) -> str:
    """JSON text, indented by two spaces; FunctionFailed beyond the budget or 100 levels."""
    pieces: list[str] = []
    _write(value, "\n", pieces, budget or Budget())
    return "".join(pieces)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    names = {key.lower(): key for key in reversed(found)}
    if len(names) == len(found):
        return found
    return {key: value for key, value in found.items() if names[key.lower()] == key}


def _check_depth(value: Value) -> None:
    level: list[Value] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner for outer in level for inner in _items(outer) if isinstance(inner, (list, dict))
        ]
    if level:
        raise _too_deep("fromJSON")


def _items(value: Value) -> list[Value]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep(function: str) -> FunctionFailed:
    return FunctionFailed(f"{function}: the value is nested more than {MAX_DEPTH} levels deep")


def _write(value: Value, margin: str, pieces: list[str], budget: Budget) -> None:
    """Append the text of `value`; `margin` is the line break and indent of its closing bracket."""
    if not isinstance(value, (list, dict)):
        _append(_scalar(value), pieces, budget)
        return
    if len(margin) > 2 * MAX_DEPTH:
        raise _too_deep("toJSON")
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = margin + "  "
    before = opening + inner
    keys = [_quoted(key) + ": " for key in value] if isinstance(value, dict) else [""] * len(value)
    for key, item in zip(keys, _items(value), strict=True):
        _append(before + key, pieces, budget)
        _write(item, inner, pieces, budget)
        before = "," + inner
    _append(margin + closing if value else opening + closing, pieces, budget)


def _append(text: str, pieces: list[str], budget: Budget) -> None:
    budget.make(len(text))
    pieces.append(text)


def _scalar(value: bool | float | str | None) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    number = as_double(value)
    return print_exactly(number) if math.isfinite(number) else "null"


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isascii():
        return quoted
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
