"""One host."""

from tests.server.web.views.rows import host, job, run

from mayfly.domain.job import JobState
from mayfly.server.web.views.hosts import Found, host_page
from mayfly.store.rows import SessionRow


def test_jobs_of_projects_one_does_not_see_are_counted_only() -> None:
    running = [
        job("a", JobState.RUNNING, host="h1"),
        job("b", JobState.RUNNING, host="h1", project="secret/thing"),
    ]
    found = Found(host(), running, [run()], [])
    page = host_page(found, frozenset({"acme/site"}))
    assert [one.name for one in page.running] == ["Job a"]
    assert page.hidden == 1
    assert page.line.jobs == 2


def test_sessions_say_whether_they_are_open() -> None:
    sessions = [
        SessionRow(id="2", host="h1", opened=20.0, until=65.0),
        SessionRow(id="1", host="h1", opened=1.0, until=46.0, ended=True),
    ]
    page = host_page(Found(host(), [], [], sessions), frozenset())
    assert [(one.id, one.is_open) for one in page.sessions] == [("2", True), ("1", False)]
