"""The lines of a step's output as a log shows them: groups, errors, warnings, commands.

The runner marks them `##[kind]text`, whatever way the job chose to say it.
"""

import re
from dataclasses import dataclass

from mayfly.cli.guest_text import shown

_MARKED = re.compile(
    r"##\[(?P<kind>group|endgroup|error|warning|notice|debug|command|section)\](?P<text>.*)",
    re.DOTALL,
)
_STYLES = {
    "group": "bold",
    "error": "red",
    "warning": "yellow",
    "notice": "blue",
    "debug": "dim",
    "command": "blue",
    "section": "bold",
}
_PREFIXES = {"group": "▾ ", "error": "Error: ", "warning": "Warning: ", "notice": "Notice: "}
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class LogLine:
    """`style` is empty for ordinary output, whose `text` may then hold its own colours."""

    text: str
    style: str = ""


class LogReader:
    """Turns the lines of one step into what to print; remembers whether a group is open."""

    def __init__(self, *, colour: bool):
        self._colour = colour
        self._indent = ""

    def read(self, line: str) -> LogLine | None:
        """None for lines that only end a group."""
        found = _MARKED.match(line)
        if found is None:
            return LogLine(self._indent + shown(line, colour=self._colour))
        kind, text = found["kind"], found["text"]
        if kind in {"group", "endgroup"}:
            self._indent = _INDENT if kind == "group" else ""
        if kind == "endgroup":
            return None
        indent = "" if kind == "group" else self._indent
        return LogLine(indent + _PREFIXES.get(kind, "") + shown(text), _STYLES[kind])
