"""The syntax of workflow commands."""

import pytest

from mayfly.runner.commands import WorkflowCommand, find_command, parse_command

TABLE = [
    (b"::error::text", WorkflowCommand("error", "text")),
    (b"::error::\r", WorkflowCommand("error")),
    (b"\t ::notice file=a::b::c", WorkflowCommand("notice", "b::c", {"file": "a"})),
    (
        b"::set-output name=a%3Ab,x=1::%250A%0D",
        WorkflowCommand("set-output", "%0A\r", {"name": "a:b", "x": "1"}),
    ),
    (b"::ERROR title=T x,empty=::t", WorkflowCommand("error", "t", {"title": "T x", "empty": ""})),
    (b"##[error]text", WorkflowCommand("error", "text")),
    (
        b"at 10:00 ##[warning a=b;c=d%3B]t%5D",
        WorkflowCommand("warning", "t]", {"a": "b", "c": "d;"}),
    ),
    (b"::error", None),
    (b"::nothing::x", None),
    (b"text ::error::x", None),
    (b"##[command]x", None),
    (b"##[error", None),
    (b"::error file=a:b", None),
]


@pytest.mark.parametrize(("line", "expected"), TABLE)
def test_lines(line: bytes, expected: WorkflowCommand | None) -> None:
    assert parse_command(line + b"\n") == expected


def test_only_the_token_counts_while_stopped() -> None:
    assert parse_command(b"::error::x\n", "tok") is None
    assert parse_command(b"::tok::\n", "tok") == WorkflowCommand("tok")


@pytest.mark.parametrize(
    ("block", "start", "at"),
    [
        (b"a\nb\n", 0, -1),
        (b"::error::x\n", 0, 0),
        (b"a\n::error::x\n", 0, 2),
        (b"a\n \t::error::x\n", 0, 2),
        (b"a\nb ##[error]x\n", 0, 2),
        (b"::a::\nx\n::b::\n", 6, 8),
        (b"std::x\n::b::\n", 0, 7),
        (b"std::x\n a::b\n", 0, -1),
    ],
)
def test_where_the_next_command_may_be(block: bytes, start: int, at: int) -> None:
    assert find_command(block, start) == at
