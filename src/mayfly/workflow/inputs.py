"""The inputs of `workflow_dispatch` and `workflow_call`: given values, checked and typed."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.expressions import to_string
from mayfly.workflow.model import Input

Default = Callable[[str], Any]


def resolve_inputs(
    declared: Sequence[Input],
    given: Mapping[str, Any],
    *,
    where: str,
    evaluate: Default = lambda text: text,
) -> dict[str, Any]:
    """The value of every declared input, typed as its declaration says.

    `given` holds texts or typed values; `evaluate` gives the value of a default that is a
    template. An input that is not given and has no default is false, 0, the first choice, or
    empty. InvalidInput lists everything that is wrong at once; `where` begins its message.
    """
    names = {item.name.lower(): item for item in declared}
    errors = [_unknown(name, declared) for name in given if name.lower() not in names]
    values = {key.lower(): value for key, value in given.items()}
    result: dict[str, Any] = {}
    for item in declared:
        try:
            result[item.name] = _resolved(item, values, evaluate)
        except InvalidInput as error:
            errors.append(error.message)
    if errors:
        raise InvalidInput(f"{where}: " + "; ".join(errors))
    return result


def _resolved(item: Input, values: Mapping[str, Any], evaluate: Default) -> Any:
    if item.name.lower() in values:
        return _typed(item, values[item.name.lower()])
    if item.default is not None:
        default = evaluate(item.default) if isinstance(item.default, str) else item.default
        return _typed(item, default)
    if item.required:
        raise InvalidInput(f"input '{item.name}' is required")
    if item.type == "choice" and item.options:
        return item.options[0]
    return _EMPTY.get(item.type, "")


_EMPTY: Mapping[str, Any] = {"boolean": False, "number": 0}


def _typed(item: Input, value: Any) -> Any:
    match item.type:
        case "boolean":
            return _boolean(item.name, value)
        case "number":
            return _number(item.name, value)
        case "choice":
            return _choice(item, to_string(value))
        case _:
            if isinstance(value, (dict, list)):
                raise InvalidInput(f"input '{item.name}' must be text")
            return to_string(value)


def _boolean(name: str, value: Any) -> bool:
    text = to_string(value).lower()
    if text not in {"true", "false"}:
        raise InvalidInput(f"input '{name}' must be true or false, not '{text}'")
    return text == "true"


def _number(name: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        number = float(to_string(value))
    except ValueError:
        number = float("nan")
    if number - number != 0:  # infinite, or not a number
        raise InvalidInput(f"input '{name}' must be a number, not '{to_string(value)}'")
    return int(number) if number.is_integer() else number


def _choice(item: Input, text: str) -> str:
    if text not in item.options:
        options = ", ".join(item.options)
        raise InvalidInput(f"input '{item.name}' must be one of {options}, not '{text}'")
    return text


def _unknown(name: str, declared: Sequence[Input]) -> str:
    names = [item.name for item in declared]
    if not names:
        return f"unknown input '{name}'; there are none"
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(names)}"
    return f"unknown input '{name}'; {hint}"
