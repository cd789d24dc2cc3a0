"""YAML text as a tree of nodes; the one reader of YAML.

The events are libyaml's, the values of plain scalars YAML 1.2's core schema (`on` and `yes` are
strings). Like GitHub it knows aliases and no merge keys; tags and a second document are refused.
Everything is bounded: bytes, depth, and nodes after aliases are expanded (aliases share their
node, yet whoever walks the tree meets it each time).
"""

import re
from dataclasses import dataclass

import yaml

from mayfly.domain.errors import Problem, WorkflowInvalid
from mayfly.workflow.expressions.values import to_string
from mayfly.workflow.nodes import Entry, Mapping, Node, Plain, Scalar, Sequence, Source

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 100_000

_LOADER = getattr(yaml, "CLoader", yaml.Loader)
_MAY_BE_TYPED = frozenset("-+.0123456789~nNtTfF")
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_EXACT_DIGITS = 15  # of an integer, in a double


@dataclass(frozen=True, slots=True)
class Document:
    """`problems` do not keep the rest of the file from being checked: doubled keys, tags."""

    source: Source
    root: Node
    problems: list[Problem]


def read_document(data: bytes, file: str) -> Document:
    """The one YAML document in `data`; WorkflowInvalid if there is no reading it."""
    source = _decode(data, file)
    composer = _Composer(source)
    try:
        for event in yaml.parse(source.text, Loader=_LOADER):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        at = mark.index if mark else 0
        if source.text[at : at + 1] == "\t":
            reason = "a tab where YAML allows only spaces"
        raise source.invalid(at, f"not valid YAML: {reason}") from error
    except yaml.reader.ReaderError as error:
        raise source.invalid(error.position, f"not valid YAML: {error.reason}") from error
    if composer.root is None:
        raise source.invalid(0, "the file is empty")
    return Document(source, composer.root, composer.problems)


def _decode(data: bytes, file: str) -> Source:
    if len(data) > MAX_BYTES:
        message = f"the file is too large: {len(data)} bytes"
        raise WorkflowInvalid([Problem(file, 1, 1, message, f"at most {MAX_BYTES}")])
    try:
        source = Source(file, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = Source(file, data[: error.start].decode("utf-8-sig"))
        message = f"not UTF-8 text: byte 0x{data[error.start]:02x}"
        raise before.invalid(len(before.text), message) from error
    if (nul := source.text.find("\0")) >= 0:
        raise source.invalid(nul, "a NUL character, which YAML does not allow")
    return source


def core_value(text: str) -> Plain:
    """The value of an unquoted scalar."""
    if text and text[0] not in _MAY_BE_TYPED:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _DECIMAL.fullmatch(text):
        return int(text) if len(text) <= _EXACT_DIGITS else float(text)
    if _RADIX.fullmatch(text):
        number = int(text[2:], 8 if text[1] == "o" else 16)
        return number if len(text) <= _EXACT_DIGITS else float(min(number, 2**1023))
    return float(text) if _FLOAT.fullmatch(text) else text


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


class _Open:
    """A collection whose end is to come, and in a mapping the key that waits for its value."""

    __slots__ = ("anchor", "key", "node", "seen")

    def __init__(self, node: Sequence | Mapping, anchor: str | None):
        self.node = node
        self.anchor = anchor
        self.key: Scalar | None = None
        self.seen: dict[str, Scalar] = {}


class _Composer:
    """Makes the tree while the events come in; `root` is set when they end."""

    def __init__(self, source: Source):
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._source = source
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None while the node is open

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._enter(Mapping(_start(event)), event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._leave(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter(Sequence(_start(event)), event)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(event), event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self._source.invalid(_start(event), "a second document", "one document")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._refuse_tag(event)
        text = event.value
        value = text if event.style else core_value(text)
        shown = text if isinstance(value, str) else to_string(value)
        node = Scalar(shown, value, _start(event), _end(event))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _enter(self, node: Sequence | Mapping, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._too_deep(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, event.anchor))

    def _leave(self, event: yaml.Event) -> None:
        closed = self._stack.pop()
        closed.node.end = _end(event)
        if closed.anchor:
            self._anchors[closed.anchor] = closed.node
        self._add(closed.node, event)

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            message = f"alias '*{event.anchor}' has no anchor '&{event.anchor}' before it"
            raise self._source.invalid(_start(event), message)
        if (node := self._anchors[event.anchor]) is None:
            message = f"alias '*{event.anchor}' stands inside of what it repeats"
            raise self._source.invalid(_start(event), message)
        return node

    def _add(self, node: Node, event: yaml.Event) -> None:
        """Puts a whole node where it belongs."""
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            top.key = self._key(node)
        else:
            self._enter_value(top.node, top, node)
        parent = top.node
        parent.size += node.size
        if node.height >= parent.height:
            parent.height = node.height + 1
        if parent.size > MAX_NODES:
            at = _start(event)
            raise self._source.invalid(
                at, "too many values, counting each use of an alias", f"at most {MAX_NODES}"
            )
        if len(self._stack) + node.height > MAX_DEPTH:
            raise self._too_deep(event)

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        raise self._source.invalid(node.start, "a list or mapping as key", "a word as key")

    def _enter_value(self, mapping: Mapping, top: _Open, value: Node) -> None:
        key, top.key = top.key, None
        assert key is not None
        folded = key.text.lower()
        if key.text == "<<":
            self._complain(key, "merge keys ('<<') are not supported", "an alias for a whole value")
        elif folded in top.seen:
            line = self._source.location(top.seen[folded].start).line
            self._complain(key, f"key '{key.text}' is already defined at line {line}")
        else:
            top.seen[folded] = key
            mapping.entries[key.text] = Entry(key, value)

    def _complain(self, node: Scalar, message: str, expected: str | None = None) -> None:
        self.problems.append(self._source.problem(node.start, message, expected))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            at, message = _start(event), f"tag '{event.tag}' is not supported"
            self.problems.append(self._source.problem(at, message))

    def _too_deep(self, event: yaml.Event) -> WorkflowInvalid:
        at, limit = _start(event), f"at most {MAX_DEPTH} levels"
        return self._source.invalid(at, "nested too deep", limit)
