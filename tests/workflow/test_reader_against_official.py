"""Our verdict on a workflow or action, valid or not, against that of GitHub's own reader.

A few files that use everything are changed at every place, one change at a time: the key goes or
is misspelt, the value becomes another kind of value or an expression.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.oracle import NodeWorker

from mayfly.domain.errors import WorkflowInvalid
from mayfly.workflow.action import read_action
from mayfly.workflow.reader import read_workflow

STEPS = [{"run": "true"}]
JOBS = {"only": {"runs-on": "x", "steps": STEPS}}
WORKFLOWS: dict[str, Any] = {
    "top": {
        "name": "ci",
        "run-name": "run ${{ github.actor }}",
        "on": ["push", "pull_request"],
        "permissions": {"contents": "read", "id-token": "write"},
        "env": {"A": "1"},
        "defaults": {"run": {"shell": "bash", "working-directory": "src"}},
        "concurrency": {"group": "${{ github.ref }}", "cancel-in-progress": True},
        "jobs": JOBS,
    },
    "events": {
        "on": {
            "push": {"branches": ["main"], "tags": "v*", "paths-ignore": ["docs/**"]},
            "pull_request": {"types": ["opened"], "paths": ["src/**"]},
            "schedule": [{"cron": "0 0 * * 1-5"}],
            "release": None,
            "workflow_run": {"workflows": ["other"], "types": "completed"},
        },
        "jobs": JOBS,
    },
    "inputs": {
        "on": {
            "workflow_dispatch": {
                "inputs": {
                    "level": {"type": "choice", "options": ["a", "b"], "default": "a"},
                    "dry": {"type": "boolean", "required": True, "default": False},
                }
            },
            "workflow_call": {
                "inputs": {"who": {"type": "string", "default": "${{ github.actor }}"}},
                "secrets": {"token": {"required": True}},
                "outputs": {"out": {"value": "${{ jobs.only.outputs.v }}"}},
            },
        },
        "jobs": JOBS,
    },
    "job": {
        "on": "push",
        "jobs": {
            "first": {
                "name": "build ${{ matrix.os }}",
                "runs-on": ["self-hosted", "${{ matrix.os }}"],
                "strategy": {
                    "fail-fast": False,
                    "max-parallel": 2,
                    "matrix": {
                        "os": ["a", "b"],
                        "include": [{"os": "a", "x": 1}],
                        "exclude": [{"os": "b"}],
                    },
                },
                "env": {"B": "${{ secrets.b }}"},
                "environment": {"name": "prod", "url": "${{ steps.a.outputs.url }}"},
                "outputs": {"v": "${{ steps.a.outputs.v }}"},
                "timeout-minutes": 10,
                "continue-on-error": True,
                "defaults": {"run": {"shell": "sh"}},
                "steps": STEPS,
            },
        },
    },
    "containers": {
        "on": "push",
        "jobs": {
            "first": {
                "runs-on": {"group": "big", "labels": ["x"]},
                "container": {"image": "debian", "env": {"C": "1"}, "ports": ["80"]},
                "services": {"db": {"image": "postgres", "options": "--health"}},
                "steps": STEPS,
            },
            "last": {
                "runs-on": "x",
                "container": "debian",
                "environment": "prod",
                "permissions": "read-all",
                "concurrency": "one",
                "steps": STEPS,
            },
        },
    },
    "steps": {
        "on": "push",
        "jobs": {
            "only": {
                "runs-on": "x",
                "steps": [
                    {"uses": "actions/checkout@v4", "with": {"fetch-depth": 0}},
                    {
                        "id": "a",
                        "name": "step",
                        "if": "always() && env.A",
                        "run": "echo ${{ hashFiles('x') }}",
                        "shell": "bash",
                        "env": {"D": "${{ github.sha }}"},
                        "working-directory": "x",
                        "timeout-minutes": 5,
                        "continue-on-error": "${{ matrix.x }}",
                    },
                ],
            }
        },
    },
    "calls": {
        "on": "push",
        "jobs": {
            "first": {"runs-on": "x", "steps": STEPS},
            "call": {
                "needs": ["first"],
                "if": "success('first')",
                "uses": "./.github/workflows/other.yml",
                "with": {"who": "${{ needs.first.outputs.v }}"},
                "secrets": {"token": "${{ secrets.token }}"},
            },
            "last": {"needs": "call", "runs-on": "x", "steps": STEPS},
        },
    },
}
ACTIONS: dict[str, Any] = {
    "composite": {
        "name": "greet",
        "description": "greets",
        "inputs": {"who": {"description": "who", "default": "${{ github.actor }}"}},
        "outputs": {"said": {"description": "said", "value": "${{ steps.say.outputs.said }}"}},
        "runs": {
            "using": "composite",
            "steps": [
                {"id": "say", "run": "echo ${{ inputs.who }}", "shell": "bash", "env": {"A": "b"}},
                {"uses": "./other", "with": {"x": 1}, "if": "always()", "continue-on-error": True},
            ],
        },
    },
    "node": {
        "name": "n",
        "description": "d",
        "runs": {"using": "node20", "main": "a.js", "post": "b.js", "post-if": "success()"},
    },
    "docker": {
        "name": "n",
        "description": "d",
        "runs": {"using": "docker", "image": "Dockerfile", "args": ["${{ inputs.x }}"]},
    },
}
VALUES: list[Any] = ["text", "", 3, True, None, [], {}, ["a"], {"a": "b"}]
# Which contexts go where is what schema/test_table.py compares.
EXPRESSIONS = ["${{ github.sha }}", "${{ secrets.x }}", "${{ hashFiles('x') }}", "${{ github.sha"]
# Where the verdicts differ on purpose: changes by pattern, ours, and why.
DISAGREEMENTS = [
    (r"on = (\[\]|\{\})", "invalid", "nothing would ever start it; GitHub says so, its reader not"),
    (r"steps (= \[\]|removed|\.0 removed)", "invalid", "likewise"),
    (r"matrix = \{\}|matrix\.os = \[\]", "invalid", "likewise"),
    (r"shell = (\"text\"|\"\"|3|true|null)", "invalid", "no such shell: told before it runs"),
    (r"uses = (\"text\"|3|true)", "invalid", "names no action or workflow: likewise"),
    (r"runs\.steps\.0\.id = 3", "invalid", "not an id: the runner says so, their reader not"),
    (
        r"(strategy|with|env|run) = \"\$\{\{",
        "invalid",
        "not supported in place of a mapping",
    ),
    (r"inputs.*\.default = (3|true)", "valid", "a scalar is as good as its text"),
    (r"dry\.type removed", "valid", "likewise"),
    (r"(first|only)\.(env|services) = \"\$\{\{", "valid", "their converter is behind their schema"),
    (r"^(name|description) ", "valid", "the runner does not ask for them"),
    (r"^(inputs|outputs) misspelt", "valid", "a key nobody reads does not disturb the runner"),
]


@pytest.fixture(scope="module")
def oracle() -> Iterator[NodeWorker]:
    with NodeWorker("workflows.mjs") as worker:
        yield worker


@pytest.mark.parametrize("part", WORKFLOWS)
def test_workflow_verdicts_agree(part: str, oracle: NodeWorker) -> None:
    assert_verdicts_agree("workflow", WORKFLOWS[part], read_workflow, oracle)


@pytest.mark.parametrize("part", ACTIONS)
def test_action_verdicts_agree(part: str, oracle: NodeWorker) -> None:
    assert_verdicts_agree("action", ACTIONS[part], read_action, oracle)


def assert_verdicts_agree(
    kind: str, whole: Any, read: Callable[[bytes, str], object], oracle: NodeWorker
) -> None:
    surprises = []
    texts = {change: json.dumps(mutant, indent=1) for change, mutant in mutants(whole)}
    texts["unchanged"] = json.dumps(whole, indent=1)
    answers = oracle.ask({"kind": kind, "texts": list(texts.values())})
    for (change, text), theirs in zip(texts.items(), answers, strict=True):
        ours = _problems(read, text)
        verdict = "invalid" if ours else "valid"
        expected = any(re.search(p, change) and verdict == v for p, v, _ in DISAGREEMENTS)
        if bool(ours) != bool(theirs) and not expected:
            surprises.append(f"{change}: ours {ours}, theirs {theirs}")
    assert not surprises, "\n".join(surprises)


def _problems(read: Callable[[bytes, str], object], text: str) -> list[str]:
    try:
        read(text.encode(), "file.yml")
    except WorkflowInvalid as error:
        return [str(problem) for problem in error.problems]
    return []


def mutants(whole: Any) -> Iterator[tuple[str, Any]]:
    """Every change of one place: its path with what was done, and the whole."""
    for path in _paths(whole):
        for change in (*VALUES, *EXPRESSIONS):
            yield f"{_shown(path)} = {json.dumps(change)}", _with(whole, path, change)
        yield f"{_shown(path)} removed", _without(whole, path)
        if isinstance(path[-1], str):
            yield f"{_shown(path)} misspelt", _with(_without(whole, path), (*path[:-1], "zz"), 1)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items if isinstance(value, dict | list) else ():
        yield (*path, key)
        if isinstance(child, dict | list) and child is not JOBS and child is not STEPS:
            yield from _paths(child, (*path, key))


def _with(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(whole)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


def _without(whole: Any, path: tuple[Any, ...]) -> Any:
    changed = _with(whole, path, None)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    return changed


def _shown(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
