"""Where a job stands: the workflow it is in, who called that, and its place in a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mayfly.domain.errors import InvalidInput, Location
from mayfly.workflow.evaluate import Evaluator, mentions
from mayfly.workflow.gate import OPEN, Gate
from mayfly.workflow.matrix import Combination
from mayfly.workflow.model import Concurrency, Job, Workflow
from mayfly.workflow.planned import (
    ConcurrencyGroup,
    EnvironmentValues,
    JobResult,
    PlannedState,
    RunPlan,
)

MAX_JOBS = 5_000


class Known:
    """Everything one call of `advance` knows."""

    def __init__(self, plan: RunPlan, results: Mapping[str, JobResult], started: frozenset[str]):
        self.plan = plan
        self.results = results
        self.started = started
        self._left = MAX_JOBS

    def has_begun(self, prefix: str) -> bool:
        """Whether any job whose key begins so was ever started."""
        return any(key.startswith(prefix) for key in (*self.started, *self.results))

    def count_job(self) -> None:
        """InvalidInput once a run has more jobs than anyone wants, before they are all made."""
        self._left -= 1
        if self._left < 0:
            raise InvalidInput(f"the run has more than {MAX_JOBS} jobs")


@dataclass(frozen=True, slots=True)
class Scope:
    """One workflow of the run: the root, or one called by a job.

    `evaluator` sees github, inputs, vars and secrets. `gate` and `waits` are those of the calling
    job. `files` leads from the root to here.
    """

    known: Known
    workflow: Workflow
    evaluator: Evaluator
    env: Mapping[str, str]
    files: tuple[str, ...]
    key_prefix: str = ""
    name_prefix: str = ""
    gate: Gate = OPEN
    waits: tuple[str, ...] = ()
    concurrency: tuple[ConcurrencyGroup, ...] = ()
    cancelled: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One combination of a job, or a job without a matrix.

    `evaluator` sees what the scope's does and needs, strategy and matrix; needs only if `knows`.
    """

    job: Job
    scope: Scope
    gate: Gate
    evaluator: Evaluator
    waits: tuple[str, ...]
    knows: bool
    key: str
    name: str
    combination: Combination | None = None

    def can_evaluate(self, value: Any) -> bool:
        return self.knows or not mentions(value, "needs")

    @property
    def must_be_right(self) -> bool:
        """Whether a mistake in it is to be reported now."""
        return self.gate.certain or self.gate.verdict is PlannedState.READY


def concurrency_group(
    concurrency: Concurrency, evaluator: Evaluator, plan: RunPlan, holder: str
) -> ConcurrencyGroup:
    """Legs of a run never wait for each other, so an architecture's groups are its own."""
    group = evaluator.text(concurrency.group, "concurrency.group")
    if plan.architecture:
        group = f"{group}@{plan.architecture.value}"
    cancel = evaluator.boolean(concurrency.cancel_in_progress, "concurrency.cancel-in-progress")
    return ConcurrencyGroup(group, cancel, holder, patient=concurrency.queue == "max")


def within(case: Case, given: EnvironmentValues) -> Case:
    """The case as its steps see it, in an environment that gives these."""
    inner = _having(case.scope.evaluator, given)
    env = inner.texts(case.scope.workflow.env, "env")
    scope = replace(case.scope, evaluator=inner, env=env)
    return replace(case, scope=scope, evaluator=_having(case.evaluator, given))


def _having(evaluator: Evaluator, given: EnvironmentValues) -> Evaluator:
    seen = evaluator.contexts
    return evaluator.having(
        secrets=_over(seen["secrets"], given.secrets), vars=_over(seen["vars"], given.vars)
    )


def _over(values: Mapping[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """Names in contexts differ by more than case."""
    hidden = {name.lower() for name in others}
    return {name: value for name, value in values.items() if name.lower() not in hidden} | dict(
        others
    )


def at(location: Location, error: InvalidInput) -> str:
    """An error in a job as one line, with the place of the job."""
    return f"{location}: {error.message}"


def with_gate(case: Case, gate: Gate, cancelled: str | None = None) -> Case:
    scope = replace(case.scope, cancelled=cancelled or case.scope.cancelled)
    return replace(case, gate=gate, scope=scope)
