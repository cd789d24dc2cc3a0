"""The files through which a step sets environment variables, outputs and PATH for later steps."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mayfly.runner.layout import Layout

_MAX_FILE = 64 * 1024 * 1024
_LINE = re.compile(r"([^\n]*?)(\r?\n|\Z)")


class FileCommandInvalid(Exception):
    """A step wrote something that is not `NAME=value` or `NAME<<DELIMITER`."""


@dataclass(frozen=True, slots=True)
class CommandFiles:
    """The files of one step; each exists, empty, when the step starts. `script` has no suffix."""

    env: Path
    output: Path
    path: Path
    state: Path
    summary: Path
    script: Path

    @classmethod
    def make(cls, layout: Layout) -> "CommandFiles":
        unique = os.urandom(16).hex()
        files = cls(
            layout.commands / f"set_env_{unique}",
            layout.commands / f"set_output_{unique}",
            layout.commands / f"add_path_{unique}",
            layout.commands / f"save_state_{unique}",
            layout.commands / f"step_summary_{unique}",
            layout.commands / unique,
        )
        for path in (files.env, files.output, files.path, files.state, files.summary):
            layout.write(path, b"")
        return files

    def variables(self) -> dict[str, str]:
        """How a step learns of them."""
        return {
            "GITHUB_ENV": str(self.env),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_PATH": str(self.path),
            "GITHUB_STATE": str(self.state),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }


def read_bounded(path: Path) -> bytes:
    """The file's content; empty if the step removed it, FileCommandInvalid if it is too large."""
    try:
        if (size := path.stat().st_size) == 0:
            return b""
        if size > _MAX_FILE:
            raise FileCommandInvalid(f"the file is {size} bytes; at most {_MAX_FILE} are read")
        return path.read_bytes()
    except OSError:
        return b""


def parse_pairs(data: bytes) -> Iterator[tuple[str, str]]:
    """The names and values in an environment or output file."""
    text = data.decode("utf-8-sig", "surrogateescape")
    at = 0
    while at < len(text):
        match = _line(text, at)
        line, at = match[1], match.end()
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            yield _named(line[:equals], line), line[equals + 1 :]
        elif heredoc >= 0:
            name = _named(line[:heredoc], line)
            value, at = _heredoc(text, at, line[heredoc + 2 :], line)
            yield name, value
        else:
            raise FileCommandInvalid(f"Invalid format '{line[:200]}'")


def parse_paths(data: bytes) -> Iterator[str]:
    for line in data.decode("utf-8-sig", "surrogateescape").splitlines():
        if line:
            yield line


def _named(name: str, line: str) -> str:
    if not name:
        raise FileCommandInvalid(f"Invalid format '{line[:200]}'. Name must not be empty")
    return name


def _heredoc(text: str, at: int, delimiter: str, line: str) -> tuple[str, int]:
    if not delimiter:
        raise FileCommandInvalid(f"Invalid format '{line[:200]}'. Delimiter must not be empty")
    begin = end = at
    while at < len(text):
        match = _line(text, at)
        if match[1] == delimiter:
            return text[begin:end], match.end()
        end = match.end(1)
        at = match.end()
    raise FileCommandInvalid(f"Invalid value. Matching delimiter not found '{delimiter[:200]}'")


def _line(text: str, at: int) -> re.Match[str]:
    match = _LINE.match(text, at)
    assert match is not None  # it matches the empty string
    return match
