"""One combination of a job: where it stands, and the specification once it may run."""

from collections.abc import Iterable
from dataclasses import replace

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.workflow.contexts import runner_context
from mayfly.workflow.details import Details, described, env_of
from mayfly.workflow.gate import Node
from mayfly.workflow.planned import JobResult, PlannedJob, PlannedState
from mayfly.workflow.scope import Case, at, within
from mayfly.workflow.spec import JobSpec


def leaf(case: Case) -> Node:
    """The node of one job on one machine."""
    known = case.scope.known
    known.count_job()
    details, refusal = described(case)
    job = replace(
        _unknown_job(case),
        name=details.name,
        requirement=details.requirement,
        runs_on=details.runs_on,
        timeout_minutes=details.timeout_minutes,
        continue_on_error=details.continue_on_error,
        environment=details.environment,
        concurrency=details.concurrency,
    )
    if refusal is not None and case.must_be_right:
        return _closed(job, case, PlannedState.REJECTED, refusal.reason, refusal.conclusion)
    if case.gate.verdict is PlannedState.SKIPPED:
        return _standing(job, case)
    if (result := known.results.get(case.key)) is not None:
        return _finished(job, case, result)
    if case.key in known.started:
        stop = case.gate.verdict is PlannedState.CANCELLED
        running = replace(job, state=PlannedState.READY, reason=None)
        return Node((running,), settled=False, result=None, cancel=(case.key,) if stop else ())
    if case.gate.verdict is PlannedState.READY:
        try:
            job = replace(job, spec=_spec(case, details))
        except InvalidInput as error:
            reason = at(case.job.location, error)
            return _closed(job, case, PlannedState.REJECTED, reason, Conclusion.FAILURE)
    return _standing(job, case)


def placeholder(case: Case) -> Node:
    """The node of a job of which no more than its id is known, or that never gets further."""
    known = case.scope.known
    known.count_job()
    job = _unknown_job(case)
    if not case.gate.is_closed and (result := known.results.get(case.key)) is not None:
        return _finished(job, case, result)
    return _standing(job, case)


def rejected(case: Case, reason: str) -> Node:
    """The node of a job, or call, that cannot be expanded."""
    case.scope.known.count_job()
    job = _unknown_job(case)
    return _closed(job, case, PlannedState.REJECTED, reason, Conclusion.FAILURE)


def unselected(case: Case, reason: str) -> Node:
    """The node of a job none of whose combinations is asked for."""
    case.scope.known.count_job()
    job = _unknown_job(case)
    return _closed(job, case, PlannedState.SKIPPED, reason, Conclusion.SKIPPED)


def _unknown_job(case: Case) -> PlannedJob:
    return PlannedJob(
        key=case.key,
        name=case.scope.name_prefix + case.name,
        job_id=case.job.id,
        location=case.job.location,
        state=case.gate.verdict,
        needs=case.waits,
        reason=case.gate.reason,
    )


_CLOSED = {
    PlannedState.SKIPPED: Conclusion.SKIPPED,
    PlannedState.CANCELLED: Conclusion.CANCELLED,
    PlannedState.REJECTED: Conclusion.FAILURE,
}


def _standing(job: PlannedJob, case: Case) -> Node:
    """Where the gate says: ready, blocked, or closed."""
    conclusion = _CLOSED.get(case.gate.verdict)
    if conclusion is None:
        return Node((job,), settled=False, result=None)
    return _closed(job, case, case.gate.verdict, case.gate.reason, conclusion)


def _finished(job: PlannedJob, case: Case, result: JobResult) -> Node:
    failed = result.conclusion is Conclusion.FAILURE and not job.continue_on_error
    conclusion = result.conclusion
    if conclusion is Conclusion.FAILURE and job.continue_on_error:
        conclusion = Conclusion.SUCCESS
    ended = replace(job, state=PlannedState.FINISHED, reason=None, conclusion=conclusion)
    return Node((ended,), case.gate.settled, conclusion, result.outputs, failed)


def _closed(
    job: PlannedJob, case: Case, state: PlannedState, reason: str | None, conclusion: Conclusion
) -> Node:
    closed = replace(job, state=state, reason=reason, conclusion=conclusion)
    return Node((closed,), case.gate.settled, conclusion)


def _spec(case: Case, details: Details) -> JobSpec:
    """InvalidInput for what only its environment's values make wrong."""
    job, plan = case.job, case.scope.known.plan
    given = plan.environments.get((details.environment or "").lower())
    if given is not None:
        case = within(case, given)
        details = replace(details, env=env_of(case, job.env))
    architecture = details.requirement.architecture if details.requirement else None
    return JobSpec(
        key=case.key,
        name=details.name,
        steps=job.steps,
        contexts={**case.evaluator.contexts, "runner": runner_context(architecture)},
        env=dict(details.env),
        masks=_masks([*plan.secrets.values(), *(given.secrets.values() if given else ())]),
        default_shell=details.shell,
        default_working_directory=details.directory,
        outputs=job.outputs,
        environment_url=job.environment.url if job.environment else None,
        timeout_minutes=details.timeout_minutes,
        actions=dict(plan.actions),
        repository=plan.repository.full_name,
    )


def _masks(secrets: Iterable[str]) -> tuple[str, ...]:
    """Whole values, and the lines of those that have several, as GitHub masks them."""
    lines = (line.strip() for value in secrets for line in (value, *value.splitlines()))
    return tuple(dict.fromkeys(line for line in lines if line))
