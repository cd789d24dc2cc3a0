"""The words in which the table of keys is written: what may stand at a place in a file.

`workflow`, `events` and `action` are the table; `validate` checks a tree of nodes against it.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mayfly.workflow.nodes import Mapping as MappingNode
from mayfly.workflow.nodes import Scalar

Complain: TypeAlias = Callable[..., None]
"""`complain(node, message, expected=None)` reports a problem at a node."""

Check: TypeAlias = Callable[[str], str | None]
"""What is wrong with the text of a scalar without expressions; None if nothing is."""

Rule: TypeAlias = Callable[[MappingNode, Complain], None]
"""Checks what several keys of one mapping say together; the values may be of any kind."""

_FUNCTION = re.compile(r"(\w+)\((\d+),(\d+|MAX)\)")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The contexts, and the functions beyond the language's own, that expressions may use.

    `functions` gives the fewest and the most arguments by name.
    """

    contexts: frozenset[str]
    functions: Mapping[str, tuple[int, int]]


def allowed(text: str) -> Allowed:
    """From words like `github` and `hashFiles(1,255)`, the spelling of GitHub's own schema."""
    contexts, functions = set(), {}
    for word in text.split():
        if match := _FUNCTION.fullmatch(word):
            most = sys.maxsize if match[3] == "MAX" else int(match[3])
            functions[match[1]] = (int(match[2]), most)
        else:
            contexts.add(word)
    return Allowed(frozenset(contexts), functions)


@dataclass(frozen=True, slots=True)
class Literal:
    """A scalar: any, or a boolean or number only, or one of `values`."""

    kind: type[object] = object
    non_empty: bool = False
    values: tuple[str, ...] = ()
    check: Check | None = None

    def accepts(self, node: Scalar) -> bool:
        if self.kind is bool:
            return isinstance(node.value, bool)
        if self.kind is float:
            return isinstance(node.value, int | float) and not isinstance(node.value, bool)
        if self.kind is type(None):
            return node.value is None
        if self.values:
            return node.text in self.values
        return bool(node.text) or not self.non_empty

    @property
    def expected(self) -> str:
        if self.kind is bool:
            return "true or false"
        if self.kind is float:
            return "a number"
        if self.kind is type(None):
            return "nothing"
        if self.values:
            return quoted(self.values)
        return "text"


@dataclass(frozen=True, slots=True)
class Key:
    value: "Value"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One form a mapping takes; `name` reads on after "in".

    `other` takes the keys that are not known. Where there are several shapes, the first whose
    `marker` the mapping has is meant: a key, or a key with one of some values ("using=docker").
    """

    name: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    other: "Value | None" = None
    key_check: Check | None = None
    marker: str = ""
    rules: tuple[Rule, ...] = ()

    def claims(self, node: MappingNode) -> bool:
        key, _, values = self.marker.partition("=")
        found = node.get(key)
        if found is None or not values:
            return not key or found is not None
        return isinstance(found, Scalar) and found.text in values.split("|")


@dataclass(frozen=True, slots=True)
class Value:
    """What may stand at one place: a scalar, a list, a mapping, or either of them.

    `allowed` says what expressions may use from here on down, None: as around it. `template`
    lets one expression stand for a whole list or mapping. `condition` reads the text as an
    expression even without `${{ }}`.
    """

    literals: tuple[Literal, ...] = ()
    items: "Value | None" = None
    shapes: tuple[Shape, ...] = ()
    allowed: Allowed | None = None
    template: bool = False
    condition: bool = False
    anything: bool = False

    def using(self, allowed: Allowed) -> "Value":
        return replace(self, allowed=allowed)

    def or_template(self) -> "Value":
        return replace(self, template=True)

    @property
    def expected(self) -> str:
        parts = [literal.expected for literal in self.literals]
        if self.items is not None:
            parts.append("a list")
        if self.shapes:
            parts.append("a mapping")
        return " or ".join(dict.fromkeys(parts))


ANY = Value(anything=True)
TEXT = Value((Literal(),))
WORD = Value((Literal(non_empty=True),))
BOOLEAN = Value((Literal(bool),))
NUMBER = Value((Literal(float),))
SCALAR = TEXT
NOTHING = Value((Literal(type(None)),))


def text(check: Check) -> Value:
    return Value((Literal(check=check),))


def word(check: Check) -> Value:
    return Value((Literal(non_empty=True, check=check),))


def number(check: Check) -> Value:
    return Value((Literal(float, check=check),))


def one_of(values: str) -> Value:
    """One of some words, given with spaces between."""
    return Value((Literal(values=tuple(values.split())),))


def condition(allowed: Allowed) -> Value:
    return Value((Literal(),), allowed=allowed, condition=True)


def list_of(item: Value) -> Value:
    return Value(items=item)


def mapping(
    name: str, keys: Mapping[str, Value | Key], *rules: Rule, other: Value | None = None
) -> Value:
    return Value(shapes=(shape(name, keys, *rules, other=other),))


def shape(
    name: str,
    keys: Mapping[str, Value | Key],
    *rules: Rule,
    other: Value | None = None,
    marker: str = "",
) -> Shape:
    entries = {key: Key(v) if isinstance(v, Value) else v for key, v in keys.items()}
    return Shape(name, entries, other, marker=marker, rules=rules)


def names(name: str, value: Value, *rules: Rule, check: Check | None = None) -> Value:
    """A mapping whose keys are the author's own."""
    return Value(shapes=(Shape(name, other=value, key_check=check, rules=rules),))


def required(value: Value) -> Key:
    return Key(value, required=True)


def either(*values: Value) -> Value:
    """Any of these, which differ in kind: scalar, list, mapping."""
    return Value(
        tuple(literal for value in values for literal in value.literals),
        next((value.items for value in values if value.items), None),
        tuple(shape for value in values for shape in value.shapes),
        next((value.allowed for value in values if value.allowed), None),
    )


def word_or_words(item: Value = WORD) -> Value:
    return either(item, list_of(item))


def quoted(words: tuple[str, ...] | list[str]) -> str:
    """'a', 'b' or 'c'."""
    shown = [f"'{word}'" for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
