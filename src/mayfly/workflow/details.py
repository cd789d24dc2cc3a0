"""What one job on one machine asks for, its expressions evaluated as far as they can be now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.domain.labels import NotLinux, Requirement, resolve
from mayfly.workflow.evaluate import Evaluator, has_expression
from mayfly.workflow.planned import DEFAULT_TIMEOUT_MINUTES, ConcurrencyGroup
from mayfly.workflow.scope import Case, at, concurrency_group
from mayfly.workflow.support import unsupported_in_job


@dataclass(frozen=True, slots=True)
class Details:
    """Fields that depend on outputs of jobs that have not ended are left as they are here."""

    name: str
    runs_on: tuple[str, ...] = ()
    requirement: Requirement | None = None
    timeout_minutes: float = DEFAULT_TIMEOUT_MINUTES
    continue_on_error: bool = False
    environment: str | None = None
    concurrency: tuple[ConcurrencyGroup, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    shell: str | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a job can never run, and what it counts as for those that need it."""

    reason: str
    conclusion: Conclusion = Conclusion.FAILURE


def described(case: Case) -> tuple[Details, Refusal | None]:
    """What can be known of the job now, and all reasons why it can never run."""
    details = Details(case.scope.name_prefix + case.name)
    reasons = [str(problem) for problem in unsupported_in_job(case.job)]
    try:
        details = _details(case)
        if details.runs_on:
            target = resolve(details.runs_on, case.scope.known.plan.labels)
            if isinstance(target, NotLinux):
                reason = f"'{target.label}' is {target.os}; Mayfly runs Linux jobs"
                return details, Refusal(reason, Conclusion.SKIPPED)
            details = replace(details, requirement=_on_leg(target, case))
    except InvalidInput as error:
        reasons.insert(0, at(case.job.location, error))
    return details, Refusal("; ".join(reasons)) if reasons else None


def display_name(case: Case) -> str:
    """With the names of the calls it is in. InvalidInput if the name cannot be evaluated."""
    template = case.job.name or ""
    if has_expression(template) and case.can_evaluate(template):
        return case.scope.name_prefix + case.evaluator.text(template, "name")
    return case.scope.name_prefix + case.name


def env_of(case: Case, own: Mapping[str, str] | str) -> dict[str, str]:
    """The environment of its steps; `own` are the templates of the job itself."""
    texts = case.evaluator.texts(own, "env")
    return {**case.scope.env, **texts, **case.scope.known.plan.env}


def _details(case: Case) -> Details:
    job, evaluator, plan = case.job, case.evaluator, case.scope.known.plan

    def known(value: Any) -> Any:
        return value if value and case.can_evaluate(value) else None

    def text(value: str | None, key: str) -> str | None:
        return evaluator.text(value, key) if value and known(value) else None

    env = env_of(case, known(job.env) or {})
    evaluator = evaluator.having(env=env)
    shared = case.scope.workflow.defaults
    timeout = known(job.timeout_minutes)
    groups = case.scope.concurrency
    if job.concurrency and known(job.concurrency.group):
        groups += (concurrency_group(job.concurrency, evaluator, plan, case.key),)
    return Details(
        name=display_name(case),
        runs_on=_labels(evaluator, job.runs_on) if case.can_evaluate(job.runs_on) else (),
        timeout_minutes=(
            evaluator.number(timeout, "timeout-minutes") if timeout else DEFAULT_TIMEOUT_MINUTES
        ),
        continue_on_error=evaluator.boolean(known(job.continue_on_error), "continue-on-error"),
        environment=text(job.environment.name, "environment") if job.environment else None,
        concurrency=groups,
        env=env,
        shell=text(job.defaults.shell or shared.shell, "defaults.run.shell"),
        directory=text(
            job.defaults.working_directory or shared.working_directory,
            "defaults.run.working-directory",
        ),
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
