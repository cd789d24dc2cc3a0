"""The fleet and its jobs as the scheduler knows them; see the package for what the calls mean."""

import math
from collections import Counter

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.fleet import Fleet
from mayfly.domain.scheduling.hosts import Host, Size
from mayfly.domain.scheduling.model import (
    HostRoom,
    ProjectShare,
    QueuedJob,
    Reservation,
    RunningJob,
)
from mayfly.domain.scheduling.projects import Project
from mayfly.domain.scheduling.shapes import Shape, ShapeTable, bits

_ROUNDING = 1 + 1e-9  # so that of equal shares none is above their average


class State:
    """What was told, and the indexes over it. Only this class changes them."""

    def __init__(self, bound_s: float):
        self.bound_s = bound_s
        self.shapes = ShapeTable()
        self.fleet = Fleet(self.shapes)
        self.projects: dict[str, Project] = {}
        self.waiting: dict[str, Project] = {}
        """Those with jobs that wait."""
        self.jobs: dict[str, QueuedJob] = {}
        self.running: dict[str, RunningJob] = {}
        self.reservations: dict[str, Reservation] = {}
        """By job."""
        self._sizes: Counter[Size] = Counter()
        self._known: set[str] = set()
        self._shares_stale = False

    # Projects

    def put_project(self, share: ProjectShare) -> None:
        self._known.add(share.id)
        self._set_share(self._project(share.id), share)

    def remove_project(self, project_id: str) -> None:
        if project_id in self._known:
            self._known.remove(project_id)
            project = self.projects[project_id]
            self._set_share(project, ProjectShare(project_id))
            self._forget_if_done(project)

    # Hosts

    def put_host(self, offer: HostRoom) -> None:
        self._set_offer(self.fleet.get(offer.id), offer)

    def remove_host(self, host_id: str) -> None:
        if host := self.fleet.hosts.get(host_id):
            self._set_offer(host, None)

    # Jobs

    def put_job(self, job: QueuedJob) -> None:
        if self.jobs.get(job.id) == job:
            return
        self.end(job.id)
        self._leave_queue(job.id)
        project = self._project(job.project)
        bit = self.shapes.bit(Shape.of(job))
        self.shapes.count(bit, 1)
        self.jobs[job.id] = job
        project.add(bit, job)
        self.waiting[project.id] = project
        self._keep_host_for(job)

    def remove_job(self, job_id: str) -> None:
        self._leave_queue(job_id)
        self.drop_reservation(job_id)

    def put_running(self, job: RunningJob) -> None:
        if self.running.get(job.id) == job:
            return
        self.end(job.id)
        project, host = self._project(job.project), self.fleet.get(job.host)
        self.running[job.id] = host.running[job.id] = job
        project.use(job.size, host.pool, 1)
        self._sizes[job.size] += 1
        self._work_out_shares(project)
        self.fleet.settle(host)
        self.remove_job(job.id)

    def start(self, job_id: str, host_id: str, now: float) -> RunningJob:
        job = self.jobs[job_id]
        running = RunningJob(
            id=job.id,
            project=job.project,
            host=host_id,
            millicpu=job.millicpu,
            memory_mib=job.memory_mib,
            started_at=now,
            expected_s=job.expected_s,
            at_most_s=job.at_most_s,
        )
        self.put_running(running)
        return running

    def end(self, job_id: str) -> None:
        job = self.running.pop(job_id, None)
        if job is None:
            return
        project, host = self.projects[job.project], self.fleet.hosts[job.host]
        del host.running[job_id]
        project.use(job.size, host.pool, -1)
        self._sizes[job.size] -= 1
        if not self._sizes[job.size]:
            del self._sizes[job.size]
        self._work_out_shares(project)
        self._forget_if_done(project)
        self.fleet.settle(host)

    # Reservations

    def put_reservation(self, reservation: Reservation) -> None:
        if self.reservations.get(reservation.job) == reservation:
            return
        self.drop_reservation(reservation.job)
        other = self.fleet.get(reservation.host).reservation
        if other is not None:
            self.drop_reservation(other.job)
        self.reservations[reservation.job] = reservation
        self.fleet.get(reservation.host).reservation = reservation
        if job := self.jobs.get(reservation.job):
            self._keep_host_for(job)

    def drop_reservation(self, job_id: str) -> None:
        reservation = self.reservations.pop(job_id, None)
        if reservation is None:
            return
        if job := self.jobs.get(job_id):
            self.projects[job.project].unkeep(job_id)
            self._work_out_shares(self.projects[job.project])
        host = self.fleet.hosts[reservation.host]
        host.reservation = host.need = None
        self.fleet.settle(host)

    def fair_level(self, pool: Architecture) -> float:
        """The share that the projects that wait for a pool have on average for their weight."""
        mask = self.shapes.suiting(pool)
        waiting = [project for project in self.waiting.values() if project.mask & mask]
        weights = sum(project.share.weight for project in waiting)
        # fsum: the order of the projects must not matter.
        parts = (project.shares.get(pool, 0.0) * project.share.weight for project in waiting)
        return math.fsum(parts) / weights * _ROUNDING if weights else 0.0

    def smallest(self) -> Size:
        """The least vCPU and the least memory of all jobs that run or wait; 0 without any."""
        waiting = [self.shapes[bit].size for bit in bits(self.shapes.queued)]
        sizes = [*self._sizes, *waiting]
        return (
            min((millicpu for millicpu, _ in sizes), default=0),
            min((memory_mib for _, memory_mib in sizes), default=0),
        )

    def refresh(self) -> None:
        """Bring all shares up to date; questions call it first."""
        if self._shares_stale:
            self._shares_stale = False
            for project in self.projects.values():
                self._work_out_shares(project)

    # Inside

    def _project(self, project_id: str) -> Project:
        found = self.projects.get(project_id)
        if found is None:
            found = self.projects[project_id] = Project(ProjectShare(project_id))
        return found

    def _set_share(self, project: Project, share: ProjectShare) -> None:
        if project.share != share:
            project.share = share
            self._work_out_shares(project)

    def _work_out_shares(self, project: Project) -> None:
        project.work_out_shares(self.fleet.offered)

    def _forget_if_done(self, project: Project) -> None:
        """A project that nobody put is known for its jobs only."""
        if not project.is_active and project.id not in self._known:
            del self.projects[project.id]

    def _set_offer(self, host: Host, offer: HostRoom | None) -> None:
        if host.offer == offer:
            return
        pool = host.pool
        self.fleet.offer(host, offer)
        self._shares_stale = True
        if host.pool is not pool:
            for running in host.running.values():
                self.projects[running.project].charge(running.size, pool, -1)
                self.projects[running.project].charge(running.size, host.pool, 1)
            if host.reservation and (job := self.jobs.get(host.reservation.job)):
                self._keep_host_for(job)

    def _leave_queue(self, job_id: str) -> None:
        job = self.jobs.pop(job_id, None)
        if job is None:
            return
        project = self.projects[job.project]
        bit = self.shapes.bit(Shape.of(job))
        self.shapes.count(bit, -1)
        project.remove(bit, job)
        project.unkeep(job_id)
        self._work_out_shares(project)
        if not project.mask:
            del self.waiting[project.id]
        self._forget_if_done(project)

    def _keep_host_for(self, job: QueuedJob) -> None:
        if reservation := self.reservations.get(job.id):
            host = self.fleet.get(reservation.host)
            host.need = job.size
            project = self.projects[job.project]
            project.keep(job.id, job.size, host.pool)
            self._work_out_shares(project)
            self.fleet.settle(host)
