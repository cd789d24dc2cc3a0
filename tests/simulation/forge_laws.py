"""What must hold of GitHub's jobs: at every commit, and in the end. A broken law raises."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.forge import Forge
from tests.simulation.hold import hold
from tests.standins.github.connected import PREFIX
from tests.standins.github.world import COMPLETED, CheckRun, Job, Runner

from mayfly.domain.job import JobState
from mayfly.forges.github.model import Status
from mayfly.server.github import chores
from mayfly.store.base import View
from mayfly.store.forge_rows import ChoreRow, ForgeJobRow, RunnerRow
from mayfly.store.rows import JobRow, RunRow

_ONCE = {chores.CHECK, chores.DEREGISTER, chores.RETIRE, chores.RERUN}


class ForgeJobs:
    """What is known of GitHub's jobs, from commit to commit."""

    def __init__(self) -> None:
        self._known: dict[str, ForgeJobRow] = {}

    def look(self, view: View) -> None:
        """States go forward, an end stays; no job has two places that wait for it."""
        for row in view.find(ForgeJobRow):
            before = self._known.get(row.id)
            self._known[row.id] = row
            if before is None or before is row:
                continue
            ranks = Status(before.status).rank, Status(row.status).rank
            hold(ranks[0] <= ranks[1], "states of GitHub's jobs go forward", before, row)
            kept = before.conclusion in {None, row.conclusion}
            hold(kept, "what GitHub's job came to stays", before, row)
        waiting = Counter(
            place.made_for
            for place in view.find(RunnerRow, live=True, leaving=None)
            if _takes_a_job(view, place)
        )
        hold(set(waiting.values()) <= {1}, "no job of GitHub has two places", waiting)


def _takes_a_job(view: View, place: RunnerRow) -> bool:
    """It has none yet, and is not about to end."""
    row = view.get(JobRow, place.id)
    ends = row is None or row.state.is_final or row.cancel_reason is not None
    return not ends and place.works_on is None and place.seen_working is None


def unsettled(forge: Forge, view: View) -> list[str]:
    """What is still to come to its end."""
    left = [
        f"job {job.id} of GitHub is {job.status}, offered to {job.runner and job.runner.name}"
        for job in forge.jobs
        if job.status != COMPLETED and not _checks_of(forge, job)
    ]
    left += [f"{runner.name} is registered" for runner in _registered(forge)]
    left += [f"place {place.id} lives" for place in view.find(RunnerRow, live=True)]
    left += [str(chore) for chore in view.find(ChoreRow) if chore.kind in _ONCE]
    left += [f"{row} is {job.status}" for row, job in _differing(forge, view)]
    return left


def look_at_the_end_of_forge(forge: Forge, view: View) -> None:
    """All jobs came to an end or are shown not to, once; nothing is left."""
    hold(not unsettled(forge, view), "nothing of GitHub is left", unsettled(forge, view))
    hold(set(forge.guests.ran.values()) <= {1}, "no job of GitHub runs twice", forge.guests.ran)
    for job in forge.jobs:
        if job.conclusion == "success":
            # A rerun counts on what had succeeded.
            same = [other.id for other in job.run.jobs if other.spec is job.spec]
            hold(any(forge.guests.ran[id_] for id_ in same), "what succeeded has run", job)
    checks = [check for one in forge.github.repositories.values() for check in one.checks.values()]
    shown = Counter((check.body["head_sha"], check.body["external_id"]) for check in checks)
    hold(set(shown.values()) <= {1}, "no check is shown twice", shown)
    for row in view.find(ForgeJobRow):
        known = (row.sha, row.id) in shown
        hold(known == (row.problem is not None), "checks are for what cannot be served", row)
    for name in forge.killed:
        _look_at_stopped(view, name)


def _look_at_stopped(view: View, runner: str) -> None:
    """Of a runner that was stopped at work: its host was lost, or a person wanted that."""
    place, _, attempt = runner.removeprefix(f"{PREFIX}-").rpartition("-")
    row = view.get(JobRow, place)
    run = view.get(RunRow, row.run) if row else None
    hold(row is not None and run is not None, "runners are known", runner)
    assert row is not None
    assert run is not None
    lost = row.state is JobState.LOST or row.attempt > int(attempt)
    hold(lost or run.cancelled, "what works is not stopped", runner, row, run)


def _checks_of(forge: Forge, job: Job) -> list[CheckRun]:
    key = f"{job.id}-{job.attempt}"
    checks = job.run.repository.checks.values()
    return [check for check in checks if check.body["external_id"] == key]


def _registered(forge: Forge) -> Iterator[Runner]:
    return (runner for runner in forge.github.runners.all.values() if runner.removed is None)


def _differing(forge: Forge, view: View) -> Iterator[tuple[ForgeJobRow, Job]]:
    """What is believed of a job, where it is not so."""
    jobs = {f"{job.id}-{job.attempt}": job for job in forge.jobs}
    for row in view.find(ForgeJobRow):
        job = jobs[row.id]
        if (row.status, row.conclusion) != (job.status, job.conclusion):
            yield row, job
