"""Events made from the state of a clone look like those GitHub sends."""

from typing import Any

import pytest

from mayfly.workflow.events import RepositoryState, event_for


def state(**values: Any) -> RepositoryState:
    defaults = {"branch": "topic", "sha": "a" * 40, "before": "b" * 40, "message": "Fix it\n\nyes"}
    return RepositoryState("octo", "hello", **{**defaults, **values})


def test_a_push_of_the_current_branch() -> None:
    event = event_for("push", state(changed_files=("x.c",)))
    assert (event.ref, event.sha) == ("refs/heads/topic", "a" * 40)
    assert (event.branch, event.tag) == ("topic", None)
    assert event.payload["head_commit"]["message"] == "Fix it\n\nyes"
    assert event.payload["before"] == "b" * 40
    assert event.payload["repository"]["full_name"] == "octo/hello"
    assert event.changed_files == ("x.c",)


def test_a_detached_head_at_a_tag_is_a_push_of_the_tag() -> None:
    event = event_for("push", state(branch=None, tags=("v1", "v2")))
    assert (event.ref, event.tag, event.branch) == ("refs/tags/v1", "v1", None)


def test_a_detached_head_elsewhere_counts_as_the_default_branch() -> None:
    assert event_for("push", state(branch=None)).ref == "refs/heads/main"


def test_a_pull_request_goes_from_the_current_to_the_default_branch() -> None:
    event = event_for("pull_request", state())
    assert event.action == "opened"
    assert (event.base_ref, event.head_ref) == ("main", "topic")
    assert event.ref == "refs/pull/1/merge"
    assert event.payload["pull_request"]["title"] == "Fix it"
    assert event_for("pull_request_target", state()).ref == "refs/heads/main"


def test_a_payload_overrides_parts_of_the_default() -> None:
    body = {"number": 7, "pull_request": {"base": {"ref": "v1"}, "draft": True}}
    event = event_for("pull_request", state(), payload=body)
    assert event.ref == "refs/pull/7/merge"
    assert event.base_ref == "v1"
    assert event.head_ref == "topic"
    assert event.payload["pull_request"]["draft"] is True


def test_inputs_of_a_manual_start_are_texts_in_the_payload() -> None:
    event = event_for("workflow_dispatch", state(), inputs={"debug": True, "n": 3})
    assert event.payload["inputs"] == {"debug": "true", "n": "3"}


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("schedule", "refs/heads/main"),
        ("release", "refs/tags/v3"),
        ("merge_group", f"refs/heads/gh-readonly-queue/main/pr-1-{'a' * 40}"),
        ("issue_comment", "refs/heads/topic"),
    ],
)
def test_refs_of_other_events(name: str, ref: str) -> None:
    assert event_for(name, state(tags=("v3",))).ref == ref


def test_a_payload_that_is_not_as_expected_does_no_harm() -> None:
    event = event_for("pull_request", state(), payload={"pull_request": [1], "action": 5})
    assert (event.base_ref, event.action) == ("", None)
