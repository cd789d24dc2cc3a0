"""The tree that a YAML file is read into: nodes that know where in the text they were written.

`document` makes it, `validate` checks it, `build` turns it into the typed model.
"""

import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from mayfly.domain.errors import Location, Problem, WorkflowInvalid

Plain: TypeAlias = bool | int | float | str | None

OPENING = "${{"
_LINE_END = re.compile(r"\r\n?|\n")


class Scalar:
    """`value` as the core schema types it, `text` as GitHub prints that ("3.1" for 3.10)."""

    __slots__ = ("end", "start", "text", "value")
    size = 1
    height = 0

    def __init__(self, text: str, value: Plain, start: int, end: int):
        self.text = text
        self.value = value
        self.start = start
        self.end = end


class Sequence:
    """`size` counts the nodes in it and itself, `height` the levels below it."""

    __slots__ = ("end", "height", "items", "size", "start")

    def __init__(self, start: int):
        self.items: list[Node] = []
        self.start = start
        self.end = start
        self.size = 1
        self.height = 0


class Mapping:
    """`entries` by the key's text, in file order; keys are unique without regard to case."""

    __slots__ = ("end", "entries", "height", "size", "start")

    def __init__(self, start: int):
        self.entries: dict[str, Entry] = {}
        self.start = start
        self.end = start
        self.size = 1
        self.height = 0

    def get(self, key: str) -> "Node | None":
        entry = self.entries.get(key)
        return None if entry is None else entry.value


@dataclass(frozen=True, slots=True)
class Entry:
    key: Scalar
    value: "Node"


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True)
class Source:
    """The text of one file; offsets count characters from 0."""

    file: str
    text: str

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    def location(self, offset: int) -> Location:
        line = bisect.bisect_right(self._lines, offset)
        return Location(self.file, line, offset - self._lines[line - 1] + 1)

    def problem(self, offset: int, message: str, expected: str | None = None) -> Problem:
        place = self.location(offset)
        return Problem(place.file, place.line, place.column, message, expected)

    def invalid(self, offset: int, message: str, expected: str | None = None) -> WorkflowInvalid:
        return WorkflowInvalid([self.problem(offset, message, expected)])

    def offset_in(self, node: Scalar, position: int) -> int:
        """Where in the file the character `position` of the node's text was written.

        Goes to the `${{` before it, then follows the text through what YAML leaves out: quotes,
        escapes, indentation, line folds.
        """
        at = node.start
        if self.text[at : at + 1] in {"|", ">"}:
            header = _LINE_END.search(self.text, at)
            at = header.end() if header else at
        opened = node.text.count(OPENING, 0, position + len(OPENING))
        begin = node.text.rfind(OPENING, 0, position + len(OPENING)) if opened else 0
        for _ in range(opened):
            at = self.text.find(OPENING, at, node.end) + 1
        at -= 1 if opened else 0
        for character in node.text[begin : position + 1]:
            if character.isspace():
                at += self.text[at : at + 1].isspace()
            else:
                at = self.text.find(character, at, node.end) + 1
        return max(node.start, at if position >= len(node.text) else at - 1)


def plain(node: Node) -> Any:
    """The node as None, bool, int, float, str, list and dict; what aliases share stays shared."""
    made: dict[int, Any] = {}

    def convert(node: Node) -> Any:
        if isinstance(node, Scalar):
            return node.value
        if id(node) not in made:
            if isinstance(node, Sequence):
                made[id(node)] = [convert(item) for item in node.items]
            else:
                made[id(node)] = {key: convert(e.value) for key, e in node.entries.items()}
        return made[id(node)]

    return convert(node)
