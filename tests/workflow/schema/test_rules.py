import json
from typing import Any

import pytest

from mayfly.domain.errors import WorkflowInvalid
from mayfly.workflow.reader import read_workflow

STEPS = [{"run": "true"}]


def complaints(workflow: Any) -> list[str]:
    try:
        read_workflow(json.dumps(workflow).encode(), "ci.yml")
    except WorkflowInvalid as error:
        return [problem.message for problem in error.problems]
    return []


def jobs(**needs: str | list[str]) -> Any:
    entries = {job: {"runs-on": "x", "needs": n, "steps": STEPS} for job, n in needs.items()}
    return {"on": "push", "jobs": entries}


def event(**on: Any) -> Any:
    return {"on": on, "jobs": {"a": {"runs-on": "x", "steps": STEPS}}}


@pytest.mark.parametrize(
    ("needs", "cycles"),
    [
        ({"a": [], "b": "a", "c": ["a", "b"]}, []),
        ({"a": "a"}, ["a → a"]),
        ({"a": "c", "b": "a", "c": "b"}, ["a → c → b → a"]),
        ({"x": "b", "a": [], "b": ["a", "c"], "c": "b"}, ["b → c → b"]),
        ({"a": "b", "b": "a", "c": "d", "d": "c"}, ["a → b → a", "c → d → c"]),
        ({"a": ["b", "c"], "b": "a", "c": "a"}, ["a → b → a", "a → c → a"]),
    ],
)
def test_circles_of_needs_are_named(needs: dict[str, Any], cycles: list[str]) -> None:
    assert complaints(jobs(**needs)) == [
        f"jobs need each other in a circle: {cycle}" for cycle in cycles
    ]


def test_a_long_chain_of_needs_is_no_trouble() -> None:
    chain = {f"j{at}": [f"j{at + 1}"] for at in range(1000)}
    assert complaints(jobs(**chain, j1000=[])) == []
    (circle,) = complaints(jobs(**chain, j1000="j0"))
    assert circle.endswith("j10 → j11 → … → j0")


def test_needs_of_a_job_that_is_not_there() -> None:
    assert complaints(jobs(a=[], b=["a", "A"])) == ["job 'b' needs 'A', which does not exist"]


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ({"push": {"tags": ["a"], "tags-ignore": ["b"]}}, "'tags' and 'tags-ignore' exclude"),
        ({"push": {"branches": ["a"], "tags-ignore": ["b"]}}, None),
        ({"workflow_dispatch": {"inputs": {"a": {"type": "choice"}}}}, "without 'options'"),
        (
            {"workflow_dispatch": {"inputs": {"a": {"type": "choice", "options": []}}}},
            "without 'options'",
        ),
        ({"workflow_dispatch": {"inputs": {"a": {"options": ["b"]}}}}, "not of type 'choice'"),
        (
            {"workflow_dispatch": {"inputs": {"a": {"type": "boolean", "default": "true"}}}},
            "'true' as default of a boolean",
        ),
        (
            {"workflow_call": {"inputs": {"a": {"type": "number", "default": "three"}}}},
            "'three' as default of a number",
        ),
        ({"workflow_call": {"inputs": {"a": {"type": "number", "default": 3}}}}, None),
        (
            {"workflow_call": {"inputs": {"a": {"type": "boolean", "default": "${{ vars.a }}"}}}},
            None,
        ),
        ({"workflow_call": {"secrets": {"GITHUB_TOKEN": None}}}, "is reserved"),
    ],
)
def test_events(on: Any, message: str | None) -> None:
    found = complaints(event(**on))
    assert len(found) == (message is not None)
    assert message is None or message in found[0]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ({"include": [{"a": 1}]}, None),
        ({"a": "${{ fromJSON(needs.x.outputs.y) }}"}, None),
        ("${{ fromJSON(needs.x.outputs.y) }}", None),
        ({"include": ["${{ fromJSON(needs.x.outputs.y) }}"]}, None),
        ({}, "the matrix has no values"),
        ({"exclude": [{"a": 1}]}, "the matrix has no values"),
        ({"a": []}, "'a' has no values"),
        ({"a": "b"}, "'a' is 'b'"),
        ({"include": [1]}, "'include' is '1'"),
    ],
)
def test_matrix(matrix: Any, message: str | None) -> None:
    job = {"runs-on": "x", "strategy": {"matrix": matrix}, "steps": STEPS}
    found = complaints({"on": "push", "jobs": {"a": job}})
    assert found == ([] if message is None else [message])


def test_ids_of_steps_differ_within_a_job_only() -> None:
    twice = [{"id": "a", "run": "x"}, {"id": "a", "run": "y"}]
    once = {"runs-on": "x", "steps": twice[:1]}
    assert complaints({"on": "push", "jobs": {"a": once, "b": once}}) == []
    doubled = {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": twice}}}
    assert complaints(doubled) == ["step id 'a' is used twice"]


def test_a_container_has_an_image() -> None:
    job = {"runs-on": "x", "container": {"options": "-v"}, "steps": STEPS}
    assert complaints({"on": "push", "jobs": {"a": job}}) == ["a container without 'image'"]
