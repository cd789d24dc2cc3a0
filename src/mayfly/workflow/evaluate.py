"""Templates of a workflow file to values, with errors that name the key they stand under."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.expressions import (
    Condition,
    ExpressionError,
    Functions,
    Template,
    Value,
    to_string,
)

_OPENING = "${{"
_template = lru_cache(maxsize=4096)(Template.parse)
_condition = lru_cache(maxsize=1024)(Condition.parse)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What expressions see. Every method raises InvalidInput that begins with `key`."""

    contexts: Mapping[str, Any]
    functions: Functions = field(default_factory=dict)

    def having(self, **contexts: Any) -> "Evaluator":
        return replace(self, contexts={**self.contexts, **contexts})

    def value(self, text: str, key: str) -> Value:
        """The value of the expression if the text is exactly one, else the text it makes."""
        if _OPENING not in text:
            return text
        try:
            return _template(text).evaluate(self.contexts, self.functions)
        except ExpressionError as error:
            raise InvalidInput(f"{key}: {error.message}, in '{text}'") from error

    def text(self, text: str, key: str) -> str:
        value = self.value(text, key)
        if isinstance(value, (dict, list)):
            raise InvalidInput(f"{key}: '{text}' is {_kind(value)}, not text")
        return to_string(value)

    def texts(self, mapping: Mapping[str, Any] | str, key: str) -> dict[str, str]:
        """A mapping of templates, or one template that makes a mapping."""
        if isinstance(mapping, str):
            value = self.value(mapping, key)
            if not isinstance(value, dict):
                raise InvalidInput(f"{key}: '{mapping}' must be a mapping")
            return {name: to_string(item) for name, item in value.items()}
        return {name: self.text(item, f"{key}.{name}") for name, item in mapping.items()}

    def tree(self, value: Any, key: str) -> Any:
        """Plain YAML data with every string in it evaluated."""
        if isinstance(value, str):
            return self.value(value, key)
        if isinstance(value, dict):
            return {name: self.tree(item, f"{key}.{name}") for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item, key) for item in value]
        return value

    def boolean(self, text: str | None, key: str) -> bool:
        """None is false."""
        value = self.text(text or "false", key)
        if value not in {"true", "false"}:
            raise InvalidInput(f"{key}: '{value}' is neither true nor false")
        return value == "true"

    def number(self, text: str, key: str) -> float:
        """A number above zero."""
        value = self.text(text, key)
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise InvalidInput(f"{key}: '{value}' is not a number above zero")
        return number

    def condition(self, text: str, key: str) -> bool:
        try:
            return _condition(text).evaluate(self.contexts, self.functions)
        except ExpressionError as error:
            raise InvalidInput(f"{key}: {error.message}, in '{text}'") from error


def mentions(value: Any, context: str) -> bool:
    """Whether any template in plain YAML data refers to a context."""
    return any(
        reference.context == context
        for text in _strings(value)
        if _OPENING in text
        for reference in _template(text).references
    )


def condition_mentions(text: str, context: str) -> bool:
    return any(reference.context == context for reference in _condition(text).references)


def asks_status(text: str) -> bool:
    """Whether a condition calls success(), failure(), always() or cancelled(); blank does not."""
    return bool(text.strip()) and _condition(text).asks_status


def has_expression(text: str) -> bool:
    return _OPENING in text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _kind(value: Value) -> str:
    return "a list" if isinstance(value, list) else "an object"
