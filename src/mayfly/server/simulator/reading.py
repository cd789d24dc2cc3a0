"""Reads a trace: untrusted text becomes typed and bounded here, with the place in each error."""

import bisect
import json
import sys
from dataclasses import dataclass
from typing import Any, TypeVar

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.scheduling import MILLI, Quota, as_labels
from mayfly.protocol.codec import DecodeError, from_plain
from mayfly.server.simulator.format import (
    ANY,
    FleetText,
    HostsText,
    JobText,
    ProjectText,
)
from mayfly.server.simulator.trace import HostGroup, Trace, TraceJob, TraceProject

_T = TypeVar("_T")

_NO_LABELS = frozenset[str]()
_HOSTS_AT_MOST = 100_000
_JOBS_AT_MOST = 10_000_000
_CPU_AT_MOST = 4096.0
_MEMORY_AT_MOST = 64 * 1024 * 1024
_SECONDS_AT_MOST = 366 * 24 * 3600.0
_PRIORITY_AT_MOST = 1_000_000
_WEIGHT_AT_MOST = 1_000_000
_FORM = "docs/scheduling.md shows the form of a trace"


def read_trace(text: str, name: str) -> Trace:
    """InvalidInput says where in the file `name` what is wrong."""
    reader = _Reader(name)
    lines = text.split("\n")
    head = _parsed(lines[0])
    if isinstance(head, dict) and "jobs" not in head:
        reader.fleet(head, "line 1")
        for number, line in enumerate(lines[1:], start=2):
            if line.strip():
                reader.job(_parsed(line), f"line {number}")
    else:
        document = _parsed(text)
        if not isinstance(document, dict) or not isinstance(document.get("jobs"), list):
            raise reader.wrong("", "it is neither an object with `hosts` and `jobs` nor JSON lines")
        jobs = document.pop("jobs")
        reader.fleet(document, "")
        for number, job in enumerate(jobs):
            reader.job(job, f"jobs[{number}]")
    return reader.trace()


class _Reader:
    """Takes in one part after the other; `place` tells where in the file it stands."""

    def __init__(self, name: str):
        self._name = name
        self._hosts: dict[str, HostGroup] = {}
        self._projects: dict[str, TraceProject] = {}
        self._jobs: list[TraceJob] = []

    def wrong(self, place: str, message: str) -> InvalidInput:
        return InvalidInput(
            ": ".join(part for part in (self._name, place, message) if part), remedy=_FORM
        )

    def fleet(self, value: Any, place: str) -> None:
        fleet = self._typed(FleetText, value, place)
        for index, group in enumerate(fleet.hosts):
            self._group(group, _join(place, f"hosts[{index}]"))
        for index, project in enumerate(fleet.projects):
            self._project(project, _join(place, f"projects[{index}]"))
        if not self._hosts:
            raise self.wrong(place, "there are no hosts")

    def job(self, value: Any, place: str) -> None:
        job = self._typed(JobText, value, place)
        self._bounded(job.at, "at", -_SECONDS_AT_MOST, _SECONDS_AT_MOST, place)
        self._bounded(job.seconds, "seconds", 0, _SECONDS_AT_MOST, place)
        self._bounded(job.priority, "priority", -_PRIORITY_AT_MOST, _PRIORITY_AT_MOST, place)
        if job.expected_s is not None:
            self._bounded(job.expected_s, "expected_s", 0, _SECONDS_AT_MOST, place)
        if len(self._jobs) == _JOBS_AT_MOST:
            raise self.wrong(place, f"a trace has at most {_JOBS_AT_MOST} jobs")
        self._projects.setdefault(job.project, TraceProject(job.project))
        self._jobs.append(
            TraceJob(
                at=job.at,
                project=job.project,
                architecture=self._architecture(job.arch, place),
                millicpu=self._millicpu(job.cpu, "cpu", place),
                memory_mib=self._memory(job.memory_mib, place),
                seconds=job.seconds,
                expected_s=job.expected_s,
                labels=as_labels(job.labels) if job.labels else _NO_LABELS,
                priority=job.priority,
                workflow=sys.intern(job.workflow),
                name=sys.intern(job.name),
            )
        )

    def trace(self) -> Trace:
        jobs = sorted(self._jobs, key=lambda job: job.at)
        begin = bisect.bisect_left(jobs, 0.0, key=lambda job: job.at)
        hosts, projects = tuple(self._hosts.values()), tuple(self._projects.values())
        return Trace(hosts, projects, tuple(jobs[begin:]), tuple(jobs[:begin]))

    def _group(self, group: HostsText, place: str) -> None:
        self._bounded(group.count, "count", 1, _HOSTS_AT_MOST, place)
        self._bounded(group.overcommit, "overcommit", 0.01, 100, place)
        if sum(known.count for known in self._hosts.values()) + group.count > _HOSTS_AT_MOST:
            raise self.wrong(place, f"a trace has at most {_HOSTS_AT_MOST} hosts")
        if group.name in self._hosts:
            raise self.wrong(place, f"there are two groups {group.name!r}")
        if not group.architectures:
            raise self.wrong(_join(place, "architectures"), "expected at least one")
        self._hosts[group.name] = HostGroup(
            group.name,
            group.count,
            group.architectures,
            self._millicpu(group.cpu * group.overcommit, "cpu", place),
            self._memory(group.memory_mib, place),
            as_labels(group.labels),
        )

    def _project(self, project: ProjectText, place: str) -> None:
        self._bounded(project.weight, "weight", 1, _WEIGHT_AT_MOST, place)
        if project.id in self._projects:
            raise self.wrong(place, f"there are two projects {project.id!r}")
        for group in project.hosts or ():
            if group not in self._hosts:
                raise self.wrong(_join(place, "hosts"), f"there is no host group {group!r}")
        limits = project.quota
        for key, limit in (("memory_mib", limits.memory_mib), ("jobs", limits.jobs)):
            if limit is not None:
                self._bounded(limit, key, 0, sys.maxsize, _join(place, "quota"))
        cpu = limits.cpu
        if cpu is not None:
            self._bounded(cpu, "cpu", 0, sys.maxsize, _join(place, "quota"))
        quota = Quota(None if cpu is None else int(cpu * MILLI), limits.memory_mib, limits.jobs)
        self._projects[project.id] = TraceProject(
            project.id, project.weight, quota, project.hosts, project.kind
        )

    def _architecture(self, text: str, place: str) -> Architecture | None:
        if text == ANY:
            return None
        try:
            return Architecture.parse(text)
        except ValueError as error:
            raise self.wrong(_join(place, "arch"), f"{error}, {ANY}") from None

    def _millicpu(self, cpu: float, key: str, place: str) -> int:
        self._bounded(cpu, key, 1 / MILLI, _CPU_AT_MOST, place)
        return round(cpu * MILLI)

    def _memory(self, memory_mib: int, place: str) -> int:
        self._bounded(memory_mib, "memory_mib", 1, _MEMORY_AT_MOST, place)
        return memory_mib

    def _bounded(self, value: float, key: str, least: float, most: float, place: str) -> None:
        if not least <= value <= most:  # also refuses NaN
            raise self.wrong(_join(place, key), f"{value} is not within {least:g} and {most:g}")

    def _typed(self, kind: type[_T], value: Any, place: str) -> _T:
        if isinstance(value, _NotJson):
            raise self.wrong(place, value.message)
        try:
            return from_plain(kind, value)
        except DecodeError as error:
            raise self.wrong(place, str(error)) from None


@dataclass(frozen=True, slots=True)
class _NotJson:
    message: str


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return _NotJson(f"not JSON: {error}")


def _join(place: str, key: str) -> str:
    return f"{place}: {key}" if place else key
