"""Errors as a person reads them: what happened, the evidence, the remedy; on standard error.

.github/workflows/ci.yml:7:5: unknown key 'step' (expected steps)
    7 │     step:
      │     ^
error: 1 problem
"""

import sys

from mayfly.cli.guest_text import block, shown
from mayfly.cli.sourced import SourcedProblems
from mayfly.cli.terminal import paint, say, wants_colour
from mayfly.domain.errors import MayflyError, Problem, WorkflowInvalid

_SHOWN_WIDTH = 100
_BEFORE_COLUMN = 60
_PROBLEMS_AT_MOST = 100


def print_error(error: MayflyError) -> None:
    colour = wants_colour(sys.stderr)
    label = paint("error:", "red", colour=colour)
    if isinstance(error, WorkflowInvalid):
        for problem in error.problems[:_PROBLEMS_AT_MOST]:
            say(_problem(problem, error, colour=colour))
        say(f"{label} {error.details}")
    else:
        say(f"{label} {block(error.message)}")
        if error.details:
            say(_indented(block(error.details.rstrip()), "  "))
    if error.remedy:
        say(_indented(block(error.remedy), paint("remedy: ", "green", colour=colour)))


def _problem(problem: Problem, error: WorkflowInvalid, *, colour: bool) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}:"
    expected = f" (expected {problem.expected})" if problem.expected else ""
    text = f"{paint(shown(place), 'bold', colour=colour)} {block(problem.message + expected)}"
    lines = error.lines if isinstance(error, SourcedProblems) else {}
    line = lines.get((problem.file, problem.line))
    return text if line is None else f"{text}\n{_excerpt(problem, line, colour=colour)}"


def _excerpt(problem: Problem, line: str, *, colour: bool) -> str:
    """The line with a caret under the column; of a long one the part around it."""
    from rich.cells import cell_len

    start = max(0, problem.column - 1 - _BEFORE_COLUMN) if len(line) > _SHOWN_WIDTH else 0
    part = line[start : start + _SHOWN_WIDTH].replace("\t", " ")
    before = shown(part[: problem.column - 1 - start])
    number, blank = f"{problem.line:>5}", " " * 5
    bar = paint("│", "dim", colour=colour)
    caret = paint("^", "red", colour=colour)
    return f"{number} {bar} {shown(part)}\n{blank} {bar} {' ' * cell_len(before)}{caret}"


def _indented(text: str, first: str) -> str:
    lines = text.split("\n")
    return "\n".join([first + lines[0], *(f"  {line}" for line in lines[1:])])
