"""Where the runs of one workflow on two architectures differ: job, step, and the lines that tell.

What only one leg printed is what a person needs to see, so lines that both printed are left out.
Numbers that change from run to run (times, addresses) do not make lines different.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import JobRecord, Record, RunRecord, StepRecord

_LINES_SHOWN = 8
_TELLING = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT})
_VARYING = re.compile(
    r"0x[0-9a-fA-F]+|\d+(?:[.:]\d+)*(?:\s?(?:ms|us|µs|ns|s|MB|kB|KB|B)\b)|/tmp/\S+"
)
_ESCAPES = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, slots=True)
class Difference:
    """One job or step that ended differently.

    `step` is None when the job as a whole differs. `outcomes` says how it ended on each leg, in
    words (`success`, `failure`, `absent`, …). `lines` are of the leg that failed, `lines_of`.
    """

    workflow: str
    job: str
    step: str | None
    outcomes: dict[Architecture, str]
    lines_of: Architecture | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parity:
    """`compared` counts the jobs that both legs ran to an end."""

    legs: tuple[Architecture, Architecture]
    compared: int
    differences: tuple[Difference, ...]


def compare(record: Record) -> Parity | None:
    """The two legs of every workflow held against each other; None without exactly two legs."""
    legs = list(dict.fromkeys(run.leg for run in record.runs if run.leg is not None))
    if len(legs) != 2:
        return None
    pair = (legs[0], legs[1])
    differences: list[Difference] = []
    compared = 0
    for workflow in dict.fromkeys(run.workflow for run in record.runs):
        runs = {run.ref.leg: run for run in record.runs.values() if run.ref.workflow == workflow}
        first, second = runs.get(pair[0]), runs.get(pair[1])
        for key in dict.fromkeys([*_keys(first), *_keys(second)]):
            one, other = _job(first, key), _job(second, key)
            compared += _ran(one) and _ran(other)
            differences += _job_differences(workflow, key, pair, (one, other))
    return Parity(pair, compared, tuple(differences))


def _keys(run: RunRecord | None) -> Iterable[str]:
    return run.jobs if run else ()


def _job(run: RunRecord | None, key: str) -> JobRecord | None:
    return run.jobs.get(key) if run else None


def _ran(job: JobRecord | None) -> bool:
    """A job that the host lost or somebody cancelled says nothing of the architecture."""
    return job is not None and job.state in _TELLING and job.started is not None


def _job_differences(
    workflow: str,
    key: str,
    legs: tuple[Architecture, Architecture],
    jobs: tuple[JobRecord | None, JobRecord | None],
) -> list[Difference]:
    one, other = jobs
    found = []
    if one and other:
        for name, steps in _matched_steps(one, other):
            ends = dict(zip(legs, map(_step_outcome, steps), strict=True))
            if len(set(ends.values())) > 1 and not _only_follows(steps):
                leg, lines = _telling_lines(legs, steps)
                found.append(Difference(workflow, key, name, ends, leg, lines))
    ends = dict(zip(legs, map(_job_outcome, jobs), strict=True))
    if not found and len(set(ends.values())) > 1:
        found.append(_whole_job(workflow, key, ends, legs, jobs))
    return found


def _matched_steps(
    one: JobRecord, other: JobRecord
) -> list[tuple[str, tuple[StepRecord | None, StepRecord | None]]]:
    """Both legs carry out the same steps, so a step's number tells which belong together."""
    matched = []
    for number in sorted({*one.steps, *other.steps}):
        pair = (one.steps.get(number), other.steps.get(number))
        name = next(step.name for step in pair if step)
        matched.append((name, pair))
    return matched


def _step_outcome(step: StepRecord | None) -> str:
    """By outcome, not conclusion: a failure that may be is a difference all the same."""
    if step is None:
        return "not reached"
    return step.outcome.value if step.outcome else "not finished"


def _only_follows(steps: tuple[StepRecord | None, StepRecord | None]) -> bool:
    """Steps that one leg did not run because an earlier one failed there say nothing new."""
    return all(
        step is None or step.outcome in {None, Conclusion.SUCCESS, Conclusion.SKIPPED}
        for step in steps
    )


def _job_outcome(job: JobRecord | None) -> str:
    return job.state.value.replace("_", " ") if job else "absent"


def _whole_job(
    workflow: str,
    key: str,
    ends: dict[Architecture, str],
    legs: tuple[Architecture, Architecture],
    jobs: tuple[JobRecord | None, JobRecord | None],
) -> Difference:
    for leg, job in zip(legs, jobs, strict=True):
        if job and job.reason and job.state is not JobState.SUCCEEDED:
            return Difference(workflow, key, None, ends, leg, (job.reason,))
    return Difference(workflow, key, None, ends)


def _telling_lines(
    legs: tuple[Architecture, Architecture], steps: tuple[StepRecord | None, StepRecord | None]
) -> tuple[Architecture | None, tuple[str, ...]]:
    """The end of what only the failed leg printed; all it printed last if that is nothing."""
    for leg, step, peer in zip(legs, steps, reversed(steps), strict=True):
        if step is None or step.outcome is not Conclusion.FAILURE:
            continue
        printed = [line for line in step.tail if line.strip()]
        known = {_normal(line) for line in peer.tail} if peer else set()
        new = [line for line in printed if _normal(line) not in known]
        lines = [line for line in new if not line.startswith("##[")] or new or printed
        if not lines and step.reason:
            lines = [step.reason]
        return leg, tuple(lines[-_LINES_SHOWN:])
    return None, ()


def _normal(line: str) -> str:
    return _VARYING.sub("#", _ESCAPES.sub("", line)).strip()
