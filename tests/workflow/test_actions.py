"""What a `uses` names."""

import pytest

from mayfly.domain.errors import InvalidInput, Location, WorkflowInvalid
from mayfly.workflow.actions import (
    ActionRef,
    DockerAction,
    LocalAction,
    RemoteAction,
    parse_uses,
    used_actions,
)
from mayfly.workflow.model import Step


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("actions/checkout@v4", RemoteAction("actions", "checkout", "", "v4")),
        ("github/codeql-action/init@v3", RemoteAction("github", "codeql-action", "init", "v3")),
        ("o/r/a/b@feature/x", RemoteAction("o", "r", "a/b", "feature/x")),
        ("o/r@" + "a" * 40, RemoteAction("o", "r", "", "a" * 40)),
        ("./.github/actions/setup", LocalAction(".github/actions/setup")),
        ("./", LocalAction(".")),
        ("docker://alpine:3.20", DockerAction("alpine:3.20")),
    ],
)
def test_forms(text: str, expected: ActionRef) -> None:
    assert parse_uses(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "checkout",
        "actions/checkout",
        "actions@v4",
        "./../../etc",
        "../../etc@v1",
        "a/b/../c@v1",
        "a/b@--upload-pack=x",
        "a/b@v1 x",
        "docker://",
        "/a@b",
    ],
)
def test_what_names_no_action(text: str) -> None:
    with pytest.raises(InvalidInput, match="names no action"):
        parse_uses(text)


def step(line: int, uses: str | None) -> Step:
    place = Location("ci.yml", line, 9)
    return Step(location=place, uses=uses, run=None if uses else "make")


def test_used_actions_come_with_their_places() -> None:
    used = used_actions([step(3, "a/b@v1"), step(4, None), step(5, "./c")])
    assert [(action.uses, action.location.line) for action in used] == [("a/b@v1", 3), ("./c", 5)]


def test_every_bad_use_is_told_at_once() -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        used_actions([step(3, "nothing"), step(4, "a/b@v1"), step(5, "none")])
    assert [problem.line for problem in caught.value.problems] == [3, 5]
