"""Made-up time: small traces whose end can be worked out by hand, and what holds for all."""

import math
from collections import defaultdict
from dataclasses import replace

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import MILLI, Quota
from mayfly.server.simulator.engine import NEVER, Outcome, simulate
from mayfly.server.simulator.gauges import jain
from mayfly.server.simulator.generate import Load, generate
from mayfly.server.simulator.measure import Waits, summarise
from mayfly.server.simulator.policy import fair, first_come, fixed_guess
from mayfly.server.simulator.trace import HostGroup, Trace, TraceJob, TraceProject

AMD64 = Architecture.AMD64
BOUND_S = 100.0
P, Q = TraceProject("p", kind="ps"), TraceProject("q", kind="qs")


def group(cpu: int, count: int = 1, name: str = "h") -> HostGroup:
    return HostGroup(name, count, (AMD64,), cpu * MILLI, 1024 * 1024)


def job(at: float, cpu: float, seconds: float, project: str = "p") -> TraceJob:
    return TraceJob(at, project, AMD64, int(cpu * MILLI), 1024, seconds, seconds)


def run(trace: Trace, *, fairly: bool = True) -> Outcome:
    policy = fair(trace, BOUND_S) if fairly else first_come(trace)
    return simulate(trace, policy, lambda fraction: None)


def test_jobs_wait_until_there_is_room() -> None:
    trace = Trace((group(1),), (P,), (job(0, 1, 10), job(2, 1, 10), job(3, 1, 10)))
    assert list(run(trace).waits) == [0, 8, 17]


def test_a_flood_waits_and_others_do_not() -> None:
    flood = tuple(job(at / 10, 1, 10, "p") for at in range(12))
    trace = Trace((group(2),), (P, Q), (*flood, job(2, 1, 10, "q")))
    assert run(trace).waits[-1] == 8
    assert run(trace, fairly=False).waits[-1] == 58


def test_small_jobs_starve_a_large_one_unless_a_host_is_kept() -> None:
    """One small job more arrives each time one ends."""
    small = [job(at, 1, 20) for at in range(0, 2000, 10)]
    jobs = sorted([*small, job(5, 2, 20)], key=lambda one: one.at)
    trace = Trace((group(2),), (P,), tuple(jobs))
    large = next(at for at, one in enumerate(jobs) if one.millicpu == 2000)
    kept = run(trace)
    assert kept.waits[large] <= BOUND_S + 60
    assert kept.kept == 1
    assert run(trace, fairly=False).waits[large] > 1900


def test_what_ended_tells_which_jobs_are_brief_enough_for_a_gap() -> None:
    """A host is kept for the large job until 730; the brief one has run before, and fits."""
    brief = TraceJob(0, "q", AMD64, 1 * MILLI, 1024, 20, workflow="w", name="lint")
    jobs = (
        brief,
        replace(job(30, 2, 700), expected_s=700),
        replace(job(30, 2, 9000), expected_s=9000),
        replace(job(30, 2, 200), expected_s=200),
        replace(job(40, 4, 60), expected_s=60),
        replace(job(41, 1, 60), expected_s=9000),
        replace(brief, at=225, millicpu=2 * MILLI),
    )
    trace = Trace((group(6),), (P, Q), jobs)
    assert run(trace).waits[-1] == 5
    guessed = simulate(trace, fixed_guess(trace, BOUND_S), lambda fraction: None)
    assert guessed.waits[-1] > 400
    assert (run(trace).overstayed, guessed.overstayed) == (0, 2)
    earlier = replace(trace, jobs=jobs[1:], before=(replace(brief, at=-100),))
    assert run(earlier).waits == run(trace).waits[1:]


def test_what_ends_wakes_a_job_that_waited_for_the_quota() -> None:
    limited = TraceProject("p", quota=Quota(jobs=1))
    trace = Trace((group(1, name="a"), group(4, name="b")), (limited,), (job(0, 1, 10),) * 3)
    assert list(run(trace).waits) == [0, 10, 20]


def test_a_projects_own_hosts_are_its_own_first_come_too() -> None:
    own = TraceProject("p", groups=("b",))
    trace = Trace((group(4, name="a"), group(1, name="b")), (own,), (job(0, 1, 10), job(0, 1, 10)))
    for fairly in (True, False):
        assert list(run(trace, fairly=fairly).waits) == [0, 10]


def test_what_no_host_can_run_never_starts() -> None:
    trace = Trace((group(1),), (P,), (job(0, 2, 10), job(0, 1, 10)))
    outcome = run(trace)
    assert list(outcome.waits) == [NEVER, 0]
    assert summarise(trace, outcome).never_started == 1


def test_the_summary() -> None:
    trace = Trace((group(1),), (P, Q), (job(0, 1, 10), job(0, 1, 10, "q"), job(20, 0.5, 10)))
    summary = summarise(trace, run(trace))
    assert summary.every == Waits(3, 0, 10, 10, 10)
    assert summary.by_kind["qs"] == Waits(1, 10, 10, 10, 10)
    assert list(summary.by_size) == ["up to 1 vCPU"]
    assert summary.busy == {AMD64: 1.0}
    assert math.isclose(summary.even_slowdowns, jain([1, 2]))


def test_jains_index() -> None:
    assert jain([3, 3, 3]) == 1
    assert jain([1, 0, 0, 0]) == 0.25


def test_every_generated_job_starts_and_ends_and_twice_alike() -> None:
    load = Load(20_000, hosts=60, projects=10, hours=2, busy=0.9, seed=5)
    trace = generate(load)
    assert trace == generate(load)
    told: list[float] = []
    outcome = simulate(trace, fair(trace, BOUND_S), told.append)
    assert min(outcome.waits) >= 0
    assert told[-1] == 1.0
    assert outcome.waits == run(trace).waits


def test_a_generated_job_takes_about_as_long_when_it_runs_again() -> None:
    trace = generate(Load(48_000, hosts=100, projects=5, hours=12, busy=0.6, seed=1))
    took = defaultdict[tuple[str, ...], list[float]](list)
    for one in trace.jobs:
        took[one.project, one.workflow, one.name].append(one.seconds)
    often = [sorted(seconds) for seconds in took.values() if len(seconds) > 50]
    assert len(often) > 20
    assert all(
        seconds[int(0.9 * len(seconds))] < 4 * seconds[len(seconds) // 10] for seconds in often
    )


def test_a_generated_trace_is_as_asked_for() -> None:
    trace = generate(Load(48_000, hosts=100, projects=10, hours=12, busy=0.6, seed=1))
    cores = sum(one.count * one.millicpu for one in trace.hosts)
    needed = sum(one.millicpu * one.seconds for one in trace.jobs)
    assert len(trace.jobs) == 24_000
    assert 0.5 < needed / (cores * 12 * 3600) < 0.7
    assert {one.architecture for one in trace.jobs} == {None, *Architecture}
    assert sum(one.project == "flooding" for one in trace.jobs) == 3600
    longest = sorted(one.seconds for one in trace.jobs)
    assert longest[int(0.99 * len(longest))] > 10 * longest[len(longest) // 2]
