"""Workflow files: YAML text in, a typed `Workflow` out, or every problem at once.

`document` reads the YAML, `schema` says what may be in it, `validate` compares the two, and what
passed is put into the model here. `triggers` and `plan` work on the model.
"""

from mayfly.workflow import build
from mayfly.workflow.build import child, text, words
from mayfly.workflow.model import (
    Call,
    Concurrency,
    Defaults,
    Environment,
    Job,
    Strategy,
    Trigger,
    Workflow,
)
from mayfly.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence, Source, plain
from mayfly.workflow.schema import WORKFLOW
from mayfly.workflow.validate import read_valid


def read_workflow(data: bytes, file: str) -> Workflow:
    """The workflow in `data`; `file` is its name in every location and message.

    WorkflowInvalid carries all problems. What is valid but not supported is not among them: see
    `support.unsupported`.
    """
    document = read_valid(data, file, WORKFLOW)
    root, source = document.root, document.source
    return Workflow(
        file=file,
        name=text(child(root, "name")),
        triggers=_triggers(child(root, "on"), source),
        jobs=tuple(_job(entry, source) for entry in _entries(child(root, "jobs"))),
        run_name=text(child(root, "run-name")),
        env=build.table_or_template(child(root, "env")),
        defaults=_defaults(child(root, "defaults")),
        concurrency=_concurrency(child(root, "concurrency")),
        permissions=_permissions(child(root, "permissions")),
    )


def _entries(node: Node | None) -> list[Entry]:
    return list(node.entries.values()) if isinstance(node, Mapping) else []


def _triggers(node: Node | None, source: Source) -> tuple[Trigger, ...]:
    if isinstance(node, Mapping):
        return tuple(_trigger(entry, source) for entry in node.entries.values())
    items = node.items if isinstance(node, Sequence) else [node]
    return tuple(
        Trigger(item.text, source.location(item.start))
        for item in items
        if isinstance(item, Scalar)
    )


def _trigger(entry: Entry, source: Source) -> Trigger:
    event = entry.value
    schedules = event.items if isinstance(event, Sequence) else []
    secrets = _entries(child(event, "secrets"))
    outputs = _entries(child(event, "outputs"))
    return Trigger(
        event=entry.key.text,
        location=source.location(entry.key.start),
        types=words(child(event, "types")),
        branches=words(child(event, "branches")),
        branches_ignore=words(child(event, "branches-ignore")),
        tags=words(child(event, "tags")),
        tags_ignore=words(child(event, "tags-ignore")),
        paths=words(child(event, "paths")),
        paths_ignore=words(child(event, "paths-ignore")),
        workflows=words(child(event, "workflows")),
        cron=tuple(text(child(item, "cron")) or "" for item in schedules),
        inputs=build.inputs(child(event, "inputs")),
        secrets={e.key.text: text(child(e.value, "required")) == "true" for e in secrets},
        outputs={e.key.text: text(child(e.value, "value")) or "" for e in outputs},
    )


def _job(entry: Entry, source: Source) -> Job:
    node = entry.value
    return Job(
        id=entry.key.text,
        location=source.location(entry.key.start),
        name=text(child(node, "name")),
        needs=words(child(node, "needs")) or (),
        condition=text(child(node, "if")),
        runs_on=_runs_on(child(node, "runs-on")),
        strategy=_strategy(child(node, "strategy")),
        env=build.table_or_template(child(node, "env")),
        defaults=_defaults(child(node, "defaults")),
        concurrency=_concurrency(child(node, "concurrency")),
        environment=_environment(child(node, "environment")),
        permissions=_permissions(child(node, "permissions")),
        outputs=build.table(child(node, "outputs")),
        timeout_minutes=text(child(node, "timeout-minutes")),
        continue_on_error=text(child(node, "continue-on-error")),
        steps=build.steps(child(node, "steps"), source),
        call=_call(node, source),
        cancel_timeout_minutes=text(child(node, "cancel-timeout-minutes")),
        container=build.located(child(node, "container"), source),
        services=build.located(child(node, "services"), source),
        snapshot=build.located(child(node, "snapshot"), source),
    )


def _runs_on(node: Node | None) -> str | tuple[str, ...] | dict[str, object] | None:
    if isinstance(node, Sequence):
        return words(node)
    return None if node is None else plain(node) if isinstance(node, Mapping) else text(node)


def _strategy(node: Node | None) -> Strategy:
    matrix = child(node, "matrix")
    return Strategy(
        matrix=None if matrix is None else plain(matrix),
        fail_fast=text(child(node, "fail-fast")) or "true",
        max_parallel=text(child(node, "max-parallel")),
    )


def _defaults(node: Node | None) -> Defaults:
    run = child(node, "run")
    return Defaults(text(child(run, "shell")), text(child(run, "working-directory")))


def _concurrency(node: Node | None) -> Concurrency | None:
    if isinstance(node, Scalar):
        return Concurrency(node.text) if node.text else None
    if node is None:
        return None
    return Concurrency(
        text(child(node, "group")) or "",
        text(child(node, "cancel-in-progress")) or "false",
        text(child(node, "queue")) or "single",
    )


def _environment(node: Node | None) -> Environment | None:
    name = text(node) or text(child(node, "name"))
    return Environment(name, text(child(node, "url"))) if name else None


def _permissions(node: Node | None) -> dict[str, str] | str | None:
    return None if node is None else text(node) or build.table(node)


def _call(node: Node, source: Source) -> Call | None:
    uses, secrets = child(node, "uses"), child(node, "secrets")
    if not isinstance(uses, Scalar):
        return None
    given = child(node, "with")
    return Call(
        uses=uses.text,
        with_=plain(given) if isinstance(given, Mapping) else {},
        secrets=text(secrets) or build.table(secrets),
        uses_at=source.location(uses.start),
    )
