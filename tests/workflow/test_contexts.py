"""The contexts as workflows see them."""

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.workflow.contexts import (
    RunIdentity,
    github_context,
    runner_context,
    strategy_context,
)
from mayfly.workflow.events import RepositoryState, event_for
from mayfly.workflow.model import Workflow

STATE = RepositoryState("octo", "hello", "topic/x", "a" * 40, actor="mona")


def github(event: str, state: RepositoryState = STATE) -> dict[str, object]:
    workflow = Workflow(".github/workflows/ci.yml", "CI", (), ())
    run = RunIdentity(id=42, number=7, attempt=2)
    return github_context(workflow, event_for(event, state), state, run, "")


def test_a_push() -> None:
    context = github("push")
    expected = {
        "event_name": "push",
        "ref": "refs/heads/topic/x",
        "ref_name": "topic/x",
        "ref_type": "branch",
        "repository": "octo/hello",
        "repository_owner": "octo",
        "actor": "mona",
        "workflow": "CI",
        "workflow_ref": "octo/hello/.github/workflows/ci.yml@refs/heads/topic/x",
        "run_id": "42",
        "run_number": "7",
        "run_attempt": "2",
        "sha": "a" * 40,
        "base_ref": "",
        "head_ref": "",
        "server_url": "https://github.com",
        "api_url": "https://api.github.com",
        "graphql_url": "https://api.github.com/graphql",
        "workspace": "/home/runner/work/hello/hello",
        "token": "",
    }
    assert {key: context[key] for key in expected} == expected


def test_a_pull_request() -> None:
    context = github("pull_request")
    assert (context["base_ref"], context["head_ref"]) == ("main", "topic/x")
    assert context["ref_name"] == "1/merge"


def test_a_tag() -> None:
    context = github("push", RepositoryState("o", "n", None, "a" * 40, tags=("v1",)))
    assert (context["ref_name"], context["ref_type"]) == ("v1", "tag")


@pytest.mark.parametrize("architecture", list(Architecture))
def test_the_runner(architecture: Architecture) -> None:
    assert runner_context(architecture)["arch"] == architecture.runner_arch
    assert "arch" not in runner_context(None)


def test_the_strategy() -> None:
    assert strategy_context() == {
        "fail-fast": True,
        "job-index": 0,
        "job-total": 1,
        "max-parallel": 1,
    }
    assert strategy_context(total=4)["max-parallel"] == 4
    assert strategy_context(total=4, max_parallel=2)["max-parallel"] == 2
