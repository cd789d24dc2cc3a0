"""Which events start a workflow, as GitHub documents it, and the reasons given."""

from collections.abc import Mapping
from typing import Any

import pytest

from mayfly.domain.errors import InvalidInput, Location
from mayfly.workflow.events import Event, RepositoryState, event_for
from mayfly.workflow.model import Trigger, Workflow
from mayfly.workflow.triggers import Match, matches

HERE = Location("ci.yml", 2, 3)


def state(**values: Any) -> RepositoryState:
    return RepositoryState("octo", "hello", **{"branch": "main", "sha": "a" * 40, **values})


def check(event: Event, name: str | None = None, **filters: Any) -> Match:
    trigger = Trigger(name or event.name, HERE, **filters)
    return matches(Workflow("ci.yml", None, (trigger,), ()), event)


def push(ref: str = "refs/heads/main", files: tuple[str, ...] | None = None) -> Event:
    return event_for("push", state(changed_files=files), payload={"ref": ref})


def pull(base: str = "main", files: tuple[str, ...] | None = None, **payload: Any) -> Event:
    body = {"pull_request": {"base": {"ref": base}}, **payload}
    return event_for("pull_request", state(branch="topic", changed_files=files), payload=body)


@pytest.mark.parametrize(
    ("ref", "filters", "expected"),
    [
        ("refs/heads/main", {}, True),
        ("refs/tags/v1", {}, True),
        ("refs/heads/main", {"branches": ("main",)}, True),
        ("refs/heads/dev", {"branches": ("main",)}, False),
        ("refs/heads/releases/10", {"branches": ("releases/**", "!releases/**-alpha")}, True),
        ("refs/heads/releases/b-alpha", {"branches": ("releases/**", "!releases/**-alpha")}, False),
        ("refs/heads/main", {"branches_ignore": ("mona/octocat",)}, True),
        ("refs/heads/mona/octocat", {"branches_ignore": ("mona/octocat",)}, False),
        ("refs/tags/v1", {"branches": ("**",)}, False),
        ("refs/tags/v1", {"branches_ignore": ("x",)}, False),
        ("refs/heads/main", {"tags": ("v*",)}, False),
        ("refs/heads/main", {"tags_ignore": ("v*",)}, False),
        ("refs/tags/v1", {"tags": ("v*",)}, True),
        ("refs/tags/w1", {"tags": ("v*",)}, False),
        ("refs/tags/v2", {"tags_ignore": ("v2",)}, False),
        ("refs/tags/v1", {"tags": ("v*",), "branches": ("main",)}, True),
        ("refs/heads/main", {"tags": ("v*",), "branches": ("main",)}, True),
        ("refs/heads/main", {"branches": ()}, False),
    ],
)
def test_push_by_branch_and_tag(ref: str, filters: Mapping[str, Any], expected: bool) -> None:
    assert bool(check(push(ref), **filters)) is expected


@pytest.mark.parametrize(
    ("files", "filters", "expected"),
    [
        (("a.js",), {"paths": ("**.js",)}, True),
        (("a.py", "b.js"), {"paths": ("**.js",)}, True),
        (("a.py",), {"paths": ("**.js",)}, False),
        (("sub-project/docs/x",), {"paths": ("sub-project/**", "!sub-project/docs/**")}, False),
        (("sub-project/src/x",), {"paths": ("sub-project/**", "!sub-project/docs/**")}, True),
        (("docs/x",), {"paths_ignore": ("docs/**",)}, False),
        (("docs/x", "src/y"), {"paths_ignore": ("docs/**",)}, True),
        (None, {"paths": ("nothing",)}, True),
        (None, {"paths_ignore": ("**",)}, True),
    ],
)
def test_paths(files: tuple[str, ...] | None, filters: Mapping[str, Any], expected: bool) -> None:
    assert bool(check(push(files=files), **filters)) is expected
    assert bool(check(pull(files=files), **filters)) is expected


def test_paths_are_not_looked_at_for_tags() -> None:
    assert check(push("refs/tags/v1", files=("a.py",)), paths=("**.js",))


def test_branch_and_path_filters_must_both_pass() -> None:
    assert not check(push(files=("a.py",)), branches=("main",), paths=("**.js",))
    assert not check(push("refs/heads/x", files=("a.js",)), branches=("main",), paths=("**.js",))


@pytest.mark.parametrize(
    ("action", "types", "expected"),
    [
        ("opened", None, True),
        ("synchronize", None, True),
        ("reopened", None, True),
        ("closed", None, False),
        ("labeled", None, False),
        ("labeled", ("labeled",), True),
        ("opened", ("labeled",), False),
    ],
)
def test_activity_types_of_pull_requests(
    action: str, types: tuple[str, ...] | None, expected: bool
) -> None:
    assert bool(check(pull(action=action), types=types)) is expected


def test_pull_requests_are_filtered_by_the_branch_they_go_to() -> None:
    assert check(pull(base="main"), branches=("main",))
    assert not check(pull(base="v1"), branches=("main",))
    target = event_for("pull_request_target", state(branch="topic"))
    assert check(target, branches=("main",))
    assert not check(target, branches=("topic",))


def test_other_events() -> None:
    dispatch = event_for("repository_dispatch", state(), payload={"action": "deploy"})
    assert check(dispatch)
    assert check(dispatch, types=("deploy",))
    assert not check(dispatch, types=("test",))
    release = event_for("release", state(tags=("v1",)))
    assert check(release)
    assert check(release, types=("published",))
    assert not check(release, types=("created",))
    queue = event_for("merge_group", state())
    assert check(queue, branches=("main",))
    assert not check(queue, branches=("v1",))
    assert check(event_for("issue_comment", state(), payload={"action": "created"}))


def test_schedules() -> None:
    assert check(event_for("schedule", state()), cron=("0 0 * * *",))
    nightly = event_for("schedule", state(), payload={"schedule": "0 0 * * *"})
    assert check(nightly, cron=("0 0 * * *", "1 1 * * *"))
    assert not check(nightly, cron=("1 1 * * *",))


def test_workflow_run_is_filtered_by_name_branch_and_type() -> None:
    body = {"action": "completed", "workflow_run": {"name": "Build", "head_branch": "main"}}
    event = event_for("workflow_run", state(), payload=body)
    assert check(event, workflows=("Build",), types=("completed",), branches=("main",))
    assert not check(event, workflows=("Test",))
    assert not check(event, workflows=("Build",), branches=("v1",))
    assert not check(event, workflows=("Build",), types=("requested",))


@pytest.mark.parametrize(
    ("match", "words"),
    [
        (check(push(), name="pull_request"), "not started by push, only by pull_request"),
        (check(push("refs/heads/x"), branches=("main", "v*")), "branch 'x' does not match 'main'"),
        (check(push("refs/heads/x"), branches_ignore=("x",)), "branch 'x' is ignored by 'x'"),
        (check(push("refs/tags/t"), branches=("main",)), "tag 't' was pushed"),
        (check(push(), tags=("v*",)), "branch 'main' was pushed"),
        (check(push(files=("a", "b")), paths=("c",)), "none of the changed files (2) matches 'c'"),
        (check(push(files=("a",)), paths_ignore=("*",)), "all changed files (1) are ignored"),
        (check(pull(action="closed")), "'closed' is none of opened, synchronize, reopened"),
    ],
)
def test_the_reason_is_given_in_words(match: Match, words: str) -> None:
    assert not match
    assert words in match.reason


def test_a_malformed_pattern_is_an_error_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"ci\.yml:2:3: pattern '\[x'"):
        check(push(), branches=("[x",))
