"""The planner: everything known about a run to everything that can be done now. Pure.

`advance` is called again after every change, always with all that is known, and so works the same
for a run on a laptop and for a server of many replicas.

    Advance ← graph.walk ← gate (needs, if) · matrix · calls (reusable workflows) · leaf (one job)
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.workflow.contexts import RunIdentity, github_context
from mayfly.workflow.evaluate import Evaluator
from mayfly.workflow.gate import Node
from mayfly.workflow.graph import combined, walk
from mayfly.workflow.inputs import resolve_inputs
from mayfly.workflow.planned import (
    Advance,
    ConcurrencyGroup,
    JobResult,
    PlannedJob,
    PlannedState,
    RunPlan,
)
from mayfly.workflow.scope import Known, Scope, concurrency_group
from mayfly.workflow.selection import selected_jobs, unknown_jobs

__all__ = [
    "Advance",
    "ConcurrencyGroup",
    "JobResult",
    "PlannedJob",
    "PlannedState",
    "RunIdentity",
    "RunPlan",
    "advance",
    "unknown_jobs",
]

_TOKEN = "GITHUB_TOKEN"  # noqa: S105 (a name)
_MANUAL = frozenset({"workflow_dispatch", "workflow_call"})


def advance(
    plan: RunPlan,
    results: Mapping[str, JobResult],
    *,
    started: Collection[str] = (),
    cancelled: bool = False,
) -> Advance:
    """Every job known now, where it stands and why.

    `results` are those of all jobs that ended by key, including those said to be skipped here: a
    job with `if: cancelled()` is skipped while nothing is cancelled, and stays so only if told.
    `started` are the keys of all jobs that were queued and have not ended. A key once listed stays,
    but for the one placeholder of a blocked job whose matrix or inputs need outputs of other jobs:
    its combinations take its place. A mistake in one job rejects that job; InvalidInput is raised
    for what concerns the whole run.
    """
    known = Known(plan, results, frozenset(started))
    scope = _root(known)
    if cancelled:
        scope = replace(scope, cancelled="the run was cancelled")
    workflow = plan.workflow
    node = combined(walk(scope, selected_jobs(workflow, plan.jobs)).values())
    name = scope.evaluator.text(workflow.run_name, "run-name") if workflow.run_name else ""
    group = None
    if workflow.concurrency:
        group = concurrency_group(workflow.concurrency, scope.evaluator, plan, "")
    return Advance(
        name=name.strip() or workflow.name or workflow.file,
        jobs=node.jobs,
        cancel=node.cancel,
        finished=_conclusion(node, cancelled=cancelled),
        concurrency=group,
    )


def _root(known: Known) -> Scope:
    plan = known.plan
    secrets = {_TOKEN: "", **plan.secrets}
    github = github_context(
        plan.workflow, plan.event, plan.repository, plan.run, token=secrets[_TOKEN]
    )
    contexts = {"github": github, "vars": dict(plan.vars), "secrets": secrets, "inputs": {}}
    evaluator = Evaluator(contexts)
    evaluator = evaluator.having(inputs=_inputs(plan, evaluator))
    env = evaluator.texts(plan.workflow.env, "env")
    return Scope(known, plan.workflow, evaluator, env, files=(plan.workflow.file,))


def _inputs(plan: RunPlan, evaluator: Evaluator) -> dict[str, object]:
    trigger = plan.workflow.trigger(plan.event.name)
    if plan.event.name not in _MANUAL or trigger is None:
        if plan.inputs:
            raise InvalidInput(
                f"{plan.workflow.file} takes no inputs on {plan.event.name}",
                remedy="inputs go with the event workflow_dispatch",
            )
        return {}
    return resolve_inputs(
        trigger.inputs,
        plan.inputs,
        where=plan.workflow.file,
        evaluate=lambda text: evaluator.value(text, "inputs"),
    )


def _conclusion(node: Node, *, cancelled: bool) -> Conclusion | None:
    if not node.settled:
        return None
    if cancelled and any(job.conclusion is Conclusion.CANCELLED for job in node.jobs):
        return Conclusion.CANCELLED
    return node.result
