"""Lines of long lists."""

from tests.server.web.views.rows import job, run

from mayfly.domain.job import Conclusion, JobState
from mayfly.server.web.views.lists import address, listed_jobs, run_line


def test_a_run_in_a_line() -> None:
    line = run_line(run(conclusion=Conclusion.SUCCESS, finished=160.0))
    assert (line.workflow, line.seconds, line.look.tone) == ("ci.yml", 60.0, "ok")
    assert run_line(run()).seconds is None


def test_jobs_in_lines_say_why() -> None:
    rows = [
        job("a", queued_at=100.0),
        job("b", JobState.REJECTED, reason="no host can serve it", finished_at=120.0),
    ]
    waits, ended = listed_jobs(rows, {"r": run()}, lambda _job: "all hosts are full")
    assert (waits.line.why, waits.ended) == ("all hosts are full", None)
    assert (ended.line.why, ended.ended, ended.seconds) == ("no host can serve it", 120.0, None)


def test_addresses_name_what_is_chosen_only() -> None:
    chosen = {"project": "acme/site", "branch": "a&b=c", "state": "", "after": None}
    assert address("/runs", **chosen) == "/runs?project=acme%2Fsite&branch=a%26b%3Dc"
    assert address("/runs", project="") == "/runs"
