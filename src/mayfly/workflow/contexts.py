"""The contexts that are known before a job runs: `github`, `strategy`, `runner`, `needs`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion
from mayfly.workflow.events import Event, RepositoryState
from mayfly.workflow.model import Workflow


@dataclass(frozen=True, slots=True)
class RunIdentity:
    id: int = 1
    number: int = 1
    attempt: int = 1


def github_context(
    workflow: Workflow,
    event: Event,
    repository: RepositoryState,
    run: RunIdentity,
    token: str,
) -> dict[str, Any]:
    """Everything in `github` but what changes with the job and the step."""
    server = repository.server_url
    api = server.replace("://", "://api.", 1)
    return {
        "actor": repository.actor,
        "api_url": api,
        "base_ref": event.base_ref,
        "event": event.payload,
        "event_name": event.name,
        "graphql_url": f"{api}/graphql",
        "head_ref": event.head_ref,
        "ref": event.ref,
        "ref_name": _ref_name(event.ref),
        "ref_protected": False,
        "ref_type": "tag" if event.tag is not None else "branch",
        "repository": repository.full_name,
        "repository_owner": repository.owner,
        "repositoryUrl": f"{server.replace('https://', 'git://')}/{repository.full_name}.git",
        "retention_days": "90",
        "run_attempt": str(run.attempt),
        "run_id": str(run.id),
        "run_number": str(run.number),
        "secret_source": "Actions",
        "server_url": server,
        "sha": event.sha,
        "token": token,
        "triggering_actor": repository.actor,
        "workflow": workflow.name or workflow.file,
        "workflow_ref": f"{repository.full_name}/{workflow.file}@{event.ref}",
        "workflow_sha": event.sha,
        "workspace": f"/home/runner/work/{repository.name}/{repository.name}",
    }


def strategy_context(
    *, index: int = 0, total: int = 1, fail_fast: bool = True, max_parallel: int | None = None
) -> dict[str, Any]:
    return {
        "fail-fast": fail_fast,
        "job-index": index,
        "job-total": total,
        "max-parallel": max_parallel or total,
    }


def runner_context(architecture: Architecture | None) -> dict[str, Any]:
    """What the host knows; without an architecture the machine itself fills it in."""
    known = {"arch": architecture.runner_arch} if architecture else {}
    return {"os": "Linux", "environment": "self-hosted", "name": "mayfly", **known}


def need(result: Conclusion, outputs: Mapping[str, str]) -> dict[str, Any]:
    """One entry of `needs`."""
    return {"result": result.value, "outputs": dict(outputs)}


def _ref_name(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref
