"""Traces as text: what is read, and what is refused with its place."""

import json
from typing import Any

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.scheduling import Quota
from mayfly.server.simulator.format import write_trace
from mayfly.server.simulator.generate import Load, generate
from mayfly.server.simulator.reading import read_trace

HOSTS = {"name": "h", "cpu": 4, "memory_mib": 8192, "architectures": ["amd64"]}
FLEET = {"hosts": [HOSTS]}
JOB = {"at": 1, "project": "p", "cpu": 2, "memory_mib": 1024, "seconds": 60}


def lines(*documents: Any) -> str:
    return "\n".join(json.dumps(document) for document in documents)


def test_json_lines_and_one_document_are_the_same() -> None:
    as_lines = read_trace(lines(FLEET, JOB, {**JOB, "at": 0}), "t")
    indented = json.dumps({**FLEET, "jobs": [JOB, {**JOB, "at": 0}]}, indent=2)
    assert as_lines == read_trace(indented, "t")
    assert [job.at for job in as_lines.jobs] == [0, 1]


def test_what_may_be_left_out_has_its_usual_value() -> None:
    [job] = read_trace(lines(FLEET, JOB), "t").jobs
    assert (job.architecture, job.millicpu, job.expected_s) == (Architecture.AMD64, 2000, None)


def test_everything_that_can_be_said() -> None:
    fleet = {
        "hosts": [{**HOSTS, "count": 3, "overcommit": 1.5, "labels": ["SSD"]}],
        "projects": [
            {"id": "p", "weight": 2, "quota": {"cpu": 1.5, "jobs": 9}, "hosts": ["h"], "kind": "k"}
        ],
    }
    full = {**JOB, "arch": "any", "labels": ["ssd"], "priority": 1, "expected_s": 5}
    full |= {"workflow": "ci.yml", "name": "build"}
    trace = read_trace(lines(fleet, full), "t")
    assert [host.id for host in trace.hosts[0].hosts()] == ["h-0", "h-1", "h-2"]
    assert trace.hosts[0].millicpu == 6000
    assert trace.hosts[0].labels == trace.jobs[0].labels == {"ssd"}
    assert trace.projects[0].quota == Quota(millicpu=1500, jobs=9)
    assert trace.projects[0].groups == ("h",)
    assert trace.jobs[0].architecture is None
    assert (trace.jobs[0].workflow, trace.jobs[0].name) == ("ci.yml", "build")
    assert trace.jobs[0].expected_s == 5


def test_what_came_before_is_kept_apart() -> None:
    trace = read_trace(lines(FLEET, JOB, {**JOB, "at": -0.5}, {**JOB, "at": 0}), "t")
    assert [job.at for job in trace.before] == [-0.5]
    assert [job.at for job in trace.jobs] == [0, 1]


def test_what_is_written_is_read_again() -> None:
    trace = generate(Load(500, hosts=10, projects=12, hours=2, busy=0.7, seed=3))
    assert read_trace("".join(write_trace(trace)), "t") == trace


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "t: it is neither an object with `hosts` and `jobs` nor JSON lines"),
        ("[]", "t: it is neither"),
        (lines({"hosts": []}), "t: line 1: there are no hosts"),
        (lines(FLEET) + "\n{", "t: line 2: not JSON"),
        (lines(FLEET, []), "t: line 2: expected an object, got a list"),
        (lines(FLEET, {**JOB, "cores": 2}), "t: line 2: unknown key 'cores'"),
        (lines(FLEET, JOB, {**JOB, "at": -1e9}), "t: line 3: at: -1000000000.0 is not"),
        (lines(FLEET, {**JOB, "cpu": 0}), "t: line 2: cpu: 0.0 is not within"),
        (lines(FLEET, {**JOB, "seconds": float("nan")}), "t: line 2: seconds: nan is not within"),
        (lines(FLEET, {**JOB, "arch": "mips"}), "line 2: arch: unknown architecture 'mips'; known"),
        (lines({"hosts": [HOSTS, HOSTS]}), "t: line 1: hosts[1]: there are two groups 'h'"),
        (lines({"hosts": [{**HOSTS, "architectures": []}]}), "hosts[0]: architectures: expected"),
        (lines({"hosts": [{**HOSTS, "count": 100_001}]}), "hosts[0]: count: 100001 is not within"),
        (
            lines({**FLEET, "projects": [{"id": "p", "hosts": ["x"]}]}),
            "projects[0]: hosts: there is no host group 'x'",
        ),
        (lines({**FLEET, "projects": [{"id": "p"}, {"id": "p"}]}), "two projects 'p'"),
        (lines({**FLEET, "projects": [{"id": "p", "quota": {"jobs": -1}}]}), "quota: jobs: -1"),
        (json.dumps({**FLEET, "jobs": [JOB, {**JOB, "memory_mib": 0}]}), "t: jobs[1]: memory_mib"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, error: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_trace(text, "t")
    assert error in caught.value.message
    assert caught.value.remedy == "docs/scheduling.md shows the form of a trace"
