"""The actions a workflow uses: every `uses` parsed, with the place it stands at."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from mayfly.domain.errors import InvalidInput, Location, Problem, WorkflowInvalid
from mayfly.workflow.model import Action, Step, Workflow

_REMOTE = re.compile(
    r"(?P<owner>[\w.-]+)/(?P<repository>[\w.-]+)(?P<path>(?:/[^@]+)?)@(?P<ref>[^-\s]\S*)"
)


@dataclass(frozen=True, slots=True)
class RemoteAction:
    """`owner/repository/path@ref`; `path` is empty for the root."""

    owner: str
    repository: str
    path: str
    ref: str

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.repository}"


@dataclass(frozen=True, slots=True)
class LocalAction:
    """A directory of the repository, without the leading `./`."""

    path: str


@dataclass(frozen=True, slots=True)
class DockerAction:
    image: str


ActionRef: TypeAlias = RemoteAction | LocalAction | DockerAction


@dataclass(frozen=True, slots=True)
class UsedAction:
    ref: ActionRef
    uses: str
    location: Location


def parse_uses(text: str) -> ActionRef:
    """InvalidInput for what is none of `owner/repo[/path]@ref`, `./path`, `docker://image`."""
    text = text.strip()
    if text.startswith("docker://") and text != "docker://":
        return DockerAction(text.removeprefix("docker://"))
    local = text.startswith("./")
    parts = text.partition("@")[0].removeprefix("./").split("/")
    climbs = "." in parts or ".." in parts
    if local and not climbs:
        return LocalAction(text.removeprefix("./").strip("/") or ".")
    if not local and not climbs and (found := _REMOTE.fullmatch(text)):
        return RemoteAction(
            found["owner"], found["repository"], found["path"].strip("/"), found["ref"]
        )
    raise InvalidInput(
        f"'{text}' names no action", remedy="owner/repository@ref, ./path or docker://image"
    )


def used_actions(source: Workflow | Action | Iterable[Step]) -> tuple[UsedAction, ...]:
    """Every action used, in file order. WorkflowInvalid lists every `uses` that names none."""
    used, problems = [], []
    for step in _steps(source):
        if step.uses is None:
            continue
        place = step.uses_at or step.location
        try:
            used.append(UsedAction(parse_uses(step.uses), step.uses, place))
        except InvalidInput as error:
            problems.append(
                Problem(place.file, place.line, place.column, error.message, error.remedy)
            )
    if problems:
        raise WorkflowInvalid(problems)
    return tuple(used)


def _steps(source: Workflow | Action | Iterable[Step]) -> Iterable[Step]:
    if isinstance(source, Workflow):
        return [step for job in source.jobs for step in job.steps]
    return source.steps if isinstance(source, Action) else source
