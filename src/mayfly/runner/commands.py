"""Workflow commands in a line of output: `::name k=v::text` and the older `##[name k=v;]text`.

Only their syntax; what a command does is in `effects`.
"""

import re
from dataclasses import dataclass, field

NAMES = frozenset(
    {
        "add-mask",
        "add-matcher",
        "add-path",
        "debug",
        "echo",
        "endgroup",
        "error",
        "group",
        "notice",
        "remove-matcher",
        "save-state",
        "set-env",
        "set-output",
        "stop-commands",
        "warning",
    }
)

_OLD = re.compile(rb"##\[([A-Za-z-]+)(?: ([^\]]*))?\]")
_BEGINNING = re.compile(rb"^[ \t]*::|##\[", re.MULTILINE)
_DATA_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_OLD_ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


@dataclass(frozen=True, slots=True)
class WorkflowCommand:
    """`name` in lower case, keys of `properties` in lower case; escapes are resolved."""

    name: str
    text: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def find_command(block: bytes, start: int) -> int:
    """Where the next line that may hold a command begins, from the line start `start`; else -1.

    Made for blocks without any: it asks `bytes.find` first, ten times faster than a pattern.
    """
    if b"##[" in block or (
        b"::" in block
        and (
            b"\n::" in block
            or block.startswith(b"::", start)
            or b" ::" in block
            or b"\t::" in block
        )
    ):
        found = _BEGINNING.search(block, start)
        if found is not None:
            return block.rfind(b"\n", start, found.end()) + 1 or start
    return -1


def parse_command(line: bytes, resume: str | None = None) -> WorkflowCommand | None:
    """The command in a line, or None for an ordinary line.

    While commands are stopped (`resume` is the token given) only `::token::` is a command.
    """
    stripped = line.strip()
    if resume is not None:
        return WorkflowCommand(resume) if stripped == f"::{resume}::".encode() else None
    if stripped.startswith(b"::"):
        return _new_form(stripped)
    return _old_form(line.rstrip(b"\r\n"))


def _new_form(stripped: bytes) -> WorkflowCommand | None:
    head, separator, text = stripped[2:].partition(b"::")
    name, _, rest = head.decode("utf-8", "replace").partition(" ")
    if not separator or name.lower() not in NAMES:
        return None
    properties = _properties(rest, ",", _PROPERTY_ESCAPES)
    # Surrogates keep what is not UTF-8 intact for masks and values.
    decoded = text.decode("utf-8", "surrogateescape")
    return WorkflowCommand(name.lower(), _resolved(decoded, _DATA_ESCAPES), properties)


def _old_form(line: bytes) -> WorkflowCommand | None:
    match = _OLD.search(line)
    if match is None or (name := match[1].decode().lower()) not in NAMES:
        return None
    properties = _properties((match[2] or b"").decode("utf-8", "replace"), ";", _OLD_ESCAPES)
    text = line[match.end() :].decode("utf-8", "surrogateescape")
    return WorkflowCommand(name, _resolved(text, _OLD_ESCAPES), properties)


def _properties(text: str, separator: str, escapes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    properties = {}
    for pair in text.split(separator):
        key, equals, value = pair.partition("=")
        if equals and key.strip():
            properties[key.strip().lower()] = _resolved(value.strip(), escapes)
    return properties


def _resolved(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    if "%" in text:
        for escaped, plain in escapes:
            text = text.replace(escaped, plain)
    return text
