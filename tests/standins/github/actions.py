"""The stand-in's jobs: which runner gets which, and how they end.

A queued job is offered to any runner that listens and has all its labels, whoever registered that
for whichever job; it is in progress once the runner says that it starts.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.standins.github.runners import Runners
from tests.standins.github.setting import Setting
from tests.standins.github.world import (
    COMPLETED,
    IN_PROGRESS,
    QUEUED,
    WAITING,
    Job,
    JobSpec,
    Run,
    Runner,
    Session,
)

OFFER = 120.0  # seconds in which a runner must start what it was offered
LOCK = 600.0  # seconds in which it must say that it lives
GRACE = 300.0  # seconds in which it must end what was cancelled
PATIENCE = 24 * 3600.0  # seconds that a job may be queued


class SessionConflict(Exception):
    """Another process listens with the same registration."""


class Actions:
    """`tell` sends the webhook of a job whose status changed, `wake` wakes who waits for more."""

    def __init__(
        self,
        runners: Runners,
        setting: Setting,
        *,
        tell: Callable[[Job], None],
        wake: Callable[[], None],
    ):
        self._runners = runners
        self._rng = setting.rng
        self._timers = setting.timers
        self._clock = setting.clock
        self._tell = tell
        self._wake = wake
        self._jobs = 0
        self._sessions: dict[str, Session] = {}
        self.queue: list[Job] = []

    def add(self, run: Run, spec: JobSpec) -> Job:
        """A new job of the run's newest attempt."""
        job = Job(self._next_id(), run, run.attempt, spec, self._clock())
        run.jobs.append(job)
        if spec.environment is None:
            self._enqueue(job)
        else:
            self._move(job, WAITING)
        return job

    def approve(self, run: Run, environments: set[str], *, approved: bool) -> list[Job]:
        """Jobs that waited for one of those are queued, or fail."""
        chosen = [
            job
            for job in run.latest
            if job.status == WAITING and job.spec.environment in environments
        ]
        for job in chosen:
            if approved:
                self._enqueue(job)
            else:
                self._end(job, "failure")
        return chosen

    def cancel(self, run: Run) -> None:
        for job in run.latest:
            if job.status == IN_PROGRESS and not job.cancelling:
                job.cancelling = True
                self._timers.after(GRACE, lambda job=job: self._end(job, "cancelled"))  # type: ignore[misc]
                self._wake()
            elif job.status in {WAITING, QUEUED}:
                self._end(job, "cancelled")

    def rerun(self, run: Run, *, failed_only: bool) -> None:
        """A new attempt; jobs that succeeded count on, if only the failed are to run."""
        before = run.latest
        run.attempt += 1
        for job in before:
            if failed_only and job.conclusion == "success":
                run.jobs.append(replace(job, id=self._next_id(), attempt=run.attempt))
            else:
                self.add(run, job.spec)

    def open_session(self, runner: Runner) -> Session:
        """Raises SessionConflict while another process listens."""
        if self._runners.is_online(runner):
            raise SessionConflict
        id_ = f"{self._rng.getrandbits(64):016x}"
        session = runner.session = self._sessions[id_] = Session(id_, runner, self._clock())
        runner.connected = self._clock()
        return session

    def session(self, id_: str) -> Session | None:
        """None once its registration is gone."""
        session = self._sessions.get(id_)
        return session if session is not None and session.runner.session is session else None

    def close_session(self, session: Session) -> None:
        del self._sessions[session.id]
        session.runner.session = None
        if session.job is not None:
            self._take_back(session, session.job)

    def listen(self, session: Session, *, polling: bool) -> None:
        """A runner begins or ends to hold a request open."""
        session.polling = polling
        session.seen = self._clock()
        if polling:
            self._match()

    def start(self, session: Session, job: Job) -> bool:
        """The runner takes what it was offered, also when it asks again; False if it is not its."""
        if session.job is not job or job.status not in {QUEUED, IN_PROGRESS}:
            return False
        if job.status == QUEUED:
            job.started = self._clock()
            self.renew(job)
            self._move(job, IN_PROGRESS)
        return True

    def renew(self, job: Job) -> None:
        """The runner is alive, and keeps the job."""
        lock = job.lock = self._clock() + LOCK
        if job.runner and job.runner.session:
            job.runner.session.seen = self._clock()

        def expire() -> None:
            if job.lock == lock:
                job.log.append("The self-hosted runner lost communication with the server.")
                self._end(job, "failure")

        self._timers.after(LOCK, expire)

    def finish(self, job: Job, conclusion: str) -> None:
        """As its runner says; what was cancelled stays so."""
        self._end(job, "cancelled" if job.cancelling else conclusion)

    def _next_id(self) -> int:
        self._jobs += 1
        return self._jobs

    def _enqueue(self, job: Job) -> None:
        self.queue.append(job)
        self._move(job, QUEUED)
        self._timers.after(PATIENCE, lambda: self._give_up(job))
        self._match()

    def _give_up(self, job: Job) -> None:
        if job.status == QUEUED:
            self._end(job, "cancelled")

    def _match(self) -> None:
        """Queued jobs in their order, each to any of the runners that could have it."""
        self._sessions = {id_: each for id_, each in self._sessions.items() if self.session(id_)}
        idle = [each for each in self._sessions.values() if each.polling and each.job is None]
        for job in list(self.queue):
            if not idle:
                return
            fitting = [each for each in idle if job.runner is None and _fits(each.runner, job)]
            if fitting:
                chosen = self._rng.choice(fitting) if len(fitting) > 1 else fitting[0]
                idle.remove(chosen)
                self._offer(job, chosen)

    def _offer(self, job: Job, session: Session) -> None:
        job.runner, session.runner.job, session.job = session.runner, job, job

        def expire() -> None:
            if session.job is job and job.status == QUEUED:
                self._take_back(session, job)

        self._timers.after(OFFER, expire)
        self._wake()

    def _take_back(self, session: Session, job: Job) -> None:
        """A job that its runner did not start goes to another; what runs stays locked."""
        if job.status == QUEUED and job.runner is session.runner:
            job.runner = session.runner.job = session.job = None
            self._match()

    def _end(self, job: Job, conclusion: str) -> None:
        if job.status == COMPLETED:
            return
        job.completed = self._clock()
        job.conclusion = conclusion
        job.lock = None
        runner = job.runner
        if runner is not None:
            runner.job = None
            if job.status == IN_PROGRESS:  # it was for one job
                self._runners.take_away(runner)
            elif runner.session is not None:
                runner.session.job = job.runner = None
        self._move(job, COMPLETED)

    def _move(self, job: Job, status: str) -> None:
        job.status = status
        job.run.updated = self._clock()
        if status not in {QUEUED, WAITING} and job in self.queue:
            self.queue.remove(job)
        self._tell(job)
        self._wake()


def _fits(runner: Runner, job: Job) -> bool:
    repository = job.run.repository
    wanted = {label.lower() for label in job.spec.labels}
    return (
        runner.account is repository.owner
        and runner.repository in {None, repository}
        and wanted <= {label.lower() for label in runner.labels}
    )
