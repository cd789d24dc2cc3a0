"""What runs and waits, and how much of it is read."""

from typing import Any

from tests.server.web.views.rows import host, job, run

from mayfly.domain.job import JobState
from mayfly.server.web.views.load import HostCounts, host_lines, host_state
from mayfly.server.web.views.now import FIRST_JOBS, Found, ProjectFound, find, now_of
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import EnvironmentRow, ProjectRow, ReviewRow


def project(name: str, running: int = 0, queued: int = 0) -> ProjectFound:
    return ProjectFound(
        project=name,
        running_count=running,
        queued_count=queued,
        running=[job("r", JobState.RUNNING, started_at=150.0)] if running else [],
        queued=[job("q", queued_at=120.0)] if queued else [],
    )


def found(*projects: ProjectFound) -> Found:
    return Found(
        projects=projects,
        projects_left_out=0,
        runs={"r": run()},
        reviews=(),
        hosts=(),
        host_jobs=(),
        counts=HostCounts(),
    )


async def stored(*rows: Any) -> MemoryStore:
    store = MemoryStore()

    def work(tx: Any) -> None:
        for row in rows:
            tx.add(row)

    await store.serial(work)
    return store


def test_the_busiest_project_is_first() -> None:
    view = now_of(found(project("a", 1, 0), project("b", 3, 5), project("c", 0, 9)), str)
    assert [one.id for one in view.projects] == ["b", "a", "c"]
    assert (view.running, view.queued) == (4, 14)
    assert not view.idle


def test_what_is_not_shown_is_counted() -> None:
    [line] = now_of(found(project("a", 10, 1000)), str).projects
    assert (line.more_running, line.more_queued) == (9, 999)


def test_each_queued_job_says_why_it_waits() -> None:
    [line] = now_of(found(project("a", 1, 1)), lambda job: f"because of {job}").projects
    assert line.queued[0].why == "because of r-q"
    assert line.running[0].why == ""


def test_times_count_from_where_the_state_began() -> None:
    [line] = now_of(found(project("a", 1, 1)), str).projects
    assert (line.running[0].since, line.queued[0].since) == (150.0, 120.0)


async def test_few_of_a_long_queue_are_read_the_oldest_first() -> None:
    jobs = [job(f"{number:03}", queued_at=1000.0 - number) for number in range(300)]
    store = await stored(ProjectRow(id="acme/site"), run(), *jobs)
    rows = await store.read(lambda view: find(view, [ProjectRow(id="acme/site")], with_hosts=True))
    [one] = rows.projects
    assert one.queued_count == 300
    assert [row.queued_at for row in one.queued] == [701.0, 702.0, 703.0, 704.0, 705.0]
    assert len(one.queued) == FIRST_JOBS


async def test_many_projects_share_the_room() -> None:
    projects = [ProjectRow(id=f"acme/{number}") for number in range(130)]
    jobs = [
        job(f"{row.id}-{number}", project=row.id, queued_at=1.0)
        for row in projects
        for number in range(3)
    ]
    store = await stored(run(), *projects, *jobs)
    rows = await store.read(lambda view: find(view, projects, with_hosts=False))
    assert sum(len(one.queued) for one in rows.projects) == 100
    assert rows.projects_left_out == 30
    assert rows.hosts == []


async def test_only_what_waits_for_a_person_is_to_be_reviewed() -> None:
    rules = EnvironmentRow(id="acme/site/production", project="acme/site", name="Production")
    waits = ReviewRow(id="r/production", run="r", project="acme/site", environment="Production")
    store = await stored(run(), rules, waits)
    shown = [ProjectRow(id="acme/site")]
    rows = await store.read(lambda view: find(view, shown, with_hosts=False))
    assert rows.reviews == []
    reviewed = EnvironmentRow(
        id=rules.id, project=rules.project, name=rules.name, reviewers=("ada",)
    )
    await store.serial(lambda tx: tx.put(reviewed))
    rows = await store.read(lambda view: find(view, shown, with_hosts=False))
    assert [review.id for review, _ in rows.reviews] == ["r/production"]
    hidden = await store.read(lambda view: find(view, [], with_hosts=False))
    assert hidden.reviews == []


def test_hosts_are_as_full_as_their_jobs_make_them() -> None:
    running = [job("a", JobState.RUNNING, host="h1"), job("b", JobState.STARTING, host="h1")]
    [one, two] = host_lines([host("h1", cpu_factor=2.0), host("h2")], running)
    assert (one.jobs, one.millicpu_used, one.millicpu, one.cpu_part) == (2, 4000, 16000, 0.25)
    assert (one.memory_used, one.memory_part) == (8192, 0.5)
    assert (two.jobs, two.cpu_part) == (0, 0.0)


def test_a_host_that_says_nothing_yet_is_empty() -> None:
    [one] = host_lines([host("h1", millicpu=0, memory_mib=0)], [])
    assert (one.cpu_part, one.memory_part) == (0.0, 0.0)


def test_how_a_host_stands() -> None:
    assert host_state(host())[0] == "online"
    assert host_state(host(draining=True))[0] == "draining"
    assert host_state(host(online=False, draining=True)) == ("offline", "lost")
    assert host_state(host(quarantined="broken", online=False))[0] == "quarantined"
    assert host_state(host(removed=True, quarantined="broken"))[0] == "removed"
