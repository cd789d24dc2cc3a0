"""Whether an event starts a workflow, and in words why not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.events import Event
from mayfly.workflow.globs import any_match, last_match
from mayfly.workflow.model import Trigger, Workflow

_PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")
_DEFAULT_TYPES = {
    "pull_request": _PULL_REQUEST_TYPES,
    "pull_request_target": _PULL_REQUEST_TYPES,
}


@dataclass(frozen=True, slots=True)
class Match:
    """True if the event starts the workflow; `reason` explains either answer."""

    matched: bool
    reason: str

    def __bool__(self) -> bool:
        return self.matched


def matches(workflow: Workflow, event: Event) -> Match:
    """Holds the event against its filters in `on`; all of them must let it pass.

    InvalidInput if a pattern is not well formed.
    """
    trigger = workflow.trigger(event.name)
    if trigger is None:
        known = ", ".join(found.event for found in workflow.triggers)
        return Match(False, f"it is not started by {event.name}, only by {known or 'nothing'}")
    try:
        objection = next(_objections(trigger, event), None)
    except InvalidInput as error:
        raise InvalidInput(f"{trigger.location}: {error.message}") from error
    if objection is not None:
        return Match(False, objection)
    return Match(True, f"it is started by {event.name}")


def _objections(trigger: Trigger, event: Event) -> Iterator[str]:
    yield from _type_objection(trigger, event)
    if event.name == "push":
        yield from _push_objections(trigger, event)
    else:
        branch = _filtered_branch(event)
        if branch is not None:
            yield from _name_objection("branch", branch, trigger.branches, trigger.branches_ignore)
        yield from _path_objection(trigger, event)
    if event.name == "workflow_run":
        yield from _workflow_objection(trigger, event)
    schedule = event.payload.get("schedule")
    if trigger.cron and isinstance(schedule, str) and schedule not in trigger.cron:
        yield f"'{schedule}' is none of its schedules: {', '.join(trigger.cron)}"


def _type_objection(trigger: Trigger, event: Event) -> Iterator[str]:
    types = trigger.types or _DEFAULT_TYPES.get(event.name)
    if types and event.action is not None and event.action not in types:
        yield f"activity '{event.action}' is none of {', '.join(types)}"


def _push_objections(trigger: Trigger, event: Event) -> Iterator[str]:
    """Filters for branches alone keep out tags, and the other way round."""
    by_branch = trigger.branches is not None or trigger.branches_ignore is not None
    by_tag = trigger.tags is not None or trigger.tags_ignore is not None
    if event.tag is not None:
        if by_branch and not by_tag:
            yield f"tag '{event.tag}' was pushed, and it filters branches only"
        yield from _name_objection("tag", event.tag, trigger.tags, trigger.tags_ignore)
        return  # paths are not looked at for tags
    branch = event.branch or event.ref
    if by_tag and not by_branch:
        yield f"branch '{branch}' was pushed, and it filters tags only"
    yield from _name_objection("branch", branch, trigger.branches, trigger.branches_ignore)
    yield from _path_objection(trigger, event)


def _filtered_branch(event: Event) -> str | None:
    """The branch that filters are about: where the change goes, or where the run was."""
    match event.name:
        case "pull_request" | "pull_request_target":
            return event.base_ref
        case "merge_group":
            base = _text(event.payload.get("merge_group"), "base_ref")
            return base.removeprefix("refs/heads/")
        case "workflow_run":
            return _text(event.payload.get("workflow_run"), "head_branch") or None
        case _:
            return None


def _name_objection(
    kind: str, name: str, wanted: Sequence[str] | None, ignored: Sequence[str] | None
) -> Iterator[str]:
    if wanted is not None and not last_match(wanted, name):
        yield f"{kind} '{name}' does not match {_list(wanted)}"
    if ignored is not None and any_match(ignored, name):
        yield f"{kind} '{name}' is ignored by {_list(ignored)}"


def _path_objection(trigger: Trigger, event: Event) -> Iterator[str]:
    """Without knowing what changed GitHub runs the workflow, and so do we."""
    files = event.changed_files
    if files is None:
        return
    if trigger.paths is not None and not any(last_match(trigger.paths, file) for file in files):
        yield f"none of the changed files ({len(files)}) matches {_list(trigger.paths)}"
    ignored = trigger.paths_ignore
    if ignored is not None and all(any_match(ignored, file) for file in files):
        yield f"all changed files ({len(files)}) are ignored by {_list(ignored)}"


def _workflow_objection(trigger: Trigger, event: Event) -> Iterator[str]:
    name = _text(event.payload.get("workflow_run"), "name")
    if trigger.workflows is not None and name not in trigger.workflows:
        yield f"workflow '{name}' is none of {_list(trigger.workflows)}"


def _text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _list(patterns: Sequence[str]) -> str:
    return ", ".join(f"'{pattern}'" for pattern in patterns) or "an empty list"
