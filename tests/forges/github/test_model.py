"""GitHub's own examples of answers, read as we read answers."""

import functools
import json
from typing import Any

import pytest
from tests import oracle

from mayfly.forges.fields import Read
from mayfly.forges.github import client, installation, manifest, model
from mayfly.forges.github.auth import read_token
from mayfly.forges.github.reading import read_all, read_one

RUNNERS = "/orgs/{org}/actions/runners"
REPO = "/repos/{owner}/{repo}"


@functools.cache
def document() -> dict[str, Any]:
    path = oracle.node_modules() / "@octokit/openapi/generated/api.github.com.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def examples(method: str, path: str, status: int) -> list[Any]:
    answer = document()["paths"][path][method]["responses"][str(status)]
    named = resolved(answer)["content"]["application/json"]["examples"].values()
    return [resolved(example)["value"] for example in named]


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        _, _, group, name = value["$ref"].split("/")
        value = document()["components"][group][name]
    return value


@pytest.mark.parametrize(
    ("path", "key", "read"),
    [
        (RUNNERS, "runners", model.runner),
        (f"{REPO}/actions/runners", "runners", model.runner),
        (f"{REPO}/actions/runs", "workflow_runs", model.run),
        (f"{REPO}/actions/runs/{{run_id}}/jobs", "jobs", model.job),
        ("/installation/repositories", "repositories", model.repository),
        ("/app/installations", None, model.installation),
        ("/app/hook/deliveries", None, client._attempt),
    ],
)
def test_lists_are_read(path: str, key: str | None, read: Read[Any]) -> None:
    found = examples("get", path, 200)
    assert found
    for example in found:
        listed = example if key is None else example[key]
        assert len(read_all([example], read, key)) == len(listed) > 0


@pytest.mark.parametrize(
    ("method", "path", "status", "read"),
    [
        ("get", "/app", 200, client._app),
        ("get", REPO, 200, model.repository),
        ("get", f"{REPO}/actions/jobs/{{job_id}}", 200, model.job),
        ("post", f"{RUNNERS}/generate-jitconfig", 201, installation._jit_runner),
        ("post", f"{REPO}/check-runs", 201, installation._id),
        (
            "post",
            "/app/installations/{installation_id}/access_tokens",
            201,
            lambda value, _: read_token(value),
        ),
        (
            "post",
            "/app-manifests/{code}/conversions",
            201,
            lambda value, _: manifest.read_credentials(value),
        ),
    ],
)
def test_single_answers_are_read(method: str, path: str, status: int, read: Read[Any]) -> None:
    found = examples(method, path, status)
    assert found
    for example in found:
        assert read_one(example, read) is not None


def test_a_job_says_what_its_example_says() -> None:
    [example] = examples("get", f"{REPO}/actions/jobs/{{job_id}}", 200)
    job = model.job(example, "")
    assert job.id == example["id"]
    assert job.status is model.Status.COMPLETED
    assert job.labels == tuple(example["labels"])
    assert job.runner_id == example["runner_id"]
    assert job.started_at is not None
    assert job.completed_at is not None
    assert job.started_at < job.completed_at
