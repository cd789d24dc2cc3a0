"""What is valid in a workflow and yet not carried out by this version, told by line and column.

A file that uses any of it is refused before anything starts: nothing is silently skipped.
"""

from collections.abc import Iterator

from mayfly.domain.errors import Location, Problem
from mayfly.workflow.action import COMPOSITE
from mayfly.workflow.model import Action, Job, Step, Workflow

_DOCKER = "docker://"
_DOCKER_ACTION = "docker"
_ARTIFACTS = "artifacts are not supported yet"
_CACHES = "caches are not supported yet"
_SERVICES_OF_THE_FORGE = {
    "actions/upload-artifact": _ARTIFACTS,
    "actions/upload-artifact/merge": _ARTIFACTS,
    "actions/download-artifact": _ARTIFACTS,
    "actions/cache": _CACHES,
    "actions/cache/restore": _CACHES,
    "actions/cache/save": _CACHES,
}


def is_checkout(uses: str) -> bool:
    """Whether a step uses actions/checkout, in any version; Mayfly carries it out itself."""
    return _action_name(uses) == "actions/checkout"


def unsupported(workflow: Workflow) -> list[Problem]:
    """What the workflow asks for and does not get, in file order."""
    return sorted(problem for job in workflow.jobs for problem in unsupported_in_job(job))


def unsupported_in_job(job: Job) -> Iterator[Problem]:
    parts = (
        (job.container, "runs in a container: job containers are not supported yet"),
        (job.services, "has services: service containers are not supported yet"),
        (job.snapshot, "makes a snapshot: custom images are not supported yet"),
    )
    for part, message in parts:
        if part is not None:
            yield _problem(part.location, f"job '{job.id}' {message}")
    yield from unsupported_steps(job.steps)


def unsupported_steps(steps: tuple[Step, ...]) -> Iterator[Problem]:
    """The same for the steps of a job or a composite action."""
    for step in steps:
        if step.uses is None:
            continue
        reason = _SERVICES_OF_THE_FORGE.get(_action_name(step.uses))
        if step.uses.startswith(_DOCKER):
            reason = "container actions are not supported yet"
        if reason is not None:
            yield _problem(step.uses_at or step.location, f"'{step.uses}': {reason}")


def unsupported_action(step: Step, action: Action) -> Problem | None:
    """The same for an action that a step uses, once its action.yml has been read."""
    if action.using == COMPOSITE:
        return None
    kind = "Docker" if action.using == _DOCKER_ACTION else "JavaScript"
    message = f"'{step.uses}' is a {kind} action ({action.location}): not supported yet"
    return _problem(step.uses_at or step.location, message)


def _action_name(uses: str) -> str:
    return uses.partition("@")[0].lower()


def _problem(place: Location, message: str) -> Problem:
    return Problem(place.file, place.line, place.column, message)
