"""A job that calls a reusable workflow: the scope its jobs are in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.details import display_name
from mayfly.workflow.gate import Node
from mayfly.workflow.inputs import resolve_inputs
from mayfly.workflow.model import Call, Trigger, Workflow
from mayfly.workflow.planned import RunPlan
from mayfly.workflow.scope import Case, Scope, concurrency_group

MAX_LEVELS = 10
_TOKEN = "GITHUB_TOKEN"  # noqa: S105 (a name)


def called_scope(case: Case, call: Call) -> Scope:
    """What the jobs of the called workflow see. InvalidInput says why it cannot be called."""
    outer = case.scope
    plan = outer.known.plan
    workflow = _find(call.uses, plan, outer.files)
    trigger = workflow.trigger("workflow_call")
    if trigger is None:
        raise InvalidInput(f"{workflow.file} cannot be called: it lacks `on: workflow_call`")
    evaluator = case.evaluator
    inputs = resolve_inputs(
        trigger.inputs,
        evaluator.tree(call.with_, "with"),
        where=f"call of {workflow.file}",
        evaluate=lambda text: outer.evaluator.value(text, "inputs"),
    )
    secrets = _secrets(call, trigger, case, workflow)
    contexts = {**outer.evaluator.contexts, "inputs": inputs, "secrets": secrets}
    inner = replace(outer.evaluator, contexts=contexts)
    groups = [
        concurrency_group(concurrency, source, plan, case.key)
        for concurrency, source in (
            (case.job.concurrency, evaluator),
            (workflow.concurrency, inner),
        )
        if concurrency is not None
    ]
    return replace(
        outer,
        workflow=workflow,
        evaluator=inner,
        env=inner.texts(workflow.env, "env"),
        files=(*outer.files, workflow.file),
        key_prefix=f"{case.key} / ",
        name_prefix=f"{display_name(case)} / ",
        gate=case.gate,
        waits=case.waits,
        concurrency=(*outer.concurrency, *groups),
    )


def call_outputs(scope: Scope, nodes: Mapping[str, Node]) -> dict[str, str]:
    """The outputs of a called workflow whose jobs all ended."""
    trigger = scope.workflow.trigger("workflow_call")
    jobs = {
        name: {"result": node.result, "outputs": dict(node.outputs)} for name, node in nodes.items()
    }
    return scope.evaluator.having(jobs=jobs).texts(trigger.outputs if trigger else {}, "outputs")


def _find(uses: str, plan: RunPlan, files: tuple[str, ...]) -> Workflow:
    workflow = plan.called.get(uses) or plan.called.get(uses.removeprefix("./"))
    if workflow is None and uses.startswith("./"):
        raise InvalidInput(f"there is no workflow {uses}")
    if workflow is None:
        raise InvalidInput(
            f"reusable workflow '{uses}' of another repository is not supported yet",
            remedy="copy it into this repository and call it by its path",
        )
    if workflow.file in files:
        circle = " calls ".join((*files[files.index(workflow.file) :], workflow.file))
        raise InvalidInput(f"workflows call each other in a circle: {circle}")
    if len(files) >= MAX_LEVELS:
        raise InvalidInput(f"workflows are nested more than {MAX_LEVELS} levels deep")
    return workflow


def _secrets(call: Call, trigger: Trigger, case: Case, workflow: Workflow) -> dict[str, Any]:
    """`inherit` passes all; else those named, checked against what the workflow declares."""
    outer: dict[str, Any] = case.evaluator.contexts["secrets"]
    if isinstance(call.secrets, str):
        return outer
    given = case.evaluator.texts(call.secrets, "secrets")
    declared = {name.lower() for name in trigger.secrets}
    errors = [f"unknown secret '{name}'" for name in given if name.lower() not in declared]
    names = {name.lower() for name in given}
    errors += [
        f"secret '{name}' is required"
        for name, required in trigger.secrets.items()
        if required and name.lower() not in names
    ]
    if errors:
        raise InvalidInput(f"call of {workflow.file}: " + "; ".join(errors))
    return {_TOKEN: outer.get(_TOKEN, ""), **given}
