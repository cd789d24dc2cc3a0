"""Which queued job a host gets: a pure decision over a structure kept in memory.

No I/O, no clock (`now` is an argument), no randomness: the same state gives the same answers,
whether it was reached step by step or read anew. Nothing here is shared between threads; no call
awaits. The caller owns the truth (a store) and mirrors it here:

    scheduler = Scheduler(bound_s=600)

    # Absolute and idempotent, in any order; putting what is known already costs next to nothing.
    scheduler.put_project(ProjectShare(...))     # unknown projects: weight 1, no quota, all hosts
    scheduler.remove_project(id)
    scheduler.put_host(HostRoom(...))            # also drains, undrains, resizes
    scheduler.remove_host(id)                    # what runs there counts against quotas until end()
    scheduler.put_job(QueuedJob(...))            # also requeues one that ran
    scheduler.remove_job(id)                     # left the queue without a start: cancelled
    scheduler.put_running(RunningJob(...))       # also takes it from the queue
    scheduler.start(job_id, host_id, now) -> RunningJob     # the same for a queued job
    scheduler.end(job_id)
    scheduler.put_reservation(Reservation(...))  # one a job, one a host: the latest counts
    scheduler.drop_reservation(job_id)           # start, put_running and remove_job do it too

    # Questions: they change nothing.
    scheduler.choose(host_id, now, free=None) -> Choice | None   # until None, to fill a host
    scheduler.review(now, limit=8) -> Review             # reservations to make and to drop
    scheduler.host_for(job_id) -> str | None             # a host with room for it now: wake it
    scheduler.hosts_for(project_id) -> tuple[str, ...]   # the same for its jobs of every shape
    scheduler.why_waits(job_id, now) -> str              # a sentence for people
    scheduler.reservations() -> tuple[Reservation, ...]

How to use it: on a claim, `choose(host, now, free)`; `free` (millicpu and MiB, or None) is what the
host itself says it has left, and bounds this choice only. (A `put_host` that changes an offer makes
indexes anew.) Persist the start by a guarded write, then `start()`. After `put_job` wake
`host_for(job)`; after `end()` wake its host; after `start()` and `end()` in a project that has a
quota, wake its `hosts_for()`. About once a second, in one replica at a time, persist what `review`
says, put and drop it here, and wake the hosts of what was dropped. A job that never starts because
its host does not ask is the caller's to notice: remove hosts that are lost.

How long a job takes is the caller's to say: `expect` and `learn` tell it from what ran before.

How it decides is told in docs/scheduling.md. What never fails to hold:

- No host gives out more than it offers; no project uses more than its quota.
- A job past its bound comes before the others of its project, and before those of other projects
  unless its project has more than its fair share already; the oldest first.
- If such a job finds no room, `review` keeps a host for it when it is its turn. What starts there
  later leaves enough for it: it starts at the latest when those have ended that ran there before.
- No room is left free that a queued job may use, except what is kept for an older job.
"""

from mayfly.domain.scheduling.durations import DEFAULT_EXPECTED_S, Work, expect, learn
from mayfly.domain.scheduling.model import (
    DEFAULT_BOUND_S,
    MILLI,
    Choice,
    HostRoom,
    ProjectShare,
    QueuedJob,
    Quota,
    Reservation,
    Review,
    RunningJob,
    as_labels,
    millicpu,
    offered_millicpu,
)
from mayfly.domain.scheduling.scheduler import Scheduler

__all__ = [
    "DEFAULT_BOUND_S",
    "DEFAULT_EXPECTED_S",
    "MILLI",
    "Choice",
    "HostRoom",
    "ProjectShare",
    "QueuedJob",
    "Quota",
    "Reservation",
    "Review",
    "RunningJob",
    "Scheduler",
    "Work",
    "as_labels",
    "expect",
    "learn",
    "millicpu",
    "offered_millicpu",
]
