"""Errors a person reads: what happened, where, and what to do about it.

Every error that Mayfly raises on purpose derives from `MayflyError`; the command line prints it
and leaves with its `exit_code`. Anything else that escapes is a defect of ours.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class ExitCode(enum.IntEnum):
    """How `mayfly` leaves; see the README's table."""

    OK = 0
    JOB_FAILED = 1
    INVALID = 2
    HOST = 3
    DEFECT = 70
    INTERRUPTED = 130


class MayflyError(Exception):
    """`message` says what happened and where, `details` adds evidence, `remedy` what to do."""

    exit_code: ExitCode = ExitCode.HOST

    def __init__(self, message: str, *, remedy: str | None = None, details: str | None = None):
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details


class InvalidInput(MayflyError):
    """The command line, a configuration file or a label is wrong."""

    exit_code = ExitCode.INVALID


class HostCannot(MayflyError):
    """This host lacks something: a tool, space, a permission, a network."""

    exit_code = ExitCode.HOST


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a workflow or action file."""

    file: str
    line: int
    column: int
    message: str
    expected: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text} (expected {self.expected})" if self.expected else text


class WorkflowInvalid(InvalidInput):
    """Carries every problem found, in file order, not only the first."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(
            "\n".join(str(problem) for problem in self.problems),
            details=f"{count} problem{'s' if count != 1 else ''}",
        )
