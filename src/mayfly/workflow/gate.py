"""Whether a job may run: its `needs` and its `if`, under everything that is known so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.workflow.evaluate import Evaluator, asks_status, condition_mentions
from mayfly.workflow.expressions import Functions
from mayfly.workflow.model import Job
from mayfly.workflow.planned import PlannedJob, PlannedState


@dataclass(frozen=True, slots=True)
class Gate:
    """`verdict` is READY, BLOCKED, or why not: SKIPPED, CANCELLED, REJECTED.

    `settled`: everything that comes before has ended. `certain`: only results of other jobs can
    keep the job from running, so what is wrong with it may be said before they are there.
    `fixed`: the verdict was known before anything ran.
    """

    verdict: PlannedState
    reason: str | None = None
    settled: bool = True
    certain: bool = True
    fixed: bool = False

    @property
    def is_closed(self) -> bool:
        return self.verdict not in {PlannedState.READY, PlannedState.BLOCKED}


OPEN = Gate(PlannedState.READY)


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of `jobs`, with all its combinations, or with all jobs of the workflow it calls.

    `result` may be known before it is `settled`, that is before everything it waits for ended.
    `failed` is true failure, which makes the rest of a matrix pointless. `cancel` are keys of
    started jobs to be cancelled. `ancestry` holds its result and those of all jobs before it.
    """

    jobs: tuple[PlannedJob, ...]
    settled: bool
    result: Conclusion | None
    outputs: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False
    cancel: tuple[str, ...] = ()
    ancestry: frozenset[Conclusion] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(job.key for job in self.jobs)


def gate_of(
    job: Job, needs: Mapping[str, Node], outer: Gate, evaluator: Evaluator, cancelled: str | None
) -> Gate:
    """`outer` is the gate of the call the job is in; `cancelled` is why the run was, if it was."""
    condition = job.condition or ""
    static = not asks_status(condition) and not condition_mentions(condition, "needs")
    settled = outer.settled and all(node.settled for node in needs.values())
    certain = outer.certain and static
    if static and (verdict := _fixed(job, outer, evaluator, settled=settled)):
        return verdict
    if outer.is_closed:
        return Gate(outer.verdict, outer.reason, settled, certain)
    if cancelled and not asks_status(condition):
        return Gate(PlannedState.CANCELLED, cancelled, settled, certain)
    if not settled:
        return _waiting(condition, needs, outer, certain=certain)
    return _decided(job, needs, evaluator, cancelled, certain=certain)


def _fixed(job: Job, outer: Gate, evaluator: Evaluator, *, settled: bool) -> Gate | None:
    """The verdict of a condition that no other job's result can change; None if it holds."""
    condition = job.condition or ""
    try:
        holds = _holds(condition, evaluator, _functions(frozenset(), cancelled=False))
    except InvalidInput as error:
        if not outer.certain and outer.verdict is not PlannedState.READY:
            return None
        reason = f"{job.location}: {error.message}"
        return Gate(PlannedState.REJECTED, reason, settled, outer.certain, fixed=True)
    if holds:
        return None
    reason = f"its condition is false: {condition}"
    return Gate(PlannedState.SKIPPED, reason, settled, outer.certain, fixed=True)


def _waiting(condition: str, needs: Mapping[str, Node], outer: Gate, *, certain: bool) -> Gate:
    if not asks_status(condition) and (reason := _unmet(needs)):
        return Gate(PlannedState.SKIPPED, reason, settled=False, certain=certain)
    keys = [key for node in needs.values() if not node.settled for key in _unfinished(node)]
    reason = f"waits for {', '.join(keys)}" if keys else outer.reason
    return Gate(PlannedState.BLOCKED, reason, settled=False, certain=certain)


def _decided(
    job: Job,
    needs: Mapping[str, Node],
    evaluator: Evaluator,
    cancelled: str | None,
    *,
    certain: bool,
) -> Gate:
    condition = job.condition or ""
    ancestry = frozenset[Conclusion]().union(*(node.ancestry for node in needs.values()))
    functions = _functions(ancestry, cancelled=bool(cancelled))
    try:
        holds = _holds(condition, evaluator, functions)
    except InvalidInput as error:
        return Gate(PlannedState.REJECTED, f"{job.location}: {error.message}", certain=certain)
    if holds:
        return Gate(PlannedState.READY, certain=certain)
    if cancelled:
        return Gate(PlannedState.CANCELLED, cancelled, certain=certain)
    reason = None if asks_status(condition) else _unmet(needs)
    if reason is None and not asks_status(condition) and not functions["success"]():
        reason = "a job before those it needs did not succeed"
    return Gate(
        PlannedState.SKIPPED, reason or f"its condition is false: {condition}", certain=certain
    )


def _holds(condition: str, evaluator: Evaluator, functions: Functions) -> bool:
    return Evaluator(evaluator.contexts, functions).condition(condition, "if")


def _functions(ancestry: frozenset[Conclusion], *, cancelled: bool) -> Functions:
    """Status functions look at all jobs before, not only at those needed directly."""
    return {
        "always": lambda: True,
        "cancelled": lambda: cancelled,
        "failure": lambda: not cancelled and Conclusion.FAILURE in ancestry,
        "success": lambda: not cancelled and ancestry <= {Conclusion.SUCCESS},
    }


_ENDED = {
    Conclusion.FAILURE: "failed",
    Conclusion.CANCELLED: "was cancelled",
    Conclusion.SKIPPED: "was skipped",
}


def _unmet(needs: Mapping[str, Node]) -> str | None:
    """The first needed job that is known not to succeed."""
    for name, node in needs.items():
        if node.result in _ENDED:
            rejected = all(job.state is PlannedState.REJECTED for job in node.jobs)
            return f"it needs {name}, which {'was rejected' if rejected else _ENDED[node.result]}"
    return None


def _unfinished(node: Node) -> list[str]:
    return [
        job.key for job in node.jobs if job.state in {PlannedState.READY, PlannedState.BLOCKED}
    ] or [job.key for job in node.jobs]
