"""Checks a tree of nodes against the table, and reports everything that is wrong at once."""

import difflib

from mayfly.domain.errors import Problem, WorkflowInvalid
from mayfly.workflow.document import Document, core_value, read_document
from mayfly.workflow.expressions import Call, Condition, ExpressionError, Template
from mayfly.workflow.nodes import OPENING, Entry, Mapping, Node, Scalar, Sequence, Source
from mayfly.workflow.schema.types import Allowed, Literal, Shape, Value, quoted

MAX_PROBLEMS = 100

_NOTHING_ALLOWED = Allowed(frozenset(), {})
# The language leaves these to the place that calls it; all others are allowed everywhere.
_PLACED_FUNCTIONS = frozenset({"always", "cancelled", "failure", "hashFiles", "success"})
_LONGEST_QUOTE = 60
_LONGEST_MESSAGE = 300
_MOST_KEYS_TO_LIST = 20


class _Enough(Exception):
    """There are so many problems that looking for more helps nobody."""


def read_valid(data: bytes, file: str, value: Value) -> Document:
    """The document in `data`, which is as `value` says; else WorkflowInvalid, with all problems.

    It stops at a hundred of them, and says so.
    """
    document = read_document(data, file)
    walk = _Walk(document.source)
    try:
        walk.add(*document.problems)
        walk.check(document.root, value, _NOTHING_ALLOWED, "the file")
    except _Enough:
        last, more = max(walk.problems), "… and perhaps more: the search ended here"
        walk.problems.add(Problem(file, last.line, last.column, more))
    if walk.problems:
        raise WorkflowInvalid(list(walk.problems))
    return document


class _Walk:
    """`name` is what a message calls the node: its key, or that of the list it is in."""

    def __init__(self, source: Source):
        self.source = source
        self.problems: set[Problem] = set()
        self._checked: set[tuple[int, int, int]] = set()

    def complain(self, node: Node, message: str, expected: str | None = None) -> None:
        self._complain_at(node.start, message, expected)

    def _complain_at(self, offset: int, message: str, expected: str | None) -> None:
        self.add(self.source.problem(offset, _short(message, _LONGEST_MESSAGE), expected))

    def add(self, *problems: Problem) -> None:
        for problem in problems:
            if len(self.problems) >= MAX_PROBLEMS:
                raise _Enough
            self.problems.add(problem)

    def check(self, node: Node, value: Value, allowed: Allowed, name: str) -> None:
        """Checks `node` and all below it; `allowed` is what expressions around it may use."""
        allowed = value.allowed or allowed
        seen = (id(node), id(value), id(allowed))
        if seen in self._checked:  # an alias
            return
        self._checked.add(seen)
        if isinstance(node, Scalar):
            self._scalar(node, value, allowed, name)
        elif isinstance(node, Sequence):
            self._sequence(node, value, allowed, name)
        else:
            self._mapping(node, value, allowed, name)

    def _sequence(self, node: Sequence, value: Value, allowed: Allowed, name: str) -> None:
        item = value if value.anything else value.items
        if item is None:
            self.complain(node, f"{name} is a list", value.expected)
            return
        for child in node.items:
            self.check(child, item, allowed, name)

    def _mapping(self, node: Mapping, value: Value, allowed: Allowed, name: str) -> None:
        if value.anything:
            for entry in node.entries.values():
                self.check(entry.value, value, allowed, name)
        elif not value.shapes:
            self.complain(node, f"{name} is a mapping", value.expected)
        elif shape := next((shape for shape in value.shapes if shape.claims(node)), None):
            self._shaped(node, shape, value.shapes, allowed)
        else:
            self._undecided(node, value.shapes)

    def _shaped(
        self, node: Mapping, shape: Shape, shapes: tuple[Shape, ...], allowed: Allowed
    ) -> None:
        for text, entry in node.entries.items():
            if OPENING in text:
                self.complain(entry.key, "an expression as a key is not supported", "a word")
            elif text in shape.keys:
                self.check(entry.value, shape.keys[text].value, allowed, f"'{text}'")
            elif shape.other is not None:
                if shape.key_check and (wrong := shape.key_check(text)):
                    self.complain(entry.key, wrong)
                self.check(entry.value, shape.other, allowed, f"'{_short(text)}'")
            else:
                self._unknown(entry, shape, shapes)
        for text, key in shape.keys.items():
            if key.required and text not in node.entries:
                self.complain(node, f"{shape.name} lacks '{text}'", key.value.expected)
        for rule in shape.rules:
            rule(node, self.complain)

    def _unknown(self, entry: Entry, shape: Shape, shapes: tuple[Shape, ...]) -> None:
        text, known = entry.key.text, list(shape.keys)
        if any(text in other.keys for other in shapes):
            message = f"'{text}' does not go with {shape.name}"
            self.complain(entry.key, message, f"one of {quoted(known)}")
            return
        expected = f"one of {quoted(known)}"
        guesses = difflib.get_close_matches(text[:_LONGEST_QUOTE].lower(), known, n=1)
        if guesses and len(known) > _MOST_KEYS_TO_LIST:
            expected = f"'{guesses[0]}'?"
        elif guesses:
            expected += f"; did you mean '{guesses[0]}'?"
        self.complain(entry.key, f"unknown key '{_short(text)}' in {shape.name}", expected)

    def _undecided(self, node: Mapping, shapes: tuple[Shape, ...]) -> None:
        key, equals, _ = shapes[0].marker.partition("=")
        found = node.entries.get(key)
        if not equals:
            markers = [shape.marker for shape in shapes]
            self.complain(
                node, f"neither {quoted(markers).replace(' or ', ' nor ')}", "one of them"
            )
        elif found is None:
            self.complain(node, f"'{key}' is missing")
        else:
            words = [word for shape in shapes for word in shape.marker.split("=")[1].split("|")]
            given = found.value.text if isinstance(found.value, Scalar) else "something else"
            self.complain(found.value, f"'{key}' is '{_short(given)}'", f"one of {quoted(words)}")

    def _scalar(self, node: Scalar, value: Value, allowed: Allowed, name: str) -> None:
        if value.condition or OPENING in node.text:
            self._expressions(node, value, allowed, name)
        elif not value.anything:
            self._literal(node, value.literals, value.expected, name)

    def _literal(
        self, node: Scalar, literals: tuple[Literal, ...], expected: str, name: str
    ) -> None:
        literal = next((literal for literal in literals if literal.accepts(node)), None)
        if literal is None:
            given = f"'{_short(node.text)}'" if node.text else "empty"
            if isinstance(node.value, str) and not isinstance(core_value(node.text), str):
                given += " in quotes"
            self.complain(node, f"{name} is {given}", expected)
        elif literal.check and (wrong := literal.check(node.text)):
            self.complain(node, wrong)

    def _expressions(self, node: Scalar, value: Value, allowed: Allowed, name: str) -> None:
        if not allowed.contexts:
            self.complain(node, f"{name} cannot hold an expression", value.expected)
            return
        if not (value.literals or value.template or value.anything):
            message = f"one expression for the whole of {name} is not supported"
            self.complain(node, message, value.expected)
            return
        try:
            template = (
                Condition.parse(node.text).template
                if value.condition
                else Template.parse(node.text)
            )
        except ExpressionError as error:
            text = f"{error.message}; {error.remedy}" if error.remedy else error.message
            self._complain_inside(node, error.position, text)
            return
        for embedded in template.expressions:
            for reference in embedded.expression.references:
                if reference.context not in allowed.contexts:
                    at = embedded.position + reference.position
                    message = f"context '{reference.context}' is not available here"
                    known = f"one of {quoted(sorted(allowed.contexts))}"
                    self._complain_inside(node, at, message, known)
            for call in embedded.expression.calls:
                if call.name in _PLACED_FUNCTIONS:
                    self._call(node, embedded.position, call, allowed)

    def _call(self, node: Scalar, offset: int, call: Call, allowed: Allowed) -> None:
        at = offset + call.position
        if call.name not in allowed.functions:
            expected = f"one of {quoted(sorted(allowed.functions))}" if allowed.functions else None
            self._complain_inside(
                node, at, f"function '{call.name}' is not available here", expected
            )
            return
        least, most = allowed.functions[call.name]
        if not least <= call.arguments <= most:
            message = f"'{call.name}' is given {call.arguments} arguments"
            self._complain_inside(
                node, at, message, f"{least}" if most == least else f"{least} to {most}"
            )

    def _complain_inside(
        self, node: Scalar, position: int, message: str, expected: str | None = None
    ) -> None:
        self._complain_at(self.source.offset_in(node, position), message, expected)


def _short(text: str, most: int = _LONGEST_QUOTE) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
