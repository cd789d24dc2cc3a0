"""A plan as text for people, and as JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any

from mayfly.cli.guest_text import shown
from mayfly.cli.planning import Outlook, OutlookJob, OutlookRun
from mayfly.cli.terminal import paint
from mayfly.domain.labels import Requirement
from mayfly.workflow.planned import PlannedJob, PlannedState

_WIDEST_NAME = 48
_WIDEST_WHERE = 28
_BETWEEN_PROBLEMS = re.compile(r"; (?=\S+:\d+:\d+: )")
_NOT_RUN = frozenset({PlannedState.REJECTED, PlannedState.SKIPPED, PlannedState.CANCELLED})


def as_text(outlook: Outlook, *, colour: bool) -> str:
    return "\n".join(_lines(outlook, colour=colour))


def _lines(outlook: Outlook, *, colour: bool) -> Iterator[str]:
    several_legs = len({run.plan.architecture for run in outlook.runs}) > 1
    for run in outlook.runs:
        yield _heading(run, several_legs=several_legs, colour=colour)
        if run.note:
            yield paint(f"  {run.note}", "yellow", colour=colour)
        width = min(max((len(job.planned.name) for job in run.jobs), default=0), _WIDEST_NAME)
        for job in run.jobs:
            yield _job(job, width, colour=colour)
        if run.actions:
            actions = ", ".join(shown(uses) for uses in run.actions)
            yield paint(f"  fetched first: {actions}", "dim", colour=colour)
        yield ""
    if not outlook.runs:
        yield "nothing would run"
        yield ""
    if outlook.selection.skipped:
        yield paint("not started", "bold", colour=colour)
        width = max(len(skipped.file) for skipped in outlook.selection.skipped)
        for skipped in outlook.selection.skipped:
            yield f"  {shown(skipped.file):<{width}}  {shown(skipped.reason)}"


def _heading(run: OutlookRun, *, several_legs: bool, colour: bool) -> str:
    event = run.plan.event
    leg = f" on {run.plan.architecture}" if several_legs else ""
    heading = paint(shown(run.plan.workflow.file), "bold", colour=colour)
    name = f"  {shown(run.name)}" if run.name != run.plan.workflow.file else ""
    return f"{heading}{name}{leg}" + paint(f"  ({event.name}, {event.ref})", "dim", colour=colour)


def _job(job: OutlookJob, width: int, *, colour: bool) -> str:
    planned = job.planned
    name = f"{shown(planned.name):<{width}}"
    if planned.state in _NOT_RUN:
        word, style = ("refused", "red") if job.refused else (planned.state.value, "yellow")
        if planned.state is PlannedState.REJECTED and not job.refused:
            word = "left out"
        return f"   - {name}  {paint(word, style, colour=colour)}: {_reasons(planned)}"
    where = _where(planned.requirement)
    line = f"  {job.stage:>2} {name}  {where:<{_WIDEST_WHERE}}"
    reason = f"  {_reasons(planned)}" if planned.reason else ""
    return (line + paint(reason, "dim", colour=colour)).rstrip()


def _reasons(planned: PlannedJob) -> str:
    """Several problems stand below each other, each beginning with its place."""
    reasons = _BETWEEN_PROBLEMS.split(planned.reason or "no reason was given")
    first = "" if len(reasons) == 1 else "\n       "
    return first + "\n       ".join(shown(reason) for reason in reasons)


def _where(requirement: Requirement | None) -> str:
    if requirement is None:
        return "known later"
    gib = f"{requirement.memory_mib / 1024:g} GiB"
    architecture = requirement.architecture or "any"
    cpu = f"{requirement.cpu.normalize():f} vCPU"
    return f"{architecture}  {cpu:<7} {gib:<7} {requirement.image}"


def as_json(outlook: Outlook) -> str:
    """Keys are stable. `state` is ready, blocked (it waits), skipped, rejected or cancelled."""
    document = {
        "runs": [_run_document(run) for run in outlook.runs],
        "skipped": [{"file": s.file, "reason": s.reason} for s in outlook.selection.skipped],
        "refused": outlook.refused,
    }
    return json.dumps(document, indent=2)


def _run_document(run: OutlookRun) -> dict[str, Any]:
    return {
        "workflow": run.plan.workflow.file,
        "name": run.name,
        "leg": run.plan.architecture,
        "event": run.plan.event.name,
        "ref": run.plan.event.ref,
        "note": run.note,
        "actions": run.actions,
        "jobs": [_job_document(job) for job in run.jobs],
    }


def _job_document(job: OutlookJob) -> dict[str, Any]:
    planned, requirement = job.planned, job.planned.requirement
    return {
        "job": planned.key,
        "name": planned.name,
        "location": str(planned.location),
        "stage": job.stage,
        "state": planned.state,
        "refused": job.refused,
        "reason": planned.reason,
        "needs": planned.needs,
        "runs_on": planned.runs_on,
        "architecture": requirement.architecture if requirement else None,
        "cpu": float(requirement.cpu) if requirement else None,
        "memory_mib": requirement.memory_mib if requirement else None,
        "image": requirement.image if requirement else None,
        "timeout_minutes": planned.timeout_minutes,
        "environment": planned.environment,
    }
