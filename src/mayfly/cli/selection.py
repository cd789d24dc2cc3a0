"""Which workflows of a clone run for a request, for which event, and why the others do not."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mayfly.cli.complaints import Complaints
from mayfly.cli.request import Request
from mayfly.cli.sourced import with_sources
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, Problem, WorkflowInvalid
from mayfly.domain.labels import Requirement
from mayfly.services.repository import Repository, WorkflowFile, read_repository
from mayfly.workflow.events import Event, event_for
from mayfly.workflow.model import Workflow
from mayfly.workflow.planned import RunPlan
from mayfly.workflow.reader import read_workflow
from mayfly.workflow.selection import unknown_jobs
from mayfly.workflow.triggers import matches

_DEFAULT_EVENT = "push"
_PREFERRED = ("push", "workflow_dispatch", "pull_request", "pull_request_target", "schedule")
_CALLED_ONLY = "workflow_call"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A workflow that runs. `note` says what a person might not expect about that."""

    workflow: Workflow
    event: Event
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """`local` has every workflow of the clone that was read, by path: those may call each other.

    `texts` are what those were read from.
    """

    repository: Repository
    chosen: tuple[Chosen, ...]
    skipped: tuple[Skipped, ...]
    local: Mapping[str, Workflow]
    texts: Mapping[str, str]

    def plans(
        self,
        request: Request,
        *,
        variables: Mapping[str, str],
        labels: Mapping[str, Requirement],
    ) -> list[RunPlan]:
        """One for each workflow and leg, the legs of a workflow together; nothing is fetched."""

        def plan(chosen: Chosen, leg: Architecture | None) -> RunPlan:
            return RunPlan(
                workflow=chosen.workflow,
                event=chosen.event,
                repository=self.repository.state,
                called=self.local,
                inputs=request.inputs if chosen.event.name == "workflow_dispatch" else {},
                secrets=request.secrets,
                vars={**variables, **request.vars},
                env=request.env,
                architecture=leg,
                jobs=request.jobs,
                matrix=request.matrix,
                labels=labels,
                image=request.image,
            )

        return [plan(chosen, leg) for chosen in self.chosen for leg in request.legs]


async def select(request: Request) -> Selection:
    """Reads the clone. InvalidInput, or WorkflowInvalid with the problems of all its files."""
    event = request.event or _DEFAULT_EVENT
    repository = await read_repository(request.repo, clean=request.clean, event=event)
    files = await repository.workflows()
    if not files:
        raise InvalidInput(
            f"{repository.root} has no workflows",
            remedy="put one in .github/workflows, or name another clone with --repo",
        )
    async with with_sources(repository):
        local, invalid = _read(files, request.workflows)
    if request.workflows:
        named = _named(request.workflows, list(local.values()))
        found = [_chosen_by_name(workflow, repository, request) for workflow in named]
        skipped: list[Skipped] = []
    else:
        happened = _event(event, repository, request)
        found, skipped = _started_by(happened, local.values())
    chosen, without = _having_jobs(found, request.jobs)
    texts = {file.path: file.data.decode() for file in files if file.path in local}
    return Selection(repository, tuple(chosen), (*skipped, *without, *invalid), local, texts)


def nothing_to_run(selection: Selection, request: Request) -> InvalidInput:
    """For when an event starts no workflow at all."""
    reasons = [f"{skipped.file}: {skipped.reason}" for skipped in selection.skipped]
    return InvalidInput(
        f"a {request.event or _DEFAULT_EVENT} starts no workflow here",
        details="\n".join(reasons),
        remedy="choose another event with --event, or name the workflow: mayfly run FILE",
    )


def _read(
    files: Iterable[WorkflowFile], names: Sequence[str]
) -> tuple[dict[str, Workflow], list[Skipped]]:
    """By path. With names only those files must be valid; problems of the others are told."""
    problems: list[Problem] = []
    invalid = []
    found = {}
    for file in files:
        try:
            found[file.path] = read_workflow(file.data, file.path)
        except WorkflowInvalid as error:
            if names and not _file_names(file.path) & set(names):
                invalid.append(Skipped(file.path, f"it is not valid: {error.problems[0]}"))
            else:
                problems += error.problems
    if problems:
        refusal = WorkflowInvalid(problems)
        if found and not names:
            refusal.remedy = "mend them, or name workflows: then only those need to be valid"
        raise refusal
    return found, invalid


def _named(names: Sequence[str], workflows: Sequence[Workflow]) -> list[Workflow]:
    """By path, file name with or without its ending, or the name in the file."""
    complaints = Complaints()
    found: list[Workflow] = []
    for name in names:
        matching = [workflow for workflow in workflows if name in _names(workflow)]
        # As typed in a shell, relative to anywhere.
        matching = matching or [w for w in workflows if name.endswith("/" + w.file)]
        if not matching:
            known = sorted({known for workflow in workflows for known in _names(workflow)})
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            complaints.add(
                f"there is no workflow {name!r}{hint}", "mayfly plan lists those there are"
            )
        found += [workflow for workflow in matching if workflow not in found]
    complaints.raise_any()
    return found


def _names(workflow: Workflow) -> set[str]:
    return _file_names(workflow.file) | ({workflow.name} if workflow.name else set())


def _file_names(file: str) -> set[str]:
    base = file.rpartition("/")[2]
    return {file, f"./{file}", base, base.rpartition(".")[0]}


def _chosen_by_name(workflow: Workflow, repository: Repository, request: Request) -> Chosen:
    """A workflow that a person names runs whatever its filters say, but says so."""
    triggers = [trigger.event for trigger in workflow.triggers]
    name = request.event
    if name is None:
        name = next((event for event in _PREFERRED if event in triggers), None)
        name = name or next((event for event in triggers if event != _CALLED_ONLY), None)
    if name is None:
        raise InvalidInput(
            f"{workflow.file} is only called by other workflows",
            remedy="run one that calls it, or give it another event in `on`",
        )
    if name not in triggers:
        raise InvalidInput(
            f"{workflow.file} is not started by {name}, only by {', '.join(triggers)}",
            remedy=f"--event {triggers[0]}, or none",
        )
    event = _event(name, repository, request)
    match = matches(workflow, event)
    return Chosen(
        workflow, event, None if match else f"runs as you named it, though {match.reason}"
    )


def _event(name: str, repository: Repository, request: Request) -> Event:
    payload: Mapping[str, Any] | None = request.payload
    return event_for(name, repository.state, inputs=request.inputs, payload=payload)


def _started_by(event: Event, workflows: Iterable[Workflow]) -> tuple[list[Chosen], list[Skipped]]:
    chosen, skipped = [], []
    for workflow in workflows:
        match = matches(workflow, event)
        if match:
            chosen.append(Chosen(workflow, event))
        else:
            skipped.append(Skipped(workflow.file, match.reason))
    return chosen, skipped


def _having_jobs(
    found: Sequence[Chosen], names: frozenset[str]
) -> tuple[list[Chosen], list[Skipped]]:
    """With --job: those workflows that have one of them."""
    if not names:
        return list(found), []
    error = unknown_jobs([chosen.workflow for chosen in found], sorted(names))
    if found and error:
        raise error
    having = [c for c in found if names & {job.id for job in c.workflow.jobs}]
    rest = [chosen.workflow.file for chosen in found if chosen not in having]
    wanted = " or ".join(sorted(names))
    return having, [Skipped(file, f"it has no job {wanted}") for file in rest]
