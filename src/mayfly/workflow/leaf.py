"""One combination of a job that runs on a machine: what it asks for, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.domain.labels import NotLinux, Requirement, resolve
from mayfly.workflow.contexts import runner_context
from mayfly.workflow.evaluate import Evaluator, has_expression
from mayfly.workflow.gate import Node
from mayfly.workflow.planned import (
    DEFAULT_TIMEOUT_MINUTES,
    ConcurrencyGroup,
    JobResult,
    PlannedJob,
    PlannedState,
)
from mayfly.workflow.scope import Case, at, concurrency_group
from mayfly.workflow.spec import JobSpec
from mayfly.workflow.support import unsupported_in_job


def leaf(case: Case) -> Node:
    """The node of one job on one machine."""
    known = case.scope.known
    known.count_job()
    details, refusal = _described(case)
    job = PlannedJob(
        key=case.key,
        name=details.name,
        job_id=case.job.id,
        location=case.job.location,
        state=case.gate.verdict,
        needs=case.waits,
        reason=case.gate.reason,
        requirement=details.requirement,
        runs_on=details.runs_on,
        timeout_minutes=details.timeout_minutes,
        continue_on_error=details.continue_on_error,
        environment=details.environment,
        concurrency=details.concurrency,
    )
    if (result := known.results.get(case.key)) is not None:
        return _finished(job, result)
    if case.key in known.started:
        stop = case.gate.verdict is PlannedState.CANCELLED
        running = replace(job, state=PlannedState.READY, reason=None)
        return Node((running,), settled=False, result=None, cancel=(case.key,) if stop else ())
    if refusal is None and job.state is PlannedState.READY:
        try:
            spec = _spec(case, details)
        except InvalidInput as error:
            refusal = _Refusal(at(case.job.location, error))
        else:
            return Node((replace(job, spec=spec),), settled=False, result=None)
    if refusal is not None and case.must_be_right:
        return _closed(job, case, PlannedState.REJECTED, refusal.reason, refusal.conclusion)
    return standing(job, case)


def standing(job: PlannedJob, case: Case) -> Node:
    """The node of a job that is where its gate says: blocked, or closed."""
    match case.gate.verdict:
        case PlannedState.SKIPPED:
            conclusion = Conclusion.SKIPPED
        case PlannedState.CANCELLED:
            conclusion = Conclusion.CANCELLED
        case PlannedState.REJECTED:
            conclusion = Conclusion.FAILURE
        case _:
            return Node((job,), settled=False, result=None)
    return _closed(job, case, case.gate.verdict, case.gate.reason, conclusion)


def placeholder(case: Case, state: PlannedState | None = None, reason: str | None = None) -> Node:
    """The node of a job of which no more than its id is known, or that never gets further."""
    case.scope.known.count_job()
    if state is not None:
        case = replace(case, gate=replace(case.gate, verdict=state, reason=reason))
    job = PlannedJob(
        key=case.key,
        name=case.scope.name_prefix + case.name,
        job_id=case.job.id,
        location=case.job.location,
        state=case.gate.verdict,
        needs=case.waits,
        reason=case.gate.reason,
    )
    return standing(job, case)


def display_name(case: Case) -> str:
    """With the names of the calls it is in. InvalidInput if the name cannot be evaluated."""
    template = case.job.name or ""
    if has_expression(template) and case.can_evaluate(template):
        return case.scope.name_prefix + case.evaluator.text(template, "name")
    return case.scope.name_prefix + case.name


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str
    conclusion: Conclusion = Conclusion.FAILURE


@dataclass(frozen=True, slots=True)
class _Details:
    name: str
    runs_on: tuple[str, ...] = ()
    requirement: Requirement | None = None
    timeout_minutes: float = DEFAULT_TIMEOUT_MINUTES
    continue_on_error: bool = False
    environment: str | None = None
    concurrency: tuple[ConcurrencyGroup, ...] = ()


def _described(case: Case) -> tuple[_Details, _Refusal | None]:
    """What can be known of the job now, and all reasons why it can never run."""
    details = _Details(case.scope.name_prefix + case.name)
    reasons = [str(problem) for problem in unsupported_in_job(case.job)]
    try:
        details = _details(case)
        if details.runs_on:
            target = resolve(details.runs_on, case.scope.known.plan.labels)
            if isinstance(target, NotLinux):
                reason = f"'{target.label}' is {target.os}; Mayfly runs Linux jobs"
                return details, _Refusal(reason, Conclusion.SKIPPED)
            details = replace(details, requirement=_on_leg(target, case))
    except InvalidInput as error:
        reasons.insert(0, at(case.job.location, error))
    return details, _Refusal("; ".join(reasons)) if reasons else None


def _details(case: Case) -> _Details:
    job, evaluator, plan = case.job, case.evaluator, case.scope.known.plan

    def known(value: Any) -> Any:
        return value if case.can_evaluate(value) else None

    timeout = known(job.timeout_minutes)
    environment = known(job.environment.name) if job.environment else None
    groups = case.scope.concurrency
    if job.concurrency and case.can_evaluate(job.concurrency.group):
        groups += (concurrency_group(job.concurrency, evaluator, plan, case.key),)
    return _Details(
        name=display_name(case),
        runs_on=_labels(evaluator, job.runs_on) if known(job.runs_on) else (),
        timeout_minutes=(
            evaluator.number(timeout, "timeout-minutes") if timeout else DEFAULT_TIMEOUT_MINUTES
        ),
        continue_on_error=evaluator.boolean(known(job.continue_on_error), "continue-on-error"),
        environment=evaluator.text(environment, "environment") if environment else None,
        concurrency=groups,
    )


def _labels(evaluator: Evaluator, runs_on: Any) -> tuple[str, ...]:
    """A label, a list of them, or a mapping with `labels`, else `group`."""
    value = evaluator.tree(runs_on, "runs-on")
    if isinstance(value, dict):
        value = value.get("labels") or value.get("group")
    labels = value if isinstance(value, list) else [value]
    if not all(isinstance(label, str) and label.strip() for label in labels):
        raise InvalidInput(f"runs-on: {runs_on!r} names no machine to run on")
    return tuple(labels)


def _on_leg(requirement: Requirement, case: Case) -> Requirement:
    plan = case.scope.known.plan
    return replace(
        requirement,
        architecture=plan.architecture or requirement.architecture,
        image=plan.image or requirement.image,
    )


def _spec(case: Case, details: _Details) -> JobSpec:
    job, plan = case.job, case.scope.known.plan
    requirement = details.requirement
    contexts = {
        **case.evaluator.contexts,
        "runner": runner_context(requirement.architecture if requirement else None),
    }
    env = {**case.scope.env, **case.evaluator.texts(job.env, "env"), **plan.env}
    defaults = case.evaluator.having(env=env)
    shared = case.scope.workflow.defaults
    shell = job.defaults.shell or shared.shell
    directory = job.defaults.working_directory or shared.working_directory
    return JobSpec(
        key=case.key,
        name=details.name,
        steps=job.steps,
        contexts=contexts,
        env=env,
        masks=_masks(plan.secrets),
        default_shell=defaults.text(shell, "defaults.run.shell") if shell else None,
        default_working_directory=(
            defaults.text(directory, "defaults.run.working-directory") if directory else None
        ),
        outputs=job.outputs,
        environment_url=job.environment.url if job.environment else None,
        timeout_minutes=details.timeout_minutes,
        repository=plan.repository.full_name,
    )


def _masks(secrets: Mapping[str, str]) -> tuple[str, ...]:
    """Whole values, and the lines of those that have several, as GitHub masks them."""
    lines = (line.strip() for value in secrets.values() for line in (value, *value.splitlines()))
    return tuple(dict.fromkeys(line for line in lines if line))


def _finished(job: PlannedJob, result: JobResult) -> Node:
    failed = result.conclusion is Conclusion.FAILURE and not job.continue_on_error
    conclusion = result.conclusion
    if conclusion is Conclusion.FAILURE and job.continue_on_error:
        conclusion = Conclusion.SUCCESS
    ended = replace(job, state=PlannedState.FINISHED, reason=None, conclusion=conclusion)
    return Node((ended,), settled=True, result=conclusion, outputs=result.outputs, failed=failed)


def _closed(
    job: PlannedJob, case: Case, state: PlannedState, reason: str | None, conclusion: Conclusion
) -> Node:
    closed = replace(job, state=state, reason=reason, conclusion=conclusion)
    return Node((closed,), settled=case.gate.settled, result=conclusion)
